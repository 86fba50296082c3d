// Package extension emits the ceilings that have no plain-Go twin: the rate of
// the clock, and those of instructions that no kernel of the network uses and
// that dispatch does not ask for, dot products of bytes (AVX512_VNNI) and of
// bfloat16 (AVX512_BF16). Callers test for them.
package extension

import (
	"fmt"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/internal/shape"
)

const (
	accumulators = 12
	unroll       = shape.PeakProducts / accumulators
)

// Emit adds the kernels; AVX2 has the clock alone.
func Emit(f *isa.File) {
	clock(f)
	if !f.Target.Masks {
		return
	}
	// One VPDPBUSD adds 64 products of bytes.
	dotProducts(f, "VNNIPeak", "VPDPBUSD", func(k *isa.Kernel, i int) {
		k.VPDPBUSD(reg.Z31, reg.Z31, accumulator(i))
	})
	// One VDPBF16PS adds 32 products of bfloat16. Neither avo nor the Go assembler
	// knows it: EVEX.512.F3.0F38.W0 52 /r, both sources register 31.
	dotProducts(f, "BF16Peak", "VDPBF16PS", func(k *isa.Kernel, i int) {
		for _, b := range []byte{0x62, 0x92, 0x06, 0x40, 0x52, 0xc7 | byte(i%8)<<3} {
			if b == 0x92 && i >= 8 {
				b = 0x12 // R̄ = 0: the target is one of registers 8 to 15
			}
			k.Instruction(&ir.Instruction{Opcode: "BYTE", Operands: []operand.Op{operand.U8(b)}})
		}
	})
}

func accumulator(i int) reg.VecPhysical {
	return []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11}[i]
}

// dotProducts emits a loop over independent accumulators. The registers are
// fixed, because of those instructions that are written as bytes.
func dotProducts(f *isa.File, name, instruction string, product func(k *isa.Kernel, i int)) {
	k := f.WideFunction(name, "iterations int", fmt.Sprintf("runs iterations × %d %s of 64 bytes.", shape.PeakProducts, instruction))
	iterations := k.Integer("iterations")
	k.VPXORD(reg.Z31, reg.Z31, reg.Z31)
	for i := range accumulators {
		k.VPXORD(accumulator(i), accumulator(i), accumulator(i))
	}
	k.LoopCounter("iteration", iterations, nil, nil, func() {
		k.Commentf("%d × %d independent %s", unroll, accumulators, instruction)
		for range unroll {
			for i := range accumulators {
				product(k, i)
			}
		}
	})
	k.Return()
}

// clock emits additions of which each needs the one before: one a cycle. They
// add a register to itself, since some CPUs do an addition of a constant
// without an execution unit, and so several in a cycle.
func clock(f *isa.File) {
	k := f.WideFunction("Clock", "iterations int", "takes iterations × 100 cycles.")
	iterations, x := k.Integer("iterations"), k.GP64()
	k.MOVQ(iterations, x)
	k.LoopCounter("iteration", iterations, nil, nil, func() {
		k.Comment("100 times x = x + x, each after the one before")
		for range 100 {
			k.ADDQ(x, x)
		}
	})
	k.Return()
}
