package kernels

import (
	"math"

	"github.com/kernelet/kernelet/internal/shape"
)

// The twins of fc2's kernels: the same steps in plain Go.

func fc2Forward(logits, x, w, bias []float32) {
	images := len(logits) / shape.Classes
	for class := range shape.Classes {
		sum := logits[class*images:][:images]
		for image := range sum {
			sum[image] = bias[class]
		}
		for i := range shape.FC2Inputs {
			weight := w[class*shape.FC2Inputs+i]
			values := x[i*images:][:len(sum)]
			for image := range sum {
				sum[image] += float32(weight * values[image])
			}
		}
	}
}

func fc2ForwardLoss(logits, dlogits, denominators, x, w, bias []float32, labels []int32, scale, label, other float32) {
	images := len(labels)
	fc2Forward(logits, x, w, bias)
	for image, correct := range labels {
		highest := logits[image]
		for class := 1; class < shape.Classes; class++ {
			highest = max2(highest, logits[class*images+image])
		}
		denominator := float32(0)
		for class := range shape.Classes {
			e := exponential(logits[class*images+image] - highest)
			dlogits[class*images+image] = e
			denominator += e
		}
		denominators[image] = denominator
		reciprocal := 1 / denominator
		for class := range shape.Classes {
			target := other
			if int32(class) == correct {
				target += label
			}
			gradient := float32(dlogits[class*images+image]*reciprocal) - target
			if correct < 0 {
				gradient = 0
			}
			dlogits[class*images+image] = gradient * scale
		}
	}
}

// Constants of exponential: x = n·ln 2 + r with ln 2 in two parts, so that
// n·ln2High is exact, and Taylor's polynomial of degree 6 for eʳ on |r| ≤
// ln 2/2; the largest relative error is 2e-7.
const (
	expLowest  = -87      // below, eˣ is taken as e⁻⁸⁷, 1.6e-38
	log2e      = 1.442695 // 1/ln 2
	ln2High    = 0.693359375
	ln2Low     = -2.12194440e-4
	roundMagic = 3 << 22 // added and subtracted it rounds to the nearest integer
)

var expCoefficients = [...]float32{1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 1.0 / 2, 1, 1}

// exponential returns eˣ for x ≤ 0.
func exponential(x float32) float32 {
	if x < expLowest {
		x = expLowest
	}
	n := float32(float32(x*log2e)+roundMagic) - roundMagic
	r := x - float32(n*ln2High)
	r -= float32(n * ln2Low)
	y := expCoefficients[0]
	for _, c := range expCoefficients[1:] {
		y = float32(y*r) + c
	}
	// 2ⁿ by its exponent bits.
	return float32(y * math.Float32frombits(uint32(int32(n)+127)<<23))
}

func fc2InputGrad(dx, dlogits, w, x []float32, scale float32) {
	images := len(dlogits) / shape.Classes
	for i := range shape.FC2Inputs {
		for image := range images {
			sum := float32(0)
			for class := range shape.Classes {
				sum += float32(w[class*shape.FC2Inputs+i] * dlogits[class*images+image])
			}
			if !(x[i*images+image] > 0) {
				sum = 0
			}
			dx[i*images+image] = sum * scale
		}
	}
}

func fc2WeightGrad(dw, dlogits, x []float32, batch int) {
	for class := range shape.Classes {
		for i := range shape.FC2Inputs {
			var sum [shape.Block]float32
			for block := 0; block < batch; block += shape.Block {
				images := min(shape.Block, batch-block)
				a := dlogits[block*shape.Classes+class*images:][:images]
				b := x[block*shape.FC2Inputs+i*images:][:images]
				for l := range a {
					sum[l] += float32(a[l] * b[l])
				}
			}
			dw[class*shape.FC2Inputs+i] = addLanes(&sum)
		}
	}
}
