package kernels

import (
	"testing"

	"github.com/kernelet/kernelet/internal/shape"
)

// TestLayouts: indices are named by what lies there, and the lengths are those
// of shape.
func TestLayouts(t *testing.T) {
	v := lines(shape.Block, dimConv2V...)
	row := shape.Conv2Inputs*shape.Conv2Tiles*shape.Block + shape.Conv2Padding
	batch := lines(shape.Block+shape.HalfBlock, dimDM...)
	for _, c := range []struct {
		layout layout
		at     int
		want   string
	}{
		{v, 0, "[frequency (0,0)][channel 0][tile 0], image 0"},
		{v, shape.Points * row, "[frequency (1,0)][channel 0][tile 0], image 0"},
		{v, row - shape.Conv2Padding - 1, "[frequency (0,0)][channel 19][tile 3], image 15"},
		{v, row - 1, "[frequency (0,0)], unused"},
		{batch, shape.Conv2DM(shape.Block), "[frequency (0,0)][output 0], image 16"},
		{batch, shape.Conv2DM(shape.Block) + shape.HalfBlock + 3, "[frequency (0,0)][output 1], image 19"},
		{plain(dimTrainU...), 1000 * (shape.ToomSingles + 3), "[frequency (1,i), imaginary][output 0][channel 0]"},
		{plain(dimTrainU...), 1000*(shape.ToomSingles+2*shape.ToomReal+18) + 20, "[frequency (i,9), real][output 1][channel 0]"},
		{plain(dimTrainU...), 1000 * (shape.ToomFrequencies - 1), "[frequency (-i,i), imaginary][output 0][channel 0]"},
		{plain(dimFC1W...), shape.FC1Slice + 2, "[slice 0][output 1][input of the slice 2]"},
	} {
		if got := c.layout.At(c.at); got != c.want {
			t.Errorf("%d: expected %q, got %q", c.at, c.want, got)
		}
	}
	for _, images := range []int{shape.HalfBlock, shape.Block, 2*shape.Block + shape.HalfBlock} {
		if got, want := lines(images, dimTrainV...).Length(), shape.Conv2TrainV(images); got != want {
			t.Errorf("v of %d images: expected %d values, got %d", images, want, got)
		}
		if got, want := lines(images, dimDM...).Length(), shape.Conv2DM(images); got != want {
			t.Errorf("dm of %d images: expected %d values, got %d", images, want, got)
		}
	}
}
