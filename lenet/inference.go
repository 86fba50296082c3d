package lenet

import (
	"github.com/kernelet/kernelet/internal/aligned"
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
)

// inference computes logits: the forward pass without masks and dropout. It
// keeps nothing between calls but its memory, and one goroutine uses it at a
// time.
type inference struct {
	set                           *kernels.Set
	x, y1, v, work, y2, h, logits []float32
	index                         [shape.Block]int32
	answers                       [inferenceImages][shape.SingleLogits]float32 // the images' logits and, at rejectionPlace, what fc1's outputs add to their rejection scores
	inputs                        kernels.InputLists                           // of fc1, or nothing: then its zeros are not skipped
	list                          kernels.List
	image                         []float32 // an image's outputs of fc1 side by side, for addRejection
}

// mostListed is the share of fc1's inputs that are not zero above which it is
// faster to multiply by the zeros too, with images as lanes. Measured on Zen 5,
// µs an image of a batch of 100: with 16 % (the pretrained weights) 5.7 instead
// of 7.6, with 68 % (a model of the tutorial's recipe) 8.5 instead of 7.7.
const mostListed = 0.5

// inferenceBlocks is the number of blocks that go through fc1 together, so
// that its weights are read from the cache once for all of them.
const inferenceBlocks = 4

// inferenceImages is the number of images that one call of forward takes.
const inferenceImages = inferenceBlocks * shape.Block

// inferenceV is the length of conv2's transformed input of a block.
var inferenceV = shape.Conv2V(shape.Block)

// inferenceLength is the number of float32 of memory that an inference needs.
var inferenceLength = shape.Block*(shape.ImagePixels+shape.Conv1Y) + shape.Conv2ForwardWork(shape.Block) + inferenceV +
	inferenceImages*(shape.Conv2Y+shape.SingleFC1Y+shape.Classes)

func newInference(set *kernels.Set, memory []float32) *inference {
	f := &inference{set: set}
	for _, part := range []struct {
		target *[]float32
		length int
	}{
		{&f.x, shape.Block * shape.ImagePixels}, {&f.y1, shape.Block * shape.Conv1Y},
		{&f.v, inferenceV}, {&f.work, shape.Conv2ForwardWork(shape.Block)},
		{&f.y2, inferenceImages * shape.Conv2Y}, {&f.h, inferenceImages * shape.SingleFC1Y},
		{&f.logits, inferenceImages * shape.Classes},
	} {
		*part.target, memory = memory[:part.length:part.length], memory[part.length:]
	}
	return f
}

// newListingInference returns an inference that skips fc1's zeros.
func newListingInference(set *kernels.Set) *inference {
	f := newInference(set, aligned.Floats(inferenceLength))
	f.inputs = kernels.InputLists{Values: aligned.Floats(inferenceImages * shape.FC1InputList),
		Inputs: make([]int32, inferenceImages*shape.FC1InputList), Ends: make([]int32, shape.FC1InputRuns*inferenceImages)}
	f.list = kernels.List{Values: aligned.Floats(shape.SingleList), Indices: make([]int32, shape.SingleList)}
	f.image = aligned.Floats(shape.SingleFC1Y)
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
// image first, and leaves them in f.answers. single is nil if f lists nothing.
func (f *inference) forward(p *packed, single *packedSingle, images pixels, first, count int) error {
	j := job{lanes: (count + shape.HalfBlock - 1) / shape.HalfBlock * shape.HalfBlock}
	s, listing := f.set, f.inputs.Values != nil
	for b := range j.blocks() {
		n := j.block(b)
		for lane := range n {
			f.index[lane] = int32(first + min(b*shape.Block+lane, count-1))
		}
		x, y1, v := f.x[:shape.ImagePixels*n], f.y1[:shape.Conv1Y*n], f.v[:shape.Conv2V(n)]
		if images.floats != nil {
			gatherFloats(x, images.floats, f.index[:n])
		} else if err := s.Gather(n, x, images.bytes, f.index[:n]); err != nil {
			return err
		}
		if err := s.Conv1ForwardReLUPool(n, y1, x, p.conv1U, p.conv1Bias); err != nil {
			return err
		}
		if err := s.Conv2InputTransform(n, v, y1); err != nil {
			return err
		}
		y2 := lines(f.y2, shape.Conv2Y, b, n)
		if err := s.Conv2ForwardReLUPool(n, y2, f.work, p.conv2U, v, p.conv2Bias); err != nil {
			return err
		}
		if listing {
			if err := s.FC1InputLists(n, f.inputs.Of(b*shape.Block, n), y2); err != nil {
				return err
			}
			// The first block stands for the others: the weights say how many are zero.
			listing = b > 0 || f.live(n) < mostListed*float64(shape.FC1Inputs*n)
		}
	}
	if listing {
		return f.listed(single, j.lanes)
	}
	if err := f.dense(p, &j); err != nil || f.image == nil || !single.calibrated {
		return err
	}
	return f.addRejection(single, &j, count)
}

// live returns how many of fc1's inputs of the first images are not zero.
func (f *inference) live(images int) (n float64) {
	for image := range images {
		n += float64(f.inputs.Count(image))
	}
	return n
}

// listed computes the fully connected layers with outputs as lanes.
func (f *inference) listed(p *packedSingle, lanes int) error {
	s := f.set
	if err := s.FC1ListForwardReLU(lanes, f.h[:shape.SingleFC1Y*lanes], f.inputs.Of(0, lanes), p.fc1Weight, p.fc1Bias); err != nil {
		return err
	}
	for i := range lanes {
		if err := s.SingleFC2(f.answers[i][:], f.h[shape.SingleFC1Y*i:][:shape.SingleFC1Y], p.fc2Weight, p.fc2Bias, f.list); err != nil {
			return err
		}
	}
	return nil
}

// dense computes the fully connected layers with images as lanes.
func (f *inference) dense(p *packed, j *job) error {
	s := f.set
	if err := s.FC1ForwardReLU(j.lanes, f.h[:shape.FC1Outputs*j.lanes], f.y2[:shape.FC1Inputs*j.lanes], p.fc1, p.fc1Bias); err != nil {
		return err
	}
	for b := range j.blocks() {
		n := j.block(b)
		logits := lines(f.logits, shape.Classes, b, n)
		if err := s.FC2Forward(n, logits, lines(f.h, shape.FC1Outputs, b, n), p.fc2, p.fc2Bias); err != nil {
			return err
		}
		for lane := range n {
			of := logitsOf(logits, n, lane)
			copy(f.answers[b*shape.Block+lane][:], of[:])
		}
	}
	return nil
}

// addRejection adds, after dense, what fc1's outputs add to the rejection scores,
// which SingleFC2 computes besides the logits.
func (f *inference) addRejection(p *packedSingle, j *job, count int) error {
	var answer [shape.SingleLogits]float32
	for i := range count {
		b := i / shape.Block
		n := j.block(b)
		h := lines(f.h, shape.FC1Outputs, b, n)
		for o := range shape.FC1Outputs {
			f.image[o] = h[o*n+i%shape.Block]
		}
		if err := f.set.SingleFC2(answer[:], f.image, p.fc2Weight, p.fc2Bias, f.list); err != nil {
			return err
		}
		copy(f.answers[i][shape.Classes:], answer[shape.Classes:])
	}
	return nil
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
func (f *inference) logitsOf(i int) [shape.Classes]float32 { return logitsIn(&f.answers[i]) }

// logitsIn returns the logits of an answer.
func logitsIn(answer *[shape.SingleLogits]float32) [shape.Classes]float32 {
	return [shape.Classes]float32(answer[:shape.Classes])
}
