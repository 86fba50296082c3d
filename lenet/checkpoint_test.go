package lenet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
		if err := safetensors.Write(&b, metadata, tensors); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	var model bytes.Buffer
	if err := NewModel(1).Write(&model); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"truncated":   whole[:len(whole)-1],
		"empty":       nil,
		"a model":     model.Bytes(),
		"no moments":  damaged(func(_ map[string]string, ts []safetensors.Tensor) []safetensors.Tensor { return ts[:8] }),
		"no position": damaged(func(_ map[string]string, ts []safetensors.Tensor) []safetensors.Tensor { return ts[:len(ts)-1] }),
		"position": damaged(func(_ map[string]string, ts []safetensors.Tensor) []safetensors.Tensor {
			ts[len(ts)-1].Data[8] = 7 // images done of none
			return ts
		}),
		"settings": damaged(func(m map[string]string, ts []safetensors.Tensor) []safetensors.Tensor {
			m["settings"] = "{"
			return ts
		}),
	} {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Resume(path, Settings{}); !errors.Is(err, ErrCheckpoint) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: expected ErrCheckpoint that names the file, got %v", name, err)
		}
	}
}
