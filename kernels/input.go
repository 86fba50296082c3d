package kernels

import "github.com/kernelet/kernelet/internal/shape"

// Gather fills x [28][28] with the images of data (n×784 bytes) that index
// names, one for each lane: value/255·2 − 1, from −1 to 1.
func (s *Set) Gather(images int, x []float32, data []byte, index []int32) error {
	c := contract{kernel: "Gather"}
	c.block(images).length("x", len(x), shape.ImagePixels*images).length("index", len(index), images)
	if len(data) == 0 || len(data)%shape.ImagePixels != 0 {
		c.fail("data: expected a positive multiple of %d bytes, got %d", shape.ImagePixels, len(data))
	}
	for lane, i := range index {
		if i < 0 || int(i) >= len(data)/shape.ImagePixels {
			c.fail("index %d: expected an image below %d, got %d", lane, len(data)/shape.ImagePixels, i)
			break
		}
	}
	if c.err == nil {
		s.gather[images/shape.Block](x, data, index)
	}
	return c.err
}
