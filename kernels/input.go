package kernels

import "fmt"

// Gather fills x [28][28] with the images of data (n×784 bytes) that index
// names, one for each lane: value/255·2 − 1, from −1 to 1.
func (s *Set) Gather(images int, x []float32, data []byte, index []int32) error {
	if err := check("Gather", images, length{"x", len(x), ImagePixels * images}, length{"index", len(index), images}); err != nil {
		return err
	}
	if len(data) == 0 || len(data)%ImagePixels != 0 {
		return fmt.Errorf("%w: Gather: data: expected a positive multiple of %d bytes, got %d", ErrLength, ImagePixels, len(data))
	}
	for lane, i := range index {
		if i < 0 || int(i) >= len(data)/ImagePixels {
			return fmt.Errorf("%w: Gather: index %d: expected an image below %d, got %d", ErrLength, lane, len(data)/ImagePixels, i)
		}
	}
	s.gather[images/Block](x, data, index)
	return nil
}
