package wholefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// TestWrite: a file is created and replaced, nothing else stays, and the
// permissions are those that any new file gets.
func TestWrite(t *testing.T) {
	folder := t.TempDir()
	path, other := filepath.Join(folder, "a"), filepath.Join(folder, "b")
	for _, content := range []string{"first", "", "second"} {
		if err := Write(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("expected %q, got %q, error %v", content, got, err)
		}
	}
	if err := os.WriteFile(other, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	got, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(other)
	if err != nil {
		t.Fatal(err)
	}
	if got.Mode() != want.Mode() {
		t.Errorf("permissions: expected %v, got %v", want.Mode(), got.Mode())
	}
	if got := names(t, folder); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("the folder holds %v", got)
	}
}

// TestWriteFails: the old file and no temporary one are left.
func TestWriteFails(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a")
	if err := os.Mkdir(path, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("x")); err == nil {
		t.Error("a folder was replaced")
	}
	if got := names(t, folder); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the folder holds %v", got)
	}
	if err := Write(filepath.Join(folder, "none", "a"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: expected ErrNotExist, got %v", err)
	}
	if runtime.GOOS != "windows" {
		if err := syncFolder(filepath.Join(folder, "none")); err == nil {
			t.Error("the error of a folder that cannot be synced was dropped")
		}
	}
}

// TestSweep: what a killed writer left goes, and nothing that only looks alike.
func TestSweep(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a")
	old := time.Now().Add(-2 * AbandonedAfter)
	for range 3 {
		file, err := create(path, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		file.Close()
		if err := os.Chtimes(file.Name(), old, old); err != nil {
			t.Fatal(err)
		}
	}
	// One that somebody may be writing stays.
	young, err := create(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	young.Close()
	keep := []string{".a.tmp", ".a.x.y.tmp", ".a.xyz", ".b.xyz.tmp", "a", "a.xyz.tmp"}
	for _, name := range keep {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(folder, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	keep = append(keep, filepath.Base(young.Name()))
	slices.Sort(keep)
	if err := Sweep(path, AbandonedAfter); err != nil {
		t.Fatal(err)
	}
	if got := names(t, folder); !slices.Equal(got, keep) {
		t.Errorf("expected %v, got %v", keep, got)
	}
	if err := Sweep(path, 0); err != nil {
		t.Fatal(err)
	}
	keep = slices.DeleteFunc(keep, func(name string) bool { return name == filepath.Base(young.Name()) })
	if got := names(t, folder); !slices.Equal(got, keep) {
		t.Errorf("of any age: expected %v, got %v", keep, got)
	}
	if err := Sweep(filepath.Join(folder, "none", "a"), 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: expected ErrNotExist, got %v", err)
	}
}
