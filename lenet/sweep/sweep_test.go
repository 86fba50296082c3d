package sweep

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// task is small enough for plain Go.
func task() *Task { return NewTask("drawn", mnist.Synthetic(240, 1), mnist.Synthetic(60, 2)) }

func plan(t testing.TB, seeds ...uint64) []lenet.Settings {
	t.Helper()
	base := lenet.Tutorial()
	base.Epochs, base.Batch = 2, 60
	runs, err := Plan{Base: base, Seeds: seeds, Axes: []Axis{{"lr", []string{"1e-3", "1e-4"}}}}.Runs()
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// timeless is a result without what differs from machine to machine.
func timeless(r Result) Result {
	r.Seconds = 0
	r.Epochs = slices.Clone(r.Epochs)
	for i := range r.Epochs {
		r.Epochs[i].Seconds = 0
	}
	return r
}

func compare(t *testing.T, what string, got, want []Result) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: expected %d results, got %d", what, len(want), len(got))
	}
	for i := range got {
		if !reflect.DeepEqual(timeless(got[i]), timeless(want[i])) {
			t.Errorf("%s: run %d: expected %+v, got %+v", what, i, want[i], got[i])
		}
	}
}

// TestSameAsTrainer: a run's weights and figures are those of a trainer with
// several threads.
func TestSameAsTrainer(t *testing.T) {
	task, runs := task(), plan(t, 7)
	results, err := Run(t.Context(), runs, task, Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	for i, settings := range runs {
		settings.Threads = 2
		trainer, err := lenet.NewTrainer(lenet.NewModel(7), settings)
		if err != nil {
			t.Fatal(err)
		}
		var last lenet.Stats
		for stats, err := range trainer.Epochs(t.Context(), task.Train.Images, task.Train.Labels) {
			if err != nil {
				t.Fatal(err)
			}
			last = stats
		}
		validation, err := trainer.Evaluate(t.Context(), task.Validation.Images, task.Validation.Labels)
		if err != nil {
			t.Fatal(err)
		}
		r := results[i]
		if r.WeightsSHA256 != trainer.Model().SHA256() || r.ISA != trainer.ISA() || len(r.Epochs) != 2 {
			t.Errorf("run %d: %+v", i, r)
		}
		if e := r.Last(); e.TrainLoss != last.Loss || e.TrainAccuracy != last.Accuracy() || e.ValLoss != validation.Loss || e.ValAccuracy != validation.Accuracy() {
			t.Errorf("run %d: expected %+v and %+v, got %+v", i, last, validation, e)
		}
		trainer.Close()
	}
}

// TestGoOn: an interrupted sweep goes on with what is missing, and one with more
// seeds trains only those; all results are as if nothing had happened.
func TestGoOn(t *testing.T) {
	task, folder := task(), t.TempDir()
	runs := plan(t, 1, 2, 3)
	whole, err := Run(t.Context(), runs, task, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first, err := Run(ctx, runs[:4], task, Options{Threads: 1, Folder: folder, Progress: func(p Progress) {
		if p.RunsDone == 2 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("expected the context's error, got %v", err)
	}
	compare(t, "interrupted", first, whole[:2])
	for _, c := range []struct {
		runs []lenet.Settings
		want []Result
		new  int64 // trained in this call
	}{{runs[:4], whole[:4], 2}, {runs, whole, 2}, {runs, whole, 0}} {
		var last Progress
		finished := 0
		got, err := Run(t.Context(), c.runs, task, Options{Folder: folder, Progress: func(p Progress) { last = p }, Finished: func(Result) { finished++ }})
		if err != nil {
			t.Fatal(err)
		}
		compare(t, "resumed", got, c.want)
		if images := c.new * 2 * 240; last.Images != images || last.ImagesDone != images || finished != len(c.runs) {
			t.Errorf("expected %d images to be trained on and %d results, got %+v and %d", images, len(c.runs), last, finished)
		}
	}
	// Other data, weights to start from and arithmetic are other runs.
	id, err := task.ID(runs[0])
	if err != nil {
		t.Fatal(err)
	}
	others := []*Task{NewTask("drawn", mnist.Synthetic(240, 3), task.Validation), NewTask("drawn", task.Train, mnist.Synthetic(60, 3)), NewTask("drawn", task.Train, task.Validation)}
	others[2].Initial = lenet.NewModel(1)
	for i, other := range others {
		if got, err := other.ID(runs[0]); err != nil || got == id {
			t.Errorf("task %d: expected another id than %s, got %s, error %v", i, id, got, err)
		}
	}
	for _, isa := range kernels.Available() {
		s := runs[0]
		s.ISA = isa
		got, err := task.ID(s)
		if err != nil {
			t.Fatal(err)
		}
		if plain := whole[0].ISA == "generic"; (got == id) != ((isa == "generic") == plain) {
			t.Errorf("%s: id %s, that of %s is %s", isa, got, whole[0].ISA, id)
		}
	}
}

// TestDamagedResult: what is not a result of the run is refused by name.
func TestDamagedResult(t *testing.T) {
	task, folder, runs := task(), t.TempDir(), plan(t, 1)
	results, err := Run(t.Context(), runs, task, Options{Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, ResultName(results[0].ID))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := results[1].Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"empty": "", "cut": string(whole[:len(whole)/2]), "another run's": string(other),
		"other settings":  strings.Replace(string(whole), `"batch": 60`, `"batch": 61`, 1),
		"without epochs":  strings.Replace(string(whole), `"epochs": [`, `"others": [`, 1),
		"without weights": strings.Replace(string(whole), `"weights_sha256"`, `"weights"`, 1),
	} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Run(t.Context(), runs, task, Options{Folder: folder}); !errors.Is(err, ErrResult) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: expected an error that names the file, got %v", name, err)
		}
	}
}

// TestNotFinite: a run whose loss is not finite is a result like any other.
func TestNotFinite(t *testing.T) {
	task, folder := task(), t.TempDir()
	base := lenet.Settings{Epochs: 2, Batch: 60, LearningRate: 1e25}
	runs, err := Plan{Base: base, Seeds: []uint64{1}, Axes: []Axis{{"lr", []string{"1e25", "1e-3"}}}}.Runs()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var last Progress
		results, err := Run(t.Context(), runs, task, Options{Folder: folder, Progress: func(p Progress) { last = p }})
		if err != nil {
			t.Fatal(err)
		}
		if r := results[0]; !strings.Contains(r.Error, "not finite") || r.WeightsSHA256 != "" || results[1].Error != "" {
			t.Errorf("got %+v and %+v", r, results[1])
		}
		if last.ImagesDone > last.Images {
			t.Errorf("more images done than there are: %+v", last)
		}
		s := Summarise(results)
		if len(s.Groups) != 2 || s.Groups[0].Failed != 1 || s.Groups[0].Count != 0 || s.Best != 1 {
			t.Errorf("summary: %+v", s)
		}
		if _, err := Files(results); err != nil {
			t.Error(err)
		}
		if _, err := Files(results[:1]); err != nil {
			t.Errorf("no finite run: %v", err)
		}
	}
}

// TestErrors: what no run could do ends a sweep.
func TestErrors(t *testing.T) {
	runs := plan(t, 1)
	broken := NewTask("broken", mnist.Set{Images: make([]byte, 784), Labels: []byte{10}}, mnist.Synthetic(10, 1))
	if _, err := Run(t.Context(), runs, broken, Options{}); !errors.Is(err, lenet.ErrData) {
		t.Errorf("label 10: expected ErrData, got %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), runs, task(), Options{Folder: file}); err == nil {
		t.Error("a file as folder: expected an error")
	}
	runs[0].ISA = "neon"
	if _, err := Run(t.Context(), runs, task(), Options{}); !errors.Is(err, kernels.ErrISA) {
		t.Errorf("neon: expected kernels.ErrISA, got %v", err)
	}
}
