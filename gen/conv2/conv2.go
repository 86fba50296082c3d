// Package conv2 emits the kernels of the second convolution, 20→50 channels,
// 5×5, 12×12 → 8×8, pooled to 4×4, by Winograd F(4×4, 5×5): 64 frequencies of
// 50×20 products a tile instead of 16·25·50·20, 6.25 times fewer.
//
// Lines of images side by side (see kernels) lie as
//
//	x, dx  [20 channels][12 y][12 x]     y, dy   [50 outputs][4 y][4 x]
//	v      [64 frequencies][20][4 tiles] dm      [64 frequencies][50][4 tiles]
//	dv     [5][64 frequencies][4]        m       [5][64 frequencies][4]
//
// and without images u, du [64][50][20], w, dw [25 taps][50][20]. In v and dm
// every frequency is followed by 64 unused bytes: a transform stores to all 64
// frequencies in turn, and without them these stores would fall into 4 or 8 of
// the 64 sets of the L1 cache.
package conv2

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/pooling"
	"github.com/kernelet/kernelet/gen/reduce"
	"github.com/kernelet/kernelet/gen/winograd"
)

const (
	inputs      = 20 // channels
	outputs     = 50 // channels
	inputSize   = 12 // pixels in a row and in a column
	pooledSize  = 4
	tiles       = 4 // 2×2 tiles of 4×4 outputs
	frequencies = winograd.Points * winograd.Points
	group       = 5 // channels that a call of a product kernel computes
	points      = winograd.Points
	taps        = winograd.Taps
)

// padding follows each frequency of v and dm, in bytes.
const padding = 64

type pointers = []reg.GPVirtual

// Emit adds all kernels of the layer.
func Emit(f *isa.File) {
	for _, width := range isa.Widths {
		inputTransform(f, width)
		forward(f, width, false)
		forward(f, width, true)
		outputGrad(f, width)
		inputGrad(f, width)
	}
	weightGrad(f)
	biasGrad(f)
	weightTransform(f)
	weightGradTransform(f)
}

// inputTransform emits V = Bᵀ D B for the four 8×8 windows at offsets 0 and 4.
//
// The windows of a row of tiles overlap in four columns, so the column pass
// runs over all twelve columns once: 24 transforms instead of 32.
func inputTransform(f *isa.File, width int) {
	k := f.Function("Conv2InputTransform", width, "v, x []float32",
		"transforms the input of conv2:",
		"v [64][20][4] = Bᵀ x B for the windows of x [20][12][12], lines of images side by side.")
	v, x := k.Pointer("v"), k.Pointer("x")
	columns := k.Scratch(points * inputSize * k.Bytes())
	line := k.Line()
	k.Loop("channel", inputs, pointers{x, v}, []int{inputSize * inputSize * line, tiles * line}, func() {
		k.EachPart(pointers{x, v}, nil, func() {
			k.Loop("tileRow", 2, pointers{x, v}, []int{4 * inputSize * line, 2 * line}, func() {
				k.Comment("columns: Bᵀ d")
				for j := range inputSize {
					d := make([]isa.V, points)
					for i := range d {
						d[i] = k.LoadVector(isa.At(x, (i*inputSize+j)*line))
					}
					winograd.Input(k, d, func(i int, v isa.V) {
						k.StoreVector(v, isa.At(columns, (i*inputSize+j)*k.Bytes()))
					})
				}
				k.Comment("rows: (Bᵀ d) B")
				for tileColumn := range 2 {
					for i := range points {
						d := make([]isa.V, points)
						for j := range d {
							d[j] = k.LoadVector(isa.At(columns, (i*inputSize+4*tileColumn+j)*k.Bytes()))
						}
						winograd.Input(k, d, func(j int, value isa.V) {
							k.StoreVector(value, isa.At(v, (i*points+j)*(inputs*tiles*line+padding)+tileColumn*line))
						})
					}
				}
			})
			k.Advance(x, -2*4*inputSize*line)
			k.Advance(v, -2*2*line)
		})
	})
	k.Return()
}

// products emits, for every frequency f, to[o][f][t] = Σ_s weight[f][s][o] · from[f][s][t]
// over a group of five o and all tiles t, s ascending; weight steps in bytes.
//
// The lanes of the four tiles form one row of vectors. Register tile: five
// outputs × as many vectors of that row as registers allow (AVX-512: the
// whole block, 20 accumulators; AVX2: two, 10 accumulators).
//
// Measured on Zen 4 in C: AVX2 5 × 2 5.15, 3 × 4 5.03 µs an image, but 3 does not divide 50.
func products(k *isa.Kernel, to, weight, from reg.GPVirtual, sum, sumStep, outputStep int) {
	const unroll = 10 // terms of the sum in the loop's body
	row := tiles * k.Line()
	lanes := k.Lanes
	k.Widest()
	defer func() { k.Lanes = lanes }()
	vectors := row / k.Bytes()
	held := min(vectors, k.Target.Registers/8)
	k.Commentf("to[0…4][f] = Σ weight[f]·from[f] over %d; %d accumulators", sum, group*held)
	k.Loop("frequency", frequencies, pointers{to}, []int{row}, func() {
		for first := 0; first < vectors; first += held {
			accumulators := make([][]isa.V, group)
			for o := range accumulators {
				for range held {
					accumulators[o] = append(accumulators[o], k.Zero())
				}
			}
			k.Loop("term", sum/unroll, pointers{weight, from}, []int{unroll * sumStep, unroll * row}, func() {
				for s := range unroll {
					x := make([]isa.V, held)
					for i := range x {
						x[i] = k.LoadVector(isa.At(from, s*row+(first+i)*k.Bytes()))
					}
					for o := range group {
						k.Products(isa.At(weight, s*sumStep+o*outputStep), x, accumulators[o])
					}
				}
			})
			for o := range group {
				for i, v := range accumulators[o] {
					k.StoreVector(v, isa.At(to, o*frequencies*row+(first+i)*k.Bytes()))
				}
			}
			if first+held < vectors {
				k.Advance(weight, -sum*sumStep)
				k.Advance(from, -sum*row)
			}
		}
		k.Advance(weight, 4*inputs*outputs-sum*sumStep)
		k.Advance(from, padding)
	})
	k.Advance(to, -frequencies*row)
}

// forward emits M = U V for five outputs, Y = Aᵀ M A, bias, pooling and ReLU.
func forward(f *isa.File, width int, masked bool) {
	name, parameters := "Conv2ForwardReLUPool", "y, m, u, v, bias []float32, first int"
	doc := []string{"computes outputs first … first+4 of conv2, pooled:",
		"y [50][4][4] = max(0, maxpool(Aᵀ (Σ u v) A) + bias) from u [64][50][20], v [64][20][4], bias [50];",
		"m [5][64][4] is working memory."}
	if masked {
		name, parameters = name+"Mask", "y []float32, mask []byte, m, u, v, bias []float32, first int"
		doc = append(doc, "mask [50][4][4] receives the windows' masks.")
	}
	k := f.Function(name, width, parameters, doc...)
	m, u, v, first := k.Pointer("m"), k.Pointer("u"), k.Pointer("v"), k.Integer("first")
	advance(k, u, first, 4*inputs)
	products(k, m, u, v, inputs, 4, 4*inputs)

	y, bias := k.Pointer("y"), k.Pointer("bias")
	line := k.Line()
	first = k.Integer("first")
	advance(k, y, first, pooledSize*pooledSize*line)
	advance(k, bias, first, 4)
	var masks, maskSteps = pointers{}, []int{}
	windowRow := pooledSize * pooling.MaskBytes(width)
	if masked {
		mask := k.Pointer("mask")
		advance(k, mask, first, pooledSize*windowRow)
		masks, maskSteps = pointers{mask}, []int{2 * windowRow}
	}
	rows := k.Scratch(4 * points * k.Bytes())
	zero := k.Zero()
	k.Loop("output", group, pointers{m, bias}, []int{(frequencies*tiles - tiles) * line, 4}, func() {
		b := k.Broadcast(isa.At(bias, 0))
		k.Loop("tileRow", 2, append(pointers{m, y}, masks...), append([]int{2 * line, 2 * pooledSize * line}, maskSteps...), func() {
			k.EachPart(pointers{m, y}, masks, func() {
				for tileColumn := range 2 {
					k.Comment("columns: Aᵀ m")
					for j := range points {
						products := make([]isa.V, points)
						for i := range products {
							products[i] = k.LoadVector(isa.At(m, ((i*points+j)*tiles+tileColumn)*line))
						}
						winograd.Output(k, products, func(i int, v isa.V) {
							k.StoreVector(v, isa.At(rows, (i*points+j)*k.Bytes()))
						})
					}
					k.Comment("two rows at a time: (Aᵀ m) A, then bias, pooling, ReLU")
					for pooledRow := range 2 {
						var values [2][4]isa.V
						for i := range 2 {
							products := make([]isa.V, points)
							for j := range products {
								products[j] = k.LoadVector(isa.At(rows, ((2*pooledRow+i)*points+j)*k.Bytes()))
							}
							winograd.Output(k, products, func(j int, v isa.V) { values[i][j] = v })
						}
						for pooledColumn := range 2 {
							window := [4]isa.V{values[0][2*pooledColumn], values[0][2*pooledColumn+1],
								values[1][2*pooledColumn], values[1][2*pooledColumn+1]}
							at := pooledRow*pooledSize + 2*tileColumn + pooledColumn
							var mask *operand.Mem
							if masked {
								memory := isa.At(masks[0], at*pooling.MaskBytes(width))
								mask = &memory
							}
							k.StoreVector(pooling.Forward(k, window, b, zero, mask), isa.At(y, at*line))
						}
					}
				}
			})
		})
	})
	k.Return()
}

// outputGrad emits dM = A dY Aᵀ, dY being the pooled gradient put back to the
// positions that the masks remember.
func outputGrad(f *isa.File, width int) {
	k := f.Function("Conv2OutputGrad", width, "dm, dy []float32, mask []byte",
		"un-pools and transforms the output gradient of conv2:",
		"dm [64][50][4] = A dY Aᵀ, dY [50][8][8] being dy [50][4][4] at the positions that mask [50][4][4] chose.")
	dm, dy, mask := k.Pointer("dm"), k.Pointer("dy"), k.Pointer("mask")
	line, maskBytes := k.Line(), pooling.MaskBytes(width)
	rows := k.Scratch(points * 4 * k.Bytes())
	strides := []int{2 * line, 2 * pooledSize * line, 2 * pooledSize * maskBytes}
	k.Loop("tileRow", 2*outputs, pointers{dm, dy, mask}, strides, func() {
		k.EachPart(pointers{dm, dy}, pointers{mask}, func() {
			for tileColumn := range 2 {
				k.Comment("columns: A dy")
				for j := range 4 {
					dY := make([]isa.V, 4)
					for i := range dY {
						at := i/2*pooledSize + 2*tileColumn + j/2
						gradient := k.LoadVector(isa.At(dy, at*line))
						dY[i] = pooling.Backward(k, gradient, isa.At(mask, at*maskBytes), i%2*2+j%2)
					}
					winograd.OutputGrad(k, dY, func(i int, v isa.V) {
						k.StoreVector(v, isa.At(rows, (i*4+j)*k.Bytes()))
					})
				}
				k.Comment("rows: (A dy) Aᵀ")
				for i := range points {
					row := make([]isa.V, 4)
					for j := range row {
						row[j] = k.LoadVector(isa.At(rows, (i*4+j)*k.Bytes()))
					}
					winograd.OutputGrad(k, row, func(j int, v isa.V) {
						k.StoreVector(v, isa.At(dm, (i*points+j)*(outputs*tiles*line+padding)+tileColumn*line))
					})
				}
			}
		})
	})
	k.Return()
}

// inputGrad emits dV = Uᵀ dM for five channels and dX = Σ B dV Bᵀ.
//
// Windows overlap by four rows and columns. Their sums are taken between the
// column pass and the row pass, and again after it, in registers.
func inputGrad(f *isa.File, width int) {
	k := f.Function("Conv2InputGrad", width, "dx, dv, u, dm []float32, first int",
		"computes channels first … first+4 of the input gradient of conv2:",
		"dx [20][12][12] = Σ B (Σ u dm) Bᵀ over the overlapping windows, from u [64][50][20], dm [64][50][4];",
		"dv [5][64][4] is working memory.")
	dv, u, dm, first := k.Pointer("dv"), k.Pointer("u"), k.Pointer("dm"), k.Integer("first")
	advance(k, u, first, 4)
	products(k, dv, u, dm, outputs, 4*inputs, 4)

	dx := k.Pointer("dx")
	line := k.Line()
	first = k.Integer("first")
	advance(k, dx, first, inputSize*inputSize*line)
	columns := k.Scratch(2 * inputSize * points * k.Bytes()) // [tile column][y][j]
	k.Loop("channel", group, pointers{dx, dv}, []int{inputSize * inputSize * line, frequencies * tiles * line}, func() {
		k.EachPart(pointers{dx, dv}, nil, func() {
			k.Comment("columns: B dv, windows of both tile rows added where they overlap")
			for tileColumn := range 2 {
				for j := range points {
					overlapping(k, func(tileRow, i int) operand.Mem {
						return isa.At(dv, ((i*points+j)*tiles+2*tileRow+tileColumn)*line)
					}, func(y int) operand.Mem {
						return isa.At(columns, ((tileColumn*inputSize+y)*points+j)*k.Bytes())
					})
				}
			}
			k.Comment("rows: (B dv) Bᵀ, windows of both tile columns added")
			for y := range inputSize {
				overlapping(k, func(tileColumn, j int) operand.Mem {
					return isa.At(columns, ((tileColumn*inputSize+y)*points+j)*k.Bytes())
				}, func(x int) operand.Mem {
					return isa.At(dx, (y*inputSize+x)*line)
				})
			}
		})
	})
	k.Return()
}

// overlapping transforms two windows of eight values, of which the second
// begins four later, and stores their sum, twelve values.
func overlapping(k *isa.Kernel, from func(window, i int) operand.Mem, to func(i int) operand.Mem) {
	load := func(window int) []isa.V {
		v := make([]isa.V, points)
		for i := range v {
			v[i] = k.LoadVector(from(window, i))
		}
		return v
	}
	var kept [4]isa.V
	winograd.InputGrad(k, load(0), func(i int, v isa.V) {
		if i < 4 {
			k.StoreVector(v, to(i))
		} else {
			kept[i-4] = v
		}
	})
	winograd.InputGrad(k, load(1), func(i int, v isa.V) {
		if i < 4 {
			v = k.Add(kept[i], v)
		}
		k.StoreVector(v, to(4+i))
	})
}

// advance moves a pointer by count·bytes.
func advance(k *isa.Kernel, p, count reg.GPVirtual, bytes int) {
	distance := k.GP64()
	k.IMUL3Q(operand.I32(int32(bytes)), count, distance)
	k.ADDQ(distance, p)
}

// biasGrad emits the bias gradient. It is free in dM: the rows of A for the
// point 1 are ones, so dM at frequency (1, 1) is the sum of the tile's dY.
func biasGrad(f *isa.File) {
	k := f.WideFunction("Conv2BiasGrad", "db, dm []float32, images int",
		"adds up the bias gradient of conv2 over all blocks: db [50] = Σ dm[9] from dm [blocks][64][50][4].",
		"images is a multiple of 8, the last block a half-block if it is none of 16.")
	const (
		frequency = 1*points + 1
		row       = tiles * 64
		block     = frequencies * (outputs*row + padding)
	)
	db, dm := k.Pointer("db"), k.Pointer("dm")
	blocks, tail := k.GP64(), k.GP64()
	k.Load(k.Param("images"), blocks)
	k.SHRQ(operand.U8(4), blocks)
	k.IMUL3Q(operand.I32(block), blocks, tail)
	k.ADDQ(dm, tail)
	parts := 16 / k.Lanes
	k.Advance(dm, frequency*(outputs*row+padding))
	k.Advance(tail, frequency*(outputs*row/2+padding))
	k.Loop("output", outputs/2, pointers{dm, tail, db}, []int{2 * row, row, 8}, func() {
		sums := make([][]isa.V, 2)
		for o := range sums {
			for range parts {
				sums[o] = append(sums[o], k.Zero())
			}
		}
		terms := func(from reg.GPVirtual, row, rows int) {
			for o := range sums {
				for r := range rows {
					for part := range parts {
						k.VADDPS(isa.At(from, o*row+(r*parts+part)*k.Bytes()), sums[o][part], sums[o][part])
					}
				}
			}
		}
		noBlocks, noTail := k.NewLabel("noBlocks"), k.NewLabel("noTail")
		n, from := k.GP64(), k.GP64()
		k.MOVQ(blocks, n)
		k.TESTQ(n, n)
		k.JZ(operand.LabelRef(noBlocks))
		k.MOVQ(dm, from)
		k.LoopCounter("block", n, pointers{from}, []int{block}, func() { terms(from, row, 4) })
		k.Label(noBlocks)
		images := k.Integer("images")
		k.TESTQ(operand.U32(8), images)
		k.JZ(operand.LabelRef(noTail))
		terms(tail, row/2, 2)
		k.Label(noTail)
		for o := range sums {
			reduce.One(k, sums[o], isa.At(db, 4*o))
		}
	})
	k.Return()
}

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

// weightGrad emits dU[f] = Σ dM[f] V[f]ᵀ over tiles and images.
//
// Register tile: five outputs × four channels. A block is four rows of 16
// lanes, a half-block two, of two tiles each; lane l of every row adds up
// lane by lane, then the lanes are added in reduce's order. AVX2 holds half
// of it at a time: two channels, and lanes 0–7 before lanes 8–15.
func weightGrad(f *isa.File) {
	k := f.WideFunction("Conv2WeightGrad", "du, dm, v []float32, images, first, count int",
		"adds up frequencies first … first+count−1 of the weight gradient of conv2 over all blocks:",
		"du [64][50][20] = Σ dm vᵀ from dm [blocks][64][50][4] and v [blocks][64][20][4];",
		"images is a multiple of 8, the last block a half-block if it is none of 16. count ≥ 1.")
	const (
		line      = 64 // bytes of a block's line
		rowDM     = tiles * line
		blockDM   = frequencies * (outputs*rowDM + padding)
		blockV    = frequencies * (inputs*rowDM + padding)
		channels  = 4
		tailShare = 2 // a half-block's lines are that much shorter
	)
	du, dm, v := k.Pointer("du"), k.Pointer("dm"), k.Pointer("v")
	blocks, tailDM, tailV := k.GP64(), k.GP64(), k.GP64()
	k.Load(k.Param("images"), blocks)
	k.SHRQ(operand.U8(4), blocks)
	for _, part := range []struct {
		tail, base reg.GPVirtual
		bytes      int
	}{{tailDM, dm, blockDM}, {tailV, v, blockV}} {
		k.IMUL3Q(operand.I32(int32(part.bytes)), blocks, part.tail)
		k.ADDQ(part.base, part.tail)
	}
	first := k.Integer("first")
	advance(k, dm, first, outputs*rowDM+padding)
	advance(k, v, first, inputs*rowDM+padding)
	advance(k, tailDM, first, outputs*rowDM/tailShare+padding)
	advance(k, tailV, first, inputs*rowDM/tailShare+padding)
	advance(k, du, first, 4*inputs*outputs)

	parts := 16 / k.Lanes
	held := channels / parts
	scratch := reg.GPVirtual(nil)
	if parts > 1 {
		scratch = k.Scratch(group * channels * parts * k.Bytes())
	}
	count := k.Integer("count")
	k.LoopCounter("frequency", count, pointers{}, nil, func() {
		k.Loop("outputs", outputs/group, pointers{dm, tailDM, du},
			[]int{group * rowDM, group * rowDM / tailShare, 4 * group * inputs}, func() {
				k.Loop("channels", inputs/channels, pointers{v, tailV, du},
					[]int{channels * rowDM, channels * rowDM / tailShare, 4 * channels}, func() {
						var sums [group][channels]isa.V
						for part := range parts {
							for c := 0; c < channels; c += held {
								a := accumulate(k, dm, v, tailDM, tailV, blocks, blockDM, blockV, part, parts, c, held)
								for o := range group {
									for i := range held {
										if parts == 1 {
											sums[o][c+i] = reduce.Halves(k, a[o][i])
										} else {
											k.StoreVector(a[o][i], isa.At(scratch, ((o*channels+c+i)*parts+part)*k.Bytes()))
										}
									}
								}
							}
						}
						for o := 0; o < group; o += 2 {
							var rows [][4]isa.V
							var to []operand.Mem
							for i := o; i < min(o+2, group); i++ {
								if parts > 1 {
									for c := range channels {
										low := k.LoadVector(isa.At(scratch, (i*channels+c)*parts*k.Bytes()))
										sums[i][c] = k.Add(low, isa.At(scratch, ((i*channels+c)*parts+1)*k.Bytes()))
									}
								}
								rows = append(rows, sums[i])
								to = append(to, isa.At(du, 4*i*inputs))
							}
							reduce.Row(k, rows, to)
						}
					})
				k.Advance(v, -inputs*rowDM)
				k.Advance(tailV, -inputs*rowDM/tailShare)
				k.Advance(du, -4*inputs)
			})
		k.Advance(v, inputs*rowDM+padding)
		k.Advance(tailV, inputs*rowDM/tailShare+padding)
		k.Advance(dm, padding)
		k.Advance(tailDM, padding)
	})
	k.Return()
}

// accumulate emits the sums of dm[o]·v[c] over all blocks for five outputs and
// held channels from channel c on; part says which lanes of a row.
func accumulate(k *isa.Kernel, dm, v, tailDM, tailV, blocks reg.GPVirtual, blockDM, blockV, part, parts, c, held int) [group][]isa.V {
	var a [group][]isa.V
	for o := range a {
		for range held {
			a[o] = append(a[o], k.Zero())
		}
	}
	terms := func(dm, v reg.GPVirtual, row, rows int) {
		for r := range rows {
			at := r*parts*k.Bytes() + part*k.Bytes()
			x := make([]isa.V, held)
			for i := range x {
				x[i] = k.LoadVector(isa.At(v, (c+i)*row+at))
			}
			for o := range a {
				gradient := k.LoadVector(isa.At(dm, o*row+at))
				for i := range x {
					k.VFMADD231PS(gradient, x[i], a[o][i])
				}
			}
		}
	}
	noBlocks, noTail := k.NewLabel("noBlocks"), k.NewLabel("noTail")
	n, pdm, pv := k.GP64(), k.GP64(), k.GP64()
	k.MOVQ(blocks, n)
	k.TESTQ(n, n)
	k.JZ(operand.LabelRef(noBlocks))
	k.MOVQ(dm, pdm)
	k.MOVQ(v, pv)
	k.LoopCounter("block", n, pointers{pdm, pv}, []int{blockDM, blockV}, func() { terms(pdm, pv, 4*64, 4) })
	k.Label(noBlocks)
	images := k.Integer("images")
	k.TESTQ(operand.U32(8), images)
	k.JZ(operand.LabelRef(noTail))
	terms(tailDM, tailV, 4*32, 2)
	k.Label(noTail)
	return a
}
