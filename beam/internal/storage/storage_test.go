package storage

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPatience: a service that refuses is given up, and the error names the path.
func TestPatience(t *testing.T) {
	t.Setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:1") // Google's client tries it again and again
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	t.Setenv("AWS_REGION", "nowhere")
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	before := patience
	t.Cleanup(func() { patience = before })
	patience = 50 * time.Millisecond
	for _, scheme := range []string{"gs", "s3"} {
		path := scheme + "://bucket/name"
		for what, call := range map[string]func() error{
			"glob":  func() error { _, err := Glob(t.Context(), path+"*"); return err },
			"size":  func() error { _, err := Size(t.Context(), path); return err },
			"read":  func() error { _, err := Read(t.Context(), path); return err },
			"write": func() error { return Folder(path).Write(t.Context(), "file", []byte("content")) },
		} {
			err := call()
			if err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%s of %s: expected an error that names it, got %v", what, path, err)
			}
		}
	}
}

// TestFolder: a file appears whole or not at all, and nothing temporary stays.
func TestFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new")
	f := Folder(folder)
	if err := f.Write(t.Context(), "a/one", []byte("content")); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Read(t.Context(), "a/one"); err != nil || string(got) != "content" {
		t.Errorf("expected what was written, got %q %v", got, err)
	}
	full := errors.New("no space")
	err := f.WriteTo(t.Context(), "a/one", func(w io.Writer) error {
		if _, err := io.WriteString(w, "half"); err != nil {
			t.Error(err)
		}
		return full
	})
	if !errors.Is(err, full) {
		t.Errorf("expected the error, got %v", err)
	}
	if got, err := f.Read(t.Context(), "a/one"); err != nil || string(got) != "content" {
		t.Errorf("after a failure: expected what was there, got %q %v", got, err)
	}
	if left, err := Glob(t.Context(), f.Path(temporaryFolder+"/*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if err := f.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(folder, temporaryFolder)); err == nil {
		t.Error("the folder of temporary files stayed")
	}
}
