package lenet

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/internal/safetensors"
)

// TestForeignFiles: a file of another kind is named for what it is, with the
// way out.
func TestForeignFiles(t *testing.T) {
	trainer, err := NewTrainer(NewModel(1), Tutorial())
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	checkpoint := filepath.Join(t.TempDir(), "checkpoint")
	if err := trainer.Checkpoint(checkpoint); err != nil {
		t.Fatal(err)
	}
	saved, err := os.ReadFile(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	var double bytes.Buffer
	var tensors []safetensors.Tensor
	for _, w := range NewModel(1).Tensors() {
		tensors = append(tensors, safetensors.Tensor{Name: w.Name, Type: safetensors.Float64, Shape: w.Shape, Data: make([]byte, 8*len(w.Values))})
	}
	if err := safetensors.Write(&double, nil, tensors); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		says    []string
	}{
		".pt":        {[]byte("PK\x03\x04, then more"), []string{"PyTorch's .pt", "lenet/weights.Load"}},
		"old .pth":   {[]byte("\x80\x02\x8a\x0a\x6c\xfc\x9c"), []string{"PyTorch's old .pt", "lenet/weights.Load"}},
		".h5":        {[]byte("\x89HDF\r\n\x1a\n and more"), []string{"Keras's .h5", "lenet/weights.Load"}},
		"LFS":        {[]byte("version https://git-lfs.github.com/spec/v1"), []string{"Git LFS", "git lfs pull"}},
		"web page":   {[]byte("<!DOCTYPE html><html>"), []string{"a web page"}},
		"empty":      {nil, []string{"an empty file"}},
		"float64":    {double.Bytes(), []string{"expected F32, got F64", "lenet/weights.Load"}},
		"checkpoint": {saved, []string{"a checkpoint", "--resume"}},
	} {
		_, err := Read(bytes.NewReader(c.content))
		for _, says := range c.says {
			if !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: expected ErrModel that says %q, got %v", name, says, err)
			}
		}
	}
}
