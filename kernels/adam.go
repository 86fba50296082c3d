package kernels

import (
	"math"

	"github.com/kernelet/kernelet/internal/portable"
)

// AdamStep holds the factors of one step of Adam (Kingma and Ba, "Adam: A
// Method for Stochastic Optimization", 2015, in PyTorch's form):
//
//	m = m + (1−β₁)(g − m)
//	v = β₂ v + (1−β₂) g²
//	w = w − rate/(1−β₁ᵗ) · m / (√v / √(1−β₂ᵗ) + ε)
//
// Moments whose absolute value is below 1e-30 become 0: they would turn into
// denormals, which are slow.
type AdamStep struct {
	OneMinusBeta1 float32
	Beta2         float32
	OneMinusBeta2 float32
	Correction    float32 // 1/√(1−β₂ᵗ)
	Epsilon       float32
	Rate          float32 // rate/(1−β₁ᵗ)
}

// NewAdamStep returns the factors of step t = 1, 2, …
func NewAdamStep(rate, beta1, beta2, epsilon float64, t int) AdamStep {
	return AdamStep{
		OneMinusBeta1: float32(1 - beta1),
		Beta2:         float32(beta2),
		OneMinusBeta2: float32(1 - beta2),
		Correction:    float32(1 / math.Sqrt(1-portable.Power(beta2, t))),
		Epsilon:       float32(epsilon),
		Rate:          float32(rate / (1 - portable.Power(beta1, t))),
	}
}

// Adam applies a step to the weights w with the moments m and v and the
// gradient dw, all of one length, a multiple of 8.
func (s *Set) Adam(w, m, v, dw []float32, step *AdamStep) error {
	c := contract{kernel: "Adam"}
	if len(w) == 0 || len(w)%8 != 0 {
		c.fail("w: expected a positive multiple of 8 elements, got %d", len(w))
	}
	c.length("m", len(m), len(w)).length("v", len(v), len(w)).length("dw", len(dw), len(w))
	if c.err == nil {
		s.adam(w, m, v, dw, step.OneMinusBeta1, step.Beta2, step.OneMinusBeta2, step.Correction, step.Epsilon, step.Rate)
	}
	return c.err
}

// LineSums computes sums [features], for each feature the sum over all images
// of the blocks lines [blocks][features] of a batch: a bias gradient.
func (s *Set) LineSums(images int, sums, lines []float32, features int) error {
	c := contract{kernel: "LineSums"}
	if features <= 0 {
		c.fail("features: expected a positive number, got %d", features)
	}
	c.batch(images).length("sums", len(sums), features).length("lines", len(lines), features*images)
	if c.err == nil {
		s.lineSums(sums, lines, features, images)
	}
	return c.err
}
