package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/kernelet/kernelet/internal/aligned"
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
)

// Samples take at least sampleTime; a measurement is the median of rounds.
const (
	sampleTime = 4 * time.Millisecond
	rounds     = 15
)

// medians measures calls in turn, so that what disturbs one disturbs all, and
// returns the median of the seconds that each takes.
func medians(calls ...func() error) ([]float64, error) {
	repeats := make([]int, len(calls))
	samples := make([][]float64, len(calls))
	for i, call := range calls {
		for repeats[i] = 1; ; repeats[i] *= 2 {
			seconds, err := timed(call, repeats[i])
			if err != nil {
				return nil, err
			}
			if seconds >= sampleTime.Seconds() {
				break
			}
		}
	}
	for range rounds {
		for i, call := range calls {
			seconds, err := timed(call, repeats[i])
			if err != nil {
				return nil, err
			}
			samples[i] = append(samples[i], seconds/float64(repeats[i]))
		}
	}
	middle := make([]float64, len(calls))
	for i := range samples {
		slices.Sort(samples[i])
		middle[i] = samples[i][rounds/2]
	}
	return middle, nil
}

// fastestAfter returns the fewest seconds of rounds that a call takes right after
// each of some others. A single call is short enough that a machine which others
// use leaves some of them alone.
func fastestAfter(call func() error, others ...func() error) ([]float64, error) {
	fastest := make([]float64, len(others))
	for round := range rounds {
		for i, other := range others {
			if err := other(); err != nil {
				return nil, err
			}
			seconds, err := timed(call, 1)
			if err != nil {
				return nil, err
			}
			if round == 0 || seconds < fastest[i] {
				fastest[i] = seconds
			}
		}
	}
	return fastest, nil
}

func timed(call func() error, repeats int) (seconds float64, err error) {
	start := time.Now()
	for range repeats {
		if err := call(); err != nil {
			return 0, err
		}
	}
	return time.Since(start).Seconds(), nil
}

// kernel returns a kernel's case on a block, a batch or one image, and its call.
func kernel(set *kernels.Set, name string, images int) (kernels.Case, func() error, error) {
	for _, c := range kernels.Cases() {
		if c.Kernel == name && (c.Images == images || c.Images == 0 && c.Measured) {
			call := c.Call(1)
			return c, func() error { return call(set) }, nil
		}
	}
	return kernels.Case{}, nil, fmt.Errorf("no case of kernel %s with %d images", name, images)
}

// kernelTimes measures kernels on blocks of 16, or the batch of 104 lanes that
// sums over images have, and returns µs an image.
func kernelTimes(set *kernels.Set, names ...string) ([]float64, error) {
	var calls []func() error
	var work []float64
	for _, name := range names {
		c, call, err := kernel(set, name, shape.Block)
		if err != nil {
			return nil, err
		}
		calls, work = append(calls, call), append(work, c.Work)
	}
	seconds, err := medians(calls...)
	for i := range seconds {
		seconds[i] *= 1e6 / work[i]
	}
	return seconds, err
}

// peakCall runs fused multiply-adds between registers, so many operations.
func peakCall(set *kernels.Set) (call func() error, operations float64, err error) {
	sink := aligned.Floats(shape.PeakSink)
	const iterations = 2000
	if operations, err = set.FMAPeak(sink, iterations); err != nil {
		return nil, 0, err
	}
	return func() error { _, err := set.FMAPeak(sink, iterations); return err }, operations, nil
}
