package lenet

import (
	"github.com/kernelet/kernelet/internal/aligned"
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
)

// single computes the logits of one image at a time. It keeps nothing between
// calls but its memory and a direction, and one goroutine uses it at a time.
type single struct {
	x, y1, v, m, y2, h, logits []float32
	list                       kernels.List
	backwards                  bool
}

// packedSingle holds the weights that single needs in addition to packed.
type packedSingle struct {
	conv2U, conv2Bias, fc1Weight, fc1Bias, fc2Weight, fc2Bias []float32
	calibrated                                                bool // rejectionPlace is computed
}

func newSingle() *single {
	return &single{
		x: aligned.Floats(shape.ImagePixels), y1: aligned.Floats(shape.SingleConv1Y), v: aligned.Floats(shape.SingleConv2V), m: aligned.Floats(shape.SingleConv2M),
		y2: aligned.Floats(shape.Conv2Y), h: aligned.Floats(shape.SingleFC1Y), logits: aligned.Floats(shape.SingleLogits),
		list: kernels.List{Values: aligned.Floats(shape.SingleList), Indices: make([]int32, shape.SingleList)},
	}
}

// parts lists the arrays with their lengths.
func (s *packedSingle) parts() []part {
	return []part{{&s.conv2U, shape.SingleConv2U}, {&s.conv2Bias, shape.SingleConv2Outputs}, {&s.fc1Weight, shape.SingleFC1W},
		{&s.fc1Bias, shape.SingleFC1Y}, {&s.fc2Weight, shape.SingleFC2W}, {&s.fc2Bias, shape.SingleLogits}}
}

// rejectionPlace is the place, after an image's logits, of what fc1's outputs add to
// its rejection score: SingleFC2 computes more sums than there are classes.
const rejectionPlace = shape.Classes

// pack fills the arrays from the weights of p and a model's calibration, which
// may be nil.
func (s *packedSingle) pack(p *packed, c *Calibration) error {
	copy(s.conv2Bias, p.conv2Bias)
	copy(s.fc1Bias, p.fc1Bias)
	copy(s.fc2Bias, p.fc2Bias)
	if err := kernels.PackSingleConv2(s.conv2U, p.conv2U); err != nil {
		return err
	}
	if err := kernels.PackSingleFC1(s.fc1Weight, p.fc1); err != nil {
		return err
	}
	if err := kernels.PackSingleFC2(s.fc2Weight, p.fc2); err != nil {
		return err
	}
	if s.calibrated = c != nil; s.calibrated {
		for i, weight := range c.Hidden {
			s.fc2Weight[i*shape.SingleLogits+rejectionPlace] = weight
		}
	}
	return nil
}

// forward fills an answer, the logits and rejectionPlace, from image number i.
func (f *single) forward(set *kernels.Set, p *packed, s *packedSingle, images pixels, i int, answer *[shape.SingleLogits]float32) error {
	if images.floats != nil {
		for pixel, value := range images.floats[i*shape.ImagePixels:][:shape.ImagePixels] {
			f.x[pixel] = 2*value - 1
		}
	} else if err := set.SingleInput(f.x, images.bytes[i*shape.ImagePixels:][:shape.ImagePixels]); err != nil {
		return err
	}
	if err := set.SingleConv1ReLUPool(f.y1, f.x, p.conv1U, p.conv1Bias); err != nil {
		return err
	}
	if err := set.SingleConv2InputTransform(f.v, f.y1); err != nil {
		return err
	}
	if err := set.SingleConv2ReLUPool(f.y2, f.m, s.conv2U, f.v, s.conv2Bias); err != nil {
		return err
	}
	// The weights of fc1 are larger than L2, so half of them are still there if
	// every call begins where the one before ended.
	f.backwards = !f.backwards
	if err := set.SingleFC1ReLU(f.h, f.y2, s.fc1Weight, s.fc1Bias, f.list, f.backwards); err != nil {
		return err
	}
	if err := set.SingleFC2(f.logits, f.h, s.fc2Weight, s.fc2Bias, f.list); err != nil {
		return err
	}
	copy(answer[:], f.logits)
	return nil
}
