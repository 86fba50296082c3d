package main

import (
	"path/filepath"
	"testing"
)

// TestFit: every mutant fits the code, and there are a hundred.
func TestFit(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if err := fit(root, all()); err != nil {
		t.Error(err)
	}
	if len(all()) < 100 {
		t.Errorf("expected at least 100, got %d", len(all()))
	}
	for _, m := range all() {
		if m.Tests == "" {
			t.Errorf("%s: %s: no tests", m.File, m.Old)
		}
	}
}
