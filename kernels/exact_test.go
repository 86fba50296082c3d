package kernels

import (
	"math"
	"testing"

	"github.com/kernelet/kernelet/internal/aligned"
	"github.com/kernelet/kernelet/internal/reference"
)

// answer is what an output of a row has to be.
type answer struct {
	numbers   []number
	roundings float64                       // that a value passes through
	windows   []window                      // of masks, in place of numbers
	following func(after *buffers) []number // of what follows from another output, in place of numbers
}

// answers are by the place of the output among the row's arguments. n is the
// number of images of rows that have one, b the arguments before the call.
type answers func(n int, b *buffers) map[int]answer

// of returns the numbers of an answer to a kernel that left after.
func (a answer) of(after *buffers) []number {
	if a.following != nil {
		return a.following(after)
	}
	return a.numbers
}

// pooledAnswers are those of a forward kernel whose outputs begin the row.
func pooledAnswers(windows []window, roundings float64, mask bool) map[int]answer {
	a := map[int]answer{0: {numbers: pooledAll(windows), roundings: roundings}}
	if mask {
		a[1] = answer{windows: windows, roundings: roundings}
	}
	return a
}

func conv1Answers(mask bool) answers {
	return func(n int, b *buffers) map[int]answer {
		x := b.floats[len(b.floats)-3:]
		return pooledAnswers(conv1Windows(n, Conv1Outputs, exactlyAll(x[0]), exactlyAll(x[1]), exactlyAll(x[2])), 2*roundings+2, mask)
	}
}

// conv2Unpadded returns [64][features][4][n] of an array with padding after
// each frequency.
func conv2Unpadded(n, features int, padded []float32) []number {
	row := features * Conv2Tiles * n
	var values []number
	for f := range len(padded) / (row + conv2Padding) {
		values = append(values, exactlyAll(padded[f*(row+conv2Padding):][:row])...)
	}
	return values
}

func conv2Answers(mask bool) answers {
	return func(n int, b *buffers) map[int]answer {
		x := b.floats[len(b.floats)-3:]
		return pooledAnswers(conv2Windows(n, exactlyAll(x[0]), conv2Unpadded(n, Conv2Inputs, x[1]), exactlyAll(x[2])),
			Conv2Inputs+roundings+2, mask)
	}
}

// laneSum is the number of roundings of a sum over images, whose lanes are
// added up in four steps: additions a lane, and the product.
func laneSum(additions int) float64 { return float64(additions + 4 + 1) }

// blocks are the beginnings and widths of a batch's blocks.
func blocks(batch int, fn func(first, width int)) {
	for first := 0; first < batch; first += Block {
		fn(first, min(Block, batch-first))
	}
}

// directAnswers are those of a convolution by direct sums; weight returns the
// place of a weight.
func directAnswers(inputs, outputs, inputSize int, weight func(tap, o, c int) int) answers {
	return func(n int, b *buffers) map[int]answer {
		x, w, bias := exactlyAll(b.floats[1]), exactlyAll(b.floats[2]), b.floats[3]
		size := (inputSize - Window + 1) / 2
		windows := make([]window, outputs*size*size*n)
		for at := 0; at < len(windows); at += n {
			o, row, column := at/n/(size*size), at/n/size%size, at/n%size
			for i := range n * 4 {
				windows[at+i/4][i%4] = exactly(bias[o])
			}
			for i := range inputs * Taps * 4 {
				c, tap, p := i/(Taps*4), i/4%Taps, i%4
				factor := w[weight(tap, o, c)]
				y, x0 := 2*row+p/2+tap/Window, 2*column+p%2+tap%Window
				for image, value := range x[((c*inputSize+y)*inputSize+x0)*n:][:n] {
					windows[at+image][p] = windows[at+image][p].plus(factor.times(value))
				}
			}
		}
		return pooledAnswers(windows, float64(Taps*inputs+2), false)
	}
}

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
	return (input/FC1Slice*FC1Outputs+output)*FC1Slice + input%FC1Slice
}

// fc1Gradient is the gradient of a weight of fc1 by a list of FC1OutputLists.
func fc1Gradient(output, input int, packed, values []float32, images, counts []int32) number {
	capacity := len(packed) / FC1Inputs
	var sum number
	for at := output * LiveColumn; at < output*LiveColumn+int(counts[output]); at++ {
		sum = sum.plus(exactly(values[at]).times(exactly(packed[(input/FC1Slice*capacity+int(images[at]))*FC1Slice+input%FC1Slice])))
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

// exact has the answers of every kernel but those that only list what is not
// zero, FC1ImageLists and FC1OutputLists, whose twins are their definitions.
var exact = map[string]answers{
	"Gather": func(n int, b *buffers) map[int]answer {
		x := make([]number, ImagePixels*n)
		for lane, image := range b.ints[2] {
			for pixel, v := range normalisedNumbers(b.bytes[1][int(image)*ImagePixels:][:ImagePixels]) {
				x[pixel*n+lane] = v
			}
		}
		return map[int]answer{0: {numbers: x, roundings: 2}}
	},
	"SingleInput": func(_ int, b *buffers) map[int]answer {
		return map[int]answer{0: {numbers: normalisedNumbers(b.bytes[1]), roundings: 2}}
	},

	"Conv1ForwardReLUPool":     conv1Answers(false),
	"Conv1ForwardReLUPoolMask": conv1Answers(true),
	"Conv1WeightGrad": func(n int, b *buffers) map[int]answer {
		dw, x, dy, mask := unchanged(b.floats[0]), b.floats[1], b.floats[2], b.bytes[3]
		for o := range Conv1Outputs {
			for tap := range Taps + 1 {
				dw[tap*Conv1Row+o] = number{}
			}
			for at := range Pool1Pixels * n {
				window, image := at/n, at%n
				// A window whose ReLU is off adds zeros.
				alive, position := chosen(mask[MaskBytes(o*Pool1Pixels+window, n):], image, n)
				g := number{}
				if alive {
					g = exactly(dy[(o*Pool1Pixels+window)*n+image])
				}
				for tap := range Taps {
					y, x0 := 2*(window/Pool1Size)+position/2+tap/Window, 2*(window%Pool1Size)+position%2+tap%Window
					dw[tap*Conv1Row+o] = dw[tap*Conv1Row+o].plus(g.times(exactly(x[(y*ImageSize+x0)*n+image])))
				}
				dw[Taps*Conv1Row+o] = dw[Taps*Conv1Row+o].plus(g)
			}
		}
		return map[int]answer{0: {numbers: dw, roundings: laneSum(Pool1Pixels)}}
	},
	"Conv1WeightTransform": func(_ int, b *buffers) map[int]answer {
		return map[int]answer{0: {numbers: weightNumbers(matrixG, exactlyAll(b.floats[1]), Conv1Row), roundings: roundings}}
	},

	"Conv2InputTransform": func(n int, b *buffers) map[int]answer {
		v, row := unchanged(b.floats[0]), Conv2Inputs*Conv2Tiles*n
		for i, value := range conv2VNumbers(n, exactlyAll(b.floats[1])) {
			v[i/row*(row+conv2Padding)+i%row] = value
		}
		return map[int]answer{0: {numbers: v, roundings: roundings}}
	},
	"Conv2ForwardReLUPool":     conv2Answers(false),
	"Conv2ForwardReLUPoolMask": conv2Answers(true),
	"Conv2OutputGrad": func(n int, b *buffers) map[int]answer {
		// The last group of each pair is left.
		const first = Conv2Outputs - Group
		dm, row := unchanged(b.floats[0]), Conv2Tiles*n
		all := conv2DMNumbers(n, b.floats[1], b.bytes[2])
		for pair := range Conv2Pairs {
			row0, row1 := Conv2PairRows(pair)
			for place, frequencyRow := range []int{row0, row1} {
				for i := range Points * Group * row {
					j, o, rest := i/(Group*row), i/row%Group, i%row
					dm[pair*Conv2M(n)+(place*Points+j)*conv2GroupStride(n)+o*row+rest] =
						all[conv2Place(n, Conv2Outputs, frequencyRow*Points+j, first+o, 0, 0)+rest]
				}
			}
		}
		return map[int]answer{0: {numbers: dm, roundings: roundings}}
	},
	"Conv2InputGradProducts": func(n int, b *buffers) map[int]answer {
		// The row hands every pair the same dm.
		dv, u, dm, row := make([]number, Conv2DV*n), b.floats[1], b.floats[2], Conv2Tiles*n
		for pair := range Conv2Pairs {
			row0, row1 := Conv2PairRows(pair)
			for place, frequencyRow := range []int{row0, row1} {
				for i := range Points * Conv2Inputs * row {
					j, c, rest := i/(Conv2Inputs*row), i/row%Conv2Inputs, i%row
					f := frequencyRow*Points + j
					dv[(c*Frequencies+f)*row+rest] = connectNumbers(Conv2Outputs, number{},
						func(o int) float32 { return u[(f*Conv2Outputs+o)*Conv2Inputs+c] },
						func(o int) float32 {
							return dm[o/Group*Conv2M(n)+(place*Points+j)*conv2GroupStride(n)+o%Group*row+rest]
						})
				}
			}
		}
		return map[int]answer{0: {numbers: dv, roundings: Conv2Outputs + 1}}
	},
	"Conv2InputGradTransform": func(n int, b *buffers) map[int]answer {
		dv, row := make([]number, Conv2DV*n), Conv2Tiles*n
		for i, v := range b.floats[1] {
			c, f, rest := i/(Frequencies*row), i/row%Frequencies, i%row
			dv[conv2Place(n, Conv2Inputs, f, c, 0, 0)+rest] = exactly(v)
		}
		// Two windows overlap in either dimension.
		return map[int]answer{0: {numbers: conv2DXNumbers(n, dv), roundings: roundings + 2}}
	},
	"Conv2WeightGrad": func(batch int, b *buffers) map[int]answer {
		// The row hands every pair and group the same dm.
		du, dm, v := make([]number, Conv2U), b.floats[1], b.floats[2]
		for pair := range Conv2Pairs {
			row0, row1 := Conv2PairRows(pair)
			for place, frequencyRow := range []int{row0, row1} {
				for i := range Points * Conv2Outputs * Conv2Inputs {
					j, o, c := i/(Conv2Outputs*Conv2Inputs), i/Conv2Inputs%Conv2Outputs, i%Conv2Inputs
					f, sum := frequencyRow*Points+j, number{}
					blocks(batch, func(first, width int) {
						row := Conv2Tiles * width
						x := dm[Conv2M(first)+(place*Points+j)*conv2GroupStride(width)+o%Group*row:]
						y := v[Conv2V(first)+f*(Conv2Inputs*row+conv2Padding)+c*row:]
						for k := range row {
							sum = sum.plus(exactly(x[k]).times(exactly(y[k])))
						}
					})
					du[(f*Conv2Outputs+o)*Conv2Inputs+c] = sum
				}
			}
		}
		return map[int]answer{0: {numbers: du, roundings: laneSum(Conv2Tiles * batch / Block)}}
	},
	"Conv2BiasGrad": func(batch int, b *buffers) map[int]answer {
		db := make([]number, Conv2Outputs)
		for o := range db {
			blocks(batch, func(first, width int) {
				row := Conv2Tiles * width
				for _, g := range b.floats[1][Conv2M(first)+conv2GroupStride(width)+o%Group*row:][:row] {
					db[o] = db[o].plus(exactly(g))
				}
			})
		}
		return map[int]answer{0: {numbers: db, roundings: laneSum(Conv2Tiles * batch / Block)}}
	},
	"Conv2WeightTransform": func(_ int, b *buffers) map[int]answer {
		return map[int]answer{0: {numbers: weightNumbers(matrixG, exactlyAll(b.floats[1]), Conv2Outputs*Conv2Inputs), roundings: roundings}}
	},
	"Conv2WeightGradTransform": func(_ int, b *buffers) map[int]answer {
		return map[int]answer{0: {numbers: weightNumbers(matrixGT, exactlyAll(b.floats[1]), Conv2Outputs*Conv2Inputs), roundings: roundings}}
	},

	"FC1ForwardReLU": func(n int, b *buffers) map[int]answer {
		y, x, w, bias := make([]number, FC1Outputs*n), b.floats[1], b.floats[2], b.floats[3]
		for at := range y {
			width := min(n, Block) // a pair of blocks lies one after the other
			block, o, image := at/(FC1Outputs*width), at/width%FC1Outputs, at%width
			y[at] = relu(connectNumbers(FC1Inputs, exactly(bias[o]),
				func(i int) float32 { return w[fc1Weight(o, i)] }, func(i int) float32 { return x[(block*FC1Inputs+i)*width+image] }))
		}
		return map[int]answer{0: {numbers: y, roundings: FC1Inputs + 2}}
	},
	"FC1ForwardReLUDropout": func(batch int, b *buffers) map[int]answer {
		return map[int]answer{0: fc1DropoutAnswer(batch, b, &testDropout)}
	},
	"FC1PackInput": func(n int, b *buffers) map[int]answer {
		packed := unchanged(b.floats[0])
		for i, v := range b.floats[1] {
			packed[(i/n/FC1Slice*40+24+i%n)*FC1Slice+i/n%FC1Slice] = number{value: float64(v)}
		}
		return map[int]answer{0: {numbers: packed}}
	},
	"FC1UnpackInputGrad": func(n int, b *buffers) map[int]answer {
		dx := make([]number, FC1Inputs*n)
		for i := range dx {
			dx[i].value = float64(b.floats[1][(i/n/FC1Slice*40+24+i%n)*FC1Slice+i/n%FC1Slice])
		}
		return map[int]answer{0: {numbers: dx}}
	},
	"FC1InputGrad": func(n int, b *buffers) map[int]answer {
		packed, w, values, outputs, ends := make([]number, FC1Inputs*n), b.floats[1], b.floats[2], b.ints[3], b.ints[4]
		for at := range packed {
			input, image := at/(n*FC1Slice)*FC1Slice+at%FC1Slice, at/FC1Slice%n
			packed[at] = connectNumbers(int(ends[image*LiveRuns+LiveRuns-1]), number{},
				func(i int) float32 { return w[fc1Weight(int(outputs[image*LiveRow+i]), input)] },
				func(i int) float32 { return values[image*LiveRow+i] })
		}
		return map[int]answer{0: {numbers: packed, roundings: FC1Outputs + 1}}
	},
	"FC1WeightGrad": func(_ int, b *buffers) map[int]answer {
		dw := exactlyAll(b.floats[0])
		for at := range dw {
			output, input := at/FC1Slice%FC1Outputs, at/(FC1Slice*FC1Outputs)*FC1Slice+at%FC1Slice
			dw[at] = dw[at].plus(fc1Gradient(output, input, b.floats[1], b.floats[2], b.ints[3], b.ints[4]))
		}
		return map[int]answer{0: {numbers: dw, roundings: float64(len(b.floats[1])/FC1Inputs + 1)}}
	},
	"FC1WeightGradAdam": func(_ int, b *buffers) map[int]answer {
		w, m, v := make([]number, FC1W), make([]number, FC1W), make([]number, FC1W)
		for at := range w {
			output, input := at/FC1Slice%FC1Outputs, at/(FC1Slice*FC1Outputs)*FC1Slice+at%FC1Slice
			g := fc1Gradient(output, input, b.floats[3], b.floats[4], b.ints[5], b.ints[6])
			w[at], m[at], v[at] = adamNumbers(float64(b.floats[0][at]), float64(b.floats[1][at]), float64(b.floats[2][at]),
				g.value, gamma(float64(len(b.floats[3])/FC1Inputs+1))*g.magnitude, &testStep)
		}
		return map[int]answer{0: {numbers: w, roundings: 1}, 1: {numbers: m, roundings: 1}, 2: {numbers: v, roundings: 1}}
	},

	"FC2Forward": func(n int, b *buffers) map[int]answer {
		return map[int]answer{0: fc2Logits(n, b.floats[1], b.floats[2], b.floats[3])}
	},
	// The loss is computed from the logits that the kernel itself made: their
	// errors, which the first answer bounds, are much larger than those of what
	// follows.
	"FC2ForwardLoss": func(n int, b *buffers) map[int]answer {
		return map[int]answer{0: fc2Logits(n, b.floats[3], b.floats[4], b.floats[5]),
			1: {roundings: 1, following: func(after *buffers) []number {
				_, gradients := lossOf(after.floats[0], b.ints[6])
				return gradients
			}},
			2: {roundings: 1, following: func(after *buffers) []number {
				denominators, _ := lossOf(after.floats[0], b.ints[6])
				return denominators
			}}}
	},
	"FC2InputGrad": func(n int, b *buffers) map[int]answer {
		dx := make([]number, FC2Inputs*n)
		for at := range dx {
			i, image := at/n, at%n
			if b.floats[3][at] > 0 {
				dx[at] = connectNumbers(Classes, number{}, func(class int) float32 { return b.floats[2][class*FC2Inputs+i] },
					func(class int) float32 { return b.floats[1][class*n+image] }).times(number{2, 2})
			}
		}
		return map[int]answer{0: {numbers: dx, roundings: Classes + 2}}
	},
	"FC2WeightGrad": func(batch int, b *buffers) map[int]answer {
		dw := make([]number, FC2W)
		for at := range dw {
			class, i := at/FC2Inputs, at%FC2Inputs
			blocks(batch, func(first, width int) {
				for image := range width {
					dw[at] = dw[at].plus(exactly(b.floats[1][first*Classes+class*width+image]).times(exactly(b.floats[2][first*FC2Inputs+i*width+image])))
				}
			})
		}
		return map[int]answer{0: {numbers: dw, roundings: laneSum(batch/Block + 1)}}
	},

	"Adam": func(_ int, b *buffers) map[int]answer {
		w, m, v := make([]number, len(b.floats[0])), make([]number, len(b.floats[0])), make([]number, len(b.floats[0]))
		for i := range w {
			w[i], m[i], v[i] = adamNumbers(float64(b.floats[0][i]), float64(b.floats[1][i]), float64(b.floats[2][i]), float64(b.floats[3][i]), 0, &testStep)
		}
		return map[int]answer{0: {numbers: w, roundings: 1}, 1: {numbers: m, roundings: 1}, 2: {numbers: v, roundings: 1}}
	},
	"LineSums": func(batch int, b *buffers) map[int]answer {
		sums := make([]number, len(b.floats[0]))
		for i := range sums {
			blocks(batch, func(first, width int) {
				for _, v := range b.floats[1][first*len(sums)+i*width:][:width] {
					sums[i] = sums[i].plus(exactly(v))
				}
			})
		}
		return map[int]answer{0: {numbers: sums, roundings: laneSum(batch/Block + 1)}}
	},

	"Conv1DirectReLUPool": directAnswers(1, Conv1Outputs, ImageSize, func(tap, o, _ int) int { return tap*Conv1Row + o }),
	"Conv2DirectReLUPool": directAnswers(Conv2Inputs, Conv2Outputs, Pool1Size,
		func(tap, o, c int) int { return (tap*Conv2Outputs+o)*Conv2Inputs + c }),

	"SingleConv1ReLUPool": func(_ int, b *buffers) map[int]answer {
		y := make([]number, SingleY1)
		for at, w := range conv1Windows(1, Conv1Row, exactlyAll(b.floats[1]), exactlyAll(b.floats[2]), exactlyAll(b.floats[3])) {
			y[at%Pool1Pixels*Conv1Row+at/Pool1Pixels] = w.pooled()
		}
		return map[int]answer{0: {numbers: y, roundings: 2*roundings + 2}}
	},
	"SingleConv2InputTransform": func(_ int, b *buffers) map[int]answer {
		v, d := make([]number, SingleV), make([]number, Frequencies)
		for at := range Conv2Tiles * Conv1Row {
			tile, c := at/Conv1Row, at%Conv1Row
			for i := range d {
				y, x := tile/2*TileSize+i/Points, tile%2*TileSize+i%Points
				d[i] = exactly(b.floats[1][(y*Pool1Size+x)*Conv1Row+c])
			}
			for f, value := range matrixBT.both(d) {
				v[f*Conv2Tiles*Conv1Row+at] = value
			}
		}
		return map[int]answer{0: {numbers: v, roundings: roundings}}
	},
	"SingleConv2ReLUPool": func(_ int, b *buffers) map[int]answer {
		u, v := make([]number, Conv2U), make([]number, Frequencies*Conv2Inputs*Conv2Tiles)
		for i := range u {
			f, o, c := i/(Conv2Outputs*Conv2Inputs), i/Conv2Inputs%Conv2Outputs, i%Conv2Inputs
			u[i] = exactly(b.floats[2][singleU2(f, c, o)])
		}
		for f := range Frequencies {
			for c := range Conv2Inputs {
				for tile := range Conv2Tiles {
					v[conv2Place(1, Conv2Inputs, f, c, tile, 0)] = exactly(b.floats[3][(f*Conv2Tiles+tile)*Conv1Row+c])
				}
			}
		}
		return pooledAnswers(conv2Windows(1, u, v, exactlyAll(b.floats[4])), Conv2Inputs+roundings+2, false)
	},
	"SingleFC1ReLU": func(_ int, b *buffers) map[int]answer {
		h := make([]number, SingleH)
		for o := range h {
			h[o] = relu(connectNumbers(FC1Inputs, exactly(b.floats[3][o]),
				func(i int) float32 { return b.floats[2][(o/singleFC1*FC1Inputs+i)*singleFC1+o%singleFC1] },
				func(i int) float32 { return b.floats[1][i] }))
		}
		return map[int]answer{0: {numbers: h, roundings: FC1Inputs + 2}}
	},
	"SingleFC2": func(_ int, b *buffers) map[int]answer {
		logits := make([]number, SingleLogits)
		for o := range logits {
			logits[o] = connectNumbers(SingleH, exactly(b.floats[3][o]),
				func(i int) float32 { return b.floats[2][i*SingleLogits+o] }, func(i int) float32 { return b.floats[1][i] })
		}
		return map[int]answer{0: {numbers: logits, roundings: SingleH + 2}}
	},
}

func fc1DropoutAnswer(batch int, b *buffers, dropout *Dropout) answer {
	y, packed, w, bias := make([]number, FC1Outputs*batch), b.floats[1], b.floats[2], b.floats[3]
	blocks(batch, func(first, width int) {
		for i := range FC1Outputs * width {
			o, image := i/width, first+i%width
			if DropoutKeeps(testKeys[image], o, dropout.Threshold) {
				y[first*FC1Outputs+i] = relu(connectNumbers(FC1Inputs, exactly(bias[o]),
					func(i int) float32 { return w[fc1Weight(o, i)] },
					func(i int) float32 { return packed[(i/FC1Slice*batch+image)*FC1Slice+i%FC1Slice] })).times(exactly(dropout.Scale))
			}
		}
	})
	return answer{numbers: y, roundings: FC1Inputs + 3}
}

func fc2Logits(n int, x, w, bias []float32) answer {
	logits := make([]number, Classes*n)
	for at := range logits {
		class, image := at/n, at%n
		logits[at] = connectNumbers(FC2Inputs, exactly(bias[class]),
			func(i int) float32 { return w[class*FC2Inputs+i] }, func(i int) float32 { return x[i*n+image] })
	}
	return answer{numbers: logits, roundings: FC2Inputs + 2}
}

// lossOf computes the denominators [n] and gradients [10][n] of logits.
func lossOf(logits []float32, labels []int32) (denominators, gradients []number) {
	n := len(labels)
	gradients = make([]number, Classes*n)
	for image, label := range labels {
		column := make([]float64, Classes)
		for class := range column {
			column[class] = float64(logits[class*n+image])
		}
		denominator, gradient := lossNumbers(column, label, &testLoss)
		denominators = append(denominators, denominator)
		for class, g := range gradient {
			gradients[class*n+image] = g
		}
	}
	return denominators, gradients
}

// TestExact holds every kernel of every set, the twins too, against float64.
func TestExact(t *testing.T) {
	for _, r := range table() {
		t.Run(r.name(), func(t *testing.T) {
			find := exact[r.kernel]
			if find == nil && r.kernel != "FC1ImageLists" && r.kernel != "FC1OutputLists" {
				t.Fatal("has no answers in float64")
			}
			if find == nil {
				return
			}
			before := filled(r, 7, false, aligned.Bytes)
			want := find(r.images, before)
			for i, a := range r.arguments {
				if _, found := want[i]; a.output && !found {
					t.Fatalf("%s has no answer in float64", a.name)
				}
			}
			for _, s := range sets(t) {
				after := before.clone()
				runRow(t, s, r, after)
				for i, a := range want {
					a.numbers = a.of(after)
					compareExactly(t, s, r.arguments[i].name, a, after.floats[i], after.bytes[i], r.images)
				}
			}
		})
	}
}

// compareExactly holds an output against its answer.
func compareExactly(t *testing.T, s *Set, name string, a answer, floats []float32, mask []byte, images int) {
	t.Helper()
	different := 0
	if len(a.numbers) != len(floats) {
		t.Fatalf("%s: %s: %d answers for %d values", s.Name(), name, len(a.numbers), len(floats))
	}
	for i, want := range a.numbers {
		tolerance := gamma(a.roundings) * want.magnitude
		if difference := math.Abs(float64(floats[i]) - want.value); !(difference <= tolerance) {
			if different++; different < 4 {
				t.Errorf("%s: %s[%d]: expected %v ± %g, got %v", s.Name(), name, i, want.value, tolerance, floats[i])
			}
		}
	}
	for i, w := range a.windows {
		at, image := i/images, i%images
		highest, tolerance := math.Inf(-1), 0.0
		for _, v := range w {
			highest, tolerance = max(highest, v.value), max(tolerance, gamma(a.roundings)*v.magnitude)
		}
		// A rounded value may win, or be positive, that is as close as this.
		set := 0
		for p, v := range w {
			if unpool(1, mask[MaskBytes(at, images):], image, images, p) == 0 {
				continue
			}
			if set++; v.value < highest-2*tolerance || v.value < -tolerance {
				t.Fatalf("%s: %s: window %d, image %d: chooses %v of %v", s.Name(), name, at, image, v.value, w)
			}
		}
		if set > 1 || set == 0 && highest > tolerance {
			t.Fatalf("%s: %s: window %d, image %d: %d positions chosen of %v", s.Name(), name, at, image, set, w)
		}
	}
}
