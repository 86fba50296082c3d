package kernels

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// assembly lists the generated files of an instruction set.
func assembly(t *testing.T, isa string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "asm", isa, "*.s"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no assembly of %s: %v", isa, err)
	}
	contents := map[string]string{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		contents[path] = string(content)
	}
	return contents
}

// required are the features that dispatch tests before it chooses a set, by
// the names that stand in the generated files. "MMX+" is what avo calls the
// prefetches, which came with SSE.
var required = map[string][]string{
	"avx2":   {"AVX", "AVX2", "FMA3", "POPCNT", "BMI", "SSE", "SSE2", "MMX+"},
	"avx512": {"AVX", "AVX2", "FMA3", "POPCNT", "BMI", "SSE", "SSE2", "MMX+", "AVX512F", "AVX512BW", "AVX512DQ", "AVX512VL"},
}

// TestRequires: no kernel needs a feature that dispatch does not test.
func TestRequires(t *testing.T) {
	line := regexp.MustCompile(`(?m)^// Requires: (.*)$`)
	for isa, allowed := range required {
		for path, content := range assembly(t, isa) {
			for _, match := range line.FindAllStringSubmatch(content, -1) {
				for _, feature := range strings.Split(match[1], ", ") {
					// Callers of extension's kernels test for it.
					if !slices.Contains(allowed, feature) && !(filepath.Base(path) == "extension_amd64.s" && feature == "AVX512VNNI") {
						t.Errorf("%s requires %s", path, feature)
					}
				}
			}
		}
	}
}

// TestRegisters: AVX2 has no register above 15, no 512-bit register and no
// mask. The assembler would encode them without a word.
func TestRegisters(t *testing.T) {
	forbidden := regexp.MustCompile(`\b(?:[XY](?:1[6-9]|2[0-9]|3[01])|Z(?:[0-9]|[12][0-9]|3[01])|K[0-7])\b`)
	for path, content := range assembly(t, "avx2") {
		for i, line := range strings.Split(content, "\n") {
			code, _, _ := strings.Cut(line, "//")
			if register := forbidden.FindString(code); register != "" {
				t.Errorf("%s:%d: uses %s", path, i+1, register)
			}
		}
	}
}

// TestReturns: every function clears the upper halves before every return, and
// none is marked to skip the check of the stack's size.
func TestReturns(t *testing.T) {
	for isa := range required {
		for path, content := range assembly(t, isa) {
			previous, returns := "", 0
			for i, line := range strings.Split(content, "\n") {
				code, _, _ := strings.Cut(line, "//")
				fields := strings.Fields(code)
				if len(fields) == 0 {
					continue
				}
				if fields[0] == "RET" {
					returns++
					if previous != "VZEROUPPER" {
						t.Errorf("%s:%d: RET follows %s", path, i+1, previous)
					}
				}
				previous = fields[0]
			}
			if functions := strings.Count(content, "\nTEXT "); returns < functions {
				t.Errorf("%s: %d functions, %d returns", path, functions, returns)
			}
		}
	}
}

// TestBroadcasts: a product with one float32 in memory has to say so; without
// the suffix it would read a whole vector.
func TestBroadcasts(t *testing.T) {
	constant := regexp.MustCompile(`^\s*(V\w+PS)(\.BCST)?\s+\w+_[\w]+<>\+0\(SB\)`)
	for path, content := range assembly(t, "avx512") {
		for i, line := range strings.Split(content, "\n") {
			if m := constant.FindStringSubmatch(line); m != nil && m[2] == "" && m[1] != "VMOVUPS" && m[1] != "VBROADCASTSS" {
				t.Errorf("%s:%d: reads a vector from a constant of one value: %s", path, i+1, strings.TrimSpace(line))
			}
		}
	}
}
