package kernels

import (
	"math"

	"github.com/kernelet/kernelet/internal/shape"
)

func adam(w, m, v, dw []float32, oneMinusBeta1, beta2, oneMinusBeta2, correction, epsilon, rate float32) {
	for i, g := range dw {
		moment := m[i] + float32(oneMinusBeta1*(g-m[i]))
		if abs(moment) < shape.MomentFloor {
			moment = 0
		}
		second := float32(beta2*v[i]) + float32(float32(oneMinusBeta2*g)*g)
		if second < shape.MomentFloor {
			second = 0
		}
		m[i], v[i] = moment, second
		root := float32(math.Sqrt(float64(second)))
		denominator := float32(root*correction) + epsilon
		w[i] -= float32(rate * (moment / denominator))
	}
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

func lineSums(sums, lines []float32, features, batch int) {
	for feature := range features {
		var sum [shape.Block]float32
		for block := 0; block < batch; block += shape.Block {
			images := min(shape.Block, batch-block)
			for l, value := range lines[block*features+feature*images:][:images] {
				sum[l] += value
			}
		}
		sums[feature] = addLanes(&sum)
	}
}
