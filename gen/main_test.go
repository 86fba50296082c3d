package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// generated runs the generator below an empty folder and returns what it writes.
func generated(t *testing.T) map[string][]byte {
	t.Helper()
	root := t.TempDir()
	for _, folder := range []string{"kernels", "asm/avx2", "asm/avx512"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := generate(root); err != nil {
		t.Fatal(err)
	}
	return generatedFiles(t, root)
}

// generatedFiles reads the generated files below the module's root.
func generatedFiles(t *testing.T, root string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, pattern := range []string{"asm/*/*_amd64.s", "asm/*/*_amd64.go", "kernels/functions*.go"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = content
		}
	}
	return files
}

// TestDeterminism: two runs write the same, which is what lies in the module.
func TestDeterminism(t *testing.T) {
	first := generated(t)
	for name, files := range map[string]map[string][]byte{"a second run": generated(t), "the module": generatedFiles(t, "..")} {
		if len(files) != len(first) || len(first) == 0 {
			t.Errorf("%s: expected %d files, got %d", name, len(first), len(files))
		}
		for path, want := range first {
			if !bytes.Equal(files[path], want) {
				t.Errorf("%s: %s differs: run go generate in the module's root", name, path)
			}
		}
	}
}
