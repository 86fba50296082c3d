// Package pooling emits the 2×2 max pooling with bias and ReLU that follows a
// convolution, and its way back.
//
// A mask remembers which of the four values of a window carries the gradient:
// the first maximum in row-major order, as in PyTorch, and none where the
// ReLU is off. It lies as [alive, right, down][one bit an image].
package pooling

import (
	"github.com/mmcloughlin/avo/operand"

	"github.com/kernelet/kernelet/gen/isa"
)

// MaskBytes is the size of a window's mask for images side by side.
func MaskBytes(images int) int { return 3 * images / 8 }

// The bits of a mask.
const (
	Alive = iota // the ReLU is on
	Right        // the maximum is in the right column
	Down         // the maximum is in the lower row
)

// Forward returns max(0, max(window) + bias). If mask is not nil it stores the
// window's mask there, as memory of the first bits of this vector, or of those
// of its halves.
//
// Measured on Zen 5, conv1 forward, AVX-512, µs an image: 1.24; with masks
// that have a bit for each position, from four comparisons with the maximum,
// 1.40, from three comparisons of rows and columns 1.33, and with the four
// masks joined to one store 1.48; without masks 1.16.
//
// VMAXPS returns its second source when a value is NaN, so max(0, x) keeps a
// NaN, and training can notice it.
func Forward(k *isa.Kernel, window [4]isa.V, bias, zero isa.V, mask []operand.Mem) isa.V {
	top, bottom := k.Max(window[0], window[1]), k.Max(window[2], window[3])
	y := k.Max(zero, k.Add(k.Max(top, bottom), bias))
	if mask == nil {
		return y
	}
	down := k.Compare(isa.Greater, bottom, top)
	left, right := k.Pick(down, window[0], window[2]), k.Pick(down, window[1], window[3])
	k.StoreBits(k.Compare(isa.Greater, y, zero), bits(k, mask, Alive)...)
	k.StoreBits(k.Compare(isa.Greater, right, left), bits(k, mask, Right)...)
	k.StoreBits(down, bits(k, mask, Down)...)
	return y
}

// bits is where one of the bits of a window's mask lies.
func bits(k *isa.Kernel, mask []operand.Mem, which int) []operand.Mem {
	var at []operand.Mem
	for _, m := range mask {
		at = append(at, m.Offset(which*k.Width/8))
	}
	return at
}

// Load returns one of the bits of a window's mask, at m for this vector or for
// its halves.
func Load(k *isa.Kernel, which int, m ...operand.Mem) isa.Mask {
	return k.LoadBits(bits(k, m, which)...)
}

// Unpooled are the gradients of the four positions of a window.
type Unpooled struct {
	k       *isa.Kernel
	columns [2]isa.V
	down    isa.Mask
}

// Backward unpools a window's gradient by its mask.
func Backward(k *isa.Kernel, gradient operand.Op, mask []operand.Mem) Unpooled {
	alive := k.Keep(Load(k, Alive, mask...), gradient)
	right := Load(k, Right, mask...)
	return Unpooled{k, [2]isa.V{k.Drop(right, alive), k.Keep(right, alive)}, Load(k, Down, mask...)}
}

// At returns the gradient of one position: that of the window where the mask
// chose it, elsewhere 0.
func (u Unpooled) At(row, column int) isa.V {
	if row == 0 {
		return u.k.Drop(u.down, u.columns[column])
	}
	return u.k.Keep(u.down, u.columns[column])
}
