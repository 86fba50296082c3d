package lenet

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/kernelet/kernelet/internal/safetensors"
	"github.com/kernelet/kernelet/mnist"
)

// FuzzResume: a checkpoint with any header, or any end, is an error that wraps
// ErrCheckpoint or ErrSettings; never a trainer with other weights.
func FuzzResume(f *testing.F) {
	settings := Tutorial()
	settings.Threads, settings.Batch = 1, 8
	trainer, err := NewTrainer(NewModel(1), settings)
	if err != nil {
		f.Fatal(err)
	}
	data := mnist.Synthetic(16, 1)
	if _, err := trainer.Epoch(f.Context(), data.Images, data.Labels); err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(f.TempDir(), "checkpoint")
	if err := trainer.Checkpoint(path); err != nil {
		f.Fatal(err)
	}
	want := trainer.Model().SHA256()
	trainer.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	size := int(whole[0]) | int(whole[1])<<8 | int(whole[2])<<16
	f.Add(whole[:8+size], 0)
	f.Add(whole[:8+size], 100)
	f.Add([]byte("{}"), 7)
	f.Fuzz(func(t *testing.T, head []byte, cut int) {
		content := append([]byte(nil), head...)
		if cut >= 0 && 8+size+cut <= len(whole) {
			content = append(content, whole[8+size+cut:]...)
		}
		resumed, err := resume(content, settings)
		if err != nil {
			if !errors.Is(err, ErrCheckpoint) && !errors.Is(err, ErrSettings) && !errors.Is(err, safetensors.ErrFormat) {
				t.Errorf("expected ErrCheckpoint or ErrSettings, got %v", err)
			}
			return
		}
		defer resumed.Close()
		if got := resumed.Model().SHA256(); got != want {
			t.Errorf("expected the weights %s, got %s", want, got)
		}
	})
}
