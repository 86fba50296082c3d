//go:build unix

package lenet

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPrevious: the checkpoint before the last is kept by a second name or, where
// its name is a link or lies on another disk, by a copy; what is in the way is an
// error and leaves the last one whole.
func TestPrevious(t *testing.T) {
	folder := t.TempDir()
	path, far := filepath.Join(folder, "checkpoint"), filepath.Join(t.TempDir(), "far")
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(name, want string) {
		t.Helper()
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: expected %q, got %q, error %v", filepath.Base(name), want, got, err)
		}
	}
	if err := keepPrevious(path); err != nil {
		t.Errorf("nothing to keep: %v", err)
	}
	write(path, "one")
	if err := keepPrevious(path); err != nil {
		t.Fatal(err)
	}
	holds(path+PreviousSuffix, "one")
	write(path+".new", "two")
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if err := keepPrevious(path); err != nil {
		t.Fatal(err)
	}
	holds(path, "two")
	holds(path+PreviousSuffix, "two")
	// A link in the previous one's place.
	write(far, "old")
	if err := errors.Join(os.Remove(path+PreviousSuffix), os.Symlink(far, path+PreviousSuffix)); err != nil {
		t.Fatal(err)
	}
	if err := keepPrevious(path); err != nil {
		t.Fatal(err)
	}
	holds(far, "two")
	if info, err := os.Lstat(path + PreviousSuffix); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link became %v, error %v", info, err)
	}
	write(path, "three")
	holds(far, "two") // a copy, not a second name
	if err := copyTo(far, filepath.Join(folder, "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing to copy: expected ErrNotExist, got %v", err)
	}
	holds(far, "two")
	// A folder with something in it.
	if err := errors.Join(os.Remove(path+PreviousSuffix), os.MkdirAll(filepath.Join(path+PreviousSuffix, "x"), 0o755)); err != nil {
		t.Fatal(err)
	}
	settings := Settings{Seed: 3, Threads: 1, Batch: 10}
	trainer, err := NewTrainer(NewModel(3), settings)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if err := trainer.Checkpoint(path); err == nil || !strings.HasPrefix(err.Error(), "checkpoint: ") || !strings.Contains(err.Error(), PreviousSuffix) {
		t.Errorf("a folder in the way: got %v", err)
	}
	holds(path, "three")
}

// TestThreadLimit: another limit begins the choice anew; the same one changes
// nothing.
func TestThreadLimit(t *testing.T) {
	c := newThreadChoice(8)
	for range windowSteps {
		c.took(windowTime, 100)
	}
	seen := c
	if c.limit(8); c != seen {
		t.Error("the same limit: the choice was changed")
	}
	if c.limit(4); c != newThreadChoice(4) || c.workers() != 4 {
		t.Errorf("a lower limit: got %+v", c)
	}
	if c.limit(16); c.workers() != 16 {
		t.Errorf("a higher limit: got %d workers", c.workers())
	}
}
