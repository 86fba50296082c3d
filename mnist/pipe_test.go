//go:build unix

package mnist

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestPipe: a pipe, as <(…) of a shell makes it, is read once and to its end, in
// all forms that are one file.
func TestPipe(t *testing.T) {
	train, test := Synthetic(60, 1), Synthetic(20, 2)
	piped := func(ctx context.Context, content []byte) (*Dataset, error) {
		path := filepath.Join(t.TempDir(), "pipe")
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Skip(err)
		}
		written := make(chan error, 1)
		go func() {
			w, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err == nil {
				_, err = w.Write(content)
				err = errors.Join(err, w.Close())
			}
			written <- err
		}()
		data, err := Open(ctx, path)
		if writing := <-written; writing != nil && err == nil {
			t.Error(writing)
		}
		return data, err
	}
	for name, files := range forms(train, test) {
		if len(files) != 1 || name == "pictures" {
			continue
		}
		for _, content := range files {
			data, err := piped(t.Context(), content)
			if err != nil || !bytes.Equal(data.Train.Images, train.Images) || !bytes.Equal(data.Test.Labels, test.Labels) {
				t.Errorf("%s: other images, or %v", name, err)
			}
		}
	}
	if data, err := piped(t.Context(), gzipped(imagesFile(train.Images))); err != nil || !bytes.Equal(data.Train.Images, train.Images) {
		t.Errorf("one file of images: %v", err)
	}
	if _, err := piped(t.Context(), []byte("hello")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no data: expected ErrNotExist, got %v", err)
	}
}
