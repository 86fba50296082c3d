package kernels

// Lengths of the arrays of one image's forward pass.
const (
	SingleY1     = Pool1Pixels * Conv1Row              // [12][12][24]
	SingleV      = Frequencies * Conv2Tiles * Conv1Row // [64][4][24]
	SingleU2     = Frequencies * Conv2Inputs * singleOutputs
	SingleBias2  = singleOutputs
	SingleM      = Frequencies * Conv2Tiles * singleChunk // [64][4][16]
	SingleH      = 512                                    // [500] and padding
	SingleW1     = FC1Inputs * SingleH                    // [4][800][128]
	SingleW2     = SingleH * SingleLogits                 // [512][16]
	SingleLogits = 16

	// SingleList is the length of a list of values and of their places; the
	// kernels look at entries that lie a little behind the last one.
	SingleList = FC1Inputs + 32
)

const (
	singleChunk   = 16  // outputs of conv2 whose weights lie together
	singleOutputs = 56  // of conv2, padded: three chunks and half a one
	singleFC1     = 128 // outputs of fc1 whose weights lie together
)

// SingleInput computes x [28][28] = image/255·2 − 1 from image [28][28].
func (s *Set) SingleInput(x []float32, image []byte) error {
	if err := checkLengths("SingleInput", length{"x", len(x), ImagePixels}, length{"image", len(image), ImagePixels}); err != nil {
		return err
	}
	s.singleInput(x, image)
	return nil
}

// SingleConv1ReLUPool computes y [12][12][24 channels] = max(0,
// maxpool(conv1(x)) + bias) from x [28][28], the transformed weights u [64][24]
// and bias [24].
func (s *Set) SingleConv1ReLUPool(y, x, u, bias []float32) error {
	if err := checkLengths("SingleConv1ReLUPool", length{"y", len(y), SingleY1}, length{"x", len(x), ImagePixels},
		length{"u", len(u), Conv1U}, length{"bias", len(bias), Conv1Row}); err != nil {
		return err
	}
	s.singleConv1ReLUPool(y, x, u, bias)
	return nil
}

// SingleConv2InputTransform computes v [64][4 windows][24 channels] = Bᵀ x B
// from x [12][12][24].
func (s *Set) SingleConv2InputTransform(v, x []float32) error {
	if err := checkLengths("SingleConv2InputTransform", length{"v", len(v), SingleV}, length{"x", len(x), SingleY1}); err != nil {
		return err
	}
	s.singleConv2InputTransform(v, x)
	return nil
}

// SingleConv2ReLUPool computes y [50][4][4] = max(0, maxpool(conv2) + bias) from
// v [64][4][24], weights u as PackSingleConv2 makes them and bias [56]; m
// [64][4][16] is working memory.
func (s *Set) SingleConv2ReLUPool(y, m, u, v, bias []float32) error {
	if err := checkLengths("SingleConv2ReLUPool", length{"y", len(y), Conv2Y}, length{"m", len(m), SingleM},
		length{"u", len(u), SingleU2}, length{"v", len(v), SingleV}, length{"bias", len(bias), SingleBias2}); err != nil {
		return err
	}
	s.singleConv2ReLUPool(y, m, u, v, bias)
	return nil
}

// SingleFC1ReLU computes h [512] = max(0, w x + bias) from x [800], w
// [4][800][128] as PackSingleFC1 makes it and bias [512]; values and places [832]
// are working memory. Weights multiplied by a zero of x are not read.
// backwards computes the last chunk of outputs first: alternate it between calls,
// so that a call starts with the weights that the last one left in the cache.
func (s *Set) SingleFC1ReLU(h, x, w, bias, values []float32, places []int32, backwards bool) error {
	if err := checkLengths("SingleFC1ReLU", length{"h", len(h), SingleH}, length{"x", len(x), FC1Inputs},
		length{"w", len(w), SingleW1}, length{"bias", len(bias), SingleH},
		length{"values", len(values), SingleList}, length{"places", len(places), SingleList}); err != nil {
		return err
	}
	s.singleFC1ReLU(h, x, w, bias, values, places, backwards)
	return nil
}

// SingleFC2 computes logits [16], of which ten are used, = w x + bias from x
// [512], w [512][16] as PackSingleFC2 makes it and bias [16]; values and places
// [832] are working memory.
func (s *Set) SingleFC2(logits, x, w, bias, values []float32, places []int32) error {
	if err := checkLengths("SingleFC2", length{"logits", len(logits), SingleLogits}, length{"x", len(x), SingleH},
		length{"w", len(w), SingleW2}, length{"bias", len(bias), SingleLogits},
		length{"values", len(values), SingleList}, length{"places", len(places), SingleList}); err != nil {
		return err
	}
	s.singleFC2(logits, x, w, bias, values, places)
	return nil
}

// singleU2 is the place of a transformed weight of conv2 for one image.
func singleU2(frequency, channel, output int) int {
	first := output / singleChunk * singleChunk
	width := min(singleChunk, singleOutputs-first)
	return first*Frequencies*Conv2Inputs + (frequency*Conv2Inputs+channel)*width + output - first
}

// PackSingleConv2 writes conv2's transformed weights u [64][50][20] in the order
// of SingleConv2ReLUPool to packed, [3 chunks][64][20][16] and [64][20][8].
func PackSingleConv2(packed, u []float32) error {
	if err := checkLengths("PackSingleConv2", length{"packed", len(packed), SingleU2}, length{"u", len(u), Conv2U}); err != nil {
		return err
	}
	for i, value := range u {
		packed[singleU2(i/(Conv2Outputs*Conv2Inputs), i%Conv2Inputs, i/Conv2Inputs%Conv2Outputs)] = value
	}
	return nil
}

// PackSingleFC1 writes fc1's weights w [10][500][80] in the order of
// SingleFC1ReLU to packed, [4][800][128].
func PackSingleFC1(packed, w []float32) error {
	if err := checkLengths("PackSingleFC1", length{"packed", len(packed), SingleW1}, length{"w", len(w), FC1W}); err != nil {
		return err
	}
	for i, value := range w {
		input, output := i/(FC1Outputs*FC1Slice)*FC1Slice+i%FC1Slice, i/FC1Slice%FC1Outputs
		packed[(output/singleFC1*FC1Inputs+input)*singleFC1+output%singleFC1] = value
	}
	return nil
}

// PackSingleFC2 writes fc2's weights w [10][500] in the order of SingleFC2 to
// packed, [512][16].
func PackSingleFC2(packed, w []float32) error {
	if err := checkLengths("PackSingleFC2", length{"packed", len(packed), SingleW2}, length{"w", len(w), FC2W}); err != nil {
		return err
	}
	for i, value := range w {
		packed[i%FC2Inputs*SingleLogits+i/FC2Inputs] = value
	}
	return nil
}
