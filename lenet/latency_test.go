package lenet

import (
	"context"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/kernelet/kernelet/mnist"
)

// TestLatency prints what a trainer on all processors does to other goroutines of
// its process: how late a timer of 1 ms is, how long a garbage collection
// takes, and how long one stops the world, at the 50th and the 99th percentile,
// in turn with an idle process.
//
//	KERNELET_LATENCY=1 go test -run TestLatency -v ./lenet
func TestLatency(t *testing.T) {
	if os.Getenv("KERNELET_LATENCY") == "" {
		t.Skip("set KERNELET_LATENCY on a quiet machine")
	}
	data := mnist.Synthetic(20000, 1)
	var idle, training latency
	for range 5 {
		idle.measure()
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() {
			trainer, err := NewTrainer(NewModel(1), Tutorial())
			for err == nil {
				_, err = trainer.Epoch(ctx, data.Images, data.Labels)
			}
			if trainer != nil {
				trainer.Close()
			}
			ended <- err
		}()
		time.Sleep(200 * time.Millisecond)
		training.measure()
		cancel()
		if err := <-ended; err != context.Canceled {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		name           string
		idle, training []time.Duration
	}{
		{"timer of 1 ms, late by", idle.late, training.late},
		{"a collection", idle.collections, training.collections},
		{"a stop of the world", idle.stops, training.stops},
	} {
		t.Logf("%-24s idle %9v %9v   training %9v %9v", row.name, percentile(row.idle, 50), percentile(row.idle, 99), percentile(row.training, 50), percentile(row.training, 99))
	}
}

// latency are samples.
type latency struct{ late, collections, stops []time.Duration }

func (l *latency) measure() {
	for range 1000 {
		start := time.Now()
		time.Sleep(time.Millisecond)
		l.late = append(l.late, time.Since(start)-time.Millisecond)
	}
	before := stops()
	for range 100 {
		start := time.Now()
		runtime.GC()
		l.collections = append(l.collections, time.Since(start))
	}
	after := stops()
	for i, n := range after.Counts {
		// A bucket's end stands for what is in it.
		end := time.Duration(1e9 * min(after.Buckets[i+1], 10)) // the last has none
		for range n - before.Counts[i] {
			l.stops = append(l.stops, end)
		}
	}
}

// stops are the times from the wish to stop the world for a collection until it
// goes on.
func stops() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(sample)
	h := sample[0].Value.Float64Histogram()
	return &metrics.Float64Histogram{Counts: slices.Clone(h.Counts), Buckets: h.Buckets}
}

func percentile(samples []time.Duration, p int) time.Duration {
	slices.Sort(samples)
	return samples[(len(samples)-1)*p/100]
}
