package kernels

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kernelet/kernelet/internal/reference"
)

// The kernels of both convolutions, one after another, against the plain
// convolution in float64. The largest error follows from the same computation
// in numbers, whose magnitudes grow from stage to stage; each stage adds its
// roundings: 16 of a transform in two dimensions, one more than their length
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
	values := make([]float64, outputs*inputs*Taps)
	for i := range values {
		values[i] = float64(w[i%Taps*row+i/Taps])
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

// expect holds values against want; those of bounds, made by Winograd's
// matrices, have to be the same but for rounding in float64.
func expect(t *testing.T, s *Set, name string, got []float32, want []float64, bounds []number, roundings float64) {
	t.Helper()
	if len(got) != len(want) || len(got) != len(bounds) {
		t.Fatalf("%s: %s: %d values, %d expected, %d bounds", s.Name(), name, len(got), len(want), len(bounds))
	}
	for i, v := range got {
		if math.Abs(bounds[i].value-want[i]) > 1e-12*bounds[i].magnitude {
			t.Fatalf("%s: %s[%d]: Winograd's matrices give %v, direct sums %v", s.Name(), name, i, bounds[i].value, want[i])
		}
		if tolerance := gamma(roundings) * bounds[i].magnitude; !(math.Abs(float64(v)-want[i]) <= tolerance) {
			t.Fatalf("%s: %s[%d]: expected %v ± %g, got %v", s.Name(), name, i, want[i], tolerance, v)
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
	const n = HalfBlock
	r := rand.New(rand.NewPCG(9, 9))
	x, w, bias := uniform(r, ImagePixels*n), uniform(r, Conv1W), uniform(r, Conv1Row)
	plain := reference.Convolve(unlined(n, x), torchWeights(w, Conv1Row, Conv1Outputs, 1), floats64(bias[:Conv1Outputs]), n, 1, Conv1Outputs, ImageSize)
	want, _ := reference.PoolReLU(plain, n*Conv1Outputs, Conv1Size)
	bounds := pooledAll(conv1Windows(n, Conv1Outputs, exactlyAll(x), weightNumbers(matrixG, exactlyAll(w), Conv1Row), exactlyAll(bias)))
	for _, s := range sets(t) {
		u, y := make([]float32, Conv1U), make([]float32, Conv1Y*n)
		if err := s.Conv1WeightTransform(u, w); err != nil {
			t.Fatal(err)
		}
		if err := s.Conv1ForwardReLUPool(n, y, x, u, bias); err != nil {
			t.Fatal(err)
		}
		expect(t, s, "y", y, lined(n, want), bounds, 3*roundings+2)
	}
}

func TestConv2Chain(t *testing.T) {
	// A block and a half-block, for the weight gradient.
	widths := []int{Block, HalfBlock}
	const batch = Block + HalfBlock
	r := rand.New(rand.NewPCG(10, 10))
	w, bias := uniform(r, Conv2W), uniform(r, Conv2Outputs)
	torchW := torchWeights(w, Conv2Outputs*Conv2Inputs, Conv2Outputs, Conv2Inputs)
	uNumbers := weightNumbers(matrixG, exactlyAll(w), Conv2Outputs*Conv2Inputs)
	wantDW, wantDB := make([]float64, len(torchW)), make([]float64, Conv2Outputs)
	duNumbers, dbNumbers := make([]number, Conv2U), make([]number, Conv2Outputs)

	type block struct {
		n                 int
		x, dy             []float32
		mask              []byte
		y, dx             []float64
		yBounds, dxBounds []number
	}
	var blocks []block
	for _, n := range widths {
		b := block{n: n, x: uniform(r, Conv2X*n), dy: uniform(r, Conv2Y*n), mask: make([]byte, MaskBytes(Conv2Y, n))}
		randomMasks(n)(r, nil, b.mask)
		torchX := unlined(n, b.x)
		plain := reference.Convolve(torchX, torchW, floats64(bias), n, Conv2Inputs, Conv2Outputs, Pool1Size)
		y, positions := reference.PoolReLU(plain, n*Conv2Outputs, Conv2Size)
		for at := range positions { // as the masks say, not as the forward pass would
			image, window := at/Conv2Y, at%Conv2Y
			positions[at] = -1
			for p := range 4 {
				if unpool(1, b.mask[MaskBytes(window, n):], image, n, p) != 0 {
					positions[at] = p
				}
			}
		}
		dY := reference.Unpool(unlined(n, b.dy), positions, n*Conv2Outputs, Conv2Size)
		dx := reference.ConvolveBack(dY, torchX, torchW, wantDW, wantDB, n, Conv2Inputs, Conv2Outputs, Pool1Size)
		b.y, b.dx = lined(n, y), lined(n, dx)

		v, dm := conv2VNumbers(n, exactlyAll(b.x)), conv2DMNumbers(n, b.dy, b.mask)
		b.yBounds = pooledAll(conv2Windows(n, uNumbers, v, exactlyAll(bias)))
		dv := make([]number, len(v))
		for f := range Frequencies {
			for o := range Conv2Outputs {
				for c := range Conv2Inputs {
					weight := (f*Conv2Outputs+o)*Conv2Inputs + c
					for i := range Conv2Tiles * n {
						d, at := dm[conv2Place(n, Conv2Outputs, f, o, 0, 0)+i], conv2Place(n, Conv2Inputs, f, c, 0, 0)+i
						dv[at] = dv[at].plus(uNumbers[weight].times(d))
						duNumbers[weight] = duNumbers[weight].plus(d.times(v[at]))
					}
				}
				if f == Points+1 { // the point (1, 1): the sum of all gradients
					for i := range Conv2Tiles * n {
						dbNumbers[o] = dbNumbers[o].plus(dm[conv2Place(n, Conv2Outputs, f, o, 0, 0)+i])
					}
				}
			}
		}
		b.dxBounds = conv2DXNumbers(n, dv)
		blocks = append(blocks, b)
	}
	dwLines := make([]float64, Conv2W)
	for i, v := range wantDW {
		dwLines[i%Taps*Conv2Outputs*Conv2Inputs+i/Taps] = v
	}
	dwNumbers := weightNumbers(matrixGT, duNumbers, Conv2Outputs*Conv2Inputs)

	for _, s := range sets(t) {
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		u := make([]float32, Conv2U)
		check(s.Conv2WeightTransform(u, w))
		// [pair][group]: dM of all blocks, as the weight gradient reads it.
		var dms [Conv2Pairs][Conv2Groups][]float32
		for pair := range dms {
			for group := range dms[pair] {
				dms[pair][group] = make([]float32, Conv2M(batch))
			}
		}
		v, first := make([]float32, Conv2V(batch)), 0
		for _, b := range blocks {
			n := b.n
			blockV := v[Conv2V(first):][:Conv2V(n)]
			check(s.Conv2InputTransform(n, blockV, b.x))
			y, work := make([]float32, Conv2Y*n), make([]float32, Conv2Work*n)
			check(groups(Conv2Outputs, func(o int) error { return s.Conv2ForwardReLUPool(n, y, work, u, blockV, bias, o) }))
			// Two transforms before the sum of 20 products, one after it.
			expect(t, s, "y", y, b.y, b.yBounds, 3*roundings+Conv2Inputs+2)

			dv := make([]float32, Conv2DV*n)
			for pair := range Conv2Pairs {
				dm := make([]float32, Conv2Groups*Conv2M(n))
				for group := range Conv2Groups {
					part := dm[group*Conv2M(n):][:Conv2M(n)]
					check(s.Conv2OutputGrad(n, part, b.dy, b.mask, pair, group*Group))
					copy(dms[pair][group][Conv2M(first):], part)
				}
				check(groups(Conv2Inputs, func(c int) error { return s.Conv2InputGradProducts(n, dv, u, dm, pair, c) }))
			}
			dx := make([]float32, Conv2X*n)
			check(groups(Conv2Inputs, func(c int) error { return s.Conv2InputGradTransform(n, dx, dv, c) }))
			expect(t, s, "dx", dx, b.dx, b.dxBounds, 3*roundings+Conv2Outputs+1+2)
			first += n
		}
		du, dw, db := make([]float32, Conv2U), make([]float32, Conv2W), make([]float32, Conv2Outputs)
		for pair := range Conv2Pairs {
			for group, dm := range dms[pair] {
				check(s.Conv2WeightGrad(batch, du, dm, v, pair, group*Group))
				if pair == 1 {
					check(s.Conv2BiasGrad(batch, db, dm, group*Group))
				}
			}
		}
		check(s.Conv2WeightGradTransform(dw, du))
		sum := laneSum(Conv2Tiles * batch / Block)
		expect(t, s, "dw", dw, dwLines, dwNumbers, 3*roundings+sum)
		expect(t, s, "db", db, wantDB, dbNumbers, roundings+sum)
	}
}
