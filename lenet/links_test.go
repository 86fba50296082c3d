//go:build unix

package lenet

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestCheckpointLinks: a checkpoint behind a symbolic link is replaced where it
// is, the one before it stays whole beside the link, and modes stay.
func TestCheckpointLinks(t *testing.T) {
	folder := t.TempDir()
	path, target := filepath.Join(folder, "link"), filepath.Join(folder, "far", "checkpoint")
	if err := os.Mkdir(filepath.Dir(target), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("far", "checkpoint"), path); err != nil {
		t.Fatal(err)
	}
	settings := Settings{Seed: 3, Threads: 1, Batch: 10}
	trainer, err := NewTrainer(NewModel(3), settings)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	for i := range 3 {
		if i > 0 {
			if _, err := trainer.Step(make([]byte, 7840), make([]byte, 10)); err != nil {
				t.Fatal(err)
			}
		}
		if err := trainer.Checkpoint(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(target, 0o640); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("the link became %v, error %v", info, err)
		}
	}
	for p, steps := range map[string]uint64{path: 2, target: 2, path + PreviousSuffix: 1} {
		resumed, err := Resume(p, settings)
		if err != nil {
			t.Fatal(err)
		}
		if got := resumed.position.steps; got != steps {
			t.Errorf("%s: expected %d steps, got %d", filepath.Base(p), steps, got)
		}
		resumed.Close()
		if info, err := os.Stat(p); err != nil || info.Mode() != 0o640 {
			t.Errorf("%s: mode %v, error %v", filepath.Base(p), info.Mode(), err)
		}
	}
	// A pipe has no previous one, and stays.
	pipe := filepath.Join(folder, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() {
		reader, err := os.Open(pipe)
		if err == nil {
			defer reader.Close()
			_, err = io.Copy(io.Discard, reader)
		}
		got <- err
	}()
	if err := errors.Join(trainer.Checkpoint(pipe), <-got); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(pipe + PreviousSuffix); err == nil {
		t.Error("a pipe has a previous one")
	}
}
