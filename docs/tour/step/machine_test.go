package main

import (
	"os"
	"testing"

	"github.com/kernelet/kernelet/internal/shape"
)

// TestCountInstructions finds the loop in every set's assembly, whatever this
// machine can run: a tap has 12 sums of 3 outputs × 4 positions on AVX2, 20 of 5 × 4
// on AVX-512.
func TestCountInstructions(t *testing.T) {
	for name, sums := range map[string]int{"avx2": 3 * 4, "avx512": 5 * 4} {
		content, err := os.ReadFile("../../../asm/" + name + "/direct_amd64.s")
		if err != nil {
			t.Fatal(err)
		}
		all, products, loads, err := countInstructions(string(content))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := sums * shape.Taps; products != want {
			t.Errorf("%s: multiply-adds: expected %d, got %d", name, want, products)
		}
		if loads == 0 || all < products+loads {
			t.Errorf("%s: got %d instructions, %d loads", name, all, loads)
		}
	}
	if _, _, _, err := countInstructions("TEXT ·Conv2DirectReLUPool16(SB)\n"); err == nil {
		t.Error("assembly without the loop: expected an error")
	}
}
