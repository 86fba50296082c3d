package conv2

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/reduce"
	"github.com/kernelet/kernelet/gen/winograd"
)

// weightTransform emits U = G W Gᵀ, lanes being pairs (output, channel), and
// weightGradTransform dW = Gᵀ dU G. Rows of 1000 are 125 vectors of 8 lanes.
func weightTransform(f *isa.File) {
	k := f.WideFunction("Conv2WeightTransform", "u, w []float32",
		"transforms the weights of conv2: u [64][50][20] = G w Gᵀ from w [25][50][20].")
	winograd.Weights(k, inputs*outputs)
}

func weightGradTransform(f *isa.File) {
	k := f.WideFunction("Conv2WeightGradTransform", "dw, du []float32",
		"transforms the weight gradient of conv2 back: dw [25][50][20] = Gᵀ du G from du [64][50][20].")
	winograd.WeightGrads(k, inputs*outputs)
}

// Bytes of a channel's tiles in a block and in a half-block, and of v for a
// block.
const (
	blockRow = tiles * 64
	halfRow  = tiles * 32
	blockV   = frequencies * (inputs*blockRow + padding)
)

// weightGrad emits dU[f] = Σ dM[f] V[f]ᵀ over tiles and images, for two rows of
// frequencies and five outputs.
//
// Register tile: five outputs × four channels. A block is four rows of 16
// lanes, a half-block two, of two tiles each; lane l of every row adds up
// lane by lane, then the lanes are added in reduce's order. AVX2 holds half
// of it at a time: two channels, and lanes 0–7 before lanes 8–15.
//
// A pair's rows of v, 530 KB for 104 images, come from L3 for the first outputs
// and from L2 for the others, 1 KB here and 1 KB there, which no hardware
// prefetcher foresees: the next channels' lines are prefetched. Measured on Zen
// 5, AVX-512, 104 images, µs an image: 2.74 without, 2.49 with; in training
// 3.9 and 2.9.
func weightGrad(f *isa.File) {
	k := f.WideFunction("Conv2WeightGradProducts", "du, dm, v []float32, images, row0, row1, first int",
		"adds up rows row0 and row1 of frequencies of the weight gradient of outputs first … first+4 of conv2",
		"over all blocks: du [64][50][20] = Σ dm vᵀ from dm [blocks][2][8][5][4] and v [blocks][64][20][4];",
		"images is a multiple of 8, the last block a half-block if it is none of 16.")
	const channels = reduce.Columns
	dm, blocks := k.Pointer("dm"), k.BlockCount("images")
	tailDM := k.Behind(dm, blocks, groupBytes(64))
	tile := reduce.NewTile(k, group)
	for _, name := range []string{"row0", "row1"} {
		row, first := k.Integer(name), k.Integer("first")
		du, v := k.Pointer("du"), k.Pointer("v")
		tailV := k.Behind(v, blocks, blockV)
		k.AdvanceBy(row, points*(inputs*blockRow+padding), v)
		k.AdvanceBy(row, points*(inputs*halfRow+padding), tailV)
		k.AdvanceBy(row, points*4*inputs*outputs, du)
		k.AdvanceBy(first, 4*inputs, du)
		k.Loop("frequency", points, pointers{dm, tailDM, v, tailV, du},
			[]int{groupStride(64), groupStride(32), padding, padding, 4 * (inputs*outputs - inputs)}, func() {
				k.Loop("channels", inputs/channels, pointers{v, tailV, du}, []int{channels * blockRow, channels * halfRow, 4 * channels}, func() {
					tile.Sum(func(part, c, held int, sums [][]isa.V) {
						k.Commentf("du[o][c] = Σ dm[o] v[c] over tiles and images, o = 0 … %d, c = %d … %d, lanes %d … %d of 16",
							group-1, c, c+held-1, part*k.Lanes, (part+1)*k.Lanes-1)
						k.Blocks(blocks, "images", pointers{dm, v}, []int{groupBytes(64), blockV}, func(p pointers) {
							outerProducts(k, sums, p[0], p[1], blockRow, part, c)
						}, func() { outerProducts(k, sums, tailDM, tailV, halfRow, part, c) })
					}, func(o int) operand.Mem { return isa.At(du, 4*o*inputs) })
				})
			})
	}
	k.Return()
}

// outerProducts adds dm[o]·v[c] to sums for all o and for the channels from c
// on, of a part of each row of 16 lanes of a block's or half-block's tiles.
func outerProducts(k *isa.Kernel, sums [][]isa.V, dm, v reg.GPVirtual, rowBytes, part, c int) {
	for at := part * k.Bytes(); at < rowBytes; at += 64 {
		x := make([]isa.V, len(sums[0]))
		for i := range x {
			x[i] = k.LoadVector(isa.At(v, (c+i)*rowBytes+at))
			k.PREFETCHT0(isa.At(v, (reduce.Columns+c+i)*rowBytes+at))
		}
		for o := range sums {
			gradient := k.LoadVector(isa.At(dm, o*rowBytes+at))
			for i := range x {
				k.VFMADD231PS(gradient, x[i], sums[o][i])
			}
		}
	}
}

// biasGrad emits the bias gradient. It is free in dM: the rows of A for the
// point 1 are ones, so dM at frequency (1, 1) is the sum of the tile's dY. That
// is the second frequency of dm for pair 1.
func biasGrad(f *isa.File) {
	k := f.WideFunction("Conv2BiasGrad", "db, dm []float32, images, first int",
		"adds up the bias gradient of outputs first … first+4 of conv2 over all blocks:",
		"db [50] = Σ dm at frequency (1, 1) from dm [blocks][2][8][5][4] of pair 1.",
		"images is a multiple of 8, the last block a half-block if it is none of 16.")
	db, dm, first, blocks := k.Pointer("db"), k.Pointer("dm"), k.Integer("first"), k.BlockCount("images")
	k.AdvanceBy(first, 4, db)
	tail := k.Behind(dm, blocks, groupBytes(64))
	k.Advance(dm, groupStride(64))
	k.Advance(tail, groupStride(32))
	k.Loop("output", group, pointers{dm, tail, db}, []int{blockRow, halfRow, 4}, func() {
		k.Comment("db = Σ dm[row 0][frequency 1] over tiles and images")
		sums := make([]isa.V, 16/k.Lanes)
		for part := range sums {
			sums[part] = k.Zero()
		}
		terms := func(from reg.GPVirtual, bytes int) {
			for at := 0; at < bytes; at += k.Bytes() {
				sum := sums[at/k.Bytes()%len(sums)]
				k.VADDPS(isa.At(from, at), sum, sum)
			}
		}
		k.Blocks(blocks, "images", pointers{dm}, []int{groupBytes(64)},
			func(p pointers) { terms(p[0], blockRow) }, func() { terms(tail, halfRow) })
		reduce.One(k, sums, isa.At(db, 0))
	})
	k.Return()
}
