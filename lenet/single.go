package lenet

import (
	"github.com/kernelet/kernelet/internal/aligned"
	"github.com/kernelet/kernelet/kernels"
)

// single computes the logits of one image at a time. It keeps nothing between
// calls but its memory and a direction, and one goroutine uses it at a time.
type single struct {
	x, y1, v, m, y2, h, values, logits []float32
	places                             []int32
	backwards                          bool
}

// packedSingle are a model's weights as single needs them besides those of packed.
type packedSingle struct {
	u2, bias2, w1, biasF, w2, biasC []float32
}

func newSingle() *single {
	return &single{
		x: aligned.Floats(kernels.ImagePixels), y1: aligned.Floats(kernels.SingleY1), v: aligned.Floats(kernels.SingleV), m: aligned.Floats(kernels.SingleM),
		y2: aligned.Floats(kernels.Conv2Y), h: aligned.Floats(kernels.SingleH), values: aligned.Floats(kernels.SingleList), logits: aligned.Floats(kernels.SingleLogits),
		places: make([]int32, kernels.SingleList),
	}
}

// parts lists the arrays with their lengths.
func (s *packedSingle) parts() []part {
	return []part{{&s.u2, kernels.SingleU2}, {&s.bias2, kernels.SingleBias2}, {&s.w1, kernels.SingleW1},
		{&s.biasF, kernels.SingleH}, {&s.w2, kernels.SingleW2}, {&s.biasC, kernels.SingleLogits}}
}

// pack fills the arrays from the weights of p.
func (s *packedSingle) pack(p *packed) error {
	copy(s.bias2, p.bias2)
	copy(s.biasF, p.biasF)
	copy(s.biasC, p.biasC)
	if err := kernels.PackSingleConv2(s.u2, p.u2); err != nil {
		return err
	}
	if err := kernels.PackSingleFC1(s.w1, p.fc1); err != nil {
		return err
	}
	return kernels.PackSingleFC2(s.w2, p.fc2)
}

// forward fills logits from image number i.
func (f *single) forward(set *kernels.Set, p *packed, s *packedSingle, images pixels, i int, logits *[kernels.Classes]float32) error {
	if images.floats != nil {
		for pixel, value := range images.floats[i*kernels.ImagePixels:][:kernels.ImagePixels] {
			f.x[pixel] = 2*value - 1
		}
	} else if err := set.SingleInput(f.x, images.bytes[i*kernels.ImagePixels:][:kernels.ImagePixels]); err != nil {
		return err
	}
	if err := set.SingleConv1ReLUPool(f.y1, f.x, p.u1, p.bias1); err != nil {
		return err
	}
	if err := set.SingleConv2InputTransform(f.v, f.y1); err != nil {
		return err
	}
	if err := set.SingleConv2ReLUPool(f.y2, f.m, s.u2, f.v, s.bias2); err != nil {
		return err
	}
	// The weights of fc1 are larger than L2, so half of them are still there if
	// every call begins where the one before ended.
	f.backwards = !f.backwards
	if err := set.SingleFC1ReLU(f.h, f.y2, s.w1, s.biasF, f.values, f.places, f.backwards); err != nil {
		return err
	}
	if err := set.SingleFC2(f.logits, f.h, s.w2, s.biasC, f.values, f.places); err != nil {
		return err
	}
	copy(logits[:], f.logits)
	return nil
}
