package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// Schema names the form of a Report in JSON; docs/bench.md describes it.
const Schema = "kernelet-bench/1"

// Report is a whole run.
type Report struct {
	Schema  string   `json:"schema"`
	Date    string   `json:"date"` // RFC 3339, of the beginning
	Quick   bool     `json:"quick"`
	Seconds float64  `json:"seconds"`
	Machine Machine  `json:"machine"`
	Score   Score    `json:"score"`
	Rows    []Row    `json:"rows"`
	Notes   []string `json:"notes"`

	samples map[string][]float64 // of the rows, by their keys
}

// Samples are those of a row in its unit, in the order in which they were taken;
// a report that was read from a file has none.
func (r *Report) Samples(row Row) []float64 { return r.samples[row.Key()] }

// The parts of a run.
const (
	Ceilings = "ceilings" // what the CPU can do at most
	Kernels  = "kernels"  // every kernel with every instruction set
	Train    = "train"    // steps of training
	Infer    = "infer"    // calls of a Classifier
	MNIST    = "MNIST"    // the tutorial's time and that to 99 %
)

// Options of a run.
type Options struct {
	ISA      string        // of the whole network, as in kernels.Select
	Quick    bool          // ten seconds instead of about two minutes
	Parts    []string      // to measure, with the ceilings that their rows are set against; nil: all
	Images   *mnist.Set    // to train on and classify, at least 1000; nil: drawn digits, the same everywhere
	Model    *lenet.Model  // to classify with; nil: random weights
	Data     mnist.Options // where MNIST is, for the part of that name
	Progress func(part string, done, total int)
}

// wants reports whether a part is to be measured.
func (o *Options) wants(part string) bool { return o.Parts == nil || slices.Contains(o.Parts, part) }

// needs reports whether a ceiling is to be measured, for itself or because rows
// of the wanted parts are set against it.
func (o *Options) needs(ceiling *Row, chosen string) bool {
	switch {
	case o.wants(Ceilings) || ceiling.Name == clockName:
		return true
	case ceiling.Name == PeakName:
		return o.wants(Kernels) && ceiling.Threads == 1 || (o.wants(Train) || o.wants(Infer)) && ceiling.ISA == chosen
	}
	return o.wants(Kernels) && ceiling.Threads == 1 && strings.HasPrefix(ceiling.Name, ReadingPrefix)
}

// Run measures what options ask for. An instruction set that is not available is
// kernels.ErrISA. The score is that of drawn images and random weights; a run
// of other images, of another model or of some parts only has none.
func Run(ctx context.Context, options Options) (*Report, error) {
	start := time.Now()
	if options.Progress == nil {
		options.Progress = func(string, int, int) {}
	}
	chosen, err := kernels.Select(options.ISA)
	if err != nil {
		return nil, err
	}
	report := &Report{Schema: Schema, Date: start.UTC().Format(time.RFC3339), Quick: options.Quick, Machine: Inspect(chosen), Notes: []string{}, samples: map[string][]float64{}}
	var sets []*kernels.Set
	for _, name := range kernels.Available() {
		s, err := kernels.Select(name)
		if err != nil {
			return nil, err
		}
		sets = append(sets, s)
	}
	threads := runtime.GOMAXPROCS(0)
	whole, closeAll, err := wholeMeasurements(ctx, options, chosen, threads)
	defer closeAll()
	if err != nil {
		return nil, err
	}
	measured := sets
	target, wholeTarget, rounds := 10*time.Millisecond, 60*time.Millisecond, 45
	if options.Quick {
		target, wholeTarget, rounds = 2*time.Millisecond, 25*time.Millisecond, 11
		if len(sets) > 1 && chosen != sets[0] {
			measured = sets[1:] // plain Go takes seconds
		}
	}
	var layers []*measurement
	if options.wants(Kernels) {
		layers = kernelMeasurements(measured)
	}
	roofs := slices.DeleteFunc(ceilings(measured, chosen, threads), func(m *measurement) bool { return !options.needs(&m.row, chosen.Name()) })
	for _, part := range []struct {
		name   string
		all    []*measurement
		target time.Duration
	}{{"ceilings", roofs, target}, {"kernels", layers, target}, {"training and inference", whole, wholeTarget}} {
		progress := func(done, total int) { options.Progress(part.name, done, total) }
		if err := measure(ctx, part.all, part.target, rounds, progress); err != nil {
			return nil, err
		}
		for _, m := range part.all {
			report.add(m)
		}
	}
	if options.wants(MNIST) && !options.Quick {
		rows, notes, err := onMNIST(ctx, chosen.Name(), options.Data, func(done, total int) { options.Progress("MNIST", done, total) })
		if err != nil {
			return nil, err
		}
		report.Rows = append(report.Rows, rows...)
		report.Notes = append(report.Notes, notes...)
	}
	report.Machine.after(loadAverage())
	if options.Images == nil && options.Model == nil {
		report.Score = score(report.Rows)
	}
	report.Seconds = time.Since(start).Seconds()
	return report, nil
}

// add finishes a measurement and sets it against the ceilings, which come
// before the others.
func (r *Report) add(m *measurement) {
	m.finish()
	row := &m.row
	switch row.Name {
	case clockName:
		r.Machine.Clock = row.Value
	case distanceName:
		if row.High > farApart {
			r.Machine.Warnings = append(r.Machine.Warnings, fmt.Sprintf("a cache line takes up to %.0f ns to another thread and back: its core is far away, and training on several threads is slow", row.High))
		}
	}
	if row.DenseGFLOPs > 0 {
		if peak := r.Ceiling(PeakName, row.ISA, row.Threads); peak > 0 {
			row.TimesPeak = row.DenseGFLOPs / peak
		}
	}
	if row.Group == "kernel" {
		r.bound(m)
	}
	r.Rows = append(r.Rows, *row)
	r.samples[row.Key()] = m.samples
	if m.phases != nil {
		r.Rows = append(r.Rows, m.phases(*row)...)
	}
}

// farApart is the time, in ns, that a cache line takes to a core of another
// cache and back; within one L3 it is below 150.
const farApart = 300

// Ceiling returns the value of a ceiling's row, of any set if isa is empty, or
// 0.
func (r *Report) Ceiling(name, isa string, threads int) float64 {
	for _, row := range r.Rows {
		if row.Group == "ceiling" && row.Name == name && row.Threads == threads && (isa == "" || row.ISA == isa) {
			return row.Value
		}
	}
	return 0
}

// bound says which ceiling allows a kernel the least: executed operations at
// the peak, or its bytes from the level that holds all that a call touches.
func (r *Report) bound(m *measurement) {
	row := &m.row
	least := 0.0 // µs an image
	if peak := r.Ceiling(PeakName, row.ISA, 1); peak > 0 {
		least, row.Bound = m.executed/peak/1e3, "FMA"
	}
	for _, l := range levels(machineCaches()) {
		if m.touched > float64(l.capacity) {
			continue
		}
		if rate := r.Ceiling(ReadingPrefix+l.name, "", 1); rate > 0 {
			if t := row.Bytes / rate / 1e3; t > least {
				least, row.Bound = t, l.name
			}
		}
		break
	}
	row.OfBound = least / row.Value
}
