package kernels

// The twins of fc1's kernels: the same steps in plain Go.

func fc1ForwardReLU(y, x, w, bias []float32, first int) {
	for block := 0; block < len(y)/FC1Outputs; block += Block {
		images := min(Block, len(y)/FC1Outputs-block)
		fc1Forward(images, y[FC1Outputs*block:], x[FC1Inputs*block:], w, bias, first)
	}
}

func fc1Forward(images int, y, x, w, bias []float32, first int) {
	for o := first; o < first+FC1Outs; o++ {
		sum := y[o*images:][:images]
		for image := range sum {
			sum[image] = bias[o]
		}
		for i := range FC1Inputs {
			weight := w[(i/FC1Slice*FC1Outputs+o)*FC1Slice+i%FC1Slice]
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
	for o := first; o < min(first+FC1Kept, FC1Outputs); o++ {
		for image, key := range keys {
			block := image / Block * Block
			value := &y[block*FC1Outputs+o*min(Block, images-block)+image-block]
			*value = 0
			if !DropoutKeeps(key, o, threshold) {
				continue
			}
			sum := fc1Half(packed, w, image, stride, o, 0) + fc1Half(packed, w, image, stride, o, FC1Slices/2) + bias[o]
			if sum < 0 {
				sum = 0
			}
			*value = sum * scale
		}
	}
}

// fc1Half is an output's sum over five slices of inputs.
func fc1Half(packed, w []float32, image, stride, output, firstSlice int) float32 {
	var lanes [Block]float32
	for s := firstSlice; s < firstSlice+FC1Slices/2; s++ {
		x, weights := packed[(s*stride+image)*FC1Slice:][:FC1Slice], w[(s*FC1Outputs+output)*FC1Slice:][:FC1Slice]
		var sums [Block]float32
		for i := range FC1Slice {
			sums[i%Block] += float32(weights[i] * x[i])
		}
		for l := range lanes {
			lanes[l] += sums[l]
		}
	}
	return addLanes(&lanes)
}

func fc1PackInput(packed, x []float32, image, capacity int) {
	images := len(x) / FC1Inputs
	for i := range FC1Inputs {
		for lane := range images {
			packed[(i/FC1Slice*capacity+image+lane)*FC1Slice+i%FC1Slice] = x[i*images+lane]
		}
	}
}

func fc1UnpackInputGrad(dx, packed []float32, image, capacity int) {
	images := len(dx) / FC1Inputs
	for i := range FC1Inputs {
		for lane := range images {
			dx[i*images+lane] = packed[(i/FC1Slice*capacity+image+lane)*FC1Slice+i%FC1Slice]
		}
	}
}

func fc1ImageLists(values []float32, outputs, ends []int32, dy []float32) {
	images := len(dy) / FC1Outputs
	for lane := range images {
		n := 0
		for o := range FC1Outputs {
			if value := dy[o*images+lane]; value != 0 {
				values[lane*LiveRow+n], outputs[lane*LiveRow+n] = value, int32(o)
				n++
			}
			if (o+1)%LiveRun == 0 || o+1 == FC1Outputs {
				ends[lane*LiveRuns+o/LiveRun] = int32(n)
			}
		}
	}
}

func fc1OutputLists(values []float32, images, counts []int32, dy []float32, batch, first, count int) {
	for o := first; o < first+count; o++ {
		n := 0
		for image := range batch {
			block := image / Block * Block
			width := min(Block, batch-block)
			if value := dy[block*FC1Outputs+o*width+image-block]; value != 0 {
				values[o*LiveColumn+n], images[o*LiveColumn+n] = value, int32(image)
				n++
			}
		}
		counts[o] = int32(n)
	}
}

func fc1InputGrad(packed, w, values []float32, outputs, ends []int32, slice, image, images, capacity int) {
	for s := 2 * slice; s < 2*slice+2; s++ {
		for i := range images {
			sum := packed[(s*capacity+image+i)*FC1Slice:][:FC1Slice]
			clear(sum)
			for n := range ends[i*LiveRuns+LiveRuns-1] {
				at := i*LiveRow + int(n)
				addScaled(sum, values[at], w[(s*FC1Outputs+int(outputs[at]))*FC1Slice:][:FC1Slice])
			}
		}
	}
}

func fc1WeightGrad(dw, packed, values []float32, images, counts []int32, slice, first, count, capacity int) {
	for o := first; o < first+count; o++ {
		fc1WeightGradRow(dw[(slice*FC1Outputs+o)*FC1Slice:][:FC1Slice], packed, values, images, counts, slice, o, capacity)
	}
}

func fc1WeightGradAdam(w, m, v, packed, values []float32, images, counts []int32, slice, first, count, capacity int, oneMinusBeta1, beta2, oneMinusBeta2, correction, epsilon, rate float32) {
	for o := first; o < first+count; o++ {
		var gradient [FC1Slice]float32
		fc1WeightGradRow(gradient[:], packed, values, images, counts, slice, o, capacity)
		at := (slice*FC1Outputs + o) * FC1Slice
		adam(w[at:][:FC1Slice], m[at:][:FC1Slice], v[at:][:FC1Slice], gradient[:],
			oneMinusBeta1, beta2, oneMinusBeta2, correction, epsilon, rate)
	}
}

// fc1WeightGradRow adds the gradient of one output's weights in a slice to sum.
func fc1WeightGradRow(sum, packed, values []float32, images, counts []int32, slice, output, capacity int) {
	for n := range counts[output] {
		at := output*LiveColumn + int(n)
		addScaled(sum, values[at], packed[(slice*capacity+int(images[at]))*FC1Slice:][:FC1Slice])
	}
}
