package isa

import (
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
)

// Mask says for every lane of a vector yes or no: an opmask register where the
// target has them, else a vector whose lanes are all ones or all zeros.
type Mask = operand.Op

// Greater returns the lanes in which x > y; NaN is greater than nothing.
func (k *Kernel) Greater(x, y V) Mask {
	const greater = operand.U8(0x1e) // ordered, no exception for quiet NaN
	if k.Target.Masks {
		m := k.K()
		k.VCMPPS(greater, y, x, m)
		return m
	}
	m := k.Vector()
	k.VCMPPS(greater, y, x, m)
	return m
}

// StoreBits writes one bit a lane, all to one place or eight each to two.
func (k *Kernel) StoreBits(m Mask, to ...operand.Mem) {
	switch {
	case !k.Target.Masks:
		bits := k.GP32()
		k.VMOVMSKPS(m, bits)
		k.MOVB(bits.As8(), to[0])
	case len(to) == 2:
		upper := k.K()
		k.KSHIFTRW(operand.U8(8), m, upper)
		k.KMOVB(m, to[0])
		k.KMOVB(upper, to[1])
	case k.Lanes == 16:
		k.KMOVW(m, to[0])
	default:
		k.KMOVB(m, to[0])
	}
}

// LoadBits returns the mask of one bit a lane, from one place or eight each
// from two.
func (k *Kernel) LoadBits(from ...operand.Mem) Mask {
	if !k.Target.Masks {
		// Every lane tests its own bit of the byte.
		bits, m := k.Words("bits", 1, 2, 4, 8, 16, 32, 64, 128), k.Vector()
		k.VPBROADCASTB(from[0], m)
		k.VPAND(bits, m, m)
		k.VPCMPEQD(bits, m, m)
		return m
	}
	m := k.K()
	switch {
	case len(from) == 2:
		lower, upper := k.K(), k.K()
		k.KMOVB(from[0], lower)
		k.KMOVB(from[1], upper)
		k.KUNPCKBW(lower, upper, m)
	case k.Lanes == 16:
		k.KMOVW(from[0], m)
	default:
		k.KMOVB(from[0], m)
	}
	return m
}

// Keep returns x, a register or a vector in memory, where the mask says yes
// and 0 elsewhere.
func (k *Kernel) Keep(m Mask, x operand.Op) V {
	v := k.Vector()
	if k.Target.Masks {
		k.VMOVUPS_Z(x, m, v)
	} else {
		k.VANDPS(x, m, v)
	}
	return v
}

// Drop returns x where the mask says no and 0 elsewhere.
func (k *Kernel) Drop(m Mask, x V) V {
	if k.Target.Masks {
		not := k.K()
		k.KNOTW(m, not)
		return k.Keep(not, x)
	}
	v := k.Vector()
	k.VANDNPS(x, m, v)
	return v
}

// Pick returns y, a register or a vector in memory, where the mask says yes
// and x elsewhere.
func (k *Kernel) Pick(m Mask, x V, y operand.Op) V {
	v := k.Vector()
	if !k.Target.Masks {
		k.VBLENDVPS(m, y, x, v)
		return v
	}
	// By hand: avo takes the target of every masked instruction for read.
	k.Instruction(&ir.Instruction{
		Opcode: "VBLENDMPS", Operands: []operand.Op{y, x, m, v},
		Inputs: []operand.Op{y, x, m}, Outputs: []operand.Op{v}, ISA: []string{"AVX512F"},
	})
	return v
}
