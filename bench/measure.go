package bench

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Row is one measurement. Value is the median of the samples, and Low to High
// the interval that covers it in 95 of 100 cases.
type Row struct {
	Group    string  `json:"group"` // "ceiling", "kernel", "whole" or "phase"
	Name     string  `json:"name"`
	ISA      string  `json:"isa,omitempty"`
	Threads  int     `json:"threads"`
	Batch    int     `json:"batch,omitempty"` // images of a step or call
	Unit     string  `json:"unit"`            // of Value: "GHz", "GFLOP/s", "GOP/s" and "GB/s" are rates, "µs/image", "ns" and "s" times
	Value    float64 `json:"value"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	Samples  int     `json:"samples"`
	Outliers int     `json:"outliers"`
	Unsteady bool    `json:"unsteady,omitempty"` // the interval is wider than 5 % of Value

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
}

// Rate reports whether Value is a rate, so that a larger one is the better.
func (r Row) Rate() bool { return strings.HasPrefix(r.Unit, "G") }

// BenchmarkName is the row's name in Go's benchmark format, without its group.
func (r Row) BenchmarkName() string {
	name := strings.NewReplacer(" ", "-", ",", "", "%", "percent").Replace(r.Name)
	if r.ISA != "" {
		name += "/isa=" + r.ISA
	}
	if r.Batch > 0 {
		name += fmt.Sprintf("/batch=%d", r.Batch)
	}
	return fmt.Sprintf("%s/threads=%d", name, r.Threads)
}

// Key tells rows of a report apart.
func (r Row) Key() string {
	return fmt.Sprintf("%s/%s/isa=%s/threads=%d/batch=%d", r.Group, r.Name, r.ISA, r.Threads, r.Batch)
}

// unsteadyWidth is the width of an interval, as a share of the median, beyond
// which a row is called unsteady.
const unsteadyWidth = 0.05

// measurement is a Row under construction and the work that it times.
type measurement struct {
	row Row
	// run does the work n times and returns how much it was, in operations, bytes
	// or images.
	run func(n int) (float64, error)

	phases func(Row) []Row // what the row consists of, if that is known

	n         int // that fill a sample
	most      int // samples; 0: as many as there are rounds
	samples   []float64
	latencies []float64 // µs, of calls, where percentiles are wanted

	dense, executed float64 // operations an image
	touched         float64 // bytes of a call, which decide the level that they come from
	images          float64 // of a call
}

// sample takes one sample in the row's unit.
func (m *measurement) sample() error {
	start := time.Now()
	work, err := m.run(m.n)
	seconds := time.Since(start).Seconds()
	if err != nil {
		return fmt.Errorf("bench: %s: %w", m.row.Key(), err)
	}
	value := seconds / work
	switch {
	case m.row.Rate():
		value = work / seconds / 1e9
	case m.row.Unit == "ns":
		value *= 1e9
	case m.row.Unit != "s":
		value *= 1e6
	}
	m.samples = append(m.samples, value)
	return nil
}

// calibrate warms up and chooses n so that a sample takes about target.
func (m *measurement) calibrate(target time.Duration) error {
	for m.n = 1; ; {
		start := time.Now()
		if _, err := m.run(m.n); err != nil {
			return fmt.Errorf("bench: %s: %w", m.row.Key(), err)
		}
		took := time.Since(start)
		if took >= target/2 || m.n >= 1<<30 {
			m.n = max(1, int(float64(m.n)*target.Seconds()/max(took.Seconds(), 1e-9)))
			m.latencies = m.latencies[:0]
			return nil
		}
		m.n *= 2
		if took > 0 {
			m.n = max(m.n, min(100*m.n, int(float64(m.n)/2*0.7*target.Seconds()/took.Seconds())))
		}
	}
}

// measure calibrates all measurements and samples them in turn, so that what
// disturbs the machine for a while disturbs all of them a little.
func measure(ctx context.Context, all []*measurement, target time.Duration, rounds int, progress func(done, total int)) error {
	total := 0
	for _, m := range all {
		if m.most == 0 || m.most > rounds {
			m.most = rounds
		}
		total += m.most
	}
	done := 0
	for round := range rounds {
		for _, m := range all {
			// Those with fewer samples are spread over the rounds.
			if (round+1)*m.most/rounds == round*m.most/rounds {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if len(m.samples) == 0 {
				if err := m.calibrate(target); err != nil {
					return err
				}
			}
			if err := m.sample(); err != nil {
				return err
			}
			done++
			progress(done, total)
		}
	}
	return nil
}

// finish turns the samples into the row's figures.
func (m *measurement) finish() {
	s := summarise(m.samples)
	r := &m.row
	r.Value, r.Low, r.High, r.Outliers, r.Samples = s.median, s.low, s.high, s.outliers, len(m.samples)
	r.Unsteady = s.high-s.low > unsteadyWidth*s.median
	if len(m.latencies) > 0 {
		r.P50, r.P99 = percentile(m.latencies, .50), percentile(m.latencies, .99)
	}
	if r.Unit != "µs/image" {
		return
	}
	if m.dense > 0 {
		r.DenseGFLOPs = m.dense / r.Value / 1e3
	}
	if m.executed > 0 {
		r.ExecutedGFLOPs = m.executed / r.Value / 1e3
	}
	if m.images > 0 {
		r.Bytes = m.touched / m.images
	}
}
