package kernels

// conv2Set holds the kernels of the second convolution, 20→50 channels by
// Winograd F(4×4, 5×5).
type conv2Set struct {
	conv2InputTransform      byWidth[func(v, x []float32)]
	conv2ForwardReLUPool     byWidth[func(y, m, u, v, bias []float32, first int)]
	conv2ForwardReLUPoolMask byWidth[func(y []float32, mask []byte, m, u, v, bias []float32, first int)]
	conv2OutputGrad          byWidth[func(dm, dy []float32, mask []byte)]
	conv2InputGrad           byWidth[func(dx, dv, u, dm []float32, first int)]
	conv2WeightGrad          func(du, dm, v []float32, images, first, count int)
	conv2BiasGrad            func(db, dm []float32, images int)
	conv2WeightTransform     func(u, w []float32)
	conv2WeightGradTransform func(dw, du []float32)
}

// Lengths of conv2's arrays; those of activations count lines.
const (
	Conv2X = Conv2Inputs * Pool1Pixels                // [20][12][12]
	Conv2Y = Conv2Outputs * Pool2Pixels               // [50][4][4]
	Conv2W = Taps * Conv2Outputs * Conv2Inputs        // [25][50][20], no lines
	Conv2U = Frequencies * Conv2Outputs * Conv2Inputs // [64][50][20], no lines

	// Conv2Work is the working memory of the product kernels, [5][64][4].
	Conv2Work = Group * Frequencies * Conv2Tiles

	conv2Padding = 16 // unused values after each frequency of v and dm, see gen/conv2
)

// Conv2V is the number of values of v [64][20][4] for images, a block or, as a
// row of blocks and perhaps a half-block, a batch.
func Conv2V(images int) int { return conv2Values(Conv2Inputs, images) }

// Conv2M is the number of values of dm [64][50][4] for images.
func Conv2M(images int) int { return conv2Values(Conv2Outputs, images) }

func conv2Values(channels, images int) int {
	blocks := (images + Block - 1) / Block
	return Frequencies * (channels*Conv2Tiles*images + blocks*conv2Padding)
}

// Conv2InputTransform computes v [64][20][4] (Conv2V values) = Bᵀ X B for the four 8×8 windows
// X of x [20][12][12] at offsets 0 and 4.
func (s *Set) Conv2InputTransform(images int, v, x []float32) error {
	if err := check("Conv2InputTransform", images,
		length{"v", len(v), Conv2V(images)}, length{"x", len(x), Conv2X * images}); err != nil {
		return err
	}
	s.conv2InputTransform.of(images)(v, x)
	return nil
}

// Conv2ForwardReLUPool computes outputs first … first+4 of y [50][4][4] =
// max(0, maxpool(conv2(x)) + bias) from the transformed weights u [64][50][20]
// and the transformed input v; work is Conv2Work lines. first is a multiple of 5.
func (s *Set) Conv2ForwardReLUPool(images int, y, work, u, v, bias []float32, first int) error {
	if err := check("Conv2ForwardReLUPool", images,
		length{"y", len(y), Conv2Y * images}, length{"work", len(work), Conv2Work * images},
		length{"u", len(u), Conv2U}, length{"v", len(v), Conv2V(images)}, length{"bias", len(bias), Conv2Outputs}); err != nil {
		return err
	}
	if err := checkRange("Conv2ForwardReLUPool", first, Group, Group, Conv2Outputs); err != nil {
		return err
	}
	s.conv2ForwardReLUPool.of(images)(y, work, u, v, bias, first)
	return nil
}

// Conv2ForwardReLUPoolMask is Conv2ForwardReLUPool that also stores the masks
// of the windows, [50][4][4][4 positions][1 bit an image], first maximum first.
func (s *Set) Conv2ForwardReLUPoolMask(images int, y []float32, mask []byte, work, u, v, bias []float32, first int) error {
	if err := check("Conv2ForwardReLUPoolMask", images,
		length{"y", len(y), Conv2Y * images}, length{"mask", len(mask), MaskBytes(Conv2Y, images)},
		length{"work", len(work), Conv2Work * images},
		length{"u", len(u), Conv2U}, length{"v", len(v), Conv2V(images)}, length{"bias", len(bias), Conv2Outputs}); err != nil {
		return err
	}
	if err := checkRange("Conv2ForwardReLUPoolMask", first, Group, Group, Conv2Outputs); err != nil {
		return err
	}
	s.conv2ForwardReLUPoolMask.of(images)(y, mask, work, u, v, bias, first)
	return nil
}

// Conv2OutputGrad computes dm [64][50][4] (Conv2M values) = A dY Aᵀ, where dY [50][8][8] is
// dy [50][4][4] at the positions that the masks chose, and 0 elsewhere.
func (s *Set) Conv2OutputGrad(images int, dm, dy []float32, mask []byte) error {
	if err := check("Conv2OutputGrad", images, length{"dm", len(dm), Conv2M(images)},
		length{"dy", len(dy), Conv2Y * images}, length{"mask", len(mask), MaskBytes(Conv2Y, images)}); err != nil {
		return err
	}
	s.conv2OutputGrad.of(images)(dm, dy, mask)
	return nil
}

// Conv2InputGrad computes channels first … first+4 of dx [20][12][12] from the
// transformed weights u and the transformed output gradient dm; work is
// Conv2Work lines. first is a multiple of 5.
func (s *Set) Conv2InputGrad(images int, dx, work, u, dm []float32, first int) error {
	if err := check("Conv2InputGrad", images,
		length{"dx", len(dx), Conv2X * images}, length{"work", len(work), Conv2Work * images},
		length{"u", len(u), Conv2U}, length{"dm", len(dm), Conv2M(images)}); err != nil {
		return err
	}
	if err := checkRange("Conv2InputGrad", first, Group, Group, Conv2Inputs); err != nil {
		return err
	}
	s.conv2InputGrad.of(images)(dx, work, u, dm, first)
	return nil
}

// Conv2WeightGrad computes frequencies first … first+count−1 of the transformed
// weight gradient du [64][50][20], the sum over all blocks of a batch of images
// (a multiple of 8); dm and v are the blocks' arrays one after another.
func (s *Set) Conv2WeightGrad(images int, du, dm, v []float32, first, count int) error {
	if err := checkBatch("Conv2WeightGrad", images, length{"du", len(du), Conv2U},
		length{"dm", len(dm), Conv2M(images)}, length{"v", len(v), Conv2V(images)}); err != nil {
		return err
	}
	if err := checkRange("Conv2WeightGrad", first, count, 1, Frequencies); err != nil {
		return err
	}
	s.conv2WeightGrad(du, dm, v, images, first, count)
	return nil
}

// Conv2BiasGrad computes db [50], the sum of the output gradient over all
// blocks of a batch of images (a multiple of 8), which dm holds at frequency
// (1, 1).
func (s *Set) Conv2BiasGrad(images int, db, dm []float32) error {
	if err := checkBatch("Conv2BiasGrad", images, length{"db", len(db), Conv2Outputs},
		length{"dm", len(dm), Conv2M(images)}); err != nil {
		return err
	}
	s.conv2BiasGrad(db, dm, images)
	return nil
}

// Conv2WeightTransform computes u [64][50][20] = G w Gᵀ from w [25][50][20],
// the taps in row-major order.
func (s *Set) Conv2WeightTransform(u, w []float32) error {
	if err := checkLengths("Conv2WeightTransform", length{"u", len(u), Conv2U}, length{"w", len(w), Conv2W}); err != nil {
		return err
	}
	s.conv2WeightTransform(u, w)
	return nil
}

// Conv2WeightGradTransform computes dw [25][50][20] = Gᵀ du G.
func (s *Set) Conv2WeightGradTransform(dw, du []float32) error {
	if err := checkLengths("Conv2WeightGradTransform", length{"dw", len(dw), Conv2W}, length{"du", len(du), Conv2U}); err != nil {
		return err
	}
	s.conv2WeightGradTransform(dw, du)
	return nil
}
