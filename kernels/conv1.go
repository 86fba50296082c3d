package kernels

// Lengths of conv1's arrays; those of activations count lines.
const (
	Conv1Y = Conv1Outputs * Pool1Pixels // [20][12][12]
	Conv1W = Taps * Conv1Row            // [25][24], no lines
	Conv1U = Frequencies * Conv1Row     // [64][24], no lines

	// Conv1WB are the weights and, as a last row, the bias: [26][24].
	Conv1WB = Conv1W + Conv1Row
)

// Conv1ForwardReLUPool computes y [20][12][12] = max(0, maxpool(conv1(x)) +
// bias) from x [28][28] and the transformed weights u [64][24]; bias [24].
func (s *Set) Conv1ForwardReLUPool(images int, y, x, u, bias []float32) error {
	if err := check("Conv1ForwardReLUPool", images, length{"y", len(y), Conv1Y * images},
		length{"x", len(x), ImagePixels * images}, length{"u", len(u), Conv1U}, length{"bias", len(bias), Conv1Row}); err != nil {
		return err
	}
	s.conv1ForwardReLUPool[images/Block](y, x, u, bias)
	return nil
}

// Conv1ForwardReLUPoolMask is Conv1ForwardReLUPool that also stores the masks
// of the windows, [20][12][12][alive, right, down][1 bit an image].
func (s *Set) Conv1ForwardReLUPoolMask(images int, y []float32, mask []byte, x, u, bias []float32) error {
	if err := check("Conv1ForwardReLUPoolMask", images, length{"y", len(y), Conv1Y * images},
		length{"mask", len(mask), MaskBytes(Conv1Y, images)}, length{"x", len(x), ImagePixels * images},
		length{"u", len(u), Conv1U}, length{"bias", len(bias), Conv1Row}); err != nil {
		return err
	}
	s.conv1ForwardReLUPoolMask[images/Block](y, mask, x, u, bias)
	return nil
}

// Conv1WeightGrad computes dw [26][24], the gradients of the taps and in the
// last row of the bias, for one block or half-block, from x [28][28], the
// pooled gradient dy [20][12][12] and the masks. Columns 20 to 23 are left alone.
func (s *Set) Conv1WeightGrad(images int, dw, x, dy []float32, mask []byte) error {
	if err := check("Conv1WeightGrad", images, length{"dw", len(dw), Conv1WB},
		length{"x", len(x), ImagePixels * images}, length{"dy", len(dy), Conv1Y * images},
		length{"mask", len(mask), MaskBytes(Conv1Y, images)}); err != nil {
		return err
	}
	s.conv1WeightGrad[images/Block](dw, x, dy, mask)
	return nil
}

// Conv1WeightTransform computes u [64][24] = G w Gᵀ from w [25][24].
func (s *Set) Conv1WeightTransform(u, w []float32) error {
	if err := checkLengths("Conv1WeightTransform", length{"u", len(u), Conv1U}, length{"w", len(w), Conv1W}); err != nil {
		return err
	}
	s.conv1WeightTransform(u, w)
	return nil
}
