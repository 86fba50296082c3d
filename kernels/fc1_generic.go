package kernels

import "github.com/kernelet/kernelet/internal/shape"

// The twins of fc1's kernels: the same steps in plain Go.

func fc1ForwardReLU(y, x, w, bias []float32, first int) {
	for block := 0; block < len(y)/shape.FC1Outputs; block += shape.Block {
		images := min(shape.Block, len(y)/shape.FC1Outputs-block)
		fc1Forward(images, y[shape.FC1Outputs*block:], x[shape.FC1Inputs*block:], w, bias, first)
	}
}

func fc1Forward(images int, y, x, w, bias []float32, first int) {
	for o := first; o < first+shape.FC1ForwardGroup; o++ {
		sum := y[o*images:][:images]
		for image := range sum {
			sum[image] = bias[o]
		}
		for i := range shape.FC1Inputs {
			weight := w[(i/shape.FC1Slice*shape.FC1Outputs+o)*shape.FC1Slice+i%shape.FC1Slice]
			values := x[i*images:][:len(sum)]
			for image := range sum {
				sum[image] += float32(weight * values[image])
			}
		}
		for image := range sum {
			if sum[image] < 0 {
				sum[image] = 0
			}
		}
	}
}

func fc1ForwardReLUDropout(y, packed, w, bias []float32, keys []uint32, images, stride, first int, threshold uint32, scale float32) {
	for o := first; o < min(first+shape.FC1DropoutGroup, shape.FC1Outputs); o++ {
		for image, key := range keys {
			block := image / shape.Block * shape.Block
			value := &y[block*shape.FC1Outputs+o*min(shape.Block, images-block)+image-block]
			*value = 0
			if !DropoutKeeps(key, o, threshold) {
				continue
			}
			sum := fc1Half(packed, w, image, stride, o, 0) + fc1Half(packed, w, image, stride, o, shape.FC1Slices/2) + bias[o]
			if sum < 0 {
				sum = 0
			}
			*value = sum * scale
		}
	}
}

// fc1Half is an output's sum over five slices of inputs.
func fc1Half(packed, w []float32, image, stride, output, firstSlice int) float32 {
	var lanes [shape.Block]float32
	for s := firstSlice; s < firstSlice+shape.FC1Slices/2; s++ {
		x, weights := packed[(s*stride+image)*shape.FC1Slice:][:shape.FC1Slice], w[(s*shape.FC1Outputs+output)*shape.FC1Slice:][:shape.FC1Slice]
		var sums [shape.Block]float32
		for i := range shape.FC1Slice {
			sums[i%shape.Block] += float32(weights[i] * x[i])
		}
		for l := range lanes {
			lanes[l] += sums[l]
		}
	}
	return addLanes(&lanes)
}

func fc1PackInput(packed, x []float32, image, capacity, slice int) {
	images := len(x) / shape.FC1Inputs
	for i := slice * shape.FC1Slice; i < (slice+shape.FC1SlicePair)*shape.FC1Slice; i++ {
		for lane := range images {
			packed[(i/shape.FC1Slice*capacity+image+lane)*shape.FC1Slice+i%shape.FC1Slice] = x[i*images+lane]
		}
	}
}

func fc1UnpackInputGrad(dx, packed []float32, image, capacity, slice int) {
	images := len(dx) / shape.FC1Inputs
	for i := slice * shape.FC1Slice; i < (slice+shape.FC1SlicePair)*shape.FC1Slice; i++ {
		for lane := range images {
			dx[i*images+lane] = packed[(i/shape.FC1Slice*capacity+image+lane)*shape.FC1Slice+i%shape.FC1Slice]
		}
	}
}

func fc1InputLists(values []float32, inputs, ends []int32, x []float32) {
	images := len(x) / shape.FC1Inputs
	for lane := range images {
		n := 0
		for i := range shape.FC1Inputs {
			if value := x[i*images+lane]; value != 0 {
				values[lane*shape.FC1InputList+n], inputs[lane*shape.FC1InputList+n] = value, int32(i)
				n++
			}
			if (i+1)%shape.FC1InputRun == 0 || i+1 == shape.FC1Inputs {
				ends[lane*shape.FC1InputRuns+i/shape.FC1InputRun] = int32(n)
			}
		}
	}
}

func fc1ListForwardReLU(h, values []float32, inputs, ends []int32, w, bias []float32, images, chunk int) {
	for image := range images {
		at, list := chunk*shape.SingleFC1Chunk, image*shape.FC1InputList
		sums := h[image*shape.SingleFC1Y+at:][:shape.SingleFC1Chunk]
		copy(sums, bias[at:])
		for n, input := range inputs[list:][:ends[(image+1)*shape.FC1InputRuns-1]] {
			addScaled(sums, values[list+n], w[(chunk*shape.FC1Inputs+int(input))*shape.SingleFC1Chunk:][:shape.SingleFC1Chunk])
		}
		for i, sum := range sums {
			if sum < 0 {
				sums[i] = 0
			}
		}
	}
}

func fc1ImageLists(values []float32, outputs, ends []int32, dy []float32) {
	images := len(dy) / shape.FC1Outputs
	for lane := range images {
		n := 0
		for o := range shape.FC1Outputs {
			if value := dy[o*images+lane]; value != 0 {
				values[lane*shape.FC1ImageList+n], outputs[lane*shape.FC1ImageList+n] = value, int32(o)
				n++
			}
			if (o+1)%shape.FC1Run == 0 || o+1 == shape.FC1Outputs {
				ends[lane*shape.FC1Runs+o/shape.FC1Run] = int32(n)
			}
		}
	}
}

func fc1OutputLists(values []float32, images, counts []int32, dy []float32, batch, first, count int) {
	for o := first; o < first+count; o++ {
		n := 0
		for image := range batch {
			block := image / shape.Block * shape.Block
			width := min(shape.Block, batch-block)
			if value := dy[block*shape.FC1Outputs+o*width+image-block]; value != 0 {
				values[o*shape.FC1OutputList+n], images[o*shape.FC1OutputList+n] = value, int32(image)
				n++
			}
		}
		counts[o] = int32(n)
	}
}

func fc1InputGrad(packed, w, values []float32, outputs, ends []int32, slice, image, images, capacity int) {
	for s := 2 * slice; s < 2*slice+2; s++ {
		for i := range images {
			sum := packed[(s*capacity+image+i)*shape.FC1Slice:][:shape.FC1Slice]
			clear(sum)
			for n := range ends[i*shape.FC1Runs+shape.FC1Runs-1] {
				at := i*shape.FC1ImageList + int(n)
				addScaled(sum, values[at], w[(s*shape.FC1Outputs+int(outputs[at]))*shape.FC1Slice:][:shape.FC1Slice])
			}
		}
	}
}

func fc1WeightGrad(dw, packed, values []float32, images, counts []int32, slice, first, count, capacity int) {
	for o := first; o < first+count; o++ {
		fc1WeightGradRow(dw[(slice*shape.FC1Outputs+o)*shape.FC1Slice:][:shape.FC1Slice], packed, values, images, counts, slice, o, capacity)
	}
}

func fc1WeightGradAdam(w, m, v, packed, values []float32, images, counts []int32, slice, first, count, capacity int, oneMinusBeta1, beta2, oneMinusBeta2, correction, epsilon, rate float32) {
	for o := first; o < first+count; o++ {
		var gradient [shape.FC1Slice]float32
		fc1WeightGradRow(gradient[:], packed, values, images, counts, slice, o, capacity)
		at := (slice*shape.FC1Outputs + o) * shape.FC1Slice
		adam(w[at:][:shape.FC1Slice], m[at:][:shape.FC1Slice], v[at:][:shape.FC1Slice], gradient[:],
			oneMinusBeta1, beta2, oneMinusBeta2, correction, epsilon, rate)
	}
}

// fc1WeightGradRow adds the gradient of one output's weights in a slice to sum.
func fc1WeightGradRow(sum, packed, values []float32, images, counts []int32, slice, output, capacity int) {
	for n := range counts[output] {
		at := output*shape.FC1OutputList + int(n)
		addScaled(sum, values[at], packed[(slice*capacity+int(images[at]))*shape.FC1Slice:][:shape.FC1Slice])
	}
}

// dropoutHash mixes the key of an image and a unit: the finaliser of
// MurmurHash3 (Appleby, public domain) over key XOR (unit+1)·2³²/φ.
func dropoutHash(key uint32, unit int) uint32 {
	h := key ^ uint32(unit+1)*shape.HashUnit
	h = (h ^ h>>16) * shape.HashFactor1
	h = (h ^ h>>13) * shape.HashFactor2
	return h ^ h>>16
}

// DropoutKeeps reports whether a unit of an image with a key is kept.
func DropoutKeeps(key uint32, unit int, threshold uint32) bool {
	return dropoutHash(key, unit) >= threshold
}
