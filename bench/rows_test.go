package bench

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// TestTimed: a training that reaches what is accepted is a row of seconds, one that
// does not is a note that says how far it came, one that fails is an error.
func TestTimed(t *testing.T) {
	data := &mnist.Dataset{Train: mnist.Synthetic(200, 1), Test: mnist.Synthetic(50, 2)}
	settings := lenet.Tutorial()
	settings.Epochs, settings.Batch = 2, 50
	var seen [][2]int
	row, note, err := timed(t.Context(), data, "two epochs", settings, 0, func(done, total int) { seen = append(seen, [2]int{done, total}) })
	if err != nil || note != "" || row.Name != "two epochs" || row.Unit != "s" || !(row.Value > 0) || row.Low != row.Value || row.High != row.Value || row.Best != row.Value || row.Samples != 1 || row.Batch != 50 || row.Benchmark != row.Key() {
		t.Errorf("got %+v, %q, error %v", row, note, err)
	}
	if !slices.Equal(seen, [][2]int{{1, 2}, {2, 2}}) {
		t.Errorf("progress: got %v", seen)
	}
	quiet := func(int, int) {}
	if row, note, err := timed(t.Context(), data, "to all", settings, 100.1, quiet); err != nil || row.Name != "" || !strings.HasPrefix(note, "to all: not reached, ") || !strings.HasSuffix(note, " % of the test images") {
		t.Errorf("not reached: got %+v, %q, error %v", row, note, err)
	}
	settings.Batch = -1
	if _, _, err := timed(t.Context(), data, "wrong", settings, 0, quiet); err == nil {
		t.Error("a batch of -1: no error")
	}
	settings.Batch = 50
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := timed(ctx, data, "ended", settings, 0, quiet); !errors.Is(err, context.Canceled) {
		t.Errorf("expected context.Canceled, got %v", err)
	}
	data.Test.Labels = data.Test.Labels[1:]
	if _, _, err := timed(t.Context(), data, "wrong", settings, 0, quiet); err == nil {
		t.Error("a label is missing: no error")
	}
}

// TestPhaseRows: the phases of a step and what lies between them are rows whose
// values add up to the step's, as its threads' own time.
func TestPhaseRows(t *testing.T) {
	settings := lenet.Tutorial()
	settings.Batch, settings.Threads = 50, 1
	trainer, err := lenet.NewTrainer(lenet.NewModel(1), settings)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	data := mnist.Synthetic(100, 1)
	m := trainMeasurement(trainer, batches{images: data.Images, labels: data.Labels, size: 50})
	images, err := m.run(3)
	if err != nil || images != 150 {
		t.Fatalf("expected 150 images, got %v, error %v", images, err)
	}
	rows := m.phases(m.row)
	names := map[string]bool{}
	for _, row := range rows {
		if row.Group != phaseGroup || row.Threads != 1 || row.Batch != 50 || row.Unit != "µs/image" || row.Benchmark != row.Key() || names[row.Name] {
			t.Errorf("got %+v", row)
		}
		names[row.Name] = true
		if row.Value < row.Waiting || row.Waiting < 0 || row.Name != restName && !(row.Value > 0) {
			t.Errorf("%s: %v of which %v waiting", row.Name, row.Value, row.Waiting)
		}
	}
	if len(rows) != len(trainer.PhaseTimes())+1 || !names[restName] {
		t.Errorf("got %d rows", len(rows))
	}
	// However many threads, the parts add up to the mean of the steps' time.
	for _, threads := range []int{1, 4} {
		total, of := 0.0, m.row
		of.Threads = threads
		for _, row := range (&steps{trainer: trainer, images: 150, took: 3 * time.Second}).rows(of) {
			total += row.Value
		}
		if want := 3e6 / 150; math.Abs(total-want) > 1e-9*want {
			t.Errorf("%d threads: expected %v µs an image, got %v", threads, want, total)
		}
	}
}

// TestBound: a kernel's bound is the ceiling that allows the least: operations at
// the peak, or bytes from the nearest level that holds what a call touches.
func TestBound(t *testing.T) {
	r := &Report{}
	ceiling := func(name, isa string, value float64) {
		r.Rows = append(r.Rows, Row{Group: "ceiling", Name: name, ISA: isa, Threads: 1, Value: value})
	}
	ceiling(PeakName, "avx2", 100)
	ceiling(PeakName, "avx512", 200)
	ceiling(ReadingPrefix+"L1", "avx512", 400)
	ceiling(ReadingPrefix+"memory", "avx512", 10)
	for name, c := range map[string]struct {
		isa                      string
		executed, touched, bytes float64
		bound                    string
		of                       float64
	}{
		"operations": {"avx2", 1e6, 1000, 4000, "FMA", 10.0 / 20},                 // 1e6 operations at 100 GFLOP/s: 10 µs
		"wider":      {"avx512", 1e6, 1000, 4000, "FMA", 5.0 / 20},                // 5 µs
		"bytes":      {"avx2", 1e5, 1000, 4e6, "L1", 10.0 / 20},                   // 4e6 bytes at 400 GB/s: 10 µs
		"memory":     {"avx2", 1e6, 1e12, 150e3, "memory", 15.0 / 20},             // 150e3 bytes at 10 GB/s: 15 µs
		"no peak":    {"generic", 1e6, 1000, 4000, "L1", 4000 / (400 * 1e3) / 20}, // no row of the set
		"nothing":    {"generic", 1e6, 1000, 0, "", 0},
	} {
		m := &measurement{row: Row{ISA: c.isa, Value: 20, Bytes: c.bytes}, executed: c.executed, touched: c.touched}
		r.bound(m)
		if m.row.Bound != c.bound || math.Abs(m.row.OfBound-c.of) > 1e-12 {
			t.Errorf("%s: expected %q, %v, got %q, %v", name, c.bound, c.of, m.row.Bound, m.row.OfBound)
		}
	}
}

// TestUnnamed: processors that the system does not name are as many as Go uses,
// each another, and none is a number that a system gives.
func TestUnnamed(t *testing.T) {
	list := unnamed()
	if len(list) != len(slices.Compact(slices.Sorted(slices.Values(list)))) || slices.Max(list) >= 0 {
		t.Errorf("got %v", list)
	}
}

// TestWholeMeasurements: training and inference are measured as far as they are
// asked for, on each number of threads, on the images that are given.
func TestWholeMeasurements(t *testing.T) {
	sets := kernels.Available()
	if len(sets) == 1 {
		t.Skip("plain Go takes a minute")
	}
	set, err := kernels.Select(sets[len(sets)-1])
	if err != nil {
		t.Fatal(err)
	}
	images := mnist.Synthetic(fewImages, 1)
	for name, c := range map[string]struct {
		parts []string
		want  map[string]int // rows of a name, on two threads; rates on one
	}{
		"all":       {nil, map[string]int{Train: 4, Infer: 5, TrainRate: 1, InferRate: 1}},
		"training":  {[]string{Train}, map[string]int{Train: 4, TrainRate: 1}},
		"inference": {[]string{Infer}, map[string]int{Infer: 5, InferRate: 1}},
		"kernels":   {[]string{Kernels}, map[string]int{}},
	} {
		measured, closeAll, err := wholeMeasurements(t.Context(), Options{Parts: c.parts, Images: &images}, set, 2)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, m := range measured {
			if m.row.ISA != set.Name() || m.row.Group != "whole" {
				t.Errorf("%s: got %+v", name, m.row)
			}
			// Rates have a row for each count of this machine's processors.
			if rate := m.row.Name == TrainRate || m.row.Name == InferRate; !rate || m.row.Threads == 1 {
				got[m.row.Name]++
			}
			if (m.phases != nil) != (m.row.Name == Train) {
				t.Errorf("%s: %s has phases: %v", name, m.row.Name, m.phases != nil)
			}
			if m.run != nil {
				if n, err := m.run(1); err != nil || n != float64(m.row.Batch) {
					t.Errorf("%s: %s: expected %d images, got %v, error %v", name, m.row.Name, m.row.Batch, n, err)
				}
			}
		}
		closeAll()
		if !maps.Equal(got, c.want) {
			t.Errorf("%s: expected rows %v, got %v", name, c.want, got)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, closeAll, err := wholeMeasurements(ended, Options{Images: &images}, set, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("expected context.Canceled, got %v", err)
	} else {
		closeAll()
	}
	few := mnist.Synthetic(10, 1)
	if _, closeAll, err := wholeMeasurements(t.Context(), Options{Images: &few}, set, 1); err == nil || !strings.Contains(err.Error(), "images: expected at least 1000, got 10") {
		t.Errorf("ten images: got %v", err)
	} else {
		closeAll()
	}
}
