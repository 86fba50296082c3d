package isa

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Moves between the parts of a vector, which AVX-512 encodes otherwise than
// AVX2: the latter's forms reach registers 0 to 15 alone.

// UpperQuad returns lanes 4 to 7 of an 8-lane vector.
func (k *Kernel) UpperQuad(v V) reg.VecVirtual {
	upper := k.XMM()
	if k.Target.Masks {
		k.VEXTRACTF32X4(operand.U8(1), v, upper)
	} else {
		k.VEXTRACTF128(operand.U8(1), v, upper)
	}
	return upper
}

// LowerQuads returns [x0…3 | y0…3] of 8-lane vectors, UpperQuads [x4…7 | y4…7].
func (k *Kernel) LowerQuads(x, y V) V { return k.quads(x, y, 0x00, 0x20) }

// UpperQuads: see LowerQuads.
func (k *Kernel) UpperQuads(x, y V) V { return k.quads(x, y, 0x03, 0x31) }

func (k *Kernel) quads(x, y V, shuffle, permute operand.U8) V {
	v := k.YMM()
	if k.Target.Masks {
		k.VSHUFF32X4(shuffle, y, x, v)
	} else {
		k.VPERM2F128(permute, y, x, v)
	}
	return v
}

// XorBits lets x = x XOR y, y being a register or a vector in memory.
func (k *Kernel) XorBits(x V, y operand.Op) {
	if k.Target.Masks {
		k.VPXORD(y, x, x)
	} else {
		k.VPXOR(y, x, x)
	}
}
