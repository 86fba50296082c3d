package bench

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Row is one measurement. Value is the median of the samples, Low to High the
// interval that covers it in 95 of 100 cases, and Best the fastest sample.
type Row struct {
	Benchmark string  `json:"benchmark"` // Key, for readers of the JSON
	Group     string  `json:"group"`     // "ceiling", "kernel", "whole", "core" or "phase"
	Name      string  `json:"name"`
	ISA       string  `json:"isa,omitempty"`
	Threads   int     `json:"threads"`
	Batch     int     `json:"batch,omitempty"` // images of a step or call
	Unit      string  `json:"unit"`            // of Value: "GHz", "GFLOP/s", "GOP/s", "GB/s" and "images/s" are rates, "µs/image", "ns" and "s" times
	Value     float64 `json:"value"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	Best      float64 `json:"best,omitempty"`
	Samples   int     `json:"samples"`
	Outliers  int     `json:"outliers"`
	Unsteady  bool    `json:"unsteady,omitempty"` // the interval is wider than 5 % of Value

	// What follows is known of kernels and of what is measured against the peak
	// of fused multiply-adds.
	DenseGFLOPs    float64 `json:"dense_gflops,omitempty"`    // operations of the dense algorithm, per second
	ExecutedGFLOPs float64 `json:"executed_gflops,omitempty"` // operations that were executed, per second
	Bytes          float64 `json:"bytes,omitempty"`           // an image, of everything that is read or written, once
	TimesPeak      float64 `json:"x_peak,omitempty"`          // DenseGFLOPs by the peak of the same set and threads
	Bound          string  `json:"bound,omitempty"`           // the ceiling that allows the least: "FMA", "L1", "L2", "L3" or "memory"
	OfBound        float64 `json:"of_bound,omitempty"`        // the share of it that was reached
	P50            float64 `json:"p50_us,omitempty"`          // of calls, in µs
	P99            float64 `json:"p99_us,omitempty"`
	Waiting        float64 `json:"waiting,omitempty"` // of Value, for other workers: of a phase

	Waited   float64   `json:"waited,omitempty"`        // share of the threads' time without a processor: the scheduler's doing
	Clock    float64   `json:"clock_ghz,omitempty"`     // right after the samples, their median
	ClockLow float64   `json:"clock_low_ghz,omitempty"` // and the lowest
	Suspect  string    `json:"suspect,omitempty"`       // why the row cannot be right, though it was measured twice
	Series   []float64 `json:"series,omitempty"`        // the samples in the order of time, six digits of each
}

// Rate reports whether Value is a rate, so that a larger one is the better.
func (r Row) Rate() bool { return strings.HasPrefix(r.Unit, "G") || r.Unit == imagesPerSecond }

// imagesPerSecond is the unit of rows of many networks at once.
const imagesPerSecond = "images/s"

// Key is the row's name in JSON, in Go's benchmark format and, after
// "Benchmark", in go test -bench: it tells rows of a report apart.
func (r Row) Key() string {
	name := strings.ToUpper(r.Group[:min(1, len(r.Group))]) + r.Group[min(1, len(r.Group)):] + "/" + strings.NewReplacer(" ", "-", ",", "", "%", "percent").Replace(r.Name)
	if r.ISA != "" {
		name += "/isa=" + r.ISA
	}
	if r.Batch > 0 {
		name += fmt.Sprintf("/batch=%d", r.Batch)
	}
	return fmt.Sprintf("%s/threads=%d", name, r.Threads)
}

// unsteadyWidth is the width of an interval, as a share of the median, beyond
// which a row is called unsteady.
const unsteadyWidth = 0.05

// now is the time; tests set another clock.
var now = time.Now

// sample is one timing of a row's work.
type sample struct {
	value  float64 // in the row's unit
	waited float64 // share of the threads' time without a processor
	clock  float64 // GHz, right after
}

// measurement is a Row under construction and the work that it times.
type measurement struct {
	row Row
	// run does the work n times and returns how much it was, in operations, bytes
	// or images.
	run func(n int) (float64, error)
	// rate does the work about that long and returns how much it was, a second, and
	// the share of the time in which its threads had no processor; instead of run.
	rate func(target time.Duration) (perSecond, lost float64, err error)

	phases func(Row) []Row // what the row consists of, if that is known

	n         int // that fill a sample
	most      int // samples; 0: as many as there are rounds
	samples   []sample
	latencies []float64 // µs, of calls, where percentiles are wanted

	dense, executed float64 // operations an image
	touched         float64 // bytes of a call, which decide the level that they come from
	images          float64 // of a call
}

// sample takes one sample in the row's unit and returns how long it took.
func (m *measurement) sample(target time.Duration) (s sample, took time.Duration, err error) {
	var work float64
	if m.rate != nil {
		start := now()
		work, s.waited, err = m.rate(target)
		took = now().Sub(start)
	} else {
		waited, ran := processTimes()
		start := now()
		work, err = m.run(m.n)
		took = now().Sub(start)
		waitedNow, ranNow := processTimes()
		s.waited = lost(took, waitedNow-waited, ranNow-ran, m.row.Threads)
	}
	if err != nil {
		return s, took, fmt.Errorf("bench: %s: %w", m.row.Key(), err)
	}
	s.clock = clockNow()
	s.value = took.Seconds() / work
	switch {
	case m.rate != nil:
		s.value = work
	case m.row.Rate():
		s.value = work / took.Seconds() / 1e9
	case m.row.Unit == "ns":
		s.value *= 1e9
	case m.row.Unit != "s":
		s.value *= 1e6
	}
	return s, took, nil
}

// Calibration accepts a time that two runs of the same length agree on, and after
// some runs the shortest: what interrupts a run makes it longer, never shorter.
const (
	agreement       = 1.25 // of two times
	calibrationRuns = 6
)

// calibrate warms up and chooses n so that a sample takes about target.
func (m *measurement) calibrate(target time.Duration) error {
	if m.rate != nil {
		_, _, err := m.rate(target / 4)
		return err
	}
	kept := len(m.latencies)
	defer func() { m.latencies = m.latencies[:kept] }()
	timed := func() (time.Duration, error) {
		start := now()
		if _, err := m.run(m.n); err != nil {
			return 0, fmt.Errorf("bench: %s: %w", m.row.Key(), err)
		}
		return max(1, now().Sub(start)), nil
	}
	for m.n = 1; ; {
		took, err := timed()
		if err != nil {
			return err
		}
		if took >= target/2 {
			// A stall can make any run this long.
			for range calibrationRuns - 1 {
				again, err := timed()
				if err != nil {
					return err
				}
				agreed := max(again, took).Seconds() < agreement*min(again, took).Seconds()
				if took = min(again, took); agreed {
					break
				}
			}
		}
		if took >= target/2 || m.n >= 1<<30 {
			m.n = max(1, int(float64(m.n)*target.Seconds()/took.Seconds()))
			return nil
		}
		m.n = max(2*m.n, min(100*m.n, int(float64(m.n)*0.7*target.Seconds()/took.Seconds())))
	}
}

// take takes one sample. One that is less than half as long as it was to be has
// shown that the calibration was wrong, and is taken again after another.
func (m *measurement) take(target time.Duration) error {
	if len(m.samples) == 0 {
		if err := m.calibrate(target); err != nil {
			return err
		}
	}
	s, took, err := m.sample(target)
	if err == nil && took < target/2 && m.rate == nil {
		if err := m.calibrate(target); err != nil {
			return err
		}
		s, _, err = m.sample(target)
	}
	if err != nil {
		return err
	}
	m.samples = append(m.samples, s)
	return nil
}

// part is a part of a run: measurements with the time that a sample of them takes.
type part struct {
	name   string
	all    []*measurement
	target time.Duration
}

// measure samples all measurements of a part in turn, so that what disturbs the
// machine for a while disturbs all of them a little, in the rounds from first to
// end of all rounds.
func (p *part) measure(ctx context.Context, first, end, rounds int, progress func(done, total int)) error {
	total, done := 0, 0
	for _, m := range p.all {
		if m.most == 0 || m.most > rounds {
			m.most = rounds
		}
		total += m.most
		done += len(m.samples)
	}
	for round := first; round < end; round++ {
		for _, m := range p.all {
			// Those with fewer samples are spread over the rounds.
			if (round+1)*m.most/rounds == round*m.most/rounds {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := m.take(p.target); err != nil {
				return err
			}
			done++
			progress(done, total)
		}
	}
	return nil
}

// passes is the number of times that a run goes over all of its parts. Neighbours
// come and go within minutes: samples that lie as far apart as the run is long
// meet more of them, and show what they do.
const passes = 3

// measureParts samples all parts.
func measureParts(ctx context.Context, parts []part, rounds int, progress func(part string, done, total int)) error {
	for pass := range passes {
		for i := range parts {
			p := &parts[i]
			said := func(done, total int) { progress(p.name, done, total) }
			if err := p.measure(ctx, pass*rounds/passes, (pass+1)*rounds/passes, rounds, said); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure samples all rounds of measurements.
func measure(ctx context.Context, all []*measurement, target time.Duration, rounds int) error {
	return measureParts(ctx, []part{{"", all, target}}, rounds, func(string, int, int) {})
}

// finish turns the samples into the row's figures.
func (m *measurement) finish() {
	r := &m.row
	r.Benchmark = r.Key()
	r.Series = make([]float64, len(m.samples))
	clocks := make([]float64, len(m.samples))
	r.Waited = 0
	for i, s := range m.samples {
		r.Series[i], clocks[i] = sixDigits(s.value), s.clock
		r.Waited += s.waited / float64(len(m.samples))
	}
	s := summarise(r.Series)
	r.Value, r.Low, r.High, r.Outliers, r.Samples = s.median, s.low, s.high, s.outliers, len(m.samples)
	r.Unsteady = s.high-s.low > unsteadyWidth*s.median
	r.Best = best(*r, r.Series)
	r.Waited = sixDigits(r.Waited)
	r.Clock, r.ClockLow = sixDigits(summarise(clocks).median), sixDigits(slices.Min(clocks))
	if len(m.latencies) > 0 {
		r.P50, r.P99 = percentile(m.latencies, .50), percentile(m.latencies, .99)
	}
	microseconds := r.Value // of an image
	switch r.Unit {
	case imagesPerSecond:
		microseconds = 1e6 / r.Value
	case "µs/image":
	default:
		return
	}
	if m.dense > 0 {
		r.DenseGFLOPs = m.dense / microseconds / 1e3
	}
	if m.executed > 0 {
		r.ExecutedGFLOPs = m.executed / microseconds / 1e3
	}
	if m.images > 0 {
		r.Bytes = m.touched / m.images
	}
}

// best is the fastest of a row's samples.
func best(r Row, samples []float64) float64 {
	if r.Rate() {
		return slices.Max(samples)
	}
	return slices.Min(samples)
}

// sixDigits rounds to six significant digits, more than any timing has.
func sixDigits(v float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	if err != nil {
		return v
	}
	return rounded
}
