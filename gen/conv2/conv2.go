// Package conv2 emits the kernels of the second convolution, 20→50 channels,
// 5×5, 12×12 → 8×8, pooled to 4×4. Products of a pair of channels: the direct
// algorithm 64·25 = 1600.
//
//	inference   Winograd F(4×4, 5×5), four tiles of 64 frequencies   256
//	training    Toom and Cook F(8×8, 5×5), one tile                  188
//
// The tile of training has 144 real values, 100 that are real frequencies and 22
// complex ones, of four products each. It is the faster one wherever weights are
// shared by a block of images: forward with masks, Zen 4, AVX-512, 4.1 µs an image
// instead of 6.3, input gradient 4.2 instead of 5.8, weight gradient 4.8 instead
// of 6.4. One image alone would stream 645 KB of weights from L2 instead of 287:
// at 28 bytes a cycle 6.3 µs, as long as all of its conv2 takes now (6.4), before any
// transform. Its logits have the bits of a batch's, so batches keep the
// smaller tile too.
//
// Lines of images side by side (see kernels) lie as
//
//	x, dx  [20 channels][12 y][12 x]     y, dy   [50 outputs][4 y][4 x]
//
//	inference   v [64 frequencies][20][4 tiles]   m [5][64 frequencies][4 tiles]
//	training    v [144 frequencies][20]           m [10][144 frequencies]
//	            dm [144 frequencies][50]          dv [20][144 frequencies]
//
// and without images u [64][50][20], in training u, du [144][50][20], and w, dw [25
// taps][50][20]. After every frequency of v and dm, and every channel of m and dv
// in training, 64 bytes are unused, so that they fall on other sets of the caches.
//
// dM, nine times the size of the gradient it is made from, is stored for the whole
// chunk, 3.2 MB at batch 100: made once it costs 0.9 µs an image, and both
// gradients read it. With four tiles (16 times the size, 5.3 MB) that was slower
// than to make the part that is needed in each consumer; with one it is 9.9 instead
// of 12.1 µs. While neighbours of a virtual machine keep L3 busy, whole steps gain
// nothing (docs/speed.md).
//
// The transforms loop over columns and rows. Written out, 17 to 19 KB of code a
// kernel, they fill half of the instruction cache: on Zen 3, AVX2, blocks and
// half-blocks, looped against written out, the input transform takes 0.81 to
// 0.97 of the time, the input gradient's 0.77 to 0.79, conv1's forward 0.94.
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
