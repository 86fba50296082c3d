// Package conv2 emits the kernels of the second convolution, 20→50 channels,
// 5×5, 12×12 → 8×8, pooled to 4×4, by Winograd F(4×4, 5×5): 64 frequencies of
// 50×20 products a tile instead of 16·25·50·20, 6.25 times fewer.
//
// Lines of images side by side (see kernels) lie as
//
//	x, dx  [20 channels][12 y][12 x]     y, dy   [50 outputs][4 y][4 x]
//	v      [64 frequencies][20][4 tiles] dv      [20][64 frequencies][4]
//	m      [5][64 frequencies][4]        dm      [2 rows][8 frequencies][5 outputs][4 tiles]
//
// and without images u, du [64][50][20], w, dw [25 taps][50][20]. In v and dm
// every frequency is followed by 64 unused bytes.
//
// dM, 16 times the size of the gradient it is made from, is never stored whole.
// Each consumer recomputes the part it needs, small enough for L2: two rows of
// frequencies (those of opposite points share most of the transform), and for
// the weight gradient five outputs. Where a vector has 16 lanes, the output
// transform and the output gradient of a half-block take two tiles of a row at
// a time: Zen 5, output gradient, 0.62 µs an image instead of 0.77.
//
// The transforms loop over columns and rows. Written out, 17 to 19 KB of code a
// kernel, they fill half of the instruction cache: on Zen 3, AVX2, blocks and
// half-blocks, looped against written out, the input transform takes 0.81 to
// 0.97 of the time, the input gradient's 0.77 to 0.79, conv1's forward 0.94.
//
// Measured on Zen 4, one thread, in training: dM stored for the whole batch,
// 5.3 MB, 5.0 (transform) + 5.9 + 6.9 µs an image.
package conv2

import (
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/winograd"
	"github.com/kernelet/kernelet/internal/shape"
)

const (
	inputs      = shape.Conv2Inputs
	outputs     = shape.Conv2Outputs
	inputSize   = shape.Pool1Size
	pooledSize  = shape.Pool2Size
	tiles       = shape.Conv2Tiles
	tilesInRow  = shape.Conv2TilesInRow
	tileSize    = shape.TileSize
	points      = shape.Points
	frequencies = shape.Frequencies
	filterSize  = shape.FilterSize
	group       = shape.Conv2Group
	padding     = 4 * shape.Conv2Padding // bytes after each frequency of v and dm
)

type pointers = []reg.GPVirtual

// Emit adds all kernels of the layer.
func Emit(f *isa.File) {
	for _, width := range isa.Widths {
		inputTransform(f, width)
		forward(f, width)
		trainInputTransform(f, width)
		trainForward(f, width)
		outputGrad(f, width)
		inputGradProducts(f, width)
		inputGradTransform(f, width)
	}
	weightGrad(f, false)
	weightGrad(f, true)
	biasGrad(f)
	weightTransform(f)
	trainWeightTransform(f)
	weightGradTransform(f)
}

// weightTransform emits U = G W Gᵀ, lanes being pairs (output, channel). Rows of
// 1000 are 125 vectors of 8 lanes.
func weightTransform(f *isa.File) {
	k := f.WideFunction("Conv2WeightTransform", "u, w []float32",
		"transforms the weights of conv2: u [64][50][20] = G w Gᵀ from w [25][50][20].")
	winograd.Weights(k, inputs*outputs)
}
