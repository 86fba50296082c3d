// Package adam emits the optimiser's step and the bias gradients that feed it.
package adam

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/reduce"
	"github.com/kernelet/kernelet/internal/shape"
)

// Parameters are the scalar arguments of a kernel that applies Adam.
const Parameters = "oneMinusBeta1, beta2, oneMinusBeta2, correction, epsilon, rate float32"

// Factors hold Parameters and constants in every lane of a register, or where
// registers are few in memory.
type Factors struct {
	oneMinusBeta1, beta2, oneMinusBeta2, correction, epsilon, rate, floor, absolute operand.Op
}

// Load loads the factors from the parameters.
func Load(k *isa.Kernel) Factors {
	var f Factors
	var scratch reg.GPVirtual
	if !k.Target.Masks {
		scratch = k.Scratch(8 * k.Bytes())
	}
	place := 0
	hold := func(target *operand.Op, v isa.V) {
		if k.Target.Masks {
			*target = v
			return
		}
		m := isa.At(scratch, place)
		k.StoreVector(v, m)
		*target, place = m, place+k.Bytes()
	}
	hold(&f.oneMinusBeta1, k.BroadcastParameter("oneMinusBeta1"))
	hold(&f.beta2, k.BroadcastParameter("beta2"))
	hold(&f.oneMinusBeta2, k.BroadcastParameter("oneMinusBeta2"))
	hold(&f.correction, k.BroadcastParameter("correction"))
	hold(&f.epsilon, k.BroadcastParameter("epsilon"))
	hold(&f.rate, k.BroadcastParameter("rate"))
	hold(&f.floor, k.Splat(shape.MomentFloor))
	hold(&f.absolute, k.Broadcast(k.Words("absolute", 0x7fffffff)))
	return f
}

// half returns the factors for 8-lane vectors.
func (f Factors) half() Factors {
	for _, op := range []*operand.Op{&f.oneMinusBeta1, &f.beta2, &f.oneMinusBeta2, &f.correction, &f.epsilon, &f.rate, &f.floor, &f.absolute} {
		if v, ok := (*op).(isa.V); ok {
			*op = v.AsY()
		}
	}
	return f
}

// Step updates a vector of weights and their moments in memory by the
// gradient g.
func Step(k *isa.Kernel, f Factors, g isa.V, w, m, v operand.Mem) {
	k.Comment("m = m + (1−β₁)(g − m)")
	moment := k.LoadVector(m)
	k.VFMADD231PS(f.oneMinusBeta1, k.Subtract(g, moment), moment)
	k.Comment("v = β₂ v + (1−β₂) g²")
	second, share := k.Vector(), k.Vector()
	k.VMULPS(f.oneMinusBeta2, g, share)
	k.VMOVUPS(v, second)
	k.VMULPS(f.beta2, second, second)
	k.VFMADD231PS(g, share, second)
	k.Commentf("0 where |m|, |v| < %g", shape.MomentFloor)
	flush(k, f, moment)
	flush(k, f, second)
	k.StoreVector(moment, m)
	k.StoreVector(second, v)
	k.Comment("w = w − rate · m / (√v·correction + ε)")
	denominator := k.Vector()
	k.VSQRTPS(second, denominator)
	k.VMULPS(f.correction, denominator, denominator)
	k.VADDPS(f.epsilon, denominator, denominator)
	k.VDIVPS(denominator, moment, moment)
	weight := k.LoadVector(w)
	k.VFNMADD231PS(f.rate, moment, weight)
	k.StoreVector(weight, w)
}

// flush sets lanes below the floor to 0; NaN stays.
func flush(k *isa.Kernel, f Factors, x isa.V) {
	magnitude := k.Vector()
	k.VANDPS(f.absolute, x, magnitude)
	k.Clear(k.Compare(isa.NotLess, magnitude, f.floor), x)
}

// Emit adds the kernels.
func Emit(f *isa.File) {
	update(f)
	lineSums(f)
}

// update emits the step on its own. Fetching conv2's next tap, whose ten outputs are
// too few values for the hardware to see a stream, gains 0.09 µs an image of a step
// on Zen 4, and makes a step over all weights a tenth slower: 1.58 instead of 1.44.
func update(f *isa.File) {
	k := f.WideFunction("Adam", "w, m, v, dw []float32, "+Parameters,
		"applies a step of Adam to w with the moments m and v and the gradient dw, whose length is a multiple of 8.")
	w, m, v, dw, count := k.Pointer("w"), k.Pointer("m"), k.Pointer("v"), k.Pointer("dw"), k.Length("dw")
	factors := Load(k)
	pointers := []reg.GPVirtual{w, m, v, dw}
	body := func(k *isa.Kernel, f Factors) {
		Step(k, f, k.LoadVector(isa.At(dw, 0)), isa.At(w, 0), isa.At(m, 0), isa.At(v, 0))
	}
	vectors, end := k.GP64(), k.NewLabel("end")
	k.MOVQ(count, vectors)
	shift := uint64(3)
	if k.Lanes == 16 {
		shift = 4
	}
	k.SHRQ(operand.U8(shift), vectors)
	rest := k.NewLabel("rest")
	k.JZ(operand.LabelRef(rest))
	stride := k.Bytes()
	k.LoopCounter("vector", vectors, pointers, []int{stride, stride, stride, stride}, func() { body(k, factors) })
	k.Label(rest)
	if k.Lanes == 16 {
		k.TESTQ(operand.U32(8), count)
		k.JZ(operand.LabelRef(end))
		body(k.Narrow(), factors.half())
		k.Label(end)
	}
	k.Return()
}

// lineSums emits sums over all images of a batch.
func lineSums(f *isa.File) {
	k := f.WideFunction("LineSums", "sums, lines []float32, features, batch int",
		"computes sums [features] over the images of lines [blocks][features].",
		"batch is a multiple of 8, the last block a half-block if it is none of 16.")
	sums, lines, features := k.Pointer("sums"), k.Pointer("lines"), k.Integer("features")
	block, blocks, tail := k.Times(features, 64), k.BlockCount("batch"), k.GP64()
	k.MOVQ(block, tail)
	k.IMULQ(blocks, tail)
	k.ADDQ(lines, tail)
	parts := 16 / k.Lanes
	k.LoopCounter("feature", features, []reg.GPVirtual{lines, tail, sums}, []int{64, 32, 4}, func() {
		k.Comment("sum = Σ line over all blocks, then the sum of the lanes")
		row := make([]isa.V, parts)
		for i := range row {
			row[i] = k.Zero()
		}
		k.Blocks(blocks, "batch", []reg.GPVirtual{lines}, []int{0}, func(p []reg.GPVirtual) {
			for i, v := range row {
				k.VADDPS(isa.At(p[0], i*k.Bytes()), v, v)
			}
			k.ADDQ(block, p[0])
		}, func() { reduce.AddTail(k, row[0], isa.At(tail, 0)) })
		reduce.One(k, row, isa.At(sums, 0))
	})
	k.Return()
}
