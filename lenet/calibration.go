package lenet

import (
	"math"
	"slices"

	"github.com/kernelet/kernelet/internal/shape"
)

// Features is the number of weights of a Calibration's rejection score.
const Features = 16 + shape.Classes

// Calibration turns a model's logits into probabilities that mean what they
// say, and into a score by which an image is refused as no digit.
type Calibration struct {
	// Temperature divides the logits before softmax (Guo et al., "On
	// Calibration of Modern Neural Networks", 2017).
	Temperature float32
	// Rejection and Hidden are the weights of the score: a logistic regression on
	// RejectionFeatures and on fc1's outputs, above 0 for what is no digit.
	Rejection [Features]float32
	Hidden    [shape.FC1Outputs]float32
}

// Predict is the function Predict with calibrated probabilities. It knows no
// rejection score, which is not of logits alone: Classifier.Classify gives one. A
// nil Calibration changes nothing.
func (c *Calibration) Predict(logits *[shape.Classes]float32) Prediction {
	if c == nil {
		return Predict(logits)
	}
	scaled := *logits
	for i := range scaled {
		scaled[i] /= c.Temperature
	}
	p := Predict(&scaled)
	p.Digit = largest(logits) // rounding may make two equal
	p.Probability = p.Probabilities[p.Digit]
	return p
}

// predict is Predict with the rejection score.
func (c *Calibration) predict(answer *[shape.SingleLogits]float32) Prediction {
	logits := logitsIn(answer)
	p := c.Predict(&logits)
	p.Rejection = c.score(answer)
	return p
}

// score is the rejection score of an image, above 0 for what is no digit; 0 for a
// nil Calibration.
func (c *Calibration) score(answer *[shape.SingleLogits]float32) float32 {
	if c == nil {
		return 0
	}
	logits := logitsIn(answer)
	sum := float64(answer[rejectionPlace])
	for i, f := range RejectionFeatures(&logits) {
		sum += float64(float64(c.Rejection[i]) * f)
	}
	return float32(sum)
}

// RejectionFeatures are what the rejection score weighs of logits: 1, the logits from the
// largest down, their energy log Σ exp (Liu et al., "Energy-based
// Out-of-distribution Detection", 2020), squares and a product of the largest
// two, and which class is the largest.
func RejectionFeatures(logits *[shape.Classes]float32) [Features]float64 {
	digit, _, sum := softmax(logits)
	sorted := *logits
	slices.Sort(sorted[:])
	slices.Reverse(sorted[:])
	var f [Features]float64
	f[0] = 1
	for i, v := range sorted {
		f[1+i] = float64(v)
	}
	first, second := float64(sorted[0]), float64(sorted[1])
	f[11] = math.Log(sum) + first
	f[12], f[13], f[14] = first*first, second*second, first*second
	f[15] = (first - second) * (first - second) * (first - second) / 100
	f[16+digit] = 1
	return f
}
