package kernels

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/kernelet/kernelet/internal/shape"
)

// layout says how an array lies: its dimensions from the outermost to the
// innermost and, within them, a line of images.
type layout struct {
	Dims   []dim
	Images int // side by side, or of a batch of blocks one after another; 0: no lines
}

// dim is a dimension of an array: frequencies, channels, rows.
type dim struct {
	Name string // of an index
	Size int
	Pad  int // unused values after each index
}

// lines is the layout of lines of images.
func lines(images int, dims ...dim) layout { return layout{dims, images} }

// plain is the layout of an array without images.
func plain(dims ...dim) layout { return layout{Dims: dims} }

// Length is the number of elements.
func (l layout) Length() int {
	if l.Images == 0 {
		return l.block(1)
	}
	length := 0
	for first := 0; first < l.Images; first += shape.Block {
		length += l.block(min(shape.Block, l.Images-first))
	}
	return length
}

// block is the length of one block with lines of a width.
func (l layout) block(width int) int {
	length := width
	for i := len(l.Dims) - 1; i >= 0; i-- {
		length = l.Dims[i].Size * (length + l.Dims[i].Pad)
	}
	return length
}

// String lists the dimensions: [channel 20][y 12][x 12][image 16].
func (l layout) String() string {
	var dims strings.Builder
	for _, d := range l.Dims {
		fmt.Fprintf(&dims, "[%s %d]", d.Name, d.Size)
	}
	if l.Images > 0 {
		fmt.Fprintf(&dims, "[image %d]", l.Images)
	}
	return dims.String()
}

// At names the element at an index: [frequency (1,0)][channel 0][tile 0], image 0.
func (l layout) At(at int) string {
	first, width := 0, 1
	if l.Images > 0 {
		for width = min(shape.Block, l.Images); at >= l.block(width) && first+width < l.Images; width = min(shape.Block, l.Images-first) {
			at -= l.block(width)
			first += width
		}
	}
	var name strings.Builder
	for i, d := range l.Dims {
		stride := layout{Dims: l.Dims[i+1:]}.block(width) + d.Pad
		index := at / stride
		at %= stride
		switch {
		case index >= d.Size:
			return name.String() + ", unused"
		case d.Name == "frequency" && d.Size == shape.Frequencies:
			fmt.Fprintf(&name, "[frequency (%d,%d)]", index/shape.Points, index%shape.Points)
		case d.Name == "frequency" && d.Size == shape.ToomFrequencies:
			fmt.Fprintf(&name, "[frequency %s]", toomName(index))
		default:
			fmt.Fprintf(&name, "[%s %d]", d.Name, index)
		}
	}
	if l.Images > 0 {
		if at >= width {
			return name.String() + ", unused"
		}
		fmt.Fprintf(&name, ", image %d", first+at)
	}
	return name.String()
}

// toomName names a frequency of a tile of 144: its values' places in both
// dimensions, and which part it is of a complex one.
func toomName(frequency int) string {
	if frequency < shape.ToomSingles {
		return fmt.Sprintf("(%d,%d)", frequency/shape.ToomReal, frequency%shape.ToomReal)
	}
	pair, part := (frequency-shape.ToomSingles)/2, [2]string{"real", "imaginary"}[frequency%2]
	switch {
	case pair < shape.ToomReal:
		return fmt.Sprintf("(%d,i), %s", pair, part)
	case pair < 2*shape.ToomReal:
		return fmt.Sprintf("(i,%d), %s", pair-shape.ToomReal, part)
	case pair == 2*shape.ToomReal:
		return "(i,i), " + part
	}
	return "(-i,i), " + part
}

// sliceOf are n values in a buffer.
func sliceOf[T any](buffer []byte, n int) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(buffer))), n)
}
