package kernels

import "github.com/kernelet/kernelet/internal/shape"

// Loss sets the gradient of the cross-entropy.
type Loss struct {
	Scale float32 // 1/images of the batch, for the mean
	Label float32 // target of the label's class: 1, less with label smoothing
	Other float32 // added to the target of every class: smoothing/10, or 0
}

// FC2Forward computes logits [10] = w x + bias from x [500] and w [10][500].
func (s *Set) FC2Forward(images int, logits, x, w, bias []float32) error {
	c := contract{kernel: "FC2Forward"}
	c.block(images).fc2Forward(images, logits, x, w, bias)
	if c.err == nil {
		s.fc2Forward[images/shape.Block](logits, x, w, bias)
	}
	return c.err
}

func (c *contract) fc2Forward(images int, logits, x, w, bias []float32) *contract {
	return c.length("logits", len(logits), shape.Classes*images).length("x", len(x), shape.FC2Inputs*images).
		length("w", len(w), shape.FC2W).length("bias", len(bias), shape.Classes)
}

// FC2ForwardLoss computes logits [10], denominators [1] = Σ exp(logit − largest
// logit), and dlogits [10] = (softmax − target)·Scale; labels has one class an
// image, −1 for a lane without image, whose gradient is 0.
func (s *Set) FC2ForwardLoss(images int, logits, dlogits, denominators, x, w, bias []float32, labels []int32, loss *Loss) error {
	c := contract{kernel: "FC2ForwardLoss"}
	c.block(images).fc2Forward(images, logits, x, w, bias).length("dlogits", len(dlogits), shape.Classes*images).
		length("denominators", len(denominators), images).length("labels", len(labels), images)
	if c.err == nil {
		s.fc2ForwardLoss[images/shape.Block](logits, dlogits, denominators, x, w, bias, labels, loss.Scale, loss.Label, loss.Other)
	}
	return c.err
}

// FC2InputGrad computes dx [500] = scale · wᵀ dlogits where x [500] > 0, else 0:
// the way back through fc2, and through fc1's ReLU and dropout.
func (s *Set) FC2InputGrad(images int, dx, dlogits, w, x []float32, scale float32) error {
	c := contract{kernel: "FC2InputGrad"}
	c.block(images).length("dx", len(dx), shape.FC2Inputs*images).length("dlogits", len(dlogits), shape.Classes*images).
		length("w", len(w), shape.FC2W).length("x", len(x), shape.FC2Inputs*images)
	if c.err == nil {
		s.fc2InputGrad[images/shape.Block](dx, dlogits, w, x, scale)
	}
	return c.err
}

// FC2WeightGrad computes dw [10][500] = Σ dlogits xᵀ over the blocks
// dlogits [blocks][10] and x [blocks][500] of a batch.
func (s *Set) FC2WeightGrad(images int, dw, dlogits, x []float32) error {
	c := contract{kernel: "FC2WeightGrad"}
	c.batch(images).length("dw", len(dw), shape.FC2W).length("dlogits", len(dlogits), shape.Classes*images).
		length("x", len(x), shape.FC2Inputs*images)
	if c.err == nil {
		s.fc2WeightGrad(dw, dlogits, x, images)
	}
	return c.err
}
