package lenet

import (
	"math"
	"slices"
	"testing"

	"github.com/kernelet/kernelet/mnist"
)

// TestFloats: images given as floats have the same logits alone and together,
// and almost those of the bytes that they were made from.
func TestFloats(t *testing.T) {
	const n = 41
	data := mnist.Synthetic(n, 8)
	floats := make([]float32, len(data.Images))
	for i, b := range data.Images {
		floats[i] = float32(b) / 255
	}
	c := newClassifier(t, NewModel(2))
	fromBytes, logits := make([]float32, n*10), make([]float32, n*10)
	if err := c.Logits(fromBytes, data.Images); err != nil {
		t.Fatal(err)
	}
	if err := c.LogitsFloats(logits, floats); err != nil {
		t.Fatal(err)
	}
	for i := range logits {
		// Pixels differ by their last bit, and the logits by what rounding makes of it.
		if math.Abs(float64(logits[i]-fromBytes[i])) > 1e-5 {
			t.Errorf("logit %d: bytes %v, floats %v", i, fromBytes[i], logits[i])
		}
	}
	for i := range n {
		one := make([]float32, 10)
		if err := c.LogitsFloats(one, floats[i*784:][:784]); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(one, logits[i*10:][:10]) {
			t.Errorf("image %d alone: expected %v, got %v", i, logits[i*10:][:10], one)
		}
		if got, want := c.ClassifyFloats((*[784]float32)(floats[i*784:])), Predict((*[10]float32)(one)); got != want {
			t.Errorf("image %d: expected %+v, got %+v", i, want, got)
		}
	}
	if err := c.LogitsFloats(make([]float32, 10), floats[:785]); err == nil {
		t.Error("785 values: expected an error")
	}
}
