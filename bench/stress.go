package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// StressSchema names the form of a Stress in JSON; docs/bench.md describes it.
const StressSchema = "kernelet-stress/1"

// Stress is what a machine did while every thread trained a network for some
// time.
type Stress struct {
	Schema  string   `json:"schema"`
	Date    string   `json:"date"` // RFC 3339, of the beginning
	Machine Machine  `json:"machine"`
	Moments []Moment `json:"moments"`
	Checked int      `json:"checked"` // losses that were compared between threads
	Wrong   []int    `json:"wrong"`   // processors whose losses differ from the others': what they compute cannot be trusted
}

// Moment is what was seen between the moment before and Seconds after the
// beginning. What the system does not say is 0.
type Moment struct {
	Seconds  float64 `json:"seconds"`
	Rate     float64 `json:"images_per_second"` // of all threads
	Clock    float64 `json:"clock_ghz"`         // mean over the threads
	ClockLow float64 `json:"clock_low_ghz"`     // of the slowest
	Celsius  float64 `json:"celsius,omitempty"` // of the hottest core
	Watts    float64 `json:"watts,omitempty"`   // of all packages
}

// JoulesPerImage is the energy that an image took, or 0.
func (m Moment) JoulesPerImage() float64 {
	if m.Rate == 0 {
		return 0
	}
	return m.Watts / m.Rate
}

// StressOptions are those of RunStress.
type StressOptions struct {
	ISA      string // as in kernels.Select
	Duration time.Duration
	Every    time.Duration // between two moments
	System   fs.FS         // /sys, with temperatures and energy; nil: none
	Progress func(Moment)
}

// lossesApart is the number of steps between two losses that are compared.
const lossesApart = 100

// stressed is what a thread of a stress run has done.
type stressed struct {
	images atomic.Int64
	clock  atomic.Uint64 // bits of the GHz at the last moment
	losses []uint64      // bits, every lossesApart steps
	steps  int
}

// RunStress trains a network on every thread, each bound to its processor, for
// a duration, and watches rate, clock, temperature and power. All threads do
// the same work, so that their losses must agree to the bit. At the context's
// end it returns what it has seen with the context's error.
func RunStress(ctx context.Context, options StressOptions) (*Stress, error) {
	set, err := kernels.Select(options.ISA)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	if options.Duration <= 0 || options.Every <= 0 {
		return nil, fmt.Errorf("bench: stress: expected a duration and a time between moments above 0, got %v and %v", options.Duration, options.Every)
	}
	if options.Progress == nil {
		options.Progress = func(Moment) {}
	}
	report := &Stress{Schema: StressSchema, Date: now().UTC().Format(time.RFC3339), Machine: Inspect(set), Moments: []Moment{}, Wrong: []int{}}
	data := mnist.Synthetic(drawnImages, wholeSeed)
	on := processors()
	networks, err := newRates(ctx, set, on, &data, lenet.NewModel(wholeSeed))
	defer networks.close()
	if err != nil {
		return nil, err
	}
	threads := make([]stressed, len(on))
	failures := make([]error, len(on))
	running, stop := context.WithTimeout(ctx, options.Duration)
	defer stop()
	var moment atomic.Int64
	var all sync.WaitGroup
	all.Go(func() {
		networks.threads.together(first(len(on)), func(thread int) {
			if failures[thread] = threads[thread].work(running, networks, thread, &moment); failures[thread] != nil {
				stop()
			}
		})
	})
	report.watch(running, options, threads, &moment)
	all.Wait()
	if err := errors.Join(failures...); err != nil {
		return nil, err
	}
	report.compare(threads, numbersOf(on))
	report.Machine.after(loadAverage())
	for _, m := range report.Moments {
		report.Machine.Clock = max(report.Machine.Clock, m.Clock)
	}
	return report, ctx.Err()
}

// work trains until the context ends.
func (s *stressed) work(ctx context.Context, networks *rates, thread int, moment *atomic.Int64) error {
	for seen := int64(-1); ctx.Err() == nil; s.steps++ {
		stats, err := networks.trainers[thread].Step(networks.data[thread].next())
		if err != nil {
			return err
		}
		s.images.Add(rateBatch)
		if s.steps%lossesApart == 0 {
			s.losses = append(s.losses, math.Float64bits(stats.Loss))
		}
		if at := moment.Load(); at != seen {
			seen = at
			s.clock.Store(math.Float64bits(clockNow()))
		}
	}
	return nil
}

// watch adds a moment every so often until the context ends.
func (r *Stress) watch(ctx context.Context, options StressOptions, threads []stressed, moment *atomic.Int64) {
	var sensed *sensors
	if options.System != nil {
		sensed = newSensors(options.System)
	} else {
		sensed = &sensors{}
	}
	start := now()
	before, imagesBefore, joulesBefore := start, int64(0), 0.0
	tick := time.NewTicker(options.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		at, images := now(), int64(0)
		clock, low := 0.0, math.Inf(1)
		for i := range threads {
			images += threads[i].images.Load()
			ghz := math.Float64frombits(threads[i].clock.Load())
			clock += ghz / float64(len(threads))
			low = min(low, ghz)
		}
		moment.Add(1)
		passed := at.Sub(before).Seconds()
		m := Moment{Seconds: sixDigits(at.Sub(start).Seconds()), Rate: sixDigits(float64(images-imagesBefore) / passed), Clock: sixDigits(clock), ClockLow: sixDigits(low)}
		m.Celsius, _ = sensed.hottest()
		if joules, ok := sensed.joules(); ok {
			m.Watts = sixDigits((joules - joulesBefore) / passed)
			joulesBefore = joules
		}
		before, imagesBefore = at, images
		r.Moments = append(r.Moments, m)
		options.Progress(m)
	}
}

// compare names the processors whose losses differ from what most threads have.
func (r *Stress) compare(threads []stressed, numbers []int) {
	wrong := map[int]bool{}
	for at := 0; ; at++ {
		votes := map[uint64]int{}
		for i := range threads {
			if at < len(threads[i].losses) {
				votes[threads[i].losses[at]]++
			}
		}
		most := 0
		for _, n := range votes {
			most = max(most, n)
		}
		if len(votes) == 0 {
			break
		}
		for i := range threads {
			if at < len(threads[i].losses) {
				r.Checked++
				if votes[threads[i].losses[at]] < most || len(votes) > 1 && most == 1 {
					wrong[i] = true
				}
			}
		}
	}
	for i := range threads {
		if wrong[i] {
			r.Wrong = append(r.Wrong, numbers[i])
		}
	}
}
