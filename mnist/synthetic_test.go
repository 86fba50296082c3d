package mnist

import (
	"bytes"
	"math"
	"testing"
)

func TestSyntheticIsDeterministic(t *testing.T) {
	a, b := Synthetic(50, 3), Synthetic(80, 3)
	if !bytes.Equal(a.Images, b.Images[:50*ImageBytes]) || !bytes.Equal(a.Labels, b.Labels[:50]) {
		t.Error("an image depends on how many are drawn")
	}
	if bytes.Equal(a.Images, Synthetic(50, 4).Images) {
		t.Error("images do not depend on the seed")
	}
}

// TestSyntheticIsNotLinear trains a linear classifier: what LeNet learns must
// be out of its reach.
func TestSyntheticIsNotLinear(t *testing.T) {
	train, test := Synthetic(6000, 1), Synthetic(2000, 2)
	var weights [Classes][ImageBytes + 1]float64
	logits := func(image []byte) (z [Classes]float64) {
		for class := range z {
			w := &weights[class]
			sum := w[ImageBytes]
			for i, v := range image {
				if v > 0 {
					sum += w[i] * float64(v) / 255
				}
			}
			z[class] = sum
		}
		return z
	}
	const epochs = 8
	for epoch := range epochs {
		rate := 0.05 * (1 - float64(epoch)/epochs)
		for n, label := range train.Labels {
			image := train.Images[n*ImageBytes:][:ImageBytes]
			z := logits(image)
			sum := 0.0
			for class := range z {
				z[class] = math.Exp(z[class])
				sum += z[class]
			}
			for class := range z {
				gradient := z[class] / sum
				if class == int(label) {
					gradient--
				}
				for i, v := range image {
					if v > 0 {
						weights[class][i] -= rate * gradient * float64(v) / 255
					}
				}
				weights[class][ImageBytes] -= rate * gradient
			}
		}
	}
	correct := 0
	for n, label := range test.Labels {
		z := logits(test.Images[n*ImageBytes:][:ImageBytes])
		digit := 0
		for class, v := range z {
			if v > z[digit] {
				digit = class
			}
		}
		if digit == int(label) {
			correct++
		}
	}
	accuracy := 100 * float64(correct) / float64(test.Len())
	t.Logf("linear classifier: %.2f %%", accuracy)
	if accuracy < 50 || accuracy >= 95 {
		t.Errorf("linear classifier: expected between 50 and 95 %%, got %.2f", accuracy)
	}
}
