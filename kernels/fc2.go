package kernels

// Loss sets the gradient of the cross-entropy.
type Loss struct {
	Scale float32 // 1/images of the batch, for the mean
	Label float32 // target of the label's class: 1, less with label smoothing
	Other float32 // added to the target of every class: smoothing/10, or 0
}

// FC2W is the length of fc2's weights, [10][500].
const FC2W = Classes * FC2Inputs

// FC2Forward computes logits [10] = w x + bias from x [500] and w [10][500].
func (s *Set) FC2Forward(images int, logits, x, w, bias []float32) error {
	if err := check("FC2Forward", images, length{"logits", len(logits), Classes * images},
		length{"x", len(x), FC2Inputs * images}, length{"w", len(w), FC2W}, length{"bias", len(bias), Classes}); err != nil {
		return err
	}
	s.fc2Forward[images/Block](logits, x, w, bias)
	return nil
}

// FC2ForwardLoss computes logits [10], denominators [1] = Σ exp(logit − largest
// logit), and dlogits [10] = (softmax − target)·Scale; labels has one class an
// image, −1 for a lane without image, whose gradient is 0.
func (s *Set) FC2ForwardLoss(images int, logits, dlogits, denominators, x, w, bias []float32, labels []int32, loss *Loss) error {
	if err := check("FC2ForwardLoss", images, length{"logits", len(logits), Classes * images},
		length{"dlogits", len(dlogits), Classes * images}, length{"denominators", len(denominators), images},
		length{"x", len(x), FC2Inputs * images}, length{"w", len(w), FC2W}, length{"bias", len(bias), Classes},
		length{"labels", len(labels), images}); err != nil {
		return err
	}
	s.fc2ForwardLoss[images/Block](logits, dlogits, denominators, x, w, bias, labels, loss.Scale, loss.Label, loss.Other)
	return nil
}

// FC2InputGrad computes dx [500] = scale · wᵀ dlogits where x [500] > 0, else 0:
// the way back through fc2, and through fc1's ReLU and dropout.
func (s *Set) FC2InputGrad(images int, dx, dlogits, w, x []float32, scale float32) error {
	if err := check("FC2InputGrad", images, length{"dx", len(dx), FC2Inputs * images},
		length{"dlogits", len(dlogits), Classes * images}, length{"w", len(w), FC2W}, length{"x", len(x), FC2Inputs * images}); err != nil {
		return err
	}
	s.fc2InputGrad[images/Block](dx, dlogits, w, x, scale)
	return nil
}

// FC2WeightGrad computes dw [10][500] = Σ dlogits xᵀ over the blocks
// dlogits [blocks][10] and x [blocks][500] of a batch.
func (s *Set) FC2WeightGrad(batch int, dw, dlogits, x []float32) error {
	if err := checkBatch("FC2WeightGrad", batch, length{"dw", len(dw), FC2W},
		length{"dlogits", len(dlogits), Classes * batch}, length{"x", len(x), FC2Inputs * batch}); err != nil {
		return err
	}
	s.fc2WeightGrad(dw, dlogits, x, batch)
	return nil
}
