package bench

import (
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/klauspost/cpuid/v2"

	"github.com/kernelet/kernelet/internal/aligned"
	"github.com/kernelet/kernelet/kernels"
)

// ceilings are what the CPU can do at most: its clock, multiply-adds in their
// three forms by every set, dot products, and reading from every level of
// memory by the chosen set; the last and the plain multiply-adds also on all
// threads.
func ceilings(sets []*kernels.Set, chosen *kernels.Set, threads int) []*measurement {
	var all []*measurement
	add := func(name, unit, isa string, threads int, run func(n int) (float64, error)) {
		all = append(all, &measurement{row: Row{Group: "ceiling", Name: name, ISA: isa, Threads: threads, Unit: unit}, run: run})
	}
	optional := func(name, unit string, run func(n int) (float64, error)) {
		if _, err := run(1); !errors.Is(err, kernels.ErrISA) {
			add(name, unit, "", 1, run)
		}
	}
	optional("clock", "GHz", kernels.Clock)
	source := aligned.Floats(kernels.PeakSource)
	for _, s := range sets {
		sink := aligned.Floats(kernels.PeakSink)
		add(peakName, "GFLOP/s", s.Name(), 1, func(n int) (float64, error) { return s.FMAPeak(sink, n) })
		add("FMA, memory operand", "GFLOP/s", s.Name(), 1, func(n int) (float64, error) { return s.FMAPeakMemory(sink, source, n) })
		add("FMA, broadcast operand", "GFLOP/s", s.Name(), 1, func(n int) (float64, error) { return s.FMAPeakBroadcast(sink, source, n) })
	}
	optional("dot products of bytes (VNNI)", "GOP/s", kernels.VNNIPeak)
	optional("dot products of bfloat16", "GFLOP/s", kernels.BF16Peak)
	if threads > 1 {
		for _, s := range sets[max(0, len(sets)-2):] {
			sinks := aligned.Floats(threads * kernels.PeakSink)
			add(peakName, "GFLOP/s", s.Name(), threads, together(threads, func(thread, n int) (float64, error) {
				return s.FMAPeak(sinks[thread*kernels.PeakSink:][:kernels.PeakSink], n)
			}))
		}
	}
	if threads > 1 {
		add(distanceName, "ns", "", 2, pingPong)
	}
	for _, level := range levels() {
		for _, n := range threadCounts(threads) {
			parts := make([][]float32, n)
			for i := range parts {
				size := level.size
				if level.shared {
					size /= n
				}
				parts[i] = aligned.Floats(size / 4 / kernels.ReadStep * kernels.ReadStep)
				for j := range parts[i] {
					parts[i][j] = 1 // pages that were never written are all the same page of zeros
				}
			}
			add("reading "+level.name, "GB/s", chosen.Name(), n, together(n, func(thread, passes int) (float64, error) {
				return chosen.Read(parts[thread], passes)
			}))
		}
	}
	return all
}

const (
	peakName     = "FMA, registers"
	distanceName = "a cache line to another thread and back"
)

// pingPong hands a counter to another thread and back n times.
func pingPong(n int) (float64, error) {
	var line struct {
		_     [128]byte
		turns atomic.Int64
		_     [128]byte
	}
	await := func(turn int64) {
		for spin := 0; line.turns.Load() != turn; spin++ {
			if spin > 100_000 {
				runtime.Gosched()
			}
		}
	}
	go func() {
		for i := range int64(n) {
			await(2*i + 1)
			line.turns.Store(2*i + 2)
		}
	}()
	for i := range int64(n) {
		line.turns.Store(2*i + 1)
		await(2*i + 2)
	}
	return float64(n), nil
}

// together runs work on several threads at the same time.
func together(threads int, work func(thread, n int) (float64, error)) func(n int) (float64, error) {
	if threads == 1 {
		return func(n int) (float64, error) { return work(0, n) }
	}
	return func(n int) (float64, error) {
		sums, failures := make([]float64, threads), make([]error, threads)
		var wait sync.WaitGroup
		for thread := range threads {
			wait.Add(1)
			go func() {
				defer wait.Done()
				sums[thread], failures[thread] = work(thread, n)
			}()
		}
		wait.Wait()
		total := 0.0
		for _, s := range sums {
			total += s
		}
		return total, errors.Join(failures...)
	}
}

// level is a cache, or memory, and how much is read to measure it.
type level struct {
	name     string
	capacity int // bytes; of memory: no end
	size     int
	shared   bool // among cores
}

// levels lists them, nearest first. What is read fills half of L1, which it
// shares with the stack, three quarters of L2 and an L3's size beyond the L2
// that lies before it, but at most 16 MB, since neighbours use it too.
func levels() []level {
	c := cpuid.CPU.Cache
	l1, l2, l3 := c.L1D, c.L2, c.L3
	if l1 <= 0 {
		l1 = 32 << 10
	}
	if l2 <= 0 {
		l2 = 512 << 10
	}
	all := []level{{"L1", l1, l1 / 2, false}, {"L2", l2, l2 * 3 / 4, false}}
	if l3 > l2 {
		all = append(all, level{"L3", l3, min(l3/2, max(3*l2, 3<<20), 16<<20), true})
	}
	return append(all, level{"memory", math.MaxInt, max(4*l3, 64<<20), true})
}

// threadCounts are 1, the powers of two below all, and all.
func threadCounts(all int) []int {
	var counts []int
	for n := 1; n < all; n *= 2 {
		counts = append(counts, n)
	}
	return append(counts, all)
}
