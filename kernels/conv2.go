package kernels

// Lengths of conv2's arrays; those of activations count lines.
const (
	Conv2X = Conv2Inputs * Pool1Pixels                // [20][12][12]
	Conv2Y = Conv2Outputs * Pool2Pixels               // [50][4][4]
	Conv2W = Taps * Conv2Outputs * Conv2Inputs        // [25][50][20], no lines
	Conv2U = Frequencies * Conv2Outputs * Conv2Inputs // [64][50][20], no lines

	// Conv2DV is the transformed input gradient, [20][64][4].
	Conv2DV = Conv2Inputs * Frequencies * Conv2Tiles
	// Conv2Groups is the number of groups of five outputs.
	Conv2Groups = Conv2Outputs / Group
	// Conv2Pairs is the number of pairs of rows of frequencies.
	Conv2Pairs = Points / 2

	// Conv2Work is the working memory of the product kernels, [5][64][4].
	Conv2Work = Group * Frequencies * Conv2Tiles

	conv2Padding = 16 // unused values after each frequency of v and dm, see gen/conv2
)

// Conv2V is the number of values of v [64][20][4] for images, a block or, as a
// row of blocks and perhaps a half-block, a batch.
func Conv2V(images int) int {
	blocks := (images + Block - 1) / Block
	return Frequencies * (Conv2Inputs*Conv2Tiles*images + blocks*conv2Padding)
}

// Conv2M is the number of values of dm [2][8][5][4] for images, a block or a
// row of blocks.
func Conv2M(images int) int {
	blocks := (images + Block - 1) / Block
	return 2 * Points * (Group*Conv2Tiles*images + blocks*conv2Padding)
}

// Conv2PairRows returns the rows of frequencies of pair 0 … 3: those of
// opposite points, which share most of their transform.
func Conv2PairRows(pair int) (row0, row1 int) {
	if pair == 0 {
		return 0, 7
	}
	return 2*pair - 1, 2 * pair
}

// Conv2InputTransform computes v [64][20][4] (Conv2V values) = Bᵀ X B for the
// four 8×8 input tiles X of x [20][12][12] at offsets 0 and 4.
func (s *Set) Conv2InputTransform(images int, v, x []float32) error {
	if err := check("Conv2InputTransform", images,
		length{"v", len(v), Conv2V(images)}, length{"x", len(x), Conv2X * images}); err != nil {
		return err
	}
	s.conv2InputTransform[images/Block](v, x)
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
	s.conv2ForwardReLUPool[images/Block](y, work, u, v, bias, first)
	return nil
}

// Conv2ForwardReLUPoolMask is Conv2ForwardReLUPool that also stores the masks
// of the windows, [50][4][4][alive, right, down][1 bit an image]: whether the ReLU is on,
// and where the first maximum is.
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
	s.conv2ForwardReLUPoolMask[images/Block](y, mask, work, u, v, bias, first)
	return nil
}

// Conv2OutputGrad computes two rows of frequencies, a pair, and outputs first …
// first+4 of dM = A dY Aᵀ, where dY [50][8][8] is dy [50][4][4] at the positions
// that the masks chose, and 0 elsewhere: dm [2 rows][8][5][4] (Conv2M values).
// first is a multiple of 5.
func (s *Set) Conv2OutputGrad(images int, dm, dy []float32, mask []byte, pair, first int) error {
	if err := check("Conv2OutputGrad", images, length{"dm", len(dm), Conv2M(images)},
		length{"dy", len(dy), Conv2Y * images}, length{"mask", len(mask), MaskBytes(Conv2Y, images)}); err != nil {
		return err
	}
	if err := checkRange("Conv2OutputGrad", pair, 1, 1, Conv2Pairs); err != nil {
		return err
	}
	if err := checkRange("Conv2OutputGrad", first, Group, Group, Conv2Outputs); err != nil {
		return err
	}
	s.conv2OutputGrad[images/Block](dm, dy, mask, pair, first)
	return nil
}

// Conv2InputGradProducts computes channels first … first+4 and two rows of
// frequencies, a pair, of dv [20][64][4] from the transformed weights u and
// what Conv2OutputGrad made for the pair and all ten groups of outputs, one
// after another in dm. first is a multiple of 5.
func (s *Set) Conv2InputGradProducts(images int, dv, u, dm []float32, pair, first int) error {
	if err := check("Conv2InputGradProducts", images, length{"dv", len(dv), Conv2DV * images},
		length{"u", len(u), Conv2U}, length{"dm", len(dm), Conv2Groups * Conv2M(images)}); err != nil {
		return err
	}
	if err := checkRange("Conv2InputGradProducts", pair, 1, 1, Conv2Pairs); err != nil {
		return err
	}
	if err := checkRange("Conv2InputGradProducts", first, Group, Group, Conv2Inputs); err != nil {
		return err
	}
	row0, row1 := Conv2PairRows(pair)
	products := s.conv2InputGradProducts[images/Block]
	products(dv, u, dm, row0, 0, first)
	products(dv, u, dm, row1, 1, first)
	return nil
}

// Conv2InputGradTransform computes channels first … first+4 of dx [20][12][12]
// = Σ B dv Bᵀ. first is a multiple of 5.
func (s *Set) Conv2InputGradTransform(images int, dx, dv []float32, first int) error {
	if err := check("Conv2InputGradTransform", images, length{"dx", len(dx), Conv2X * images}, length{"dv", len(dv), Conv2DV * images}); err != nil {
		return err
	}
	if err := checkRange("Conv2InputGradTransform", first, Group, Group, Conv2Inputs); err != nil {
		return err
	}
	s.conv2InputGradTransform[images/Block](dx, dv, first)
	return nil
}

// Conv2WeightGrad computes two rows of frequencies, a pair, and outputs first …
// first+4 of the transformed weight gradient du [64][50][20], the sum over all
// blocks of a batch of images (a multiple of 8). dm has what Conv2OutputGrad
// made of the blocks, one after another, and v their transformed inputs.
func (s *Set) Conv2WeightGrad(images int, du, dm, v []float32, pair, first int) error {
	if err := checkBatch("Conv2WeightGrad", images, length{"du", len(du), Conv2U},
		length{"dm", len(dm), Conv2M(images)}, length{"v", len(v), Conv2V(images)}); err != nil {
		return err
	}
	if err := checkRange("Conv2WeightGrad", pair, 1, 1, Conv2Pairs); err != nil {
		return err
	}
	if err := checkRange("Conv2WeightGrad", first, Group, Group, Conv2Outputs); err != nil {
		return err
	}
	row0, row1 := Conv2PairRows(pair)
	s.conv2WeightGrad(du, dm, v, images, row0, row1, first)
	return nil
}

// Conv2BiasGrad computes outputs first … first+4 of db [50], the sum of the
// output gradient over all blocks of a batch of images (a multiple of 8), from
// dm as Conv2WeightGrad has it for pair 1.
func (s *Set) Conv2BiasGrad(images int, db, dm []float32, first int) error {
	if err := checkBatch("Conv2BiasGrad", images, length{"db", len(db), Conv2Outputs},
		length{"dm", len(dm), Conv2M(images)}); err != nil {
		return err
	}
	if err := checkRange("Conv2BiasGrad", first, Group, Group, Conv2Outputs); err != nil {
		return err
	}
	s.conv2BiasGrad(db, dm, images, first)
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
