package bench

import (
	"context"
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
	Schema  string  `json:"schema"`
	Date    string  `json:"date"` // RFC 3339, of the beginning
	Quick   bool    `json:"quick"`
	Seconds float64 `json:"seconds"`
	Machine Machine `json:"machine"`
	Score   Score   `json:"score"`
	Rows    []Row   `json:"rows"`
	// From the dense algorithm to the measured step, of training at batch 100.
	Waterfalls []Waterfall `json:"waterfalls,omitempty"`
	Notes      []string    `json:"notes"`
}

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
	PerCore  bool          // also each processor alone, and those that share a core together
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
	start, stolenBefore := time.Now(), stolen()
	if options.Progress == nil {
		options.Progress = func(string, int, int) {}
	}
	chosen, err := kernels.Select(options.ISA)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	report := &Report{Schema: Schema, Date: start.UTC().Format(time.RFC3339), Quick: options.Quick, Machine: Inspect(chosen), Notes: []string{}}
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
	parts := []part{{"ceilings", roofs, target}, {"kernels", layers, target}, {"training and inference", whole, wholeTarget}}
	if err := measureParts(ctx, parts, rounds, options.Progress); err != nil {
		return nil, err
	}
	for _, p := range parts {
		if err := report.check(ctx, p, rounds); err != nil {
			return nil, err
		}
	}
	for _, m := range whole {
		if m.phases != nil {
			report.Rows = append(report.Rows, m.phases(m.row)...)
		}
	}
	for _, m := range whole {
		if m.phases != nil && m.row.Batch == rateBatch && (m.row.Threads == 1 || m.row.Threads == threads) {
			if w, ok := report.waterfall(&m.row); ok {
				report.Waterfalls = append(report.Waterfalls, w)
			}
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
		report.Score = score(whole)
	}
	report.Seconds = time.Since(start).Seconds()
	report.disturbances(stolen() - stolenBefore)
	return report, nil
}

// check adds the rows of a part. Those that cannot be right are measured once
// more, and marked if they are no better then.
func (r *Report) check(ctx context.Context, of part, rounds int) error {
	for _, m := range of.all {
		r.add(m)
	}
	var again []*measurement
	for _, m := range of.all {
		if m.row.Suspect = r.suspicion(&m.row); m.row.Suspect != "" {
			again = append(again, m)
		}
	}
	for _, m := range again {
		m.samples = nil
	}
	if err := measure(ctx, again, of.target, rounds); err != nil {
		return err
	}
	for _, m := range again {
		r.add(m)
	}
	for _, m := range again {
		m.row.Suspect = r.suspicion(&m.row)
		r.add(m)
	}
	return nil
}

// add finishes a measurement and sets it against the ceilings, which come
// before the others. A row that is there already is replaced.
func (r *Report) add(m *measurement) {
	m.finish()
	row := &m.row
	if row.Name == clockName {
		r.Machine.Clock = row.Value
	}
	if row.DenseGFLOPs > 0 {
		if peak := r.Ceiling(PeakName, row.ISA, row.Threads); peak > 0 {
			row.TimesPeak = row.DenseGFLOPs / peak
		}
	}
	if row.Group == "kernel" {
		r.bound(m)
	}
	if at := slices.IndexFunc(r.Rows, func(other Row) bool { return other.Key() == row.Key() }); at >= 0 {
		r.Rows[at] = *row
		return
	}
	r.Rows = append(r.Rows, *row)
}

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
