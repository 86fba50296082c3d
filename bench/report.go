package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"time"

	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/mnist"
)

// Schema names the form of a Report in JSON; docs/bench.md describes it.
const Schema = "kernelet-bench/1"

// ErrReport is wrapped by every error about the content of a report's file.
var ErrReport = errors.New("not a usable benchmark report")

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

// Options of a run.
type Options struct {
	ISA      string        // of the whole network, as in kernels.Select
	Quick    bool          // ten seconds instead of about two minutes
	Data     mnist.Options // where MNIST is, for what needs it
	Progress func(part string, done, total int)
}

// Run measures everything. An instruction set that is not available is
// kernels.ErrISA.
func Run(ctx context.Context, options Options) (*Report, error) {
	start := time.Now()
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
	whole, closeAll, err := wholeMeasurements(ctx, chosen, threads)
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
	layers, err := kernelMeasurements(measured)
	if err != nil {
		return nil, err
	}
	roofs := ceilings(measured, chosen, threads)
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
	if !options.Quick {
		rows, notes, err := onMNIST(ctx, chosen.Name(), options.Data, func(done, total int) { options.Progress("MNIST", done, total) })
		if err != nil {
			return nil, err
		}
		report.Rows = append(report.Rows, rows...)
		report.Notes = append(report.Notes, notes...)
	}
	report.Machine.after(loadAverage())
	report.Score = score(report.Rows)
	report.Seconds = time.Since(start).Seconds()
	return report, nil
}

// add finishes a measurement and sets it against the ceilings, which come
// before the others.
func (r *Report) add(m *measurement) {
	m.finish()
	row := &m.row
	switch row.Name {
	case "clock":
		r.Machine.Clock = row.Value
	case distanceName:
		if row.High > farApart {
			r.Machine.Warnings = append(r.Machine.Warnings, fmt.Sprintf("a cache line takes up to %.0f ns to another thread and back: its core is far away, and training on several threads is slow", row.High))
		}
	}
	if row.DenseGFLOPs > 0 {
		if peak := r.ceiling(peakName, row.ISA, row.Threads); peak > 0 {
			row.TimesPeak = row.DenseGFLOPs / peak
		}
	}
	if row.Group == "kernel" {
		r.bound(m)
	}
	r.Rows = append(r.Rows, *row)
	r.samples[row.key()] = m.samples
}

// farApart is the time, in ns, that a cache line takes to a core of another
// cache and back; within one L3 it is below 150.
const farApart = 300

// ceiling returns the value of a ceiling's row, or 0.
func (r *Report) ceiling(name, isa string, threads int) float64 {
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
	if peak := r.ceiling(peakName, row.ISA, 1); peak > 0 {
		least, row.Bound = m.executed/peak/1e3, "FMA"
	}
	for _, l := range levels(machineCaches()) {
		if m.touched > float64(l.capacity) {
			continue
		}
		if rate := r.ceiling("reading "+l.name, "", 1); rate > 0 {
			if t := row.Bytes / rate / 1e3; t > least {
				least, row.Bound = t, l.name
			}
		}
		break
	}
	row.OfBound = least / row.Value
}

// Write writes the report as JSON.
func (r *Report) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// maxReport bounds what ReadReport reads.
const maxReport = 16 << 20

// ReadReport reads what Write wrote. A file that is damaged or of another
// schema is ErrReport.
func ReadReport(path string) (*Report, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxReport+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxReport {
		return nil, fmt.Errorf("%s: %w: expected at most %d bytes", path, ErrReport, maxReport)
	}
	r := new(Report)
	if err := json.Unmarshal(content, r); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrReport, err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("%s: %w: schema: expected %q, got %q", path, ErrReport, Schema, r.Schema)
	}
	if len(r.Rows) == 0 {
		return nil, fmt.Errorf("%s: %w: rows: expected at least one", path, ErrReport)
	}
	for i, row := range r.Rows {
		if row.Unit == "" || !(row.Value > 0) || math.IsInf(row.Value, 0) || !(row.Low > 0 && row.Low <= row.Value && row.Value <= row.High) {
			return nil, fmt.Errorf("%s: %w: row %d, %s: expected a unit and 0 < low ≤ value ≤ high, got %v to %v %q", path, ErrReport, i, row.Name, row.Low, row.High, row.Unit)
		}
	}
	return r, nil
}
