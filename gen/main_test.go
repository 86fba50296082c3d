package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/kernelet/kernelet/gen/isa"
)

// generated runs the command into an empty folder and returns what it writes.
func generated(t *testing.T) map[string][]byte {
	t.Helper()
	folder := t.TempDir()
	for _, target := range isa.Targets {
		if err := os.Mkdir(filepath.Join(folder, target.Name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	arguments := os.Args
	defer func() { os.Args = arguments }()
	os.Args = []string{"gen", folder}
	main()
	return generatedFiles(t, folder)
}

// generatedFiles reads the generated files below a folder.
func generatedFiles(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, pattern := range []string{"*/*_amd64.s", "*/*_amd64.go"} {
		paths, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(folder, path)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = content
		}
	}
	return files
}

// TestDeterminism: two runs write the same, which is what lies in asm.
func TestDeterminism(t *testing.T) {
	first := generated(t)
	for name, files := range map[string]map[string][]byte{"a second run": generated(t), "asm": generatedFiles(t, "../asm")} {
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
