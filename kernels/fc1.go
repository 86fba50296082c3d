package kernels

import "fmt"

// Outputs that one call of FC1ForwardReLU and of FC1ForwardReLUDropout computes.
const (
	FC1Outs    = 100
	FC1Kept    = 16 // the last call computes four
	FC1KeptAll = (FC1Outputs + FC1Kept - 1) / FC1Kept
)

// Dropout says how fc1's outputs are dropped. Output unit of an image with
// key k is kept when hash(k, unit) ≥ Threshold, and then multiplied by Scale.
// Threshold 0 and Scale 1 keep everything.
type Dropout struct {
	Threshold uint32
	Scale     float32
}

// dropoutHash mixes the key of an image and a unit: the finaliser of
// MurmurHash3 (Appleby, public domain) over key XOR (unit+1)·2³²/φ.
func dropoutHash(key uint32, unit int) uint32 {
	h := key ^ uint32(unit+1)*0x9e3779b9
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

// DropoutKeeps reports whether a unit of an image with a key is kept.
func DropoutKeeps(key uint32, unit int, threshold uint32) bool {
	return dropoutHash(key, unit) >= threshold
}

// FC1ForwardReLU computes outputs first … first+99 of y [500] = max(0, w x +
// bias) from x [800] and w [10 slices][500][80]; first is a multiple of 100.
// Besides half-blocks and blocks it takes pairs of blocks, images being 32, at
// which it is fastest.
func (s *Set) FC1ForwardReLU(images int, y, x, w, bias []float32, first int) error {
	width := images
	if images == 2*Block {
		width = Block
	}
	if err := check("FC1ForwardReLU", width, length{"y", len(y), FC1Outputs * images},
		length{"x", len(x), FC1Inputs * images}, length{"w", len(w), FC1W}, length{"bias", len(bias), FC1Outputs}); err != nil {
		return err
	}
	if err := checkRange("FC1ForwardReLU", first, FC1Outs, FC1Outs, FC1Outputs); err != nil {
		return err
	}
	s.fc1ForwardReLU[images/Block](y, x, w, bias, first)
	return nil
}

// FC1ForwardReLUDropout computes outputs first … first+15, or the last four, of
// the blocks y [blocks][500] = dropout(max(0, w x + bias)) of a batch, from its
// packed inputs [10 slices][capacity][80] and w [10][500][80]; keys has one
// word an image, first is a multiple of 16. What dropout drops is not computed.
// The sums are taken in another order than FC1ForwardReLU's.
func (s *Set) FC1ForwardReLUDropout(images int, y, packed, w, bias []float32, keys []uint32, dropout *Dropout, first, capacity int) error {
	if err := checkBatch("FC1ForwardReLUDropout", images, length{"y", len(y), FC1Outputs * images},
		length{"w", len(w), FC1W}, length{"bias", len(bias), FC1Outputs}, length{"keys", len(keys), images}); err != nil {
		return err
	}
	if images > MaxImages {
		return fmt.Errorf("%w: FC1ForwardReLUDropout: images: expected at most %d, got %d", ErrLength, MaxImages, images)
	}
	if err := checkPacked("FC1ForwardReLUDropout", len(packed), 0, images, capacity); err != nil {
		return err
	}
	if err := checkRange("FC1ForwardReLUDropout", first, 1, FC1Kept, FC1Outputs); err != nil {
		return err
	}
	s.fc1ForwardReLUDropout(y, packed, w, bias, keys, images, capacity, first, dropout.Threshold, dropout.Scale)
	return nil
}

// checkPacked checks packed arrays [10 slices][capacity images][80].
func checkPacked(kernel string, packed, image, images, capacity int) error {
	if err := checkLengths(kernel, length{"packed", packed, FC1Inputs * capacity}); err != nil {
		return err
	}
	if image%HalfBlock != 0 || capacity%HalfBlock != 0 {
		return fmt.Errorf("%w: %s: expected image and capacity to be multiples of %d, got %d and %d", ErrLength, kernel, HalfBlock, image, capacity)
	}
	return checkRange(kernel, image, images, 1, capacity)
}

// FC1PackInput transposes x [800] of a block into packed [10 slices][capacity
// images][80], as its images image, image+1, …
func (s *Set) FC1PackInput(images int, packed, x []float32, image, capacity int) error {
	if err := check("FC1PackInput", images, length{"x", len(x), FC1Inputs * images}); err != nil {
		return err
	}
	if err := checkPacked("FC1PackInput", len(packed), image, images, capacity); err != nil {
		return err
	}
	s.fc1PackInput[images/Block](packed, x, image, capacity)
	return nil
}

// FC1UnpackInputGrad is the way back of FC1PackInput.
func (s *Set) FC1UnpackInputGrad(images int, dx, packed []float32, image, capacity int) error {
	if err := check("FC1UnpackInputGrad", images, length{"dx", len(dx), FC1Inputs * images}); err != nil {
		return err
	}
	if err := checkPacked("FC1UnpackInputGrad", len(packed), image, images, capacity); err != nil {
		return err
	}
	s.fc1UnpackInputGrad[images/Block](dx, packed, image, capacity)
	return nil
}

// FC1ImageLists lists, for every image of a block, the values of dy [500] that
// are not zero, ascending by output: values [images][512], outputs [images][512]
// and ends [images][11], the number of entries below output 48, 96, … Entries
// after the last are undefined.
func (s *Set) FC1ImageLists(images int, values []float32, outputs, ends []int32, dy []float32) error {
	if err := check("FC1ImageLists", images, length{"values", len(values), LiveRow * images},
		length{"outputs", len(outputs), LiveRow * images}, length{"ends", len(ends), LiveRuns * images},
		length{"dy", len(dy), FC1Outputs * images}); err != nil {
		return err
	}
	s.fc1ImageLists[images/Block](values, outputs, ends, dy)
	return nil
}

// FC1OutputLists lists, for outputs first … first+count−1, the values of the
// blocks dy [blocks][500] of a batch that are not zero, ascending by image:
// values [500][144], images [500][144], counts [500].
func (s *Set) FC1OutputLists(batch int, values []float32, images, counts []int32, dy []float32, first, count int) error {
	if err := checkBatch("FC1OutputLists", batch, length{"values", len(values), LiveColumn * FC1Outputs},
		length{"images", len(images), LiveColumn * FC1Outputs}, length{"counts", len(counts), FC1Outputs},
		length{"dy", len(dy), FC1Outputs * batch}); err != nil {
		return err
	}
	if batch > MaxImages {
		return fmt.Errorf("%w: FC1OutputLists: images: expected at most %d, got %d", ErrLength, MaxImages, batch)
	}
	if err := checkRange("FC1OutputLists", first, count, 1, FC1Outputs); err != nil {
		return err
	}
	s.fc1OutputLists(values, images, counts, dy, batch, first, count)
	return nil
}

// FC1InputGrad computes inputs 160·slice … 160·slice+159 of the input gradient
// of images image, image+1, … of packed [10][capacity][80], from w [10][500][80]
// and their lists as FC1ImageLists made them, which are trusted: other entries
// may make it read anywhere.
func (s *Set) FC1InputGrad(images int, packed, w, values []float32, outputs, ends []int32, slice, image, capacity int) error {
	if err := checkBatch("FC1InputGrad", images, length{"w", len(w), FC1W}, length{"values", len(values), LiveRow * images},
		length{"outputs", len(outputs), LiveRow * images}, length{"ends", len(ends), LiveRuns * images}); err != nil {
		return err
	}
	if err := checkPacked("FC1InputGrad", len(packed), image, images, capacity); err != nil {
		return err
	}
	if err := checkRange("FC1InputGrad", slice, 1, 1, FC1Slices/2); err != nil {
		return err
	}
	s.fc1InputGrad(packed, w, values, outputs, ends, slice, image, images, capacity)
	return nil
}

func checkWeightGrad(kernel string, packed, values, images, counts, slice, first, count, capacity int) error {
	if err := checkLengths(kernel, length{"packed", packed, FC1Inputs * capacity},
		length{"values", values, LiveColumn * FC1Outputs}, length{"images", images, LiveColumn * FC1Outputs},
		length{"counts", counts, FC1Outputs}); err != nil {
		return err
	}
	if err := checkRange(kernel, slice, 1, 1, FC1Slices); err != nil {
		return err
	}
	return checkRange(kernel, first, count, 1, FC1Outputs)
}

// FC1WeightGrad adds the weight gradient of inputs 80·slice … 80·slice+79 and
// outputs first … first+count−1 to dw [10][500][80], from the packed inputs
// [10][capacity][80] and the lists of FC1OutputLists, which are trusted: other
// entries may make it read anywhere.
func (s *Set) FC1WeightGrad(dw, packed, values []float32, images, counts []int32, slice, first, count, capacity int) error {
	if err := checkLengths("FC1WeightGrad", length{"dw", len(dw), FC1W}); err != nil {
		return err
	}
	if err := checkWeightGrad("FC1WeightGrad", len(packed), len(values), len(images), len(counts), slice, first, count, capacity); err != nil {
		return err
	}
	s.fc1WeightGrad(dw, packed, values, images, counts, slice, first, count, capacity)
	return nil
}

// FC1WeightGradAdam computes the same gradient and at once applies a step of
// Adam to w, m and v, [10][500][80] each, while it is in registers. It trusts
// the lists of FC1OutputLists as FC1WeightGrad does.
func (s *Set) FC1WeightGradAdam(w, m, v, packed, values []float32, images, counts []int32, slice, first, count, capacity int, step *AdamStep) error {
	if err := checkLengths("FC1WeightGradAdam", length{"w", len(w), FC1W}, length{"m", len(m), FC1W}, length{"v", len(v), FC1W}); err != nil {
		return err
	}
	if err := checkWeightGrad("FC1WeightGradAdam", len(packed), len(values), len(images), len(counts), slice, first, count, capacity); err != nil {
		return err
	}
	s.fc1WeightGradAdam(w, m, v, packed, values, images, counts, slice, first, count, capacity,
		step.OneMinusBeta1, step.Beta2, step.OneMinusBeta2, step.Correction, step.Epsilon, step.Rate)
	return nil
}
