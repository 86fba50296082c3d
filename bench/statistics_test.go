package bench

import (
	"math"
	"testing"
)

// known are median, interval and number of outliers of the samples of knownSamples,
// n = 1 … 50, computed in exact fractions by a program of its own: the interval ends
// at the order statistics k+1 and n−k, where k is the largest number at most which a
// binomial of n and 1/2 is in at most 1 of 40 cases.
var known = []struct {
	median, low, high float64
	outliers          int
}{
	{2304, 2304, 2304, 0},
	{6348.5, 3481, 9216, 0},
	{1849, 36, 4900, 0},
	{4738.5, 289, 8281, 0},
	{1444, 1, 8464, 0},
	{1961, 4, 369800, 1},
	{2500, 169, 470450, 1},
	{3085.5, 576, 9604, 0},
	{3025, 784, 8464, 1},
	{3746, 361, 8649, 1},
	{3249, 169, 8836, 1},
	{4172.5, 576, 7744, 1},
	{2704, 324, 7921, 1},
	{3552.5, 676, 8649, 1},
	{1600, 169, 5476, 1},
	{2452.5, 441, 6084, 1},
	{2704, 1024, 5184, 0},
	{2972.5, 1089, 6400, 0},
	{2916, 450, 6561, 1},
	{3194.5, 961, 6084, 1},
	{3844, 1024, 7396, 2},
	{3389, 676, 7569, 2},
	{3249, 729, 7056, 2},
	{2164.5, 784, 5625, 2},
	{2401, 841, 5776, 2},
	{2654.5, 900, 4900, 1},
	{2601, 961, 5476, 1},
	{2864.5, 1225, 5625, 1},
	{3481, 1521, 6241, 1},
	{3029, 1089, 5476, 2},
	{2916, 961, 5625, 2},
	{3253, 1024, 6724, 3},
	{3481, 1296, 5776, 3},
	{2354.5, 729, 5476, 3},
	{2601, 961, 4624, 2},
	{2552.5, 1024, 5184, 2},
	{2809, 1521, 4900, 3},
	{3082.5, 1369, 5000, 2},
	{3025, 1225, 5184, 3},
	{3112.5, 1521, 5184, 2},
	{3136, 1296, 5776, 3},
	{2925, 1369, 5041, 3},
	{2601, 1156, 5041, 3},
	{2917, 1296, 4761, 3},
	{2809, 1296, 4900, 3},
	{2758.5, 1369, 5041, 4},
	{3025, 1681, 4761, 3},
	{3308.5, 1521, 5329, 4},
	{2809, 1600, 4900, 3},
	{2970.5, 1369, 5041, 3},
}

// knownSamples are the squares of remainders, in no order, some far from the others.
func knownSamples(n int) []float64 {
	samples := make([]float64, n)
	for i := range samples {
		remainder := ((i+1)*37 + n*11) % 101
		samples[i] = float64(remainder * remainder)
		if i%13 == 5 {
			samples[i] *= 50
		}
	}
	return samples
}

// TestKnownSamples: summaries of one to fifty samples.
func TestKnownSamples(t *testing.T) {
	if len(known) != 50 {
		t.Fatalf("expected 50 rows, got %d", len(known))
	}
	for i, want := range known {
		got := summarise(knownSamples(i + 1))
		if got.median != want.median || got.low != want.low || got.high != want.high || got.outliers != want.outliers {
			t.Errorf("%d samples: expected %v, got %v", i+1, want, got)
		}
	}
}

// TestPercentile: by the definition, the smallest value that enough do not exceed.
func TestPercentile(t *testing.T) {
	for n := 1; n <= 50; n++ {
		values := knownSamples(n)
		for _, p := range []float64{0, 0.01, 0.5, 0.9, 0.99, 1} {
			got := percentile(values, p)
			below, atMost, isValue := 0, 0, false
			for _, v := range values {
				isValue = isValue || v == got
				if v < got {
					below++
				}
				if v <= got {
					atMost++
				}
			}
			if share := p * float64(n); !isValue || float64(atMost) < share || below > 0 && float64(below) >= share {
				t.Errorf("%d values, %v: %v, which %d values do not exceed and %d are below", n, p, got, atMost, below)
			}
		}
	}
}

func TestGeometricMean(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{5}, 5}, {[]float64{2, 8}, 4}, {[]float64{1, 10, 100}, 10}, {[]float64{4, 4, 4, 4}, 4}} {
		if got := geometricMean(c.values...); math.Abs(got-c.want) > 8*c.want*0x1p-52 {
			t.Errorf("%v: expected %v, got %v", c.values, c.want, got)
		}
	}
}
