package conv2

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/pooling"
	"github.com/kernelet/kernelet/gen/toomcook"
	"github.com/kernelet/kernelet/internal/shape"
)

const (
	trainPoints = shape.ToomPoints
	trainSize   = shape.ToomFrequencies
	singles     = shape.ToomSingles
	pairs       = shape.ToomPairs
	trainGroup  = shape.Conv2TrainGroup
	outputSize  = shape.Conv2Size
	weights     = inputs * outputs // of a frequency
)

// trainInputTransform emits V = Bᵀ X B of each channel.
func trainInputTransform(f *isa.File, width int) {
	k := f.Function("Conv2TrainInputTransform", width, "v, x []float32, first int",
		"transforms channels first … first+9 of the input of conv2 in training:",
		"v [144][20] = Bᵀ x B of x [20][12][12], lines of images side by side.")
	v, x, first := k.Pointer("v"), k.Pointer("x"), k.Integer("first")
	half := k.Scratch(trainSize * k.Bytes())
	line := k.Line()
	k.AdvanceBy(first, line, v)
	k.AdvanceBy(first, inputSize*inputSize*line, x)
	k.Loop("channel", trainGroup, pointers{x, v}, []int{inputSize * inputSize * line, line}, func() {
		k.EachPart(pointers{x, v}, nil, func() {
			k.Comment("columns: Bᵀ d")
			k.Loop("column", inputSize, pointers{x, half}, []int{line, k.Bytes()}, func() {
				d := make([]isa.V, inputSize)
				for i := range d {
					d[i] = k.LoadVector(isa.At(x, i*inputSize*line))
				}
				toomcook.Input(k, d, func(i int, v isa.V) { k.StoreVector(v, isa.At(half, i*inputSize*k.Bytes())) })
			})
			k.Advance(x, -inputSize*line)
			k.Advance(half, -inputSize*k.Bytes())
			toomcook.Spread(k, half, v, inputSize, vFrequency(line), 2*line, false, toomcook.Input)
		})
	})
	k.Return()
}

// trainProduct is the shape of the products to[o][f] = Σ_s weight[f][s][o]·from[f][s]
// over ten o. A complex frequency is two, real and imaginary part; where
// conjugate is set, its weight is conjugated, as the way back needs it. Sizes are
// in bytes.
type trainProduct struct {
	chunks, terms            int // of the sum
	weightTerm, weightOutput int // distances between the weights of terms and of outputs
	fromFrequency            int
	toOutput                 int
	conjugate                bool
}

// emit emits the products of all frequencies.
//
// Register tile of a real frequency: AVX-512 and half-blocks ten outputs × one
// vector, whose weights are broadcast by the products themselves; AVX2's blocks
// five × two. Of a complex one: ten outputs × real and imaginary part, AVX2
// five. In C on Zen 4, AVX-512, forward: ten outputs 3.4, five 3.9 µs an image.
func (p trainProduct) emit(k *isa.Kernel, to, weight, from reg.GPVirtual) {
	line, bytes := k.Line(), k.Bytes()
	vectors := line / bytes
	outer := trainGroup / vectors
	k.Commentf("to[o] = Σ weight·from over %d, real frequencies", p.chunks*p.terms)
	k.Loop("real", singles, pointers{to, from, weight}, []int{line, p.fromFrequency, 4 * weights}, func() {
		p.outputs(k, to, weight, outer, func() {
			sums := make([][]isa.V, outer)
			for o := range sums {
				for range vectors {
					sums[o] = append(sums[o], k.Zero())
				}
			}
			p.sum(k, weight, from, func(s int) {
				x := make([]isa.V, vectors)
				for i := range x {
					x[i] = k.LoadVector(isa.At(from, s*line+i*bytes))
				}
				for o := range sums {
					k.Products(isa.At(weight, s*p.weightTerm+o*p.weightOutput), x, sums[o])
				}
			})
			for o := range sums {
				for i, v := range sums[o] {
					k.StoreVector(v, isa.At(to, o*p.toOutput+i*bytes))
				}
			}
		})
	})
	outer = k.Fit(func(outer int) int { return 2*outer + 4 }, trainGroup, trainGroup/2)
	signs := [2]string{"−", "+"}
	if p.conjugate {
		signs = [2]string{"+", "−"}
	}
	k.Commentf("complex frequencies: re = Σ wr·re %s wi·im, im = Σ wr·im %s wi·re", signs[0], signs[1])
	k.Loop("complex", pairs, pointers{to, from, weight}, []int{2 * line, 2 * p.fromFrequency, 8 * weights}, func() {
		k.EachPart(pointers{to, from}, nil, func() {
			p.outputs(k, to, weight, outer, func() {
				sums := [2][]isa.V{}
				for range outer {
					sums[0], sums[1] = append(sums[0], k.Zero()), append(sums[1], k.Zero())
				}
				p.sum(k, weight, from, func(s int) {
					re, im := k.LoadVector(isa.At(from, s*line)), k.LoadVector(isa.At(from, s*line+p.fromFrequency))
					for o := range outer {
						at := s*p.weightTerm + o*p.weightOutput
						wr, wi := k.Broadcast(isa.At(weight, at)), k.Broadcast(isa.At(weight, at+4*weights))
						k.VFMADD231PS(wr, re, sums[0][o])
						k.VFMADD231PS(wr, im, sums[1][o])
						if p.conjugate {
							k.VFMADD231PS(wi, im, sums[0][o])
							k.VFNMADD231PS(wi, re, sums[1][o])
						} else {
							k.VFNMADD231PS(wi, im, sums[0][o])
							k.VFMADD231PS(wi, re, sums[1][o])
						}
					}
				})
				for part := range sums {
					for o, v := range sums[part] {
						k.StoreVector(v, isa.At(to, o*p.toOutput+part*line))
					}
				}
			})
		})
	})
	k.Advance(to, -trainSize*line)
	k.Advance(from, -trainSize*p.fromFrequency)
	k.Advance(weight, -trainSize*4*weights)
}

// outputs runs body for all ten outputs, some at a time.
func (p trainProduct) outputs(k *isa.Kernel, to, weight reg.GPVirtual, some int, body func()) {
	if some == trainGroup {
		body()
		return
	}
	k.Loop("outputs", trainGroup/some, pointers{to, weight}, []int{some * p.toOutput, some * p.weightOutput}, body)
	k.Advance(to, -trainGroup*p.toOutput)
	k.Advance(weight, -trainGroup*p.weightOutput)
}

// sum runs body for all terms.
func (p trainProduct) sum(k *isa.Kernel, weight, from reg.GPVirtual, body func(s int)) {
	line := k.Line()
	k.Loop("terms", p.chunks, pointers{weight, from}, []int{p.terms * p.weightTerm, p.terms * line}, func() {
		for s := range p.terms {
			body(s)
		}
	})
	k.Advance(weight, -p.chunks*p.terms*p.weightTerm)
	k.Advance(from, -p.chunks*p.terms*line)
}

// trainForward emits M = U V for ten outputs, Y = Aᵀ M A, bias, pooling, ReLU and
// masks.
func trainForward(f *isa.File, width int) {
	k := f.Function("Conv2TrainForwardReLUPoolMask", width, "y []float32, mask []byte, m, u, v, bias []float32, first int",
		"computes outputs first … first+9 of conv2 in training, pooled:",
		"y [50][4][4] = max(0, maxpool(Aᵀ (Σ u v) A) + bias) from u [144][50][20], v [144][20], bias [50];",
		"mask [50][4][4] receives the windows' masks; m [10][144] is working memory.")
	m, u, v, first := k.Pointer("m"), k.Pointer("u"), k.Pointer("v"), k.Integer("first")
	k.AdvanceBy(first, 4*inputs, u)
	line := k.Line()
	channel := trainSize*line + padding // of m
	trainProduct{chunks: 2, terms: inputs / 2, weightTerm: 4, weightOutput: 4 * inputs,
		fromFrequency: vFrequency(line), toOutput: channel}.emit(k, m, u, v)

	y, mask, bias := k.Pointer("y"), k.Pointer("mask"), k.Pointer("bias")
	first = k.Integer("first")
	maskBytes := pooling.MaskBytes(width)
	k.AdvanceBy(first, pooledSize*pooledSize*line, y)
	k.AdvanceBy(first, pooledSize*pooledSize*maskBytes, mask)
	k.AdvanceBy(first, 4, bias)
	half := k.Scratch(outputSize * trainPoints * k.Bytes())
	held := k.Target.Registers >= 32 // two rows stay in registers
	var rows reg.GPVirtual
	if !held {
		rows = k.Scratch(2 * outputSize * k.Bytes())
	}
	zero := k.Zero()
	k.Loop("output", trainGroup, pointers{m, bias, y, mask}, []int{channel, 4, pooledSize * pooledSize * line, pooledSize * pooledSize * maskBytes}, func() {
		b := k.Broadcast(isa.At(bias, 0))
		k.EachPart(pointers{m, y}, pointers{mask}, func() {
			toomcook.Columns(k, m, half, outputSize, line, 0, false, toomcook.Output)
			k.Comment("two rows at a time: (Aᵀ m) A, then bias, pooling, ReLU")
			k.Loop("rows", pooledSize, pointers{half, y, mask}, []int{2 * trainPoints * k.Bytes(), pooledSize * line, pooledSize * maskBytes}, func() {
				var values [2][outputSize]isa.V
				for row := range values {
					toomcook.Output(k, func(j int) isa.V { return k.LoadVector(isa.At(half, (row*trainPoints+j)*k.Bytes())) },
						func(j int, v isa.V) {
							if held {
								values[row][j] = v
							} else {
								k.StoreVector(v, isa.At(rows, (row*outputSize+j)*k.Bytes()))
							}
						})
				}
				for column := range pooledSize {
					var window [4]isa.V
					for i := range window {
						row, j := i/2, 2*column+i%2
						window[i] = values[row][j]
						if !held {
							window[i] = k.LoadVector(isa.At(rows, (row*outputSize+j)*k.Bytes()))
						}
					}
					k.StoreVector(pooling.Forward(k, window, b, zero, []operand.Mem{isa.At(mask, column*maskBytes)}), isa.At(y, column*line))
				}
			})
			k.Advance(half, -outputSize*trainPoints*k.Bytes())
			k.Advance(y, -pooledSize*pooledSize*line)
			k.Advance(mask, -pooledSize*pooledSize*maskBytes)
		})
	})
	k.Return()
}
