package kernels

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kernelet/kernelet/internal/reference"
	"github.com/kernelet/kernelet/internal/shape"
)

// The kernels of both convolutions, one after another, against the plain
// convolution in float64. The largest error follows from the same computation
// in numbers, whose magnitudes grow from stage to stage; each stage adds its
// roundings: those of a transform in two dimensions, one more than their length
// of sums of products, and a bias.

// uniform returns n values in [−1, 1).
func uniform(r *rand.Rand, n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = 2*r.Float32() - 1
	}
	return values
}

// unlined turns lines [features][n] into (n, features) in float64.
func unlined(n int, lines []float32) []float64 {
	values := make([]float64, len(lines))
	features := len(lines) / n
	for i, v := range lines {
		values[i%n*features+i/n] = float64(v)
	}
	return values
}

// torchWeights turns w [25][row], outputs × inputs and padding in a row, into
// (outputs, inputs, 5, 5).
func torchWeights(w []float32, row, outputs, inputs int) []float64 {
	values := make([]float64, outputs*inputs*shape.Taps)
	for i := range values {
		values[i] = float64(w[i%shape.Taps*row+i/shape.Taps])
	}
	return values
}

func floats64(x []float32) []float64 {
	values := make([]float64, len(x))
	for i, v := range x {
		values[i] = float64(v)
	}
	return values
}

// expect holds values of a layout against want; those of bounds, made by
// Winograd's matrices, have to be the same but for rounding in float64.
func expect(t *testing.T, s *Set, name string, of layout, got []float32, want []float64, bounds []number, roundings float64) {
	t.Helper()
	if len(got) != of.Length() || len(want) != len(got) || len(bounds) != len(got) {
		t.Fatalf("%s: %s %v: %d values, %d expected, %d bounds", s.Name(), name, of, len(got), len(want), len(bounds))
	}
	for i, v := range got {
		if math.Abs(bounds[i].value-want[i]) > 1e-12*bounds[i].magnitude {
			t.Fatalf("%s: %s%s: Winograd's matrices give %v, direct sums %v", s.Name(), name, of.At(i), bounds[i].value, want[i])
		}
		if tolerance := gamma(roundings) * bounds[i].magnitude; !(math.Abs(float64(v)-want[i]) <= tolerance) {
			t.Fatalf("%s: %s%s: expected %v ± %g, got %v", s.Name(), name, of.At(i), want[i], tolerance, v)
		}
	}
}

// lined turns (n, features) into lines [features][n].
func lined(n int, values []float64) []float64 {
	lines := make([]float64, len(values))
	features := len(values) / n
	for i, v := range values {
		lines[i%features*n+i/features] = v
	}
	return lines
}

func TestConv1Chain(t *testing.T) {
	const n = shape.HalfBlock
	r := rand.New(rand.NewPCG(9, 9))
	x, w, bias := uniform(r, shape.ImagePixels*n), uniform(r, shape.Conv1W), uniform(r, shape.Conv1Row)
	plain := reference.Convolve(unlined(n, x), torchWeights(w, shape.Conv1Row, shape.Conv1Outputs, 1), floats64(bias[:shape.Conv1Outputs]), n, 1, shape.Conv1Outputs, shape.ImageSize)
	want, _ := reference.PoolReLU(plain, n*shape.Conv1Outputs, shape.Conv1Size)
	bounds := pooledAll(conv1Windows(n, shape.Conv1Outputs, exactlyAll(x), weightNumbers(matrixG, exactlyAll(w), shape.Conv1Row), exactlyAll(bias)))
	for _, s := range sets(t) {
		u, y := make([]float32, shape.Conv1U), make([]float32, shape.Conv1Y*n)
		if err := s.Conv1WeightTransform(u, w); err != nil {
			t.Fatal(err)
		}
		if err := s.Conv1ForwardReLUPool(n, y, x, u, bias); err != nil {
			t.Fatal(err)
		}
		expect(t, s, "y", lines(n, dimPool1...), y, lined(n, want), bounds, 3*roundings+2)
	}
}

func TestConv2Chain(t *testing.T) {
	// A block and a half-block, for the weight gradient.
	widths := []int{shape.Block, shape.HalfBlock}
	const batch = shape.Block + shape.HalfBlock
	r := rand.New(rand.NewPCG(10, 10))
	w, bias := uniform(r, shape.Conv2W), uniform(r, shape.Conv2Outputs)
	torchW := torchWeights(w, shape.Conv2Outputs*shape.Conv2Inputs, shape.Conv2Outputs, shape.Conv2Inputs)
	uNumbers, trainNumbers := weightNumbers(matrixG, exactlyAll(w), shape.Conv2Outputs*shape.Conv2Inputs), toomWeightNumbers(exactlyAll(w))
	wantDW, wantDB := make([]float64, len(torchW)), make([]float64, shape.Conv2Outputs)
	duNumbers, dbNumbers := make([]number, shape.Conv2TrainU), make([]number, shape.Conv2Outputs)

	type block struct {
		n                              int
		x, dy                          []float32
		mask                           []byte
		y, dx                          []float64
		yBounds, trainBounds, dxBounds []number
	}
	var blocks []block
	for _, n := range widths {
		b := block{n: n, x: uniform(r, shape.Conv2X*n), dy: uniform(r, shape.Conv2Y*n), mask: make([]byte, shape.MaskBytes(shape.Conv2Y, n))}
		randomMasks(shape.Conv2Y, n).fill(r, &arguments{Bytes: map[string][]byte{"mask": b.mask}})
		torchX := unlined(n, b.x)
		plain := reference.Convolve(torchX, torchW, floats64(bias), n, shape.Conv2Inputs, shape.Conv2Outputs, shape.Pool1Size)
		y, positions := reference.PoolReLU(plain, n*shape.Conv2Outputs, shape.Conv2Size)
		for at := range positions { // as the masks say, not as the forward pass would
			image, window := at/shape.Conv2Y, at%shape.Conv2Y
			positions[at] = -1
			for p := range 4 {
				if unpool(1, b.mask[shape.MaskBytes(window, n):], image, n, p) != 0 {
					positions[at] = p
				}
			}
		}
		dY := reference.Unpool(unlined(n, b.dy), positions, n*shape.Conv2Outputs, shape.Conv2Size)
		dx := reference.ConvolveBack(dY, torchX, torchW, wantDW, wantDB, n, shape.Conv2Inputs, shape.Conv2Outputs, shape.Pool1Size)
		b.y, b.dx = lined(n, y), lined(n, dx)

		b.yBounds = pooledAll(conv2Windows(n, uNumbers, conv2VNumbers(n, exactlyAll(b.x)), exactlyAll(bias)))
		v, dm := conv2TrainVNumbers(n, exactlyAll(b.x)), conv2DMNumbers(n, b.dy, b.mask)
		b.trainBounds = pooledAll(conv2TrainWindows(n, trainNumbers, v, exactlyAll(bias)))
		addConv2WeightGrad(n, duNumbers, dm, v)
		addConv2BiasGrad(n, dbNumbers, b.dy, b.mask)
		b.dxBounds = conv2DXNumbers(n, conv2DVNumbers(n, trainNumbers, dm))
		blocks = append(blocks, b)
	}
	dwLines := make([]float64, shape.Conv2W)
	for i, v := range wantDW {
		dwLines[i%shape.Taps*shape.Conv2Outputs*shape.Conv2Inputs+i/shape.Taps] = v
	}
	dwNumbers := toomWeightGradNumbers(duNumbers)

	for _, s := range sets(t) {
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		u, trainU := make([]float32, shape.Conv2U), make([]float32, shape.Conv2TrainU)
		check(s.Conv2WeightTransform(u, w))
		check(s.Conv2TrainWeightTransform(trainU, w, 0, shape.Conv2Outputs))
		v, dm, first := make([]float32, shape.Conv2TrainV(batch)), make([]float32, shape.Conv2DM(batch)), 0
		work := make([]float32, max(shape.Conv2TrainWork, shape.Conv2ForwardWork(shape.Block)))
		var dy []float32
		var mask []byte
		for _, b := range blocks {
			n := b.n
			y, dx := make([]float32, shape.Conv2Y*n), make([]float32, shape.Conv2X*n)
			inferenceV := make([]float32, shape.Conv2V(n))
			check(s.Conv2InputTransform(n, inferenceV, b.x))
			check(s.Conv2ForwardReLUPool(n, y, work, u, inferenceV, bias))
			// Two transforms before the sum of 20 products, one after it.
			expect(t, s, "y", lines(n, dimPool2...), y, b.y, b.yBounds, 3*roundings+shape.Conv2Inputs+2)
			blockV, blockDM := v[shape.Conv2TrainV(first):][:shape.Conv2TrainV(n)], dm[shape.Conv2DM(first):][:shape.Conv2DM(n)]
			check(s.Conv2TrainInputTransform(n, blockV, b.x, 0, shape.Conv2Inputs))
			check(s.Conv2TrainForwardReLUPoolMask(n, y, make([]byte, len(b.mask)), work, trainU, blockV, bias, 0, shape.Conv2Outputs))
			expect(t, s, "y in training, ", lines(n, dimPool2...), y, b.y, b.trainBounds, 3*toomRoundings+2*shape.Conv2Inputs+2)
			check(s.Conv2OutputGrad(n, blockDM, b.dy, b.mask, 0, shape.Conv2Outputs))
			check(s.Conv2InputGrad(n, dx, work, trainU, blockDM, 0, shape.Conv2Inputs))
			expect(t, s, "dx", lines(n, dimPool1...), dx, b.dx, b.dxBounds, 3*toomRoundings+2*shape.Conv2Outputs+1)
			dy, mask = append(dy, b.dy...), append(mask, b.mask...)
			first += n
		}
		du, dw, db := make([]float32, shape.Conv2TrainU), make([]float32, shape.Conv2W), make([]float32, shape.Conv2Outputs)
		for task := range shape.Conv2WeightTasks {
			check(s.Conv2WeightGrad(batch, task, du, db, dm, v, dy, mask))
		}
		check(s.Conv2WeightGradTransform(dw, du, 0, shape.Conv2Outputs))
		expect(t, s, "dw", plain(dimConv2W...), dw, dwLines, dwNumbers, 3*toomRoundings+weightGradRoundings(batch))
		expect(t, s, "db", plain(dim{Name: "output", Size: shape.Conv2Outputs}), db, wantDB, dbNumbers, biasGradRoundings(batch))
	}
}
