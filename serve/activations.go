package serve

import (
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/lenet"
)

// layers are what the network makes of an image, as pictures: 0 for what is not
// above 0 after the ReLU, 255 for the largest value of the layer.
type layers struct {
	Conv1 []byte `json:"conv1"` // pooled, 20×12×12
	Conv2 []byte `json:"conv2"` // pooled, 50×4×4: fc1's inputs
	FC1   []byte `json:"fc1"`   // 500
	Live  int    `json:"live"`  // of fc1's 800 inputs, those that are not 0
}

// activations computes the layers plainly; the classifier's kernels keep them
// in no form to look at.
func activations(m *lenet.Model, seen *[pixels]byte) *layers {
	var input [pixels]float32
	for i, v := range seen {
		input[i] = float32(v)/255*2 - 1
	}
	pool1 := convolvePool(input[:], m.Conv1Weight[:], m.Conv1Bias[:], 1, 28)
	pool2 := convolvePool(pool1, m.Conv2Weight[:], m.Conv2Bias[:], shape.Conv1Outputs, 12)
	hidden := make([]float32, shape.FC1Outputs)
	for o := range hidden {
		sum := m.FC1Bias[o]
		for i, w := range m.FC1Weight[o*shape.FC1Inputs:][:shape.FC1Inputs] {
			sum += w * pool2[i]
		}
		hidden[o] = max(0, sum)
	}
	live := 0
	for _, v := range pool2 {
		if v > 0 {
			live++
		}
	}
	return &layers{asBytes(pool1), asBytes(pool2), asBytes(hidden), live}
}

// convolvePool returns the ReLU of the largest of every 2×2 values of the
// convolution of x (channels, size, size) with 5×5 weights.
func convolvePool(x, weights, bias []float32, channels, size int) []float32 {
	const window = 5
	wide := size - window + 1
	half := wide / 2
	result := make([]float32, len(bias)*half*half)
	plane := make([]float32, wide*wide)
	for o := range bias {
		for i := range plane {
			plane[i] = bias[o]
		}
		for c := range channels {
			taps := weights[(o*channels+c)*shape.Taps:][:shape.Taps]
			for y := range wide {
				row := plane[y*wide:][:wide]
				for i := range window {
					line := x[(c*size+y+i)*size:][:size]
					t := taps[window*i:][:window]
					for at := range row {
						v := line[at:][:window]
						row[at] += t[0]*v[0] + t[1]*v[1] + t[2]*v[2] + t[3]*v[3] + t[4]*v[4]
					}
				}
			}
		}
		for y := range half {
			for column := range half {
				at := 2*y*wide + 2*column
				result[(o*half+y)*half+column] = max(0, plane[at], plane[at+1], plane[at+wide], plane[at+wide+1])
			}
		}
	}
	return result
}

// asBytes scales values so that the largest is 255.
func asBytes(values []float32) []byte {
	largest := float32(1e-9)
	for _, v := range values {
		largest = max(largest, v)
	}
	scaled := make([]byte, len(values))
	for i, v := range values {
		scaled[i] = byte(255*v/largest + .5)
	}
	return scaled
}
