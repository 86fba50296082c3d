// Package fc2 emits the kernels of the last layer, 500→10, with softmax and
// cross-entropy. Lines of images side by side lie as x, dx [500], logits,
// dlogits [10]; w and dw are [10][500].
package fc2

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/reduce"
	"github.com/kernelet/kernelet/internal/shape"
)

const (
	inputs  = shape.FC2Inputs
	classes = shape.Classes
	weights = 4 * inputs // bytes of a class's weights
)

type pointers = []reg.GPVirtual

// Emit adds all kernels of the layer.
func Emit(f *isa.File) {
	for _, width := range isa.Widths {
		forward(f, width)
		forwardLoss(f, width)
		inputGrad(f, width)
	}
	weightGrad(f)
}

func forward(f *isa.File, width int) {
	k := f.Function("FC2Forward", width, "logits, x, w, bias []float32",
		"computes logits [10] = w x + bias from x [500] and w [10][500].")
	products(k)
	k.Return()
}

// products emits the matrix product, one accumulator a class.
func products(k *isa.Kernel) {
	logits, x, w, bias := k.Pointer("logits"), k.Pointer("x"), k.Pointer("w"), k.Pointer("bias")
	k.EachPart(pointers{logits, x}, nil, func() {
		k.Comment("logits = bias + Σ w x")
		sums := make([]isa.V, classes)
		for class := range sums {
			sums[class] = k.Broadcast(isa.At(bias, 4*class))
		}
		const unroll = 4
		k.Loop("input", inputs/unroll, pointers{x, w}, []int{unroll * k.Line(), 4 * unroll}, func() {
			for i := range unroll {
				value := []isa.V{k.LoadVector(isa.At(x, i*k.Line()))}
				for class := range sums {
					k.Products(isa.At(w, class*weights+4*i), value, sums[class:class+1])
				}
			}
		})
		k.Advance(x, -inputs*k.Line())
		k.Advance(w, -weights)
		for class, sum := range sums {
			k.StoreVector(sum, isa.At(logits, class*k.Line()))
		}
	})
}

// forwardLoss emits the product, softmax and the gradient of cross-entropy.
func forwardLoss(f *isa.File, width int) {
	k := f.Function("FC2ForwardLoss", width,
		"logits, dlogits, denominators, x, w, bias []float32, labels []int32, scale, label, other float32",
		"computes logits [10] = w x + bias, denominators [1] = Σ exp(logit − largest logit)",
		"and dlogits [10] = (softmax − target)·scale; target is other, at the label's class other + label.",
		"A lane whose label is negative has no image and gets the gradient 0.")
	products(k)
	logits, dlogits, denominators, labels := k.Pointer("logits"), k.Pointer("dlogits"), k.Pointer("denominators"), k.Pointer("labels")
	line := k.Line()
	k.EachPart(pointers{logits, dlogits, denominators, labels}, nil, func() {
		k.Comment("h = the largest logit")
		highest := k.LoadVector(isa.At(logits, 0))
		for class := 1; class < classes; class++ {
			highest = k.Max(highest, isa.At(logits, class*line))
		}
		k.Comment("e = exp(logit − h), denominator = Σ e")
		denominator := k.Zero()
		k.Loop("exponential", classes, pointers{logits, dlogits}, []int{line, line}, func() {
			x := k.LoadVector(isa.At(logits, 0))
			k.VSUBPS(highest, x, x)
			e := exponential(k, x)
			k.VADDPS(e, denominator, denominator)
			k.StoreVector(e, isa.At(dlogits, 0))
		})
		k.Advance(logits, -classes*line)
		k.Advance(dlogits, -classes*line)
		k.StoreVector(denominator, isa.At(denominators, 0))
		k.Comment("dlogit = (e/denominator − target)·scale, 0 where the label is negative;",
			"target = other, at the label's class other + label")
		reciprocal := k.Splat(1)
		k.VDIVPS(denominator, reciprocal, reciprocal)
		scale, other, whole := k.BroadcastParameter("scale"), k.BroadcastParameter("other"), k.BroadcastParameter("label")
		k.VADDPS(other, whole, whole)
		class, one := k.Vector(), k.Vector()
		k.VXORPS(class, class, class)
		k.VPBROADCASTD(k.Words("one", 1), one)
		label := k.LoadVector(isa.At(labels, 0))
		k.Loop("gradient", classes, pointers{dlogits}, []int{line}, func() {
			gradient, target := k.Vector(), k.Copy(other)
			k.VMULPS(isa.At(dlogits, 0), reciprocal, gradient)
			if k.Target.Masks {
				hit, image, zero := k.K(), k.K(), k.Zero()
				k.VPCMPD(isa.IntegersEqual, class, label, hit)
				target = k.Pick(hit, target, whole)
				k.VSUBPS(target, gradient, gradient)
				k.VMULPS(scale, gradient, gradient)
				k.VPCMPD(isa.IntegersNotLess, zero, label, image)
				k.Clear(image, gradient)
			} else {
				hit, none := k.Vector(), k.Vector()
				k.VPCMPEQD(class, label, hit)
				target = k.Pick(hit, target, whole)
				k.VSUBPS(target, gradient, gradient)
				k.VMULPS(scale, gradient, gradient)
				k.VPSRAD(operand.U8(31), label, none)
				k.VANDNPS(gradient, none, gradient)
			}
			k.StoreVector(gradient, isa.At(dlogits, 0))
			k.VPADDD(one, class, class)
		})
		k.Advance(dlogits, -classes*line)
	})
	k.Return()
}

// exponential returns eˣ for x ≤ 0, largest relative error 2e-7. Below −87 it
// is e⁻⁸⁷; NaN stays.
func exponential(k *isa.Kernel, x isa.V) isa.V {
	const roundMagic = 3 << 22 // added and subtracted it rounds to the nearest integer
	x = k.Max(k.Splat(-87), x)
	k.Comment("n = x/ln 2, rounded; r = x − n·ln 2, so |r| ≤ ln 2/2")
	magic := k.Splat(roundMagic)
	n := k.Copy(magic)
	k.MultiplyAdd(n, 1.442695, x)
	k.VSUBPS(magic, n, n)
	// ln 2 in two parts: n times the first is exact.
	k.MultiplySubtract(x, 0.693359375, n)
	k.MultiplySubtract(x, -2.12194440e-4, n)
	k.Comment("eʳ = 1 + r + r²/2 + r³/6 + r⁴/24 + r⁵/120 + r⁶/720")
	y := k.Splat(1.0 / 720)
	for _, coefficient := range []float32{1.0 / 120, 1.0 / 24, 1.0 / 6, 1.0 / 2, 1, 1} {
		k.VFMADD213PS(k.Splat(coefficient), x, y)
	}
	k.Comment("eˣ = 2ⁿ eʳ; n + 127 are the exponent bits of 2ⁿ")
	power, bias := k.Vector(), k.Vector()
	k.VCVTPS2DQ(n, power)
	k.VPBROADCASTD(k.Words("exponentBias", 127), bias)
	k.VPADDD(bias, power, power)
	k.VPSLLD(operand.U8(23), power, power)
	k.VMULPS(power, y, y)
	return y
}

// inputGrad emits the way back through fc2, dropout and fc1's ReLU: an output
// of fc1 that is 0 was dropped or had no gradient.
func inputGrad(f *isa.File, width int) {
	k := f.Function("FC2InputGrad", width, "dx, dlogits, w, x []float32, scale float32",
		"computes dx [500] = scale · wᵀ dlogits where x [500] > 0, else 0.")
	dx, dlogits, w, x := k.Pointer("dx"), k.Pointer("dlogits"), k.Pointer("w"), k.Pointer("x")
	line := k.Line()
	k.EachPart(pointers{dx, dlogits, x}, nil, func() {
		gradients := make([]isa.V, classes)
		for class := range gradients {
			gradients[class] = k.LoadVector(isa.At(dlogits, class*line))
		}
		scale := k.BroadcastParameter("scale")
		const unroll = 2
		k.Loop("input", inputs/unroll, pointers{dx, x, w}, []int{unroll * line, unroll * line, 4 * unroll}, func() {
			k.Comment("dx = scale · Σ w dlogits where x > 0, else 0")
			for i := range unroll {
				sum := k.Zero()
				for class, gradient := range gradients {
					k.Products(isa.At(w, class*weights+4*i), []isa.V{gradient}, []isa.V{sum})
				}
				if k.Target.Masks {
					zero := k.Zero()
					k.Clear(k.Compare(isa.Greater, k.LoadVector(isa.At(x, i*line)), zero), sum)
				} else {
					// 0 < x without a register for 0: x lies second, so the comparison is turned round.
					alive := k.Zero()
					k.VCMPPS(isa.Less, isa.At(x, i*line), alive, alive)
					k.VANDPS(alive, sum, sum)
				}
				k.VMULPS(scale, sum, sum)
				k.StoreVector(sum, isa.At(dx, i*line))
			}
		})
		k.Advance(dx, -inputs*line)
		k.Advance(x, -inputs*line)
		k.Advance(w, -weights)
	})
	k.Return()
}

// weightGrad emits the weight gradient in the order of conv2's. AVX2 holds half
// a tile's lanes and inputs at a time.
func weightGrad(f *isa.File) {
	k := f.WideFunction("FC2WeightGrad", "dw, dlogits, x []float32, batch int",
		"computes dw [10][500] = Σ dlogits xᵀ over the blocks dlogits [blocks][10] and x [blocks][500].",
		"batch is a multiple of 8, the last block a half-block if it is none of 16.")
	const (
		rows    = 5
		columns = reduce.Columns
		line    = 64
		blockD  = classes * line
		blockX  = inputs * line
	)
	dw, d, x, blocks := k.Pointer("dw"), k.Pointer("dlogits"), k.Pointer("x"), k.BlockCount("batch")
	tailD, tailX := k.Behind(d, blocks, blockD), k.Behind(x, blocks, blockX)
	tile := reduce.NewTile(k, rows)
	k.Loop("classes", classes/rows, pointers{d, tailD, dw}, []int{rows * line, rows * line / 2, rows*weights - weights}, func() {
		k.Loop("inputs", inputs/columns, pointers{x, tailX, dw}, []int{columns * line, columns * line / 2, 4 * columns}, func() {
			k.Commentf("dw = Σ dlogits xᵀ over the images, %d classes × %d inputs", rows, columns)
			tile.Sum(func(part, c, held int, sums [][]isa.V) {
				var atTail func() // a half-block has no upper lanes
				if part == 0 {
					atTail = func() { tail(k, sums, c, tailD, tailX) }
				}
				k.Blocks(blocks, "batch", pointers{d, x}, []int{blockD, blockX}, func(p pointers) {
					values := make([]isa.V, held)
					for i := range values {
						values[i] = k.LoadVector(isa.At(p[1], (c+i)*line+part*k.Bytes()))
					}
					for r := range sums {
						gradient := k.LoadVector(isa.At(p[0], r*line+part*k.Bytes()))
						for i, v := range values {
							k.VFMADD231PS(gradient, v, sums[r][i])
						}
					}
				}, atTail)
			}, func(r int) [2]operand.Mem { return [2]operand.Mem{isa.At(dw, r*weights), isa.At(dw, r*weights+8)} })
		})
		k.Advance(x, -inputs*line)
		k.Advance(tailX, -inputs*line/2)
	})
	k.Return()
}

// tail adds a half-block's products to the lower eight lanes.
func tail(k *isa.Kernel, sums [][]isa.V, first int, d, x reg.GPVirtual) {
	var lower reg.OpmaskVirtual
	if k.Lanes == 16 {
		lower = reduce.Lower(k)
	}
	values := make([]isa.V, len(sums[0]))
	for i := range values {
		values[i] = k.Vector()
		k.VMOVUPS(isa.At(x, (first+i)*32), half(k, values[i]))
	}
	for r := range sums {
		gradient := k.Vector()
		k.VMOVUPS(isa.At(d, r*32), half(k, gradient))
		for i, v := range values {
			if k.Lanes == 16 {
				k.VFMADD231PS(gradient, v, lower, sums[r][i])
			} else {
				k.VFMADD231PS(gradient, v, sums[r][i])
			}
		}
	}
}

// half is the lower eight lanes of a vector.
func half(k *isa.Kernel, v isa.V) reg.Register {
	if k.Lanes == 16 {
		return v.AsY()
	}
	return v
}
