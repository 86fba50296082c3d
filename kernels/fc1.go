package kernels

import "github.com/kernelet/kernelet/internal/shape"

// The kernels of fc1, 800→500. In training they skip the outputs that dropout
// drops, and going back those without gradient, about three in four: the lanes
// are inputs then, and images and outputs are listed.

// Rows are inputs of fc1, or their gradients, with inputs as lanes: [10
// slices][Capacity images][80].
type Rows struct {
	Values   []float32
	Capacity int
}

// ImageLists list, for every image of a batch, the outputs of fc1 that carry a
// gradient, ascending by output: Values [images][512], Outputs [images][512] and
// Ends [images][11], the number of entries below output 48, 96, … Entries after
// the last are undefined.
type ImageLists struct {
	Values        []float32
	Outputs, Ends []int32
}

// InputLists list, for every image of a batch, the inputs of fc1 that are not
// zero, ascending by input: Values [images][816], Inputs [images][816] and Ends
// [images][13], the number of entries below input 64, 128, … Entries after the
// last are undefined.
type InputLists struct {
	Values       []float32
	Inputs, Ends []int32
}

// Of returns the lists of count images from first on.
func (l InputLists) Of(first, count int) InputLists {
	const list, runs = shape.FC1InputList, shape.FC1InputRuns
	return InputLists{l.Values[list*first:][:list*count], l.Inputs[list*first:][:list*count], l.Ends[runs*first:][:runs*count]}
}

func (c *contract) inputLists(l InputLists, images int) *contract {
	return c.length("values", len(l.Values), shape.FC1InputList*images).
		length("inputs", len(l.Inputs), shape.FC1InputList*images).length("ends", len(l.Ends), shape.FC1InputRuns*images)
}

// Count returns the number of entries of an image.
func (l InputLists) Count(image int) int { return int(l.Ends[(image+1)*shape.FC1InputRuns-1]) }

// Of returns the lists of count images from first on.
func (l ImageLists) Of(first, count int) ImageLists {
	const list, runs = shape.FC1ImageList, shape.FC1Runs
	return ImageLists{l.Values[list*first:][:list*count], l.Outputs[list*first:][:list*count], l.Ends[runs*first:][:runs*count]}
}

func (c *contract) imageLists(l ImageLists, images int) *contract {
	return c.length("values", len(l.Values), shape.FC1ImageList*images).
		length("outputs", len(l.Outputs), shape.FC1ImageList*images).length("ends", len(l.Ends), shape.FC1Runs*images)
}

// OutputLists list, for every output of fc1, the images of a batch in which it
// carries a gradient, ascending by image: Values [500][144], Images [500][144],
// Counts [500].
type OutputLists struct {
	Values         []float32
	Images, Counts []int32
}

func (c *contract) outputLists(l OutputLists) *contract {
	return c.length("values", len(l.Values), shape.FC1OutputList*shape.FC1Outputs).
		length("images", len(l.Images), shape.FC1OutputList*shape.FC1Outputs).length("counts", len(l.Counts), shape.FC1Outputs)
}

// Dropout says how fc1's outputs are dropped. Output unit of an image with
// key k is kept when hash(k, unit) ≥ Threshold, and then multiplied by Scale.
// Threshold 0 and Scale 1 keep everything.
type Dropout struct {
	Threshold uint32
	Scale     float32
}

// FC1ForwardReLU computes y [blocks][500] = max(0, w x + bias) of a batch from x
// [blocks][800] and w [10 slices][500][80]. It takes pairs of blocks, at which it
// is fastest, and all of them for 100 outputs, whose weights stay in L2.
func (s *Set) FC1ForwardReLU(images int, y, x, w, bias []float32) error {
	c := contract{kernel: "FC1ForwardReLU"}
	c.batch(images).length("y", len(y), shape.FC1Outputs*images).length("x", len(x), shape.FC1Inputs*images).
		length("w", len(w), shape.FC1W).length("bias", len(bias), shape.FC1Outputs)
	if c.err != nil {
		return c.err
	}
	for first := 0; first < shape.FC1Outputs; first += shape.FC1ForwardGroup {
		for block, n := 0, 0; block < images; block += n {
			if n = min(2*shape.Block, images-block); n%shape.Block != 0 {
				n = max(shape.HalfBlock, n-shape.HalfBlock)
			}
			s.fc1ForwardReLU[n/shape.Block](y[shape.FC1Outputs*block:][:shape.FC1Outputs*n], x[shape.FC1Inputs*block:][:shape.FC1Inputs*n], w, bias, first)
		}
	}
	return nil
}

// FC1InputLists lists, for every image of a block, the values of x [800] that are
// not zero.
func (s *Set) FC1InputLists(images int, lists InputLists, x []float32) error {
	c := contract{kernel: "FC1InputLists"}
	c.block(images).inputLists(lists, images).length("x", len(x), shape.FC1Inputs*images)
	if c.err == nil {
		s.fc1InputLists[images/shape.Block](lists.Values, lists.Inputs, lists.Ends, x)
	}
	return c.err
}

// FC1ListForwardReLU computes h [images][512] = max(0, w x + bias) of a batch from
// the lists of x as FC1InputLists made them, which is not checked again, from w
// [4][800][128] as PackSingleFC1 makes it and from bias [512]. The sums are taken
// in the order of FC1ForwardReLU.
func (s *Set) FC1ListForwardReLU(images int, h []float32, lists InputLists, w, bias []float32) error {
	c := contract{kernel: "FC1ListForwardReLU"}
	c.batch(images).length("h", len(h), shape.SingleFC1Y*images).inputLists(lists, images).
		length("w", len(w), shape.SingleFC1W).length("bias", len(bias), shape.SingleFC1Y)
	if c.err != nil {
		return c.err
	}
	for chunk := range shape.SingleFC1Y / shape.SingleFC1Chunk {
		s.fc1ListForwardReLU(h, lists.Values, lists.Inputs, lists.Ends, w, bias, images, chunk)
	}
	return nil
}

// FC1ForwardReLUDropout computes group 0 … shape.FC1DropoutGroups−1 of outputs,
// sixteen or the last four, of the blocks y [blocks][500] = dropout(max(0, w x +
// bias)) of a batch from w [10][500][80]; keys has one word an image. What
// dropout drops is not computed. The sums are taken in another order than
// FC1ForwardReLU's.
func (s *Set) FC1ForwardReLUDropout(images, group int, y []float32, x Rows, w, bias []float32, keys []uint32, dropout *Dropout) error {
	c := contract{kernel: "FC1ForwardReLUDropout"}
	c.chunk(images).index("group", group, shape.FC1DropoutGroups).length("y", len(y), shape.FC1Outputs*images).
		rows("x", x, 0, images).length("w", len(w), shape.FC1W).length("bias", len(bias), shape.FC1Outputs).length("keys", len(keys), images)
	if c.err == nil {
		s.fc1ForwardReLUDropout(y, x.Values, w, bias, keys, images, x.Capacity, group*shape.FC1DropoutGroup, dropout.Threshold, dropout.Scale)
	}
	return c.err
}

// FC1PackInput transposes slices first … first+count−1 of x [800] of a block,
// even numbers, into packed, as its images image, image+1, … Two slices are ten
// of conv2's outputs.
func (s *Set) FC1PackInput(images int, packed Rows, x []float32, image, first, count int) error {
	c := contract{kernel: "FC1PackInput"}
	c.block(images).length("x", len(x), shape.FC1Inputs*images).rows("packed", packed, image, images).
		groups(first, count, shape.FC1SlicePair, shape.FC1Slices)
	if c.err != nil {
		return c.err
	}
	for slice := first; slice < first+count; slice += shape.FC1SlicePair {
		s.fc1PackInput[images/shape.Block](packed.Values, x, image, packed.Capacity, slice)
	}
	return nil
}

// FC1UnpackInputGrad is the way back of FC1PackInput.
func (s *Set) FC1UnpackInputGrad(images int, dx []float32, packed Rows, image, first, count int) error {
	c := contract{kernel: "FC1UnpackInputGrad"}
	c.block(images).length("dx", len(dx), shape.FC1Inputs*images).rows("packed", packed, image, images).
		groups(first, count, shape.FC1SlicePair, shape.FC1Slices)
	if c.err != nil {
		return c.err
	}
	for slice := first; slice < first+count; slice += shape.FC1SlicePair {
		s.fc1UnpackInputGrad[images/shape.Block](dx, packed.Values, image, packed.Capacity, slice)
	}
	return nil
}

// FC1ImageLists lists, for every image of a block, the values of dy [500] that
// are not zero.
func (s *Set) FC1ImageLists(images int, lists ImageLists, dy []float32) error {
	c := contract{kernel: "FC1ImageLists"}
	c.block(images).imageLists(lists, images).length("dy", len(dy), shape.FC1Outputs*images)
	if c.err == nil {
		s.fc1ImageLists[images/shape.Block](lists.Values, lists.Outputs, lists.Ends, dy)
	}
	return c.err
}

// FC1OutputLists lists, for outputs first … first+count−1, the values of the
// blocks dy [blocks][500] of a batch that are not zero.
func (s *Set) FC1OutputLists(images int, lists OutputLists, dy []float32, first, count int) error {
	c := contract{kernel: "FC1OutputLists"}
	c.chunk(images).outputLists(lists).length("dy", len(dy), shape.FC1Outputs*images).outputs(first, count)
	if c.err == nil {
		s.fc1OutputLists(lists.Values, lists.Images, lists.Counts, dy, images, first, count)
	}
	return c.err
}

// FC1InputGrad computes a pair of slices, inputs 160·slicePair …
// 160·slicePair+159, of the input gradient of images image, image+1, … of dx,
// from w [10][500][80] and the images' lists as FC1ImageLists made them, which
// are trusted: other entries may make it read anywhere.
func (s *Set) FC1InputGrad(images int, dx Rows, w []float32, lists ImageLists, slicePair, image int) error {
	c := contract{kernel: "FC1InputGrad"}
	c.batch(images).length("w", len(w), shape.FC1W).imageLists(lists, images).rows("dx", dx, image, images).
		index("slicePair", slicePair, shape.FC1SlicePairs)
	if c.err == nil {
		s.fc1InputGrad(dx.Values, w, lists.Values, lists.Outputs, lists.Ends, slicePair, image, images, dx.Capacity)
	}
	return c.err
}

// FC1WeightGrad adds the weight gradient of inputs 80·slice … 80·slice+79 and
// outputs first … first+count−1 to dw [10][500][80], from the inputs x and the
// lists of FC1OutputLists, which are trusted: other entries may make it read
// anywhere.
func (s *Set) FC1WeightGrad(dw []float32, x Rows, lists OutputLists, slice, first, count int) error {
	c := contract{kernel: "FC1WeightGrad"}
	c.length("dw", len(dw), shape.FC1W).rows("x", x, 0, 0).outputLists(lists).index("slice", slice, shape.FC1Slices).outputs(first, count)
	if c.err == nil {
		s.fc1WeightGrad(dw, x.Values, lists.Values, lists.Images, lists.Counts, slice, first, count, x.Capacity)
	}
	return c.err
}

// FC1WeightGradAdam computes the same gradient and at once applies a step of
// Adam to w, m and v, [10][500][80] each, while it is in registers. It trusts
// the lists of FC1OutputLists as FC1WeightGrad does.
func (s *Set) FC1WeightGradAdam(w, m, v []float32, x Rows, lists OutputLists, slice, first, count int, step *AdamStep) error {
	c := contract{kernel: "FC1WeightGradAdam"}
	c.length("w", len(w), shape.FC1W).length("m", len(m), shape.FC1W).length("v", len(v), shape.FC1W).
		rows("x", x, 0, 0).outputLists(lists).index("slice", slice, shape.FC1Slices).outputs(first, count)
	if c.err == nil {
		s.fc1WeightGradAdam(w, m, v, x.Values, lists.Values, lists.Images, lists.Counts, slice, first, count, x.Capacity,
			step.OneMinusBeta1, step.Beta2, step.OneMinusBeta2, step.Correction, step.Epsilon, step.Rate)
	}
	return c.err
}
