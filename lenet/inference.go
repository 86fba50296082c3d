package lenet

import "github.com/kernelet/kernelet/kernels"

// inference computes logits: the forward pass without masks and dropout. It
// keeps nothing between calls but its memory, and one goroutine uses it at a
// time.
type inference struct {
	set                           *kernels.Set
	x, y1, v, work, y2, h, logits []float32
	index                         [kernels.Block]int32
}

// inferenceBlocks is the number of blocks that go through fc1 together, so
// that its weights are read from the cache once for all of them.
const inferenceBlocks = 4

// inferenceImages is the number of images that one call of forward takes.
const inferenceImages = inferenceBlocks * kernels.Block

// inferenceV is the length of conv2's transformed input of a block.
var inferenceV = kernels.Conv2V(kernels.Block)

// inferenceLength is the number of float32 of memory that an inference needs.
var inferenceLength = kernels.Block*(kernels.ImagePixels+kernels.Conv1Y+kernels.Conv2Work) + inferenceV +
	inferenceImages*(kernels.Conv2Y+kernels.FC1Outputs+kernels.Classes)

func newInference(set *kernels.Set, memory []float32) *inference {
	f := &inference{set: set}
	for _, part := range []struct {
		target *[]float32
		length int
	}{
		{&f.x, kernels.Block * kernels.ImagePixels}, {&f.y1, kernels.Block * kernels.Conv1Y},
		{&f.v, inferenceV}, {&f.work, kernels.Block * kernels.Conv2Work},
		{&f.y2, inferenceImages * kernels.Conv2Y}, {&f.h, inferenceImages * kernels.FC1Outputs},
		{&f.logits, inferenceImages * kernels.Classes},
	} {
		*part.target, memory = memory[:part.length:part.length], memory[part.length:]
	}
	return f
}

// packed are a model's weights as inference needs them.
type packed struct {
	u1, bias1, u2, bias2, fc1, biasF, fc2, biasC []float32
}

// use lets p refer to weights that need no transformation.
func (p *packed) use(w parameters) {
	p.bias1, p.bias2 = w.conv1[kernels.Conv1W:], w.bias2
	p.fc1, p.biasF, p.fc2, p.biasC = w.fc1, w.biasF, w.fc2, w.biasC
}

// transform fills the transformed weights of the convolutions.
func (p *packed) transform(set *kernels.Set, w parameters) error {
	if err := set.Conv1WeightTransform(p.u1, w.conv1[:kernels.Conv1W]); err != nil {
		return err
	}
	return set.Conv2WeightTransform(p.u2, w.conv2)
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
	j := job{lanes: (count + kernels.HalfBlock - 1) / kernels.HalfBlock * kernels.HalfBlock}
	s := f.set
	for b := range j.blocks() {
		n := j.block(b)
		for lane := range n {
			f.index[lane] = int32(first + min(b*kernels.Block+lane, count-1))
		}
		x, y1, v := f.x[:kernels.ImagePixels*n], f.y1[:kernels.Conv1Y*n], f.v[:kernels.Conv2V(n)]
		if images.floats != nil {
			gatherFloats(x, images.floats, f.index[:n])
		} else if err := s.Gather(n, x, images.bytes, f.index[:n]); err != nil {
			return 0, err
		}
		if err := s.Conv1ForwardReLUPool(n, y1, x, p.u1, p.bias1); err != nil {
			return 0, err
		}
		if err := s.Conv2InputTransform(n, v, y1); err != nil {
			return 0, err
		}
		y2 := lines(f.y2, kernels.Conv2Y, b, n)
		for o := 0; o < kernels.Conv2Outputs; o += kernels.Group {
			if err := s.Conv2ForwardReLUPool(n, y2, f.work[:kernels.Conv2Work*n], p.u2, v, p.bias2, o); err != nil {
				return 0, err
			}
		}
	}
	for o := 0; o < kernels.FC1Outputs; o += kernels.FC1Outs {
		for b, n := 0, 0; b*kernels.Block < j.lanes; b += max(1, n/kernels.Block) {
			if n = j.block(b); b+1 < j.blocks() && j.block(b+1) == kernels.Block {
				n = 2 * kernels.Block // a pair of blocks is faster than each
			}
			if err := s.FC1ForwardReLU(n, lines(f.h, kernels.FC1Outputs, b, n), lines(f.y2, kernels.FC1Inputs, b, n),
				p.fc1, p.biasF, o); err != nil {
				return 0, err
			}
		}
	}
	for b := range j.blocks() {
		n := j.block(b)
		if err := s.FC2Forward(n, lines(f.logits, kernels.Classes, b, n), lines(f.h, kernels.FC1Outputs, b, n), p.fc2, p.biasC); err != nil {
			return 0, err
		}
	}
	return j.lanes, nil
}

// gatherFloats fills lines x [784] with 2·value − 1 of the images that index
// names.
func gatherFloats(x, images []float32, index []int32) {
	for lane, i := range index {
		for pixel, value := range images[int(i)*kernels.ImagePixels:][:kernels.ImagePixels] {
			x[pixel*len(index)+lane] = 2*value - 1
		}
	}
}

// logitsOf returns the logits that forward left of image i.
func (f *inference) logitsOf(lanes, i int) [kernels.Classes]float32 {
	b := i / kernels.Block
	n := min(kernels.Block, lanes-b*kernels.Block)
	return logitsOf(f.logits[b*kernels.Block*kernels.Classes:], n, i%kernels.Block)
}
