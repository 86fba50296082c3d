package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/kernels"
)

var root = filepath.Join("..", "..", "..")

// TestPage: the page that is there is what the code says, and has every kernel
// once.
func TestPage(t *testing.T) {
	if err := run(root, true); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "kernels.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range kernels.Cases() {
		if n := strings.Count(string(page), "\n| ["+c.Kernel+"]("); n != 1 {
			t.Errorf("%s: expected one row, got %d", c.Kernel, n)
		}
	}
}

// TestChanged: another page, or none, is an error that says what to run.
func TestChanged(t *testing.T) {
	page, err := makePage(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, folder := range []string{"kernels", filepath.Join("asm", "avx512")} {
		absolute, err := filepath.Abs(filepath.Join(root, folder))
		if err == nil {
			err = errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, folder)), 0o755), os.Symlink(absolute, filepath.Join(dir, folder)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := run(dir, true); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no page: expected fs.ErrNotExist, got %v", err)
	}
	path := filepath.Join(dir, "docs", "kernels.md")
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "docs"), 0o755), os.WriteFile(path, []byte(strings.Replace(string(page), "3,200,000", "3,100,000", 1)), 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := run(dir, true); err == nil || !strings.Contains(err.Error(), "go run ./internal/docs/kernels") {
		t.Errorf("another page: expected an error that says what to run, got %v", err)
	}
	if err := errors.Join(run(dir, false), run(dir, true)); err != nil {
		t.Error(err)
	}
	if _, err := makePage(t.TempDir()); err == nil || !strings.Contains(err.Error(), "comment") {
		t.Errorf("no code: expected an error about a comment, got %v", err)
	}
}

// TestThousands holds numbers as they are printed.
func TestThousands(t *testing.T) {
	for x, want := range map[float64]string{0: "–", 85.44: "85.4", 100: "100", 1234: "1,234", 3200000: "3,200,000"} {
		if got := thousands(x); got != want {
			t.Errorf("%g: expected %s, got %s", x, want, got)
		}
	}
}
