package random

import (
	"math"
	"slices"
	"testing"
)

// TestPinned keeps trained weights reproducible across versions.
func TestPinned(t *testing.T) {
	if got := Bits(1, 2); got != Bits(1, 2) || got == Bits(2, 1) || got == Bits(1, 3) {
		t.Errorf("Bits(1, 2) = %#x is no function of its arguments", got)
	}
	if got, want := Bits(Key(Shuffle, 1, 2), 3), uint64(0xe76ba47b396b9e37); got != want {
		t.Errorf("Bits: expected %#x, got %#x", want, got)
	}
}

// TestUniform checks mean and variance: five standard errors of n numbers.
func TestUniform(t *testing.T) {
	const n = 100_000
	for key := range uint64(4) {
		var sum, squares, products float64
		previous := 0.5
		for i := range uint64(n) {
			x := Uniform(key, i)
			sum += x
			squares += (x - 0.5) * (x - 0.5)
			products += (x - 0.5) * (previous - 0.5)
			previous = x
		}
		if d := math.Abs(sum/n - 0.5); d > 5*math.Sqrt(1.0/12/n) {
			t.Errorf("key %d: mean is off by %g", key, d)
		}
		if d := math.Abs(squares/n - 1.0/12); d > 5*math.Sqrt(1.0/180/n) {
			t.Errorf("key %d: variance is off by %g", key, d)
		}
		if d := math.Abs(products / n); d > 5.0/12/math.Sqrt(n) {
			t.Errorf("key %d: neighbours correlate: %g", key, d)
		}
	}
}

func TestPermutation(t *testing.T) {
	p := make([]int32, 1000)
	Permutation(7, p)
	sorted := slices.Clone(p)
	slices.Sort(sorted)
	fixed := 0
	for i, v := range sorted {
		if v != int32(i) {
			t.Fatalf("not a permutation: %d at %d", v, i)
		}
		if p[i] == int32(i) {
			fixed++
		}
	}
	// The number of fixed points is Poisson with mean 1.
	if fixed > 10 {
		t.Errorf("%d of 1000 values stayed in place", fixed)
	}
	Permutation(7, nil)
}
