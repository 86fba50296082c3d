package kernels

import "github.com/kernelet/kernelet/internal/shape"

// Conv1DirectReLUPool computes y [20][12][12] = max(0, maxpool(conv1(x)) + bias)
// by direct sums from x [28][28] and w [25][24].
func (s *Set) Conv1DirectReLUPool(images int, y, x, w, bias []float32) error {
	c := contract{kernel: "Conv1DirectReLUPool"}
	c.block(images).length("y", len(y), shape.Conv1Y*images).length("x", len(x), shape.ImagePixels*images).
		length("w", len(w), shape.Conv1W).length("bias", len(bias), shape.Conv1Row)
	if c.err != nil {
		return c.err
	}
	for row := range shape.Pool1Size {
		s.conv1DirectReLUPool[images/shape.Block](y, x, w, bias, row)
	}
	return nil
}

// Conv2DirectReLUPool computes y [50][4][4] = max(0, maxpool(conv2(x)) + bias)
// by direct sums from x [20][12][12] and w [25][50][20].
func (s *Set) Conv2DirectReLUPool(images int, y, x, w, bias []float32) error {
	c := contract{kernel: "Conv2DirectReLUPool"}
	c.block(images).length("y", len(y), shape.Conv2Y*images).length("x", len(x), shape.Conv2X*images).
		length("w", len(w), shape.Conv2W).length("bias", len(bias), shape.Conv2Outputs)
	if c.err != nil {
		return c.err
	}
	for window := range shape.Pool2Pixels {
		s.conv2DirectReLUPool[images/shape.Block](y, x, w, bias, window)
	}
	return nil
}
