// Package network prepares what the steps and the drawings of the tour share: a
// trained network's real activations, in the layouts of the kernels.
package network

import (
	"github.com/kernelet/kernelet/internal/aligned"
	"github.com/kernelet/kernelet/internal/reference"
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/mnist"
)

// Digits are drawn, so that everybody has the same.
func Digits(n int) mnist.Set { return mnist.Synthetic(n, 7) }

// Activations are those of images on their way through the trained network, in
// float64 and in PyTorch's order.
type Activations struct {
	Images                 []byte
	Pool1, Pool2           []float64 // (n, 20, 12, 12), (n, 50, 4, 4), after ReLU
	Hidden, Logits         []float64 // (n, 500) after ReLU, (n, 10)
	Conv2Weight, Conv2Bias []float64 // (50, 20, 5, 5), (50)
}

// Run computes the activations of n digits by direct sums.
func Run(n int) (*Activations, error) {
	model, err := pretrained.Model()
	if err != nil {
		return nil, err
	}
	parameters := map[string][]float64{}
	for _, tensor := range model.Tensors() {
		values := make([]float64, len(tensor.Values))
		for i, v := range tensor.Values {
			values[i] = float64(v)
		}
		parameters[tensor.Name] = values
	}
	a := &Activations{Images: Digits(n).Images, Conv2Weight: parameters["conv2.weight"], Conv2Bias: parameters["conv2.bias"]}
	x := make([]float64, len(a.Images))
	for i, pixel := range a.Images {
		x[i] = reference.Normalise(pixel)
	}
	y := reference.Convolve(x, parameters["conv1.weight"], parameters["conv1.bias"], n, 1, shape.Conv1Outputs, shape.ImageSize)
	a.Pool1, _ = reference.PoolReLU(y, n*shape.Conv1Outputs, shape.Conv1Size)
	y = reference.Convolve(a.Pool1, a.Conv2Weight, a.Conv2Bias, n, shape.Conv2Inputs, shape.Conv2Outputs, shape.Pool1Size)
	a.Pool2, _ = reference.PoolReLU(y, n*shape.Conv2Outputs, shape.Conv2Size)
	a.Hidden = reference.Connect(a.Pool2, parameters["fc1.weight"], parameters["fc1.bias"], n, shape.FC1Inputs, shape.FC1Outputs)
	for i, v := range a.Hidden {
		a.Hidden[i] = max(0, v)
	}
	a.Logits = reference.Connect(a.Hidden, parameters["fc2.weight"], parameters["fc2.bias"], n, shape.FC2Inputs, shape.Classes)
	return a, nil
}

// Conv2 runs conv2's three algorithms with a set of kernels on a block of real
// activations, and returns the relative errors of their pooled outputs: the root
// of the mean square, relative to that of the outputs in float64.
func Conv2(set *kernels.Set) (direct, four, twelve float64, err error) {
	const n = shape.Block
	a, err := Run(n)
	if err != nil {
		return 0, 0, 0, err
	}
	x := aligned.Floats(shape.Conv2X * n)
	for image := range n {
		for i := range shape.Conv2X {
			x[i*n+image] = float32(a.Pool1[image*shape.Conv2X+i])
		}
	}
	// The reference sees the same rounded inputs.
	rounded := make([]float64, len(a.Pool1))
	for i, v := range a.Pool1 {
		rounded[i] = float64(float32(v))
	}
	y := reference.Convolve(rounded, a.Conv2Weight, a.Conv2Bias, n, shape.Conv2Inputs, shape.Conv2Outputs, shape.Pool1Size)
	want, _ := reference.PoolReLU(y, n*shape.Conv2Outputs, shape.Conv2Size)

	w, bias := aligned.Floats(shape.Conv2W), aligned.Floats(shape.Conv2Outputs)
	for o := range shape.Conv2Outputs {
		bias[o] = float32(a.Conv2Bias[o])
		for c := range shape.Conv2Inputs {
			for tap := range shape.Taps {
				w[(tap*shape.Conv2Outputs+o)*shape.Conv2Inputs+c] = float32(a.Conv2Weight[(o*shape.Conv2Inputs+c)*shape.Taps+tap])
			}
		}
	}
	got := aligned.Floats(shape.Conv2Y * n)
	relative := func() float64 { return relativeError(got, want, n) }

	if err := set.Conv2DirectReLUPool(n, got, x, w, bias); err != nil {
		return 0, 0, 0, err
	}
	direct = relative()

	u, v, work := aligned.Floats(shape.Conv2U), aligned.Floats(shape.Conv2V(n)), aligned.Floats(shape.Conv2ForwardWork(n))
	if err := set.Conv2WeightTransform(u, w); err != nil {
		return 0, 0, 0, err
	}
	if err := set.Conv2InputTransform(n, v, x); err != nil {
		return 0, 0, 0, err
	}
	if err := set.Conv2ForwardReLUPool(n, got, work, u, v, bias); err != nil {
		return 0, 0, 0, err
	}
	four = relative()

	u, v, work = aligned.Floats(shape.Conv2TrainU), aligned.Floats(shape.Conv2TrainV(n)), aligned.Floats(shape.Conv2TrainWork)
	if err := set.Conv2TrainWeightTransform(u, w, 0, shape.Conv2Outputs); err != nil {
		return 0, 0, 0, err
	}
	if err := set.Conv2TrainInputTransform(n, v, x, 0, shape.Conv2Inputs); err != nil {
		return 0, 0, 0, err
	}
	mask := make([]byte, shape.MaskBytes(shape.Conv2Y, n))
	if err := set.Conv2TrainForwardReLUPoolMask(n, got, mask, work, u, v, bias, 0, shape.Conv2Outputs); err != nil {
		return 0, 0, 0, err
	}
	return direct, four, relative(), nil
}
