package lenet

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/internal/safetensors"
	"github.com/kernelet/kernelet/mnist"
)

// TestResume interrupts training after every number of steps and goes on from
// the file: the weights and the epoch's figures must be those of an undisturbed run.
func TestResume(t *testing.T) {
	for _, averageEpochs := range []int{0, 2} {
		t.Run(fmt.Sprintf("average=%d", averageEpochs), func(t *testing.T) { testResume(t, averageEpochs) })
	}
}

func testResume(t *testing.T, averageEpochs int) {
	data := mnist.Synthetic(330, 6)
	path := filepath.Join(t.TempDir(), "checkpoint")
	settings := Tutorial()
	settings.Seed, settings.Epochs, settings.AverageEpochs = 5, 2, averageEpochs
	settings.Schedule = Schedule{WarmUp: 0.2, Decay: true}
	run := func(trainer *Trainer) (Stats, string) {
		t.Helper()
		defer trainer.Close()
		var last Stats
		for trainer.EpochsDone() < 2 {
			stats, err := trainer.Epoch(context.Background(), data.Images, data.Labels)
			if err != nil {
				t.Fatal(err)
			}
			last = stats
		}
		last.Duration = 0
		return last, trainer.Model().SHA256()
	}
	wantStats, wantHash := run(newTrainer(t, NewModel(1), settings))
	for stop := 1; stop <= 7; stop++ {
		trainer := newTrainer(t, NewModel(1), settings)
		ctx, cancel := context.WithCancel(context.Background())
		steps := 0
		trainer.Progress = func(int, int) {
			if steps++; steps == stop {
				cancel()
			}
		}
		for ctx.Err() == nil {
			if _, err := trainer.Epoch(ctx, data.Images, data.Labels); err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		if err := trainer.Checkpoint(path); err != nil {
			t.Fatal(err)
		}
		trainer.Close()
		resumed, err := Resume(path, settings)
		if err != nil {
			t.Fatal(err)
		}
		if stats, hash := run(resumed); stats != wantStats || hash != wantHash {
			t.Errorf("stopped after %d steps: expected %+v and %s, got %+v and %s", stop, wantStats, wantHash, stats, hash)
		}
	}
	if _, err := Resume(path+PreviousSuffix, settings); err != nil {
		t.Errorf("the checkpoint before: %v", err)
	}
	other := settings
	other.Seed, other.LearningRate, other.Threads = 6, 2e-4, 1
	if _, err := Resume(path, other); !errors.Is(err, ErrSettings) || !strings.Contains(err.Error(), "LearningRate: checkpoint 0.0001, asked 0.0002; Seed: checkpoint 5, asked 6") || strings.Contains(err.Error(), "Threads") {
		t.Errorf("other settings: got %v", err)
	}
}

func TestDamagedCheckpoints(t *testing.T) {
	trainer := newTrainer(t, NewModel(1), Settings{})
	path := filepath.Join(t.TempDir(), "checkpoint")
	if err := trainer.Checkpoint(path); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := func(change func(metadata map[string]string, tensors []safetensors.Tensor) []safetensors.Tensor) []byte {
		metadata, tensors, err := safetensors.Read(bytes.Clone(whole))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		tensors = change(metadata, tensors)
		if hash, there := metadata["sha256"]; there && hash != "-" {
			metadata["sha256"] = hashTensors(tensors) // what else is wrong is to be found
		}
		if err := safetensors.Write(&b, metadata, tensors); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	var model bytes.Buffer
	if err := NewModel(1).Write(&model); err != nil {
		t.Fatal(err)
	}
	type tensors = []safetensors.Tensor
	named := func(ts tensors, name string) safetensors.Tensor {
		return ts[slices.IndexFunc(ts, func(t safetensors.Tensor) bool { return t.Name == name })]
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"truncated": {whole[:len(whole)-1], ""},
		"empty":     {nil, ""},
		"a model":   {model.Bytes(), "format"},
		"no hash": {damaged(func(metadata map[string]string, ts tensors) tensors {
			delete(metadata, "sha256")
			return ts
		}), "sha256 of the tensors: expected"},
		"flipped bit": {flipped, "sha256 of the tensors: expected"},
		"no moments":  {damaged(func(_ map[string]string, ts tensors) tensors { return ts[:8] }), positionName},
		"no position": {damaged(func(_ map[string]string, ts tensors) tensors { return ts[:len(ts)-1] }), positionName},
		"foreign":     {damaged(func(_ map[string]string, ts tensors) tensors { ts[0].Name = "x"; return ts }), `"x"`},
		"no sha256":   {damaged(func(m map[string]string, ts tensors) tensors { m["sha256"] = "-"; return ts }), "sha256"},
		"settings":    {damaged(func(m map[string]string, ts tensors) tensors { m["settings"] = "{"; return ts }), "settings"},
		"position": {damaged(func(_ map[string]string, ts tensors) tensors {
			named(ts, positionName).Data[8] = 7 // images done of none
			return ts
		}), "impossible values"},
		"negative second moment": {damaged(func(_ map[string]string, ts tensors) tensors {
			binary.LittleEndian.PutUint32(named(ts, "adam.v.fc1.weight").Data[4*77:], math.Float32bits(-1e-20))
			return ts
		}), `"adam.v.fc1.weight": element 77: expected at least 0, got -1e-20`},
		"infinite first moment": {damaged(func(_ map[string]string, ts tensors) tensors {
			binary.LittleEndian.PutUint32(named(ts, "adam.m.fc2.bias").Data, math.Float32bits(float32(math.Inf(1))))
			return ts
		}), `"adam.m.fc2.bias": element 0: expected a finite value`},
	} {
		if err := os.WriteFile(path, c.content, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Resume(path, Settings{}); !errors.Is(err, ErrCheckpoint) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: expected ErrCheckpoint that names the file and says %q, got %v", name, c.says, err)
		}
	}
}

// TestCheckpointOfAnotherRun: the data and the initial weights are compared
// like settings, at an epoch's end too.
func TestCheckpointOfAnotherRun(t *testing.T) {
	data, path := mnist.Synthetic(100, 6), filepath.Join(t.TempDir(), "checkpoint")
	settings := Settings{Threads: 1, Origin: NewOrigin(NewModel(1), data.Images, data.Labels)}
	trainer := newTrainer(t, NewModel(1), settings)
	if _, err := trainer.Epoch(context.Background(), data.Images, data.Labels); err != nil {
		t.Fatal(err)
	}
	if err := trainer.Checkpoint(path); err != nil {
		t.Fatal(err)
	}
	resumed, err := Resume(path, settings)
	if err != nil {
		t.Fatal(err)
	}
	resumed.Close()
	images, labels := bytes.Clone(data.Images), bytes.Clone(data.Labels)
	images[1000]++
	labels[50] ^= 1
	for _, c := range []struct {
		origin Origin
		fields []string
	}{
		{NewOrigin(NewModel(1), data.Images[:99*784], data.Labels[:99]), []string{"Images: checkpoint 100, asked 99", "ImagesSHA256", "LabelsSHA256"}},
		{NewOrigin(NewModel(1), images, data.Labels), []string{"ImagesSHA256"}},
		{NewOrigin(NewModel(1), data.Images, labels), []string{"LabelsSHA256"}},
		{NewOrigin(NewModel(2), data.Images, data.Labels), []string{"InitialSHA256"}},
		{Origin{}, []string{"Images: checkpoint 100, asked 0", "ImagesSHA256", "LabelsSHA256", "InitialSHA256"}},
	} {
		other := settings
		other.Origin = c.origin
		_, err := Resume(path, other)
		if !errors.Is(err, ErrSettings) || strings.Count(err.Error(), "asked") != len(c.fields) {
			t.Errorf("expected ErrSettings that lists %q, got %v", c.fields, err)
			continue
		}
		for _, field := range c.fields {
			if !strings.Contains(err.Error(), "Origin."+field) {
				t.Errorf("expected an error that lists %q, got %v", field, err)
			}
		}
	}
}

// TestCheckpointRefusesNonFinite: the files stay what they were.
func TestCheckpointRefusesNonFinite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	trainer := newTrainer(t, NewModel(1), Settings{Threads: 1})
	for range 2 {
		if err := trainer.Checkpoint(path); err != nil {
			t.Fatal(err)
		}
	}
	trainer.engine.secondMoments.fc2[7] = float32(math.NaN())
	if err := trainer.Checkpoint(path); err == nil || !strings.Contains(err.Error(), `"adam.v.fc2.weight": element 7`) {
		t.Errorf("a NaN: got %v", err)
	}
	for _, p := range []string{path, path + PreviousSuffix} {
		if resumed, err := Resume(p, Settings{Threads: 1}); err != nil {
			t.Error(err)
		} else {
			resumed.Close()
		}
	}
}
