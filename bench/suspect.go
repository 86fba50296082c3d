package bench

import (
	"fmt"
	"slices"
	"strings"
)

// Limits that no row passes on a machine that works. They are wide: they are
// there for rows that a stall or a wrong calibration spoiled altogether.
const (
	// Fused multiply-adds a cycle, of vectors; the widest cores do two.
	mostFMAs = 3
	// Bytes that a core loads a cycle, two vectors of 64 and as much again.
	mostLoaded = 256
	// A level of memory is not faster than one nearer to the core, but for noise.
	fartherFaster = 1.25
	// Several threads are not faster than one by more than their number, but for a
	// clock that rises and caches that add up.
	superlinear = 1.5
	// Executed operations beyond the peak: additions that run beside multiply-adds.
	overPeak = 1.5
	// The dense algorithm's operations beyond the peak: F(8×8, 5×5) has 8.5 times
	// fewer products, and zeros are skipped.
	mostTimesPeak = 10
	// A median that is so far above the best sample was disturbed most of the time.
	farFromBest = 1.5
)

// vectorLanes are the values that a set's vectors hold.
var vectorLanes = map[string]float64{"generic": 1, "avx2": 8, "avx512": 16}

// suspicion says why a row cannot be right, given all rows, or "".
func (r *Report) suspicion(row *Row) string {
	clock := r.Machine.Clock
	threads := float64(max(1, row.Threads))
	one, hasOne := r.find(row, 1)
	switch {
	case row.Best > 0 && row.slower() > farFromBest:
		return fmt.Sprintf("the median is %.1f times slower than the best sample", row.slower())
	case strings.HasPrefix(row.Name, "FMA") && clock > 0 && row.Value > clock*threads*mostFMAs*2*vectorLanes[row.ISA]:
		return fmt.Sprintf("more than %d multiply-adds of vectors a cycle", mostFMAs)
	case strings.HasPrefix(row.Name, ReadingPrefix) && clock > 0 && row.Value > clock*threads*mostLoaded:
		return fmt.Sprintf("more than %d bytes a cycle", mostLoaded)
	case strings.HasPrefix(row.Name, ReadingPrefix) && row.Value > fartherFaster*r.nearer(row):
		return "faster than a nearer level of memory"
	case hasOne && row.Rate() && row.Value > superlinear*threads*one.Value:
		return fmt.Sprintf("more than %.0f times as fast as one thread", superlinear*threads)
	case hasOne && row.Unit == "µs/image" && one.Value > superlinear*threads*row.Value:
		return fmt.Sprintf("more than %.0f times as fast as one thread", superlinear*threads)
	case row.TimesPeak > mostTimesPeak:
		return fmt.Sprintf("more than %d × the peak", mostTimesPeak)
	}
	if peak := r.Ceiling(PeakName, row.ISA, row.Threads); row.Group == "kernel" && peak > 0 && row.ExecutedGFLOPs > overPeak*peak {
		return fmt.Sprintf("executes more than %.1f times the peak", overPeak)
	}
	return ""
}

// slower is how many times slower the row's median is than its best sample.
func (r *Row) slower() float64 {
	if r.Rate() {
		return r.Best / r.Value
	}
	return r.Value / r.Best
}

// find returns the row that measures the same on another number of threads.
func (r *Report) find(row *Row, threads int) (Row, bool) {
	if row.Threads == threads {
		return Row{}, false
	}
	other := *row
	other.Threads = threads
	i := slices.IndexFunc(r.Rows, func(r Row) bool { return r.Key() == other.Key() })
	if i < 0 {
		return Row{}, false
	}
	return r.Rows[i], true
}

// nearer is the rate of the level before a row's, or the row's own.
func (r *Report) nearer(row *Row) float64 {
	names := []string{"L1", "L2", "L3", "memory"}
	rate := row.Value
	for _, name := range names {
		if ReadingPrefix+name == row.Name {
			break
		}
		if v := r.Ceiling(ReadingPrefix+name, row.ISA, row.Threads); v > 0 {
			rate = v
		}
	}
	return rate
}
