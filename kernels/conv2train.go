package kernels

import "github.com/kernelet/kernelet/internal/shape"

// Conv2 is trained by Toom and Cook's F(8×8, 5×5) with a pair of complex points
// (gen/toomcook): a tile is a channel, its 12×12 values are 144 real numbers
// that are called frequencies: 100 real and then 22 complex ones of two values.
//
// first and count are a range of channels, multiples of shape.Conv2TrainGroup;
// what belongs to other channels is left alone.

// Conv2TrainInputTransform computes v [144][20] (shape.Conv2TrainV values) =
// Bᵀ X B for a range of the channels X of x [20][12][12].
func (s *Set) Conv2TrainInputTransform(images int, v, x []float32, first, count int) error {
	c := contract{kernel: "Conv2TrainInputTransform"}
	c.block(images).length("v", len(v), shape.Conv2TrainV(images)).length("x", len(x), shape.Conv2X*images).
		conv2Inputs(first, count)
	if c.err != nil {
		return c.err
	}
	for group := first; group < first+count; group += shape.Conv2TrainGroup {
		s.conv2TrainInputTransform[images/shape.Block](v, x, group)
	}
	return nil
}

// Conv2TrainForwardReLUPoolMask computes a range of the outputs y [50][4][4] =
// max(0, maxpool(Aᵀ (Σ u v) A) + bias) from the transformed weights u [144][50][20] and the transformed
// input v [144][20], and stores the masks of the windows,
// [50][4][4][alive, right, down][1 bit an image]: whether the ReLU is on, and
// where the first maximum is. work has at least shape.Conv2TrainForwardWork values.
func (s *Set) Conv2TrainForwardReLUPoolMask(images int, y []float32, mask []byte, work, u, v, bias []float32, first, count int) error {
	c := contract{kernel: "Conv2TrainForwardReLUPoolMask"}
	c.block(images).length("y", len(y), shape.Conv2Y*images).length("mask", len(mask), shape.MaskBytes(shape.Conv2Y, images)).
		atLeast("work", len(work), shape.Conv2TrainForwardWork(images)).length("u", len(u), shape.Conv2TrainU).
		length("v", len(v), shape.Conv2TrainV(images)).length("bias", len(bias), shape.Conv2Outputs).conv2Outputs(first, count)
	if c.err != nil {
		return c.err
	}
	m := work[:shape.Conv2TrainForwardWork(images)]
	for group := first; group < first+count; group += shape.Conv2TrainGroup {
		s.conv2TrainForwardReLUPoolMask[images/shape.Block](y, mask, m, u, v, bias, group)
	}
	return nil
}

// Conv2OutputGrad computes a range of the outputs of dm [144][50] (shape.Conv2DM
// values) = A dY Aᵀ, where dY [50][8][8] is dy [50][4][4] at the positions that the masks chose, and 0
// elsewhere.
func (s *Set) Conv2OutputGrad(images int, dm, dy []float32, mask []byte, first, count int) error {
	c := contract{kernel: "Conv2OutputGrad"}
	c.block(images).length("dm", len(dm), shape.Conv2DM(images)).length("dy", len(dy), shape.Conv2Y*images).
		length("mask", len(mask), shape.MaskBytes(shape.Conv2Y, images)).conv2Outputs(first, count)
	if c.err != nil {
		return c.err
	}
	for group := first; group < first+count; group += shape.Conv2TrainGroup {
		s.conv2OutputGrad[images/shape.Block](dm, dy, mask, group)
	}
	return nil
}

// Conv2InputGrad computes a range of the channels of dx [20][12][12], the gradient
// of conv2's input:
//
//	dV = Ūᵀ dM summed over outputs,   dx = B dV Bᵀ
//
// from the transformed weights u [144][50][20], whose complex frequencies are
// conjugated, and the transformed gradient dm [144][50]; work has at least
// shape.Conv2InputGradWork values.
func (s *Set) Conv2InputGrad(images int, dx, work, u, dm []float32, first, count int) error {
	c := contract{kernel: "Conv2InputGrad"}
	c.block(images).length("dx", len(dx), shape.Conv2X*images).atLeast("work", len(work), shape.Conv2InputGradWork(images)).
		length("u", len(u), shape.Conv2TrainU).length("dm", len(dm), shape.Conv2DM(images)).conv2Inputs(first, count)
	if c.err != nil {
		return c.err
	}
	width, dv := images/shape.Block, work[:shape.Conv2InputGradWork(images)]
	for group := first; group < first+count; group += shape.Conv2TrainGroup {
		s.conv2InputGradProducts[width](dv, u, dm, group)
		s.conv2InputGradTransform[width](dx, dv, group)
	}
	return nil
}

// Conv2WeightGrad computes the part of conv2's weight gradient that belongs to a
// task, 0 … shape.Conv2WeightTasks−1, the sum over a batch of images: a few
// frequencies of the transformed gradient du [144][50][20] = Σ dM V̄ᵀ, or as the
// last task the gradient of the biases, db [50]. dm, v, dy and the masks are
// the blocks' of the batch, one after another.
func (s *Set) Conv2WeightGrad(images, task int, du, db, dm, v, dy []float32, mask []byte) error {
	c := contract{kernel: "Conv2WeightGrad"}
	c.batch(images).index("task", task, shape.Conv2WeightTasks).length("du", len(du), shape.Conv2TrainU).
		length("db", len(db), shape.Conv2Outputs).length("dm", len(dm), shape.Conv2DM(images)).
		length("v", len(v), shape.Conv2TrainV(images)).length("dy", len(dy), shape.Conv2Y*images).
		length("mask", len(mask), shape.MaskBytes(shape.Conv2Y, images))
	switch pair := task - shape.Conv2WeightSingleTasks; {
	case c.err != nil:
	case pair < 0:
		s.conv2WeightGradProducts(du, dm, v, images, task*shape.Conv2WeightSingles)
	case pair < shape.Conv2WeightPairTasks:
		s.conv2WeightGradPairProducts(du, dm, v, images, shape.ToomSingles+2*pair*shape.Conv2WeightPairs)
	default:
		s.conv2BiasGrad(db, dy, mask, images)
	}
	return c.err
}

// Conv2TrainWeightTransform computes a range of the outputs of u [144][50][20] =
// G w Gᵀ from w [25][50][20], the taps in row-major order.
func (s *Set) Conv2TrainWeightTransform(u, w []float32, first, count int) error {
	c := contract{kernel: "Conv2TrainWeightTransform"}
	c.length("u", len(u), shape.Conv2TrainU).length("w", len(w), shape.Conv2W).conv2Outputs(first, count)
	if c.err != nil {
		return c.err
	}
	for group := first; group < first+count; group += shape.Conv2TrainGroup {
		s.conv2TrainWeightTransform(u, w, group)
	}
	return nil
}

// Conv2WeightGradTransform computes a range of the outputs of dw [25][50][20] =
// Gᵀ du G from du [144][50][20].
func (s *Set) Conv2WeightGradTransform(dw, du []float32, first, count int) error {
	c := contract{kernel: "Conv2WeightGradTransform"}
	c.length("dw", len(dw), shape.Conv2W).length("du", len(du), shape.Conv2TrainU).conv2Outputs(first, count)
	if c.err != nil {
		return c.err
	}
	for group := first; group < first+count; group += shape.Conv2TrainGroup {
		s.conv2WeightGradTransform(dw, du, group)
	}
	return nil
}
