package kernels

import (
	"math"
	"testing"

	"github.com/kernelet/kernelet/internal/shape"
)

// TestLossRange: the loss of logits that lie far apart, where exponentials
// vanish, of equal ones and of a lane without image.
func TestLossRange(t *testing.T) {
	const n = shape.Block
	biases := [][shape.Classes]float32{
		{},
		{0, -1, -10, -50, -86, -87, -88, -104, -1000, -1e30},
		{1e30, -1e30, 0, 0, 0, 0, 0, 0, 0, 1e30},
		{-500, -501, -502, -503, -504, -505, -506, -507, -508, -509},
	}
	labels := make([]int32, n)
	for i := range labels {
		labels[i] = int32(i%(shape.Classes+1) - 1)
	}
	for _, s := range sets(t) {
		for _, bias := range biases {
			logits, dlogits, denominators := make([]float32, shape.Classes*n), make([]float32, shape.Classes*n), make([]float32, n)
			if err := s.FC2ForwardLoss(n, logits, dlogits, denominators, make([]float32, shape.FC2Inputs*n), make([]float32, shape.FC2W), bias[:], labels, &caseLoss); err != nil {
				t.Fatal(err)
			}
			wantDenominators, wantGradients := lossOf(logits, labels)
			for at, want := range append(wantGradients, wantDenominators...) {
				got := append(append([]float32{}, dlogits...), denominators...)[at]
				if !(math.Abs(float64(got)-want.value) <= gamma(1)*want.magnitude) {
					t.Fatalf("%s: logits %v: value %d: expected %v ± %g, got %v", s.Name(), bias, at, want.value, gamma(1)*want.magnitude, got)
				}
			}
			for at, logit := range logits {
				if logit != bias[at/n] {
					t.Fatalf("%s: logit %d: expected %v, got %v", s.Name(), at, bias[at/n], logit)
				}
			}
		}
	}
}
