package bench

import (
	"math"
	"slices"
)

// summary describes samples: their median with an interval that covers the
// true median in 95 of 100 cases whatever the samples' distribution, and how
// many lie far from the others.
type summary struct {
	median, low, high float64
	outliers          int
}

// FewestSamples is the smallest n for which the range of n samples covers the
// median in 95 of 100 cases: all lie on the same side of it in 1 case of
// 2^(n−1).
const FewestSamples = 6

// summarise describes samples. The interval is that of the sign test: between
// the order statistics at which the binomial distribution of n and 1/2 leaves
// 2.5 % on either side; with fewer than FewestSamples it is their range, which
// covers less.
// Outliers lie more than 1.5 interquartile ranges outside the quartiles
// (Tukey's fences).
func summarise(samples []float64) summary {
	samples = slices.Sorted(slices.Values(samples))
	n := len(samples)
	s := summary{median: samples[n/2]}
	if n%2 == 0 {
		s.median = (samples[n/2-1] + samples[n/2]) / 2
	}
	edge, tail := 0, 0.0
	for k := range n / 2 {
		if tail += math.Exp(logBinomial(n, k) - float64(n)*math.Ln2); tail > 0.025 {
			break
		}
		edge = k
	}
	s.low, s.high = samples[edge], samples[n-1-edge]
	first, third := samples[n/4], samples[n-1-n/4]
	for _, x := range samples {
		if fence := 1.5 * (third - first); x < first-fence || x > third+fence {
			s.outliers++
		}
	}
	return s
}

// logBinomial is the natural logarithm of n over k.
func logBinomial(n, k int) float64 {
	logFactorial := func(n int) float64 { l, _ := math.Lgamma(float64(n) + 1); return l }
	return logFactorial(n) - logFactorial(k) - logFactorial(n-k)
}

// percentile returns the smallest value that a share p of the values does not
// exceed.
func percentile(values []float64, p float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, min(len(sorted), int(math.Ceil(p*float64(len(sorted)))))-1)]
}

// geometricMean of positive values.
func geometricMean(values ...float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += math.Log(v)
	}
	return math.Exp(sum / float64(len(values)))
}
