package kernels

import "github.com/kernelet/kernelet/internal/shape"

func conv1DirectReLUPool(y, x, w, bias []float32, row int) {
	for window := row * shape.Pool1Size; window < (row+1)*shape.Pool1Size; window++ {
		directWindow(len(y)/shape.Conv1Y, y, x, w, bias, window, 1, shape.Conv1Outputs, shape.ImageSize, shape.Pool1Size, shape.Conv1Row, 1, 0)
	}
}

func conv2DirectReLUPool(y, x, w, bias []float32, window int) {
	directWindow(len(y)/shape.Conv2Y, y, x, w, bias, window, shape.Conv2Inputs, shape.Conv2Outputs, shape.Pool1Size, shape.Pool2Size, shape.Conv2Outputs*shape.Conv2Inputs, shape.Conv2Inputs, 1)
}

// directWindow computes all outputs of one pooling window; the steps say how
// the weights of taps, outputs and inputs lie.
func directWindow(images int, y, x, w, bias []float32, window, inputs, outputs, inputSize, pooledSize, tapStep, outputStep, inputStep int) {
	corner := 2*(window/pooledSize)*inputSize + 2*(window%pooledSize)
	for o := range outputs {
		for image := range images {
			var sums [4]float32
			for c := range inputs {
				for tap := range shape.Taps {
					weight := w[tap*tapStep+o*outputStep+c*inputStep]
					for p := range sums {
						at := c*inputSize*inputSize + corner + (tap/shape.FilterSize+p/2)*inputSize + tap%shape.FilterSize + p%2
						sums[p] += float32(weight * x[at*images+image])
					}
				}
			}
			y[(o*pooledSize*pooledSize+window)*images+image], _, _ = poolReLU(&sums, bias[o])
		}
	}
}
