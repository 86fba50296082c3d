package lenet

import (
	"github.com/kernelet/kernelet/kernels"

	"github.com/kernelet/kernelet/internal/shape"
)

// inference computes logits: the forward pass without masks and dropout. It
// keeps nothing between calls but its memory, and one goroutine uses it at a
// time.
type inference struct {
	set                           *kernels.Set
	x, y1, v, work, y2, h, logits []float32
	index                         [shape.Block]int32
}

// inferenceBlocks is the number of blocks that go through fc1 together, so
// that its weights are read from the cache once for all of them.
const inferenceBlocks = 4

// inferenceImages is the number of images that one call of forward takes.
const inferenceImages = inferenceBlocks * shape.Block

// inferenceV is the length of conv2's transformed input of a block.
var inferenceV = shape.Conv2V(shape.Block)

// inferenceLength is the number of float32 of memory that an inference needs.
var inferenceLength = shape.Block*(shape.ImagePixels+shape.Conv1Y) + shape.Conv2ForwardWork(shape.Block) + inferenceV +
	inferenceImages*(shape.Conv2Y+shape.FC1Outputs+shape.Classes)

func newInference(set *kernels.Set, memory []float32) *inference {
	f := &inference{set: set}
	for _, part := range []struct {
		target *[]float32
		length int
	}{
		{&f.x, shape.Block * shape.ImagePixels}, {&f.y1, shape.Block * shape.Conv1Y},
		{&f.v, inferenceV}, {&f.work, shape.Conv2ForwardWork(shape.Block)},
		{&f.y2, inferenceImages * shape.Conv2Y}, {&f.h, inferenceImages * shape.FC1Outputs},
		{&f.logits, inferenceImages * shape.Classes},
	} {
		*part.target, memory = memory[:part.length:part.length], memory[part.length:]
	}
	return f
}

// packed are a model's weights as inference needs them.
type packed struct {
	conv1U, conv1Bias, conv2U, conv2Bias, fc1, fc1Bias, fc2, fc2Bias []float32
}

// use lets p refer to weights that need no transformation.
func (p *packed) use(w parameters) {
	p.conv1Bias, p.conv2Bias = w.conv1[shape.Conv1W:], w.conv2Bias
	p.fc1, p.fc1Bias, p.fc2, p.fc2Bias = w.fc1, w.fc1Bias, w.fc2, w.fc2Bias
}

// transform fills the transformed weights of the convolutions.
func (p *packed) transform(set *kernels.Set, w parameters) error {
	if err := set.Conv1WeightTransform(p.conv1U, w.conv1[:shape.Conv1W]); err != nil {
		return err
	}
	return set.Conv2WeightTransform(p.conv2U, w.conv2)
}

// pixels are n images, as bytes from 0 to 255 or as floats from 0 to 1.
type pixels struct {
	bytes  []byte
	floats []float32
}

// forward computes the logits of count ≤ inferenceImages images that begin at
// image first, and leaves them as blocks [blocks][10] in f.logits; it
// returns the number of lanes.
func (f *inference) forward(p *packed, images pixels, first, count int) (lanes int, err error) {
	j := job{lanes: (count + shape.HalfBlock - 1) / shape.HalfBlock * shape.HalfBlock}
	s := f.set
	for b := range j.blocks() {
		n := j.block(b)
		for lane := range n {
			f.index[lane] = int32(first + min(b*shape.Block+lane, count-1))
		}
		x, y1, v := f.x[:shape.ImagePixels*n], f.y1[:shape.Conv1Y*n], f.v[:shape.Conv2V(n)]
		if images.floats != nil {
			gatherFloats(x, images.floats, f.index[:n])
		} else if err := s.Gather(n, x, images.bytes, f.index[:n]); err != nil {
			return 0, err
		}
		if err := s.Conv1ForwardReLUPool(n, y1, x, p.conv1U, p.conv1Bias); err != nil {
			return 0, err
		}
		if err := s.Conv2InputTransform(n, v, y1); err != nil {
			return 0, err
		}
		y2 := lines(f.y2, shape.Conv2Y, b, n)
		if err := s.Conv2ForwardReLUPool(n, y2, f.work, p.conv2U, v, p.conv2Bias); err != nil {
			return 0, err
		}
	}
	if err := s.FC1ForwardReLU(j.lanes, f.h[:shape.FC1Outputs*j.lanes], f.y2[:shape.FC1Inputs*j.lanes], p.fc1, p.fc1Bias); err != nil {
		return 0, err
	}
	for b := range j.blocks() {
		n := j.block(b)
		if err := s.FC2Forward(n, lines(f.logits, shape.Classes, b, n), lines(f.h, shape.FC1Outputs, b, n), p.fc2, p.fc2Bias); err != nil {
			return 0, err
		}
	}
	return j.lanes, nil
}

// gatherFloats fills lines x [784] with 2·value − 1 of the images that index
// names.
func gatherFloats(x, images []float32, index []int32) {
	for lane, i := range index {
		for pixel, value := range images[int(i)*shape.ImagePixels:][:shape.ImagePixels] {
			x[pixel*len(index)+lane] = 2*value - 1
		}
	}
}

// logitsOf returns the logits that forward left of image i.
func (f *inference) logitsOf(lanes, i int) [shape.Classes]float32 {
	b := i / shape.Block
	n := min(shape.Block, lanes-b*shape.Block)
	return logitsOf(f.logits[b*shape.Block*shape.Classes:], n, i%shape.Block)
}
