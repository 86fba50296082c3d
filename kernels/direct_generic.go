package kernels

func conv1DirectReLUPool(y, x, w, bias []float32, row int) {
	for window := row * Pool1Size; window < (row+1)*Pool1Size; window++ {
		directWindow(len(y)/Conv1Y, y, x, w, bias, window, 1, Conv1Outputs, ImageSize, Pool1Size, Conv1Row, 1, 0)
	}
}

func conv2DirectReLUPool(y, x, w, bias []float32, window int) {
	directWindow(len(y)/Conv2Y, y, x, w, bias, window, Conv2Inputs, Conv2Outputs, Pool1Size, Pool2Size, Conv2Outputs*Conv2Inputs, Conv2Inputs, 1)
}

// directWindow computes all outputs of one pooling window; the steps say how
// the weights of taps, outputs and inputs lie.
func directWindow(images int, y, x, w, bias []float32, window, inputs, outputs, inputSize, pooledSize, tapStep, outputStep, inputStep int) {
	corner := 2*(window/pooledSize)*inputSize + 2*(window%pooledSize)
	for o := range outputs {
		for image := range images {
			var sums [4]float32
			for c := range inputs {
				for tap := range Taps {
					weight := w[tap*tapStep+o*outputStep+c*inputStep]
					for p := range sums {
						at := c*inputSize*inputSize + corner + (tap/Window+p/2)*inputSize + tap%Window + p%2
						sums[p] += float32(weight * x[at*images+image])
					}
				}
			}
			y[(o*pooledSize*pooledSize+window)*images+image], _, _ = poolReLU(&sums, bias[o])
		}
	}
}
