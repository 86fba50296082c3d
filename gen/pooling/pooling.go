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

// greater is a predicate of VCMPPS: ordered, no exception for quiet NaN.
const greater = operand.U8(0x1e)

// MaskBytes is the size of a window's mask for images side by side.
func MaskBytes(images int) int { return 4 * images / 8 }

// Forward returns max(0, max(window) + bias). If mask is not nil it stores the
// window's mask there, as memory of the first position's bits of this vector.
//
// The mask comes from three comparisons, rows first: where the lower row's
// maximum is greater, the lower row is chosen; in the chosen row the right
// value if it is greater. Measured on Zen 5, conv1 forward, AVX-512: 1.33 µs an
// image; with four comparisons to the maximum, one a position, 1.40; with the
// four masks joined to one store 1.48.
//
// VMAXPS returns its second source when a value is NaN, so max(0, x) keeps a
// NaN, and training can notice it.
func Forward(k *isa.Kernel, window [4]isa.V, bias, zero isa.V, mask *operand.Mem) isa.V {
	rows := [2]isa.V{k.Max(window[0], window[1]), k.Max(window[2], window[3])}
	y := k.Max(zero, k.Add(k.Max(rows[0], rows[1]), bias))
	if mask == nil {
		return y
	}
	lanes := all(k, zero, y)
	for row, chosen := range split(k, lanes, rows[0], rows[1]) {
		for column, chosen := range split(k, chosen, window[2*row], window[2*row+1]) {
			m := mask.Offset((2*row + column) * k.Width / 8)
			switch {
			case !k.Target.Masks:
				k.MOVB(chosen.(reg.GPVirtual).As8(), m)
			case k.Lanes == 16:
				k.KMOVW(chosen, m)
			default:
				k.KMOVB(chosen, m)
			}
		}
	}
	return y
}

// all returns the lanes in which y > x: an opmask, or bits in a general
// register, whose ports AVX2 kernels leave idle.
func all(k *isa.Kernel, x, y isa.V) reg.Register {
	if k.Target.Masks {
		lanes := k.K()
		k.VCMPPS(greater, x, y, lanes)
		return lanes
	}
	v, lanes := k.Vector(), k.GP32()
	k.VCMPPS(greater, x, y, v)
	k.VMOVMSKPS(v, lanes)
	return lanes
}

// split divides lanes into those in which first, and in which second is greater.
func split(k *isa.Kernel, lanes reg.Register, first, second isa.V) [2]reg.Register {
	if k.Target.Masks {
		one, two := k.K(), k.K()
		k.VCMPPS(greater, first, second, lanes, two)
		k.KANDNW(lanes, two, one)
		return [2]reg.Register{one, two}
	}
	two := all(k, first, second)
	k.ANDL(lanes, two)
	k.XORL(two, lanes)
	return [2]reg.Register{lanes, two}
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
