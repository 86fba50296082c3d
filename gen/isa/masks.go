package isa

import (
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Mask says for every lane of a vector yes or no: an opmask register where the
// target has them, else a vector whose lanes are all ones or all zeros.
type Mask = operand.Op

// Predicates of Compare; none raises an exception for a quiet NaN.
const (
	NotEqual = operand.U8(0x04) // or NaN
	NotLess  = operand.U8(0x15) // or NaN
	Less     = operand.U8(0x11)
	Greater  = operand.U8(0x1e)
)

// Predicates of VPCMPD and VPCMPUD, which compare integers.
const (
	IntegersEqual   = operand.U8(0)
	IntegersNotLess = operand.U8(5)
)

// Compare returns the lanes in which a predicate holds for x and y, a register
// or a vector in memory.
func (k *Kernel) Compare(predicate operand.U8, x V, y operand.Op) Mask {
	var m reg.Register
	if k.Target.Masks {
		m = k.K()
	} else {
		m = k.Vector()
	}
	k.VCMPPS(predicate, y, x, m)
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
		m := k.Vector()
		k.VPBROADCASTB(from[0], m)
		return k.laneBits(m)
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

// MoveBits returns the mask of the lower eight bits of a register.
func (k *Kernel) MoveBits(bits reg.GPVirtual) Mask {
	if k.Target.Masks {
		m := k.K()
		k.KMOVB(bits, m)
		return m
	}
	m := k.Vector()
	k.VMOVD(bits, m.AsX())
	k.VPBROADCASTB(m.AsX(), m)
	return k.laneBits(m)
}

// laneBits lets every lane of m, which has a byte everywhere, test its own bit.
func (k *Kernel) laneBits(m V) V {
	bits := k.Words("bits", 1, 2, 4, 8, 16, 32, 64, 128)
	k.VPAND(bits, m, m)
	k.VPCMPEQD(bits, m, m)
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

// Clear sets x to 0 where the mask says no.
func (k *Kernel) Clear(m Mask, x V) {
	if k.Target.Masks {
		k.VMOVAPS_Z(x, m, x)
	} else {
		k.VANDPS(m, x, x)
	}
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
