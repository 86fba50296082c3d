package kernels

import "github.com/kernelet/kernelet/internal/shape"

// Conv2InputTransform computes v [64][20][4] (shape.Conv2V values) = Bᵀ X B for
// the four 8×8 input tiles X of x [20][12][12] at offsets 0 and 4.
func (s *Set) Conv2InputTransform(images int, v, x []float32) error {
	c := contract{kernel: "Conv2InputTransform"}
	c.block(images).length("v", len(v), shape.Conv2V(images)).length("x", len(x), shape.Conv2X*images)
	if c.err == nil {
		s.conv2InputTransform[images/shape.Block](v, x)
	}
	return c.err
}

// Conv2ForwardReLUPool computes y [50][4][4] = max(0, maxpool(Aᵀ (Σ u v) A) +
// bias) from the transformed weights u [64][50][20] and the transformed input v
// [64][20][4]; work has at least shape.Conv2ForwardWork values.
func (s *Set) Conv2ForwardReLUPool(images int, y, work, u, v, bias []float32) error {
	c := contract{kernel: "Conv2ForwardReLUPool"}
	c.block(images).conv2Forward(images, y, work, u, v, bias)
	if c.err != nil {
		return c.err
	}
	m := work[:shape.Conv2ForwardWork(images)]
	for first := 0; first < shape.Conv2Outputs; first += shape.Conv2Group {
		s.conv2ForwardReLUPool[images/shape.Block](y, m, u, v, bias, first)
	}
	return nil
}

// Conv2ForwardReLUPoolMask is Conv2ForwardReLUPool that also stores the masks
// of the windows, [50][4][4][alive, right, down][1 bit an image]: whether the
// ReLU is on, and where the first maximum is.
func (s *Set) Conv2ForwardReLUPoolMask(images int, y []float32, mask []byte, work, u, v, bias []float32) error {
	c := contract{kernel: "Conv2ForwardReLUPoolMask"}
	c.block(images).conv2Forward(images, y, work, u, v, bias).length("mask", len(mask), shape.MaskBytes(shape.Conv2Y, images))
	if c.err != nil {
		return c.err
	}
	m := work[:shape.Conv2ForwardWork(images)]
	for first := 0; first < shape.Conv2Outputs; first += shape.Conv2Group {
		s.conv2ForwardReLUPoolMask[images/shape.Block](y, mask, m, u, v, bias, first)
	}
	return nil
}

func (c *contract) conv2Forward(images int, y, work, u, v, bias []float32) *contract {
	return c.length("y", len(y), shape.Conv2Y*images).atLeast("work", len(work), shape.Conv2ForwardWork(images)).
		length("u", len(u), shape.Conv2U).length("v", len(v), shape.Conv2V(images)).length("bias", len(bias), shape.Conv2Outputs)
}

// Conv2InputGrad computes dx [20][12][12], the gradient of conv2's input:
//
//	dM = A dY Aᵀ,   dV = Uᵀ dM summed over outputs,   dx = Σ B dV Bᵀ over the overlapping input tiles
//
// where dY [50][8][8] is dy [50][4][4] at the positions that the masks chose, and
// 0 elsewhere. u are the transformed weights [64][50][20]; work has at least
// shape.Conv2InputGradWork values. dM is made for a pair of rows of frequencies
// at a time, so that it stays in L2.
func (s *Set) Conv2InputGrad(images int, dx, work, u, dy []float32, mask []byte) error {
	c := contract{kernel: "Conv2InputGrad"}
	c.block(images).length("dx", len(dx), shape.Conv2X*images).atLeast("work", len(work), shape.Conv2InputGradWork(images)).
		length("u", len(u), shape.Conv2U).length("dy", len(dy), shape.Conv2Y*images).
		length("mask", len(mask), shape.MaskBytes(shape.Conv2Y, images))
	if c.err != nil {
		return c.err
	}
	width, length := images/shape.Block, shape.Conv2M(images)
	dm, dv := work[:shape.Conv2Groups*length], work[shape.Conv2Groups*length:][:shape.Conv2DV*images]
	for pair := range shape.Conv2Pairs {
		for group := range shape.Conv2Groups {
			s.conv2OutputGrad[width](dm[group*length:][:length], dy, mask, pair, group*shape.Conv2Group)
		}
		row0, row1 := conv2PairRows(pair)
		for first := 0; first < shape.Conv2Inputs; first += shape.Conv2Group {
			s.conv2InputGradProducts[width](dv, u, dm, row0, 0, first)
			s.conv2InputGradProducts[width](dv, u, dm, row1, 1, first)
		}
	}
	for first := 0; first < shape.Conv2Inputs; first += shape.Conv2Group {
		s.conv2InputGradTransform[width](dx, dv, first)
	}
	return nil
}

// conv2PairRows returns the rows of frequencies of pair 0 … 3: those of
// opposite points, which share most of their transform.
func conv2PairRows(pair int) (row0, row1 int) {
	if pair == 0 {
		return 0, 7
	}
	return 2*pair - 1, 2 * pair
}

// Conv2WeightGrad computes the part of the transformed weight gradient du
// [64][50][20] = Σ dM Vᵀ that belongs to a task, 0 … shape.Conv2WeightTasks−1:
// two rows of frequencies and five outputs, the sum over a batch of images, and
// in some tasks five values of db [50]. dy, masks and v are the blocks' of the
// batch, one after another; work has at least shape.Conv2WeightGradWork values.
func (s *Set) Conv2WeightGrad(images, task int, du, db, work, v, dy []float32, mask []byte) error {
	c := contract{kernel: "Conv2WeightGrad"}
	c.batch(images).index("task", task, shape.Conv2WeightTasks).length("du", len(du), shape.Conv2U).
		length("db", len(db), shape.Conv2Outputs).atLeast("work", len(work), shape.Conv2WeightGradWork(images)).
		length("v", len(v), shape.Conv2V(images)).length("dy", len(dy), shape.Conv2Y*images).
		length("mask", len(mask), shape.MaskBytes(shape.Conv2Y, images))
	if c.err != nil {
		return c.err
	}
	pair, first := task/shape.Conv2Groups, task%shape.Conv2Groups*shape.Conv2Group
	dm := work[:shape.Conv2M(images)]
	for block := 0; block < images; block += shape.Block {
		n := min(shape.Block, images-block)
		s.conv2OutputGrad[n/shape.Block](dm[shape.Conv2M(block):][:shape.Conv2M(n)], dy[shape.Conv2Y*block:][:shape.Conv2Y*n],
			mask[shape.MaskBytes(shape.Conv2Y, block):][:shape.MaskBytes(shape.Conv2Y, n)], pair, first)
	}
	if pair == conv2BiasPair {
		s.conv2BiasGrad(db, dm, images, first)
	}
	row0, row1 := conv2PairRows(pair)
	s.conv2WeightGradProducts(du, dm, v, images, row0, row1, first)
	return nil
}

// conv2BiasPair is the pair with the point 1, whose frequency (1, 1) of dM is the
// sum of the tile's dY.
const conv2BiasPair = 1

// Conv2WeightTransform computes u [64][50][20] = G w Gᵀ from w [25][50][20],
// the taps in row-major order.
func (s *Set) Conv2WeightTransform(u, w []float32) error {
	c := contract{kernel: "Conv2WeightTransform"}
	c.length("u", len(u), shape.Conv2U).length("w", len(w), shape.Conv2W)
	if c.err == nil {
		s.conv2WeightTransform(u, w)
	}
	return c.err
}

// Conv2WeightGradTransform computes dw [25][50][20] = Gᵀ du G.
func (s *Set) Conv2WeightGradTransform(dw, du []float32) error {
	c := contract{kernel: "Conv2WeightGradTransform"}
	c.length("dw", len(dw), shape.Conv2W).length("du", len(du), shape.Conv2U)
	if c.err == nil {
		s.conv2WeightGradTransform(dw, du)
	}
	return c.err
}
