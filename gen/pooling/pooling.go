// Package pooling emits the 2×2 max pooling with bias and ReLU that follows a
// convolution, and its way back.
//
// A mask remembers which of the four values of a window carries the gradient:
// the first maximum in row-major order, as in PyTorch, and none where the
// ReLU is off. It lies as [position 0…3][one bit an image].
package pooling

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
)

// Comparison predicates of VCMPPS: ordered, no exception for quiet NaN.
const (
	equal   = operand.U8(0x00)
	greater = operand.U8(0x1e)
)

// MaskBytes is the size of a window's mask for images side by side.
func MaskBytes(images int) int { return 4 * images / 8 }

// Forward returns max(0, max(window) + bias). If mask is not nil it stores the
// window's mask there, as memory of the first position's bits of this vector.
//
// VMAXPS returns its second source when a value is NaN, so max(0, x) keeps a
// NaN, and training can notice it.
func Forward(k *isa.Kernel, window [4]isa.V, bias, zero isa.V, mask *operand.Mem) isa.V {
	highest := k.Max(k.Max(window[0], window[1]), k.Max(window[2], window[3]))
	y := k.Max(zero, k.Add(highest, bias))
	if mask == nil {
		return y
	}
	step := k.Width / 8 // bytes of a position's bits
	if !k.Target.Masks {
		// Bits go to general registers at once: their ports are idle.
		bits := func(predicate operand.U8, x, y isa.V) reg.GPVirtual {
			v, r := k.Vector(), k.GP32()
			k.VCMPPS(predicate, x, y, v)
			k.VMOVMSKPS(v, r)
			return r
		}
		alive := bits(greater, zero, y)
		for i, x := range window {
			chosen := bits(equal, highest, x)
			k.ANDL(alive, chosen)
			if i < 3 {
				k.XORL(chosen, alive)
			}
			k.MOVB(chosen.As8(), mask.Offset(i*step))
		}
		return y
	}
	alive := k.K()
	k.VCMPPS(greater, zero, y, alive)
	for i, x := range window {
		chosen := k.K()
		k.VCMPPS(equal, highest, x, alive, chosen)
		if i < 3 {
			k.KANDNW(alive, chosen, alive)
		}
		if k.Lanes == 16 {
			k.KMOVW(chosen, mask.Offset(i*step))
		} else {
			k.KMOVB(chosen, mask.Offset(i*step))
		}
	}
	return y
}

// Backward returns the gradient of one position of a window: gradient where
// the position's bit is set, elsewhere 0.
func Backward(k *isa.Kernel, gradient isa.V, mask operand.Mem, position int) isa.V {
	step := k.Width / 8
	m := mask.Offset(position * step)
	v := k.Vector()
	if k.Target.Masks {
		chosen := k.K()
		if k.Lanes == 16 {
			k.KMOVW(m, chosen)
		} else {
			k.KMOVB(m, chosen)
		}
		k.VMOVAPS_Z(gradient, chosen, v)
		return v
	}
	// Every lane tests its own bit of the byte.
	bits := k.Words("bits", 1, 2, 4, 8, 16, 32, 64, 128)
	k.VPBROADCASTB(m, v)
	k.VPAND(bits, v, v)
	k.VPCMPEQD(bits, v, v)
	k.VANDPS(gradient, v, v)
	return v
}
