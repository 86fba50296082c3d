package bench

import (
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/klauspost/cpuid/v2"

	"github.com/kernelet/kernelet/internal/aligned"
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
)

// ceilings are what the CPU can do at most: its clock, multiply-adds in their
// three forms by every set, dot products, and reading from every level of
// memory by the chosen set. Plain multiply-adds and reading are measured on
// all numbers of threads, the other forms of multiply-adds on one and on all.
func ceilings(sets []*kernels.Set, chosen *kernels.Set, threads int) []*measurement {
	counts := threadCounts(threads)
	var all []*measurement
	add := func(name, unit, isa string, threads int, run func(n int) (float64, error)) {
		all = append(all, &measurement{row: Row{Group: "ceiling", Name: name, ISA: isa, Threads: threads, Unit: unit}, run: run})
	}
	optional := func(name, unit string, run func(n int) (float64, error)) {
		if _, err := run(1); !errors.Is(err, kernels.ErrISA) {
			add(name, unit, "", 1, run)
		}
	}
	optional(clockName, "GHz", kernels.Clock)
	source, sinks := aligned.Floats(shape.PeakSource), aligned.Floats(threads*shape.PeakSink)
	sink := func(thread int) []float32 { return sinks[thread*shape.PeakSink:][:shape.PeakSink] }
	for _, s := range sets {
		for _, n := range counts {
			add(PeakName, "GFLOP/s", s.Name(), n, together(n, func(thread, n int) (float64, error) { return s.FMAPeak(sink(thread), n) }))
			if n > 1 && n < threads {
				continue
			}
			add("FMA, memory operand", "GFLOP/s", s.Name(), n, together(n, func(thread, n int) (float64, error) { return s.FMAPeakMemory(sink(thread), source, n) }))
			add("FMA, broadcast operand", "GFLOP/s", s.Name(), n, together(n, func(thread, n int) (float64, error) { return s.FMAPeakBroadcast(sink(thread), source, n) }))
		}
	}
	optional("dot products of bytes (VNNI)", "GOP/s", kernels.VNNIPeak)
	optional("dot products of bfloat16", "GFLOP/s", kernels.BF16Peak)
	if threads > 1 {
		add(distanceName, "ns", "", 2, pingPong)
	}
	for _, level := range levels(machineCaches()) {
		most := 0
		for _, n := range counts {
			most = max(most, n*level.each(n))
		}
		data := aligned.Floats(most / 4)
		for i := range data {
			data[i] = 1 // pages that were never written are all the same page of zeros
		}
		for _, n := range counts {
			size := level.each(n) / 4
			add(ReadingPrefix+level.name, "GB/s", chosen.Name(), n, together(n, func(thread, passes int) (float64, error) {
				return chosen.Read(data[thread*size:][:size], passes)
			}))
		}
	}
	return all
}

// Names of ceilings that rows are set against.
const (
	PeakName      = "FMA, registers"
	ReadingPrefix = "reading " // before the name of a level of memory
	clockName     = "clock"
	distanceName  = "a cache line to another thread and back"
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

// caches are sizes in bytes, and how many L3 caches there are.
type caches struct{ l1, l2, l3, l3Count int }

// machineCaches are this machine's, or common ones where it does not say.
func machineCaches() caches {
	c := caches{cpuid.CPU.Cache.L1D, cpuid.CPU.Cache.L2, cpuid.CPU.Cache.L3, l3Caches()}
	if c.l1 <= 0 {
		c.l1 = 32 << 10
	}
	if c.l2 <= 0 {
		c.l2 = 512 << 10
	}
	return c
}

// level is a cache, or memory.
type level struct {
	name     string
	capacity int                   // bytes; of memory: no end
	each     func(threads int) int // bytes that every one of threads reads, a multiple of 1 KB
}

// levels lists them, nearest first. Every thread reads half of its L1, which it
// shares with the stack, and three quarters of its L2. Of L3 it reads three
// times L2 and at least 3 MB, but all threads together at most three quarters
// of one L3, since they may share it, unless that is less than 1.5 × L2 for
// each, most of which would come from L2. Of memory all threads together read
// four times all L3, and each four times L2.
func levels(c caches) []level {
	whole := func(bytes int) int { return max(1, bytes>>10) << 10 }
	all := []level{
		{"L1", c.l1, func(int) int { return whole(c.l1 / 2) }},
		{"L2", c.l2, func(int) int { return whole(c.l2 / 4 * 3) }},
	}
	if c.l3 >= 2*c.l2 {
		all = append(all, level{"L3", c.l3, func(threads int) int {
			return whole(max(c.l2/2*3, min(max(3*c.l2, 3<<20), c.l3/4*3/threads)))
		}})
	}
	// In 64 bits, since four times all L3 can be more than a 32-bit int holds.
	total := int(min(max(4*int64(c.l3)*int64(c.l3Count), 64<<20), math.MaxInt/2))
	return append(all, level{"memory", math.MaxInt, func(threads int) int { return whole(max(4*c.l2, total/threads)) }})
}

// threadCounts are 1, the powers of two below all, and all.
func threadCounts(all int) []int {
	var counts []int
	for n := 1; n < all; n *= 2 {
		counts = append(counts, n)
	}
	return append(counts, all)
}
