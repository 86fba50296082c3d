package kernels

import "github.com/kernelet/kernelet/internal/shape"

// The kernels of the forward pass of one image, whose lanes are channels or
// outputs. They give the same bits as those for many images.

// List is working memory for the values of a vector that are not zero, and for
// their indices, shape.SingleList of each.
type List struct {
	Values  []float32
	Indices []int32
}

// SingleInput computes x [28][28] = image/255·2 − 1 from image [28][28].
func (s *Set) SingleInput(x []float32, image []byte) error {
	c := contract{kernel: "SingleInput"}
	c.length("x", len(x), shape.ImagePixels).length("image", len(image), shape.ImagePixels)
	if c.err == nil {
		s.singleInput(x, image)
	}
	return c.err
}

// SingleConv1ReLUPool computes y [12][12][24 channels] = max(0,
// maxpool(conv1(x)) + bias) from x [28][28], the transformed weights u [64][24]
// and bias [24].
func (s *Set) SingleConv1ReLUPool(y, x, u, bias []float32) error {
	c := contract{kernel: "SingleConv1ReLUPool"}
	c.length("y", len(y), shape.SingleConv1Y).length("x", len(x), shape.ImagePixels).
		length("u", len(u), shape.Conv1U).length("bias", len(bias), shape.Conv1Row)
	if c.err == nil {
		s.singleConv1ReLUPool(y, x, u, bias)
	}
	return c.err
}

// SingleConv2InputTransform computes v [64][4 tiles][24 channels] = Bᵀ x B
// from x [12][12][24].
func (s *Set) SingleConv2InputTransform(v, x []float32) error {
	c := contract{kernel: "SingleConv2InputTransform"}
	c.length("v", len(v), shape.SingleConv2V).length("x", len(x), shape.SingleConv1Y)
	if c.err == nil {
		s.singleConv2InputTransform(v, x)
	}
	return c.err
}

// SingleConv2ReLUPool computes y [50][4][4] = max(0, maxpool(conv2) + bias) from
// v [64][4][24], weights u as PackSingleConv2 makes them and bias [56]; m
// [64][4][16] is working memory.
func (s *Set) SingleConv2ReLUPool(y, m, u, v, bias []float32) error {
	c := contract{kernel: "SingleConv2ReLUPool"}
	c.length("y", len(y), shape.Conv2Y).length("m", len(m), shape.SingleConv2M).length("u", len(u), shape.SingleConv2U).
		length("v", len(v), shape.SingleConv2V).length("bias", len(bias), shape.SingleConv2Outputs)
	if c.err == nil {
		s.singleConv2ReLUPool(y, m, u, v, bias)
	}
	return c.err
}

// SingleFC1ReLU computes h [512] = max(0, w x + bias) from x [800], w
// [4][800][128] as PackSingleFC1 makes it and bias [512]. Weights multiplied by a
// zero of x are not read. backwards computes the last chunk of outputs first:
// alternate it between calls, so that a call starts with the weights that the
// last one left in the cache.
func (s *Set) SingleFC1ReLU(h, x, w, bias []float32, list List, backwards bool) error {
	c := contract{kernel: "SingleFC1ReLU"}
	c.length("h", len(h), shape.SingleFC1Y).length("x", len(x), shape.FC1Inputs).length("w", len(w), shape.SingleFC1W).
		length("bias", len(bias), shape.SingleFC1Y).list(list)
	if c.err == nil {
		s.singleFC1ReLU(h, x, w, bias, list.Values, list.Indices, backwards)
	}
	return c.err
}

// SingleFC2 computes logits [16], of which ten are used, = w x + bias from x
// [512], w [512][16] as PackSingleFC2 makes it and bias [16].
func (s *Set) SingleFC2(logits, x, w, bias []float32, list List) error {
	c := contract{kernel: "SingleFC2"}
	c.length("logits", len(logits), shape.SingleLogits).length("x", len(x), shape.SingleFC1Y).length("w", len(w), shape.SingleFC2W).
		length("bias", len(bias), shape.SingleLogits).list(list)
	if c.err == nil {
		s.singleFC2(logits, x, w, bias, list.Values, list.Indices)
	}
	return c.err
}

func (c *contract) list(l List) *contract {
	return c.length("values", len(l.Values), shape.SingleList).length("indices", len(l.Indices), shape.SingleList)
}

// singleConv2U is the place of a transformed weight of conv2 for one image.
func singleConv2U(frequency, channel, output int) int {
	first := output / shape.SingleConv2Chunk * shape.SingleConv2Chunk
	width := min(shape.SingleConv2Chunk, shape.SingleConv2Outputs-first)
	return first*shape.Frequencies*shape.Conv2Inputs + (frequency*shape.Conv2Inputs+channel)*width + output - first
}

// PackSingleConv2 writes conv2's transformed weights u [64][50][20] in the order
// of SingleConv2ReLUPool to packed, [3 chunks][64][20][16] and [64][20][8].
func PackSingleConv2(packed, u []float32) error {
	c := contract{kernel: "PackSingleConv2"}
	if c.length("packed", len(packed), shape.SingleConv2U).length("u", len(u), shape.Conv2U); c.err != nil {
		return c.err
	}
	for i, value := range u {
		packed[singleConv2U(i/(shape.Conv2Outputs*shape.Conv2Inputs), i%shape.Conv2Inputs, i/shape.Conv2Inputs%shape.Conv2Outputs)] = value
	}
	return nil
}

// PackSingleFC1 writes fc1's weights w [10][500][80] in the order of
// SingleFC1ReLU to packed, [4][800][128].
func PackSingleFC1(packed, w []float32) error {
	c := contract{kernel: "PackSingleFC1"}
	if c.length("packed", len(packed), shape.SingleFC1W).length("w", len(w), shape.FC1W); c.err != nil {
		return c.err
	}
	for i, value := range w {
		input, output := i/(shape.FC1Outputs*shape.FC1Slice)*shape.FC1Slice+i%shape.FC1Slice, i/shape.FC1Slice%shape.FC1Outputs
		packed[(output/shape.SingleFC1Chunk*shape.FC1Inputs+input)*shape.SingleFC1Chunk+output%shape.SingleFC1Chunk] = value
	}
	return nil
}

// PackSingleFC2 writes fc2's weights w [10][500] in the order of SingleFC2 to
// packed, [512][16].
func PackSingleFC2(packed, w []float32) error {
	c := contract{kernel: "PackSingleFC2"}
	if c.length("packed", len(packed), shape.SingleFC2W).length("w", len(w), shape.FC2W); c.err != nil {
		return c.err
	}
	for i, value := range w {
		packed[i%shape.FC2Inputs*shape.SingleLogits+i/shape.FC2Inputs] = value
	}
	return nil
}
