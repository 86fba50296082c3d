package kernels

import "github.com/kernelet/kernelet/internal/shape"

// Conv1ForwardReLUPool computes y [20][12][12] = max(0, maxpool(conv1(x)) +
// bias) from x [28][28] and the transformed weights u [64][24]; bias [24].
func (s *Set) Conv1ForwardReLUPool(images int, y, x, u, bias []float32) error {
	c := contract{kernel: "Conv1ForwardReLUPool"}
	c.block(images).conv1Forward(images, y, x, u, bias)
	if c.err == nil {
		s.conv1ForwardReLUPool[images/shape.Block](y, x, u, bias)
	}
	return c.err
}

// Conv1ForwardReLUPoolMask is Conv1ForwardReLUPool that also stores the masks
// of the windows, [20][12][12][alive, right, down][1 bit an image].
func (s *Set) Conv1ForwardReLUPoolMask(images int, y []float32, mask []byte, x, u, bias []float32) error {
	c := contract{kernel: "Conv1ForwardReLUPoolMask"}
	c.block(images).conv1Forward(images, y, x, u, bias).length("mask", len(mask), shape.MaskBytes(shape.Conv1Y, images))
	if c.err == nil {
		s.conv1ForwardReLUPoolMask[images/shape.Block](y, mask, x, u, bias)
	}
	return c.err
}

func (c *contract) conv1Forward(images int, y, x, u, bias []float32) *contract {
	return c.length("y", len(y), shape.Conv1Y*images).length("x", len(x), shape.ImagePixels*images).
		length("u", len(u), shape.Conv1U).length("bias", len(bias), shape.Conv1Row)
}

// Conv1WeightGrad computes columns first … first+count−1, which are outputs, of
// dw [26][24], the gradients of the taps and in the last row of the bias, for one
// block or half-block, from x [28][28], the pooled gradient dy [20][12][12] and
// the masks. first and count are multiples of shape.Conv1GradGroup.
func (s *Set) Conv1WeightGrad(images int, dw, x, dy []float32, mask []byte, first, count int) error {
	c := contract{kernel: "Conv1WeightGrad"}
	c.block(images).length("dw", len(dw), shape.Conv1WB).length("x", len(x), shape.ImagePixels*images).
		length("dy", len(dy), shape.Conv1Y*images).length("mask", len(mask), shape.MaskBytes(shape.Conv1Y, images)).
		groups(first, count, shape.Conv1GradGroup, shape.Conv1Outputs)
	if c.err != nil {
		return c.err
	}
	for group := first; group < first+count; group += shape.Conv1GradGroup {
		s.conv1WeightGrad[images/shape.Block](dw, x, dy, mask, group)
	}
	return nil
}

// Conv1WeightTransform computes u [64][24] = G w Gᵀ from w [25][24].
func (s *Set) Conv1WeightTransform(u, w []float32) error {
	c := contract{kernel: "Conv1WeightTransform"}
	c.length("u", len(u), shape.Conv1U).length("w", len(w), shape.Conv1W)
	if c.err == nil {
		s.conv1WeightTransform(u, w)
	}
	return c.err
}
