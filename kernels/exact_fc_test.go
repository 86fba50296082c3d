package kernels

import (
	"github.com/kernelet/kernelet/internal/reference"
	"github.com/kernelet/kernelet/internal/shape"
)

// connectNumbers returns bias + Σ w x.
func connectNumbers(inputs int, bias number, w func(i int) float32, x func(i int) float32) number {
	sum := bias
	for i := range inputs {
		sum = sum.plus(exactly(w(i)).times(exactly(x(i))))
	}
	return sum
}

func relu(x number) number {
	x.value = max(0, x.value)
	return x
}

func fc1Weight(output, input int) int {
	return (input/shape.FC1Slice*shape.FC1Outputs+output)*shape.FC1Slice + input%shape.FC1Slice
}

// fc1Gradient is the gradient of a weight of fc1 by a list of FC1OutputLists.
func fc1Gradient(output, input int, packed, values []float32, images, counts []int32) number {
	capacity := len(packed) / shape.FC1Inputs
	var sum number
	for at := output * shape.FC1OutputList; at < output*shape.FC1OutputList+int(counts[output]); at++ {
		sum = sum.plus(exactly(values[at]).times(exactly(packed[(input/shape.FC1Slice*capacity+int(images[at]))*shape.FC1Slice+input%shape.FC1Slice])))
	}
	return sum
}

func normalisedNumbers(pixels []byte) []number {
	x := make([]number, len(pixels))
	for i, value := range pixels {
		x[i] = number{reference.Normalise(value), float64(value)*2/255 + 1}
	}
	return x
}

// exactOthers are the answers of the other kernels, but those that only list what
// is not zero, FC1InputLists, FC1ImageLists and FC1OutputLists, whose twins are their definitions.
var exactOthers = map[string]answers{
	"Gather": func(n int, b *arguments) map[string]answer {
		x := make([]number, shape.ImagePixels*n)
		for lane, image := range b.Integers["index"] {
			for pixel, v := range normalisedNumbers(b.Bytes["data"][int(image)*shape.ImagePixels:][:shape.ImagePixels]) {
				x[pixel*n+lane] = v
			}
		}
		return map[string]answer{"x": {numbers: x, roundings: 2}}
	},
	"SingleInput": func(_ int, b *arguments) map[string]answer {
		return map[string]answer{"x": {numbers: normalisedNumbers(b.Bytes["image"]), roundings: 2}}
	},

	"FC1ForwardReLU": func(batch int, b *arguments) map[string]answer {
		y, x, w, bias := make([]number, shape.FC1Outputs*batch), b.Floats["x"], b.Floats["w"], b.Floats["bias"]
		blocks(batch, func(first, width int) {
			for i := range shape.FC1Outputs * width {
				o, image := i/width, i%width
				y[shape.FC1Outputs*first+i] = relu(connectNumbers(shape.FC1Inputs, exactly(bias[o]),
					func(i int) float32 { return w[fc1Weight(o, i)] },
					func(i int) float32 { return x[shape.FC1Inputs*first+i*width+image] }))
			}
		})
		return map[string]answer{"y": {numbers: y, roundings: shape.FC1Inputs + 2}}
	},
	"FC1ListForwardReLU": func(n int, b *arguments) map[string]answer {
		h, lists := make([]number, shape.SingleFC1Y*n), InputLists{b.Floats["values"], b.Integers["inputs"], b.Integers["ends"]}
		for at := range h {
			o, list := at%shape.SingleFC1Y, at/shape.SingleFC1Y*shape.FC1InputList
			h[at] = relu(connectNumbers(lists.Count(at/shape.SingleFC1Y), exactly(b.Floats["bias"][o]),
				func(i int) float32 {
					return b.Floats["w"][(o/shape.SingleFC1Chunk*shape.FC1Inputs+int(lists.Inputs[list+i]))*shape.SingleFC1Chunk+o%shape.SingleFC1Chunk]
				},
				func(i int) float32 { return lists.Values[list+i] }))
		}
		return map[string]answer{"h": {numbers: h, roundings: shape.FC1Inputs + 2}}
	},
	"FC1ForwardReLUDropout": func(batch int, b *arguments) map[string]answer {
		return map[string]answer{"y": fc1DropoutAnswer(batch, b, &caseDropout)}
	},
	"FC1PackInput": func(n int, b *arguments) map[string]answer {
		packed := unchanged(b.Floats["packed"])
		for i, v := range b.Floats["x"] {
			packed[(i/n/shape.FC1Slice*caseCapacity+caseImage+i%n)*shape.FC1Slice+i/n%shape.FC1Slice] = number{value: float64(v)}
		}
		return map[string]answer{"packed": {numbers: packed}}
	},
	"FC1UnpackInputGrad": func(n int, b *arguments) map[string]answer {
		dx := make([]number, shape.FC1Inputs*n)
		for i := range dx {
			dx[i].value = float64(b.Floats["packed"][(i/n/shape.FC1Slice*caseCapacity+caseImage+i%n)*shape.FC1Slice+i/n%shape.FC1Slice])
		}
		return map[string]answer{"dx": {numbers: dx}}
	},
	"FC1InputGrad": func(n int, b *arguments) map[string]answer {
		packed, w, values, outputs, ends := make([]number, shape.FC1Inputs*n), b.Floats["w"], b.Floats["values"], b.Integers["outputs"], b.Integers["ends"]
		for at := range packed {
			input, image := at/(n*shape.FC1Slice)*shape.FC1Slice+at%shape.FC1Slice, at/shape.FC1Slice%n
			packed[at] = connectNumbers(int(ends[image*shape.FC1Runs+shape.FC1Runs-1]), number{},
				func(i int) float32 { return w[fc1Weight(int(outputs[image*shape.FC1ImageList+i]), input)] },
				func(i int) float32 { return values[image*shape.FC1ImageList+i] })
		}
		return map[string]answer{"dx": {numbers: packed, roundings: shape.FC1Outputs + 1}}
	},
	"FC1WeightGrad": func(_ int, b *arguments) map[string]answer {
		dw := exactlyAll(b.Floats["dw"])
		for at := range dw {
			output, input := at/shape.FC1Slice%shape.FC1Outputs, at/(shape.FC1Slice*shape.FC1Outputs)*shape.FC1Slice+at%shape.FC1Slice
			dw[at] = dw[at].plus(fc1Gradient(output, input, b.Floats["x"], b.Floats["values"], b.Integers["images"], b.Integers["counts"]))
		}
		return map[string]answer{"dw": {numbers: dw, roundings: float64(len(b.Floats["x"])/shape.FC1Inputs + 1)}}
	},
	"FC1WeightGradAdam": func(_ int, b *arguments) map[string]answer {
		w, m, v := make([]number, shape.FC1W), make([]number, shape.FC1W), make([]number, shape.FC1W)
		for at := range w {
			output, input := at/shape.FC1Slice%shape.FC1Outputs, at/(shape.FC1Slice*shape.FC1Outputs)*shape.FC1Slice+at%shape.FC1Slice
			g := fc1Gradient(output, input, b.Floats["x"], b.Floats["values"], b.Integers["images"], b.Integers["counts"])
			w[at], m[at], v[at] = adamNumbers(float64(b.Floats["w"][at]), float64(b.Floats["m"][at]), float64(b.Floats["v"][at]),
				g.value, gamma(float64(len(b.Floats["x"])/shape.FC1Inputs+1))*g.magnitude, &caseStep)
		}
		return map[string]answer{"w": {numbers: w, roundings: 1}, "m": {numbers: m, roundings: 1}, "v": {numbers: v, roundings: 1}}
	},

	"FC2Forward": func(n int, b *arguments) map[string]answer {
		return map[string]answer{"logits": fc2Logits(n, b.Floats["x"], b.Floats["w"], b.Floats["bias"])}
	},
	// The loss is computed from the logits that the kernel itself made: their
	// errors, which the first answer bounds, are much larger than those of what
	// follows.
	"FC2ForwardLoss": func(n int, b *arguments) map[string]answer {
		return map[string]answer{"logits": fc2Logits(n, b.Floats["x"], b.Floats["w"], b.Floats["bias"]),
			"dlogits": {roundings: 1, following: func(after *arguments) []number {
				_, gradients := lossOf(after.Floats["logits"], b.Integers["labels"])
				return gradients
			}},
			"denominators": {roundings: 1, following: func(after *arguments) []number {
				denominators, _ := lossOf(after.Floats["logits"], b.Integers["labels"])
				return denominators
			}}}
	},
	"FC2InputGrad": func(n int, b *arguments) map[string]answer {
		dx := make([]number, shape.FC2Inputs*n)
		for at := range dx {
			i, image := at/n, at%n
			if b.Floats["x"][at] > 0 {
				dx[at] = connectNumbers(shape.Classes, number{}, func(class int) float32 { return b.Floats["w"][class*shape.FC2Inputs+i] },
					func(class int) float32 { return b.Floats["dlogits"][class*n+image] }).times(number{2, 2})
			}
		}
		return map[string]answer{"dx": {numbers: dx, roundings: shape.Classes + 2}}
	},
	"FC2WeightGrad": func(batch int, b *arguments) map[string]answer {
		dw := make([]number, shape.FC2W)
		for at := range dw {
			class, i := at/shape.FC2Inputs, at%shape.FC2Inputs
			blocks(batch, func(first, width int) {
				for image := range width {
					dw[at] = dw[at].plus(exactly(b.Floats["dlogits"][first*shape.Classes+class*width+image]).times(exactly(b.Floats["x"][first*shape.FC2Inputs+i*width+image])))
				}
			})
		}
		return map[string]answer{"dw": {numbers: dw, roundings: laneSum(batch/shape.Block + 1)}}
	},

	"Adam": func(_ int, b *arguments) map[string]answer {
		w, m, v := make([]number, len(b.Floats["w"])), make([]number, len(b.Floats["w"])), make([]number, len(b.Floats["w"]))
		for i := range w {
			w[i], m[i], v[i] = adamNumbers(float64(b.Floats["w"][i]), float64(b.Floats["m"][i]), float64(b.Floats["v"][i]), float64(b.Floats["dw"][i]), 0, &caseStep)
		}
		return map[string]answer{"w": {numbers: w, roundings: 1}, "m": {numbers: m, roundings: 1}, "v": {numbers: v, roundings: 1}}
	},
	"LineSums": func(batch int, b *arguments) map[string]answer {
		sums := make([]number, len(b.Floats["sums"]))
		for i := range sums {
			blocks(batch, func(first, width int) {
				for _, v := range b.Floats["lines"][first*len(sums)+i*width:][:width] {
					sums[i] = sums[i].plus(exactly(v))
				}
			})
		}
		return map[string]answer{"sums": {numbers: sums, roundings: laneSum(batch/shape.Block + 1)}}
	},

	"SingleFC1ReLU": func(_ int, b *arguments) map[string]answer {
		h := make([]number, shape.SingleFC1Y)
		for o := range h {
			h[o] = relu(connectNumbers(shape.FC1Inputs, exactly(b.Floats["bias"][o]),
				func(i int) float32 {
					return b.Floats["w"][(o/shape.SingleFC1Chunk*shape.FC1Inputs+i)*shape.SingleFC1Chunk+o%shape.SingleFC1Chunk]
				},
				func(i int) float32 { return b.Floats["x"][i] }))
		}
		return map[string]answer{"h": {numbers: h, roundings: shape.FC1Inputs + 2}}
	},
	"SingleFC2": func(_ int, b *arguments) map[string]answer {
		logits := make([]number, shape.SingleLogits)
		for o := range logits {
			logits[o] = connectNumbers(shape.SingleFC1Y, exactly(b.Floats["bias"][o]),
				func(i int) float32 { return b.Floats["w"][i*shape.SingleLogits+o] }, func(i int) float32 { return b.Floats["x"][i] })
		}
		return map[string]answer{"logits": {numbers: logits, roundings: shape.SingleFC1Y + 2}}
	},
}

func fc1DropoutAnswer(batch int, b *arguments, dropout *Dropout) answer {
	y, packed, w, bias := make([]number, shape.FC1Outputs*batch), b.Floats["x"], b.Floats["w"], b.Floats["bias"]
	blocks(batch, func(first, width int) {
		for i := range shape.FC1Outputs * width {
			o, image := i/width, first+i%width
			if DropoutKeeps(b.Words["keys"][image], o, dropout.Threshold) {
				y[first*shape.FC1Outputs+i] = relu(connectNumbers(shape.FC1Inputs, exactly(bias[o]),
					func(i int) float32 { return w[fc1Weight(o, i)] },
					func(i int) float32 { return packed[(i/shape.FC1Slice*batch+image)*shape.FC1Slice+i%shape.FC1Slice] })).times(exactly(dropout.Scale))
			}
		}
	})
	return answer{numbers: y, roundings: shape.FC1Inputs + 3}
}

func fc2Logits(n int, x, w, bias []float32) answer {
	logits := make([]number, shape.Classes*n)
	for at := range logits {
		class, image := at/n, at%n
		logits[at] = connectNumbers(shape.FC2Inputs, exactly(bias[class]),
			func(i int) float32 { return w[class*shape.FC2Inputs+i] }, func(i int) float32 { return x[i*n+image] })
	}
	return answer{numbers: logits, roundings: shape.FC2Inputs + 2}
}

// lossOf computes the denominators [n] and gradients [10][n] of logits.
func lossOf(logits []float32, labels []int32) (denominators, gradients []number) {
	n := len(labels)
	gradients = make([]number, shape.Classes*n)
	for image, label := range labels {
		column := make([]float64, shape.Classes)
		for class := range column {
			column[class] = float64(logits[class*n+image])
		}
		denominator, gradient := lossNumbers(column, label, &caseLoss)
		denominators = append(denominators, denominator)
		for class, g := range gradient {
			gradients[class*n+image] = g
		}
	}
	return denominators, gradients
}
