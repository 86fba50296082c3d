// Package input emits the kernel that brings images into lanes.
package input

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/transpose"
	"github.com/kernelet/kernelet/internal/shape"
)

const pixels = shape.ImagePixels

// Emit adds the kernel.
func Emit(f *isa.File) {
	for _, width := range isa.Widths {
		gather(f, width)
	}
}

// gather emits the transposition and scaling of pixels, eight of eight images at
// a time.
func gather(f *isa.File, width int) {
	k := f.Function("Gather", width, "x []float32, data []byte, index []int32",
		"fills x [28][28] with the images of data (n×784 bytes) that index names: byte/255·2 − 1.")
	k = k.Narrow()
	x, data, index := k.Pointer("x"), k.Pointer("data"), k.Pointer("index")
	line := k.Line()
	scale, one := k.Splat(2.0/255), k.Splat(1)
	k.Loop("lanes", width/8, []reg.GPVirtual{x, index}, []int{32, 32}, func() {
		images := make([]reg.GPVirtual, 8)
		for i := range images {
			images[i] = k.GP64()
			k.MOVLQSX(isa.At(index, 4*i), images[i])
			k.IMUL3Q(operand.I32(pixels), images[i], images[i])
			k.ADDQ(data, images[i])
			// A shuffled batch's images lie anywhere in memory: wait for all of their lines together.
			for cacheLine := 0; cacheLine < pixels; cacheLine += 64 {
				k.PREFETCHT0(isa.At(images[i], cacheLine))
			}
		}
		pointers := append([]reg.GPVirtual{x}, images...)
		strides := []int{8 * line}
		for range images {
			strides = append(strides, 8)
		}
		k.Loop("pixels", pixels/8, pointers, strides, func() {
			var rows [8]isa.V
			for i := range rows {
				rows[i] = k.YMM()
				k.VPMOVZXBD(isa.At(images[i], 0), rows[i])
			}
			columns := transpose.Square(k, rows)
			k.Comment("x = byte·2/255 − 1")
			for i, v := range columns {
				k.VCVTDQ2PS(v, v)
				k.VFMSUB213PS(one, scale, v)
				k.StoreVector(v, isa.At(x, i*line))
			}
		})
		k.Advance(x, -pixels*line)
	})
	k.Return()
}
