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
	c.block(images).length("y", len(y), shape.Conv2Y*images).atLeast("work", len(work), shape.Conv2ForwardWork(images)).
		length("u", len(u), shape.Conv2U).length("v", len(v), shape.Conv2V(images)).length("bias", len(bias), shape.Conv2Outputs)
	if c.err != nil {
		return c.err
	}
	m := work[:shape.Conv2ForwardWork(images)]
	for first := 0; first < shape.Conv2Outputs; first += shape.Conv2Group {
		s.conv2ForwardReLUPool[images/shape.Block](y, m, u, v, bias, first)
	}
	return nil
}

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
