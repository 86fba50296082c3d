package conv2

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/pooling"
	"github.com/kernelet/kernelet/gen/reduce"
	"github.com/kernelet/kernelet/gen/toomcook"
	"github.com/kernelet/kernelet/internal/shape"
)

// outputGrad emits dM = A dY Aᵀ for ten outputs, dY being the pooled gradient put
// back to the positions that the masks remember.
func outputGrad(f *isa.File, width int) {
	k := f.Function("Conv2OutputGrad", width, "dm, dy []float32, mask []byte, first int",
		"un-pools and transforms the gradient of outputs first … first+9 of conv2:",
		"dm [144][50] = A dY Aᵀ, dY [50][8][8] being dy [50][4][4] at the positions that mask [50][4][4] chose.")
	dm, dy, mask, first := k.Pointer("dm"), k.Pointer("dy"), k.Pointer("mask"), k.Integer("first")
	line, maskBytes := k.Line(), pooling.MaskBytes(width)
	k.AdvanceBy(first, line, dm)
	k.AdvanceBy(first, pooledSize*pooledSize*line, dy)
	k.AdvanceBy(first, pooledSize*pooledSize*maskBytes, mask)
	half := k.Scratch(trainPoints * outputSize * k.Bytes())
	held := k.Target.Registers >= 32 // two columns stay in registers
	var unpooled reg.GPVirtual
	if !held {
		unpooled = k.Scratch(2 * outputSize * k.Bytes())
	}
	k.Loop("output", trainGroup, pointers{dm, dy, mask}, []int{line, pooledSize * pooledSize * line, pooledSize * pooledSize * maskBytes}, func() {
		k.EachPart(pointers{dm, dy}, pointers{mask}, func() {
			k.Comment("two columns at a time: un-pooling, then A dY")
			k.Loop("columns", pooledSize, pointers{dy, mask, half}, []int{line, maskBytes, 2 * k.Bytes()}, func() {
				var columns [2][outputSize]isa.V
				for row := range pooledSize {
					at := row * pooledSize
					window := pooling.Backward(k, isa.At(dy, at*line), []operand.Mem{isa.At(mask, at*maskBytes)})
					for i := range 4 {
						value, y, column := window.At(i/2, i%2), 2*row+i/2, i%2
						if held {
							columns[column][y] = value
						} else {
							k.StoreVector(value, isa.At(unpooled, (column*outputSize+y)*k.Bytes()))
						}
					}
				}
				for column := range columns {
					if !held {
						for y := range columns[column] {
							columns[column][y] = k.LoadVector(isa.At(unpooled, (column*outputSize+y)*k.Bytes()))
						}
					}
					toomcook.OutputGrad(k, columns[column][:], func(i int, v isa.V) {
						k.StoreVector(v, isa.At(half, (i*outputSize+column)*k.Bytes()))
					})
				}
			})
			k.Advance(dy, -pooledSize*line)
			k.Advance(mask, -pooledSize*maskBytes)
			k.Advance(half, -outputSize*k.Bytes())
			toomcook.Spread(k, half, dm, outputSize, dmFrequency(line), 2*line, false, toomcook.OutputGrad)
		})
	})
	k.Return()
}

// inputGradProducts emits dV = Ūᵀ dM for ten channels: complex frequencies of the
// weights are conjugated.
func inputGradProducts(f *isa.File, width int) {
	k := f.Function("Conv2InputGradProducts", width, "dv, u, dm []float32, first int",
		"computes channels first … first+9 of dv [20][144] = Σ ū dm from u [144][50][20], whose complex frequencies are conjugated, and dm [144][50].")
	dv, u, dm, first := k.Pointer("dv"), k.Pointer("u"), k.Pointer("dm"), k.Integer("first")
	line := k.Line()
	k.AdvanceBy(first, 4, u)
	k.AdvanceBy(first, trainSize*line+padding, dv)
	trainProduct{chunks: 5, terms: outputs / 5, weightTerm: 4 * inputs, weightOutput: 4,
		fromFrequency: dmFrequency(line), toOutput: trainSize*line + padding, conjugate: true}.emit(k, dv, u, dm)
	k.Return()
}

// inputGradTransform emits dX = B dV Bᵀ for ten channels.
func inputGradTransform(f *isa.File, width int) {
	k := f.Function("Conv2InputGradTransform", width, "dx, dv []float32, first int",
		"computes channels first … first+9 of the input gradient of conv2: dx [20][12][12] = B dv Bᵀ from dv [20][144].")
	dx, dv, first := k.Pointer("dx"), k.Pointer("dv"), k.Integer("first")
	line := k.Line()
	k.AdvanceBy(first, inputSize*inputSize*line, dx)
	k.AdvanceBy(first, trainSize*line+padding, dv)
	half := k.Scratch(inputSize * trainPoints * k.Bytes())
	k.Loop("channel", trainGroup, pointers{dx, dv}, []int{inputSize * inputSize * line, trainSize*line + padding}, func() {
		k.EachPart(pointers{dx, dv}, nil, func() {
			toomcook.Columns(k, dv, half, inputSize, line, 0, false, toomcook.InputGrad)
			k.Comment("rows: (B dv) Bᵀ")
			k.Loop("row", inputSize, pointers{half, dx}, []int{trainPoints * k.Bytes(), inputSize * line}, func() {
				toomcook.InputGrad(k, func(j int) isa.V { return k.LoadVector(isa.At(half, j*k.Bytes())) },
					func(x int, v isa.V) { k.StoreVector(v, isa.At(dx, x*line)) })
			})
			k.Advance(half, -inputSize*trainPoints*k.Bytes())
			k.Advance(dx, -inputSize*inputSize*line)
		})
	})
	k.Return()
}

// Bytes of a line, and of a frequency of dm and v, in blocks and half-blocks.
const (
	blockLine = 4 * shape.Block
	halfLine  = 4 * shape.HalfBlock
	cacheLine = 64
)

func dmFrequency(line int) int { return outputs*line + padding }
func vFrequency(line int) int  { return inputs*line + padding }

// weightGrad emits dU[f] = Σ dM[f] V[f]ᵀ over images for a few frequencies,
// real ones or pairs of the real and imaginary part of complex ones, for which
//
//	Re dU = Σ Re dM Re V + Im dM Im V,   Im dU = Σ Im dM Re V − Re dM Im V.
//
// A frequency of a batch of 104 images is 21 KB of dm and 8 KB of v, which
// stay in L1 while all 50×20 sums are made. Register tile: five outputs × four
// channels, or two channels' real and imaginary parts; lane l of every line adds
// up by itself, then the lanes are added in reduce's order. AVX2 holds half
// of the tile at a time, and lanes 0–7 before lanes 8–15.
func weightGrad(f *isa.File, complex bool) {
	name, frequencies, step := "Conv2WeightGradProducts", shape.Conv2WeightSingles, 1
	doc := []string{"adds up real frequencies first … first+4 of the weight gradient of conv2 over all blocks:",
		"du [144][50][20] = Σ dm vᵀ from dm [blocks][144][50] and v [blocks][144][20];"}
	if complex {
		name, frequencies, step = "Conv2WeightGradPairProducts", shape.Conv2WeightPairs, 2
		doc = []string{"adds up complex frequencies of the weight gradient of conv2 over all blocks, from the real part first on:",
			"du [144][50][20] = Σ dm v̄ᵀ of frequencies first … first+3, from dm [blocks][144][50] and v [blocks][144][20];"}
	}
	k := f.WideFunction(name, "du, dm, v []float32, images, first int",
		append(doc, "images is a multiple of 8, the last block a half-block if it is none of 16.")...)
	du, dm, v, first, blocks := k.Pointer("du"), k.Pointer("dm"), k.Pointer("v"), k.Integer("first"), k.BlockCount("images")
	tailDM, tailV := k.Behind(dm, blocks, trainSize*dmFrequency(blockLine)), k.Behind(v, blocks, trainSize*vFrequency(blockLine))
	k.AdvanceBy(first, dmFrequency(blockLine), dm)
	k.AdvanceBy(first, dmFrequency(halfLine), tailDM)
	k.AdvanceBy(first, vFrequency(blockLine), v)
	k.AdvanceBy(first, vFrequency(halfLine), tailV)
	k.AdvanceBy(first, 4*weights, du)
	tile := reduce.NewTile(k, group)
	channels := reduce.Columns / step
	lower := lowerLanes(k)
	next := newNextFrequency(k, step)
	k.Loop("frequency", frequencies, pointers{dm, tailDM, v, tailV, du}, []int{
		step*dmFrequency(blockLine) - outputs*blockLine, step*dmFrequency(halfLine) - outputs*halfLine,
		step * vFrequency(blockLine), step * vFrequency(halfLine), (step - 1) * 4 * weights}, func() {
		next.beginV()
		k.Loop("outputs", outputs/group, pointers{dm, tailDM, v, tailV, du}, []int{group * blockLine, group * halfLine, -inputs * blockLine, -inputs * halfLine, 4 * (group - 1) * inputs}, func() {
			next.beginDM()
			k.Loop("channels", inputs/channels, pointers{v, tailV, du}, []int{channels * blockLine, channels * halfLine, 4 * channels}, func() {
				tile.Sum(func(part, c, held int, sums [][]isa.V) {
					k.Commentf("lanes %d … %d of 16 of Σ dm[o] v[c] over images, columns %d … %d of the tile",
						part*k.Lanes, (part+1)*k.Lanes-1, c, c+held-1)
					t := outerTile{k: k, sums: sums, complex: complex, first: c, offset: part * k.Bytes()}
					strides := []int{trainSize * dmFrequency(blockLine), trainSize * vFrequency(blockLine)}
					tail := func() { t.add(tailDM, tailV, halfLine, lower) }
					if part > 0 {
						tail = nil
					}
					k.Blocks(blocks, "images", pointers{dm, v}, strides, func(p pointers) {
						next.fetch(p[0], p[1])
						t.add(p[0], p[1], blockLine, nil)
					}, tail)
				}, func(o int) [2]operand.Mem {
					at := isa.At(du, 4*o*inputs)
					if complex {
						return [2]operand.Mem{at, at.Offset(4 * weights)}
					}
					return [2]operand.Mem{at, at.Offset(8)}
				})
				next.advanceDM()
			})
			next.advanceV()
		})
	})
	k.Return()
}

// nextFrequency fetches the lines of the next frequency while the tiles of this
// one are summed: for every tile of every block a line of dm, and one of v, where a
// few are fetched more than once. AVX2 has no registers left for it and does not.
// Measured on Zen 5, one thread, the phase of a step: 2.46 without, 2.32 µs an
// image with it; the kernel alone, whose lines are in L2, gains nothing.
type nextFrequency struct {
	k     *isa.Kernel
	step  int
	dm, v reg.GPVirtual // how far the lines to fetch are behind the tile's
}

func newNextFrequency(k *isa.Kernel, step int) *nextFrequency {
	if !k.Target.Masks {
		return nil
	}
	return &nextFrequency{k: k, step: step, dm: k.GP64(), v: k.GP64()}
}

func (n *nextFrequency) beginDM() {
	if n != nil {
		n.k.MOVQ(operand.U32(n.step*dmFrequency(blockLine)), n.dm)
	}
}

func (n *nextFrequency) beginV() {
	if n != nil {
		n.k.MOVQ(operand.U32(n.step*vFrequency(blockLine)), n.v)
	}
}

func (n *nextFrequency) advanceDM() {
	if n != nil {
		n.k.ADDQ(operand.U8(blockLine), n.dm)
	}
}

func (n *nextFrequency) advanceV() {
	if n != nil {
		n.k.ADDQ(operand.U8(blockLine), n.v)
	}
}

// fetch fetches a line of dm and one of v of a block.
func (n *nextFrequency) fetch(dm, v reg.GPVirtual) {
	if n != nil {
		n.k.PREFETCHT0(operand.Mem{Base: dm, Index: n.dm, Scale: 1})
		n.k.PREFETCHT0(operand.Mem{Base: v, Index: n.v, Scale: 1})
	}
}

// lowerLanes is the mask with which a half-block's line is added to sums of 16
// lanes, or nil where vectors have 8.
func lowerLanes(k *isa.Kernel) reg.Register {
	if k.Lanes == 8 {
		return nil
	}
	return reduce.Lower(k)
}

// outerTile are the sums of five outputs and of some columns from first on: real
// channels, or two channels' real parts and then their imaginary ones.
type outerTile struct {
	k             *isa.Kernel
	sums          [][]isa.V
	complex       bool
	first, offset int // offset: of the lanes in a line, in bytes
}

// add adds one block's products, of a line's lanes.
func (t outerTile) add(dm, v reg.GPVirtual, line int, lower reg.Register) {
	k := t.k
	load := func(base reg.GPVirtual, offset int) isa.V {
		m := isa.At(base, offset+t.offset)
		if lower != nil {
			x := k.Vector()
			k.VBROADCASTF32X8(m, x) // the upper half is not used, but avo wants it written
			return x
		}
		return k.LoadVector(m)
	}
	add := func(negative bool, x, y, sum isa.V) {
		operands := []operand.Op{x, y, sum}
		if lower != nil {
			operands = []operand.Op{x, y, lower, sum}
		}
		if negative {
			k.VFNMADD231PS(operands...)
		} else {
			k.VFMADD231PS(operands...)
		}
	}
	if !t.complex {
		x := make([]isa.V, len(t.sums[0]))
		for i := range x {
			x[i] = load(v, (t.first+i)*line)
		}
		for o := range t.sums {
			gradient := load(dm, o*line)
			for i := range x {
				add(false, gradient, x[i], t.sums[o][i])
			}
		}
		return
	}
	const channels = reduce.Columns / 2
	var re, im [channels]isa.V
	for c := range re {
		re[c], im[c] = load(v, c*line), load(v, c*line+vFrequency(line))
	}
	for o := range t.sums {
		gradient := load(dm, o*line)
		imaginary := load(dm, o*line+dmFrequency(line))
		for i, sum := range t.sums[o] {
			c := (t.first + i) % channels
			if t.first+i < channels {
				add(false, gradient, re[c], sum)
				add(false, imaginary, im[c], sum)
			} else {
				add(false, imaginary, re[c], sum)
				add(true, gradient, im[c], sum)
			}
		}
	}
}

// biasGrad emits the bias gradient: the sum of the pooled gradients whose ReLU
// is on.
func biasGrad(f *isa.File) {
	k := f.WideFunction("Conv2BiasGrad", "db, dy []float32, mask []byte, images int",
		"adds up the bias gradient of conv2 over all blocks: db [50] = Σ dy where the ReLU is on,",
		"from dy [blocks][50][4][4] and mask [blocks][50][4][4];",
		"images is a multiple of 8, the last block a half-block if it is none of 16.")
	db, dy, mask, blocks := k.Pointer("db"), k.Pointer("dy"), k.Pointer("mask"), k.BlockCount("images")
	const windows = pooledSize * pooledSize
	block, half := pooling.MaskBytes(shape.Block), pooling.MaskBytes(shape.HalfBlock)
	tailDY, tailMask := k.Behind(dy, blocks, outputs*windows*blockLine), k.Behind(mask, blocks, outputs*windows*block)
	k.Loop("output", outputs, pointers{dy, tailDY, mask, tailMask, db},
		[]int{windows * blockLine, windows * halfLine, windows * block, windows * half, 4}, func() {
			k.Comment("db = Σ dy over windows and images")
			sums := make([]isa.V, 16/k.Lanes)
			for part := range sums {
				sums[part] = k.Zero()
			}
			k.Blocks(blocks, "images", pointers{dy, mask}, []int{outputs * windows * blockLine, outputs * windows * block}, func(p pointers) {
				for window := range windows {
					for part, sum := range sums {
						alive := k.LoadBits(isa.At(p[1], window*block+part))
						k.VADDPS(k.Keep(alive, isa.At(p[0], window*blockLine+part*k.Bytes())), sum, sum)
					}
				}
			}, func() {
				narrow := k.Narrow()
				for window := range windows {
					alive := narrow.LoadBits(isa.At(tailMask, window*half))
					reduce.AddTail(k, sums[0], narrow.Keep(alive, isa.At(tailDY, window*halfLine)))
				}
			})
			reduce.One(k, sums, isa.At(db, 0))
		})
	k.Return()
}

// trainWeightTransform emits U = G W Gᵀ, lanes being pairs (output, channel), and
// weightGradTransform dW = Gᵀ dU G. Ten outputs' pairs are 25 vectors of 8 lanes.
// Both fetch the next cache line of every frequency. Measured on Zen 4, one thread,
// in a step, µs an image: 0.30 and 0.42 without, 0.18 and 0.31 with it; alone, where
// everything is in L2 already, the first takes 0.155 instead of 0.141.
func trainWeightTransform(f *isa.File) {
	k := f.WideFunction("Conv2TrainWeightTransform", "u, w []float32, first int",
		"transforms the weights of outputs first … first+9 of conv2 for training: u [144][50][20] = G w Gᵀ from w [25][50][20].").Narrow()
	u, w, first := k.Pointer("u"), k.Pointer("w"), k.Integer("first")
	half := k.Scratch(trainPoints * filterSize * k.Bytes())
	k.AdvanceBy(first, 4*inputs, u, w)
	k.Loop("weights", trainGroup*inputs/k.Lanes, pointers{u, w}, []int{k.Bytes(), k.Bytes()}, func() {
		k.Comment("columns: G w")
		k.Loop("column", filterSize, pointers{w, half}, []int{4 * weights, k.Bytes()}, func() {
			taps := make([]isa.V, filterSize)
			for i := range taps {
				taps[i] = k.LoadVector(isa.At(w, i*filterSize*4*weights))
			}
			toomcook.Weight(k, taps, func(i int, v isa.V) { k.StoreVector(v, isa.At(half, i*filterSize*k.Bytes())) })
		})
		k.Advance(w, -filterSize*4*weights)
		k.Advance(half, -filterSize*k.Bytes())
		toomcook.Spread(k, half, u, filterSize, 4*weights, cacheLine, true, toomcook.Weight)
	})
	k.Return()
}

func weightGradTransform(f *isa.File) {
	k := f.WideFunction("Conv2WeightGradTransform", "dw, du []float32, first int",
		"transforms the weight gradient of outputs first … first+9 of conv2 back: dw [25][50][20] = Gᵀ du G from du [144][50][20].").Narrow()
	dw, du, first := k.Pointer("dw"), k.Pointer("du"), k.Integer("first")
	half := k.Scratch(filterSize * trainPoints * k.Bytes())
	k.AdvanceBy(first, 4*inputs, dw, du)
	k.Loop("weights", trainGroup*inputs/k.Lanes, pointers{dw, du}, []int{k.Bytes(), k.Bytes()}, func() {
		toomcook.Columns(k, du, half, filterSize, 4*weights, cacheLine, true, toomcook.WeightGrad)
		k.Comment("rows: (Gᵀ du) G")
		k.Loop("row", filterSize, pointers{half, dw}, []int{trainPoints * k.Bytes(), filterSize * 4 * weights}, func() {
			toomcook.WeightGrad(k, func(j int) isa.V { return k.LoadVector(isa.At(half, j*k.Bytes())) },
				func(j int, v isa.V) { k.StoreVector(v, isa.At(dw, j*4*weights)) })
		})
		k.Advance(half, -filterSize*trainPoints*k.Bytes())
		k.Advance(dw, -filterSize*filterSize*4*weights)
	})
	k.Return()
}
