package kernels

import (
	"github.com/kernelet/kernelet/internal/shape"
)

func conv1Answers(mask bool) answers {
	return func(n int, b *arguments) map[string]answer {
		x, u, bias := exactlyAll(b.Floats["x"]), exactlyAll(b.Floats["u"]), exactlyAll(b.Floats["bias"])
		return pooledAnswers(conv1Windows(n, shape.Conv1Outputs, x, u, bias), 2*roundings+2, mask)
	}
}

// conv2Unpadded returns [64][features][4][n] of an array with padding after
// each frequency.
func conv2Unpadded(n, features int, padded []float32) []number {
	row := features * shape.Conv2Tiles * n
	var values []number
	for f := range len(padded) / (row + shape.Conv2Padding) {
		values = append(values, exactlyAll(padded[f*(row+shape.Conv2Padding):][:row])...)
	}
	return values
}

func conv2Answers() answers {
	return func(n int, b *arguments) map[string]answer {
		u, v, bias := exactlyAll(b.Floats["u"]), conv2Unpadded(n, shape.Conv2Inputs, b.Floats["v"]), exactlyAll(b.Floats["bias"])
		return pooledAnswers(conv2Windows(n, u, v, bias),
			shape.Conv2Inputs+roundings+2, false)
	}
}

// directAnswers are those of a convolution by direct sums; weight returns the
// place of a weight.
func directAnswers(inputs, outputs, inputSize int, weight func(tap, o, c int) int) answers {
	return func(n int, b *arguments) map[string]answer {
		x, w, bias := exactlyAll(b.Floats["x"]), exactlyAll(b.Floats["w"]), b.Floats["bias"]
		size := (inputSize - shape.FilterSize + 1) / 2
		windows := make([]window, outputs*size*size*n)
		for at := 0; at < len(windows); at += n {
			o, row, column := at/n/(size*size), at/n/size%size, at/n%size
			for i := range n * 4 {
				windows[at+i/4][i%4] = exactly(bias[o])
			}
			for i := range inputs * shape.Taps * 4 {
				c, tap, p := i/(shape.Taps*4), i/4%shape.Taps, i%4
				factor := w[weight(tap, o, c)]
				y, x0 := 2*row+p/2+tap/shape.FilterSize, 2*column+p%2+tap%shape.FilterSize
				for image, value := range x[((c*inputSize+y)*inputSize+x0)*n:][:n] {
					windows[at+image][p] = windows[at+image][p].plus(factor.times(value))
				}
			}
		}
		return pooledAnswers(windows, float64(shape.Taps*inputs+2), false)
	}
}

// exactConvolutions are the answers of the convolutions.
var exactConvolutions = map[string]answers{
	"Conv1ForwardReLUPool":     conv1Answers(false),
	"Conv1ForwardReLUPoolMask": conv1Answers(true),
	"Conv1WeightGrad": func(n int, b *arguments) map[string]answer {
		dw, x, dy, mask := unchanged(b.Floats["dw"]), b.Floats["x"], b.Floats["dy"], b.Bytes["mask"]
		for o := range shape.Conv1Outputs {
			for tap := range shape.Taps + 1 {
				dw[tap*shape.Conv1Row+o] = number{}
			}
			for at := range shape.Pool1Pixels * n {
				window, image := at/n, at%n
				// A window whose ReLU is off adds zeros.
				alive, position := chosen(mask[shape.MaskBytes(o*shape.Pool1Pixels+window, n):], image, n)
				g := number{}
				if alive {
					g = exactly(dy[(o*shape.Pool1Pixels+window)*n+image])
				}
				for tap := range shape.Taps {
					y, x0 := 2*(window/shape.Pool1Size)+position/2+tap/shape.FilterSize, 2*(window%shape.Pool1Size)+position%2+tap%shape.FilterSize
					dw[tap*shape.Conv1Row+o] = dw[tap*shape.Conv1Row+o].plus(g.times(exactly(x[(y*shape.ImageSize+x0)*n+image])))
				}
				dw[shape.Taps*shape.Conv1Row+o] = dw[shape.Taps*shape.Conv1Row+o].plus(g)
			}
		}
		return map[string]answer{"dw": {numbers: dw, roundings: laneSum(shape.Pool1Pixels)}}
	},
	"Conv1WeightTransform": func(_ int, b *arguments) map[string]answer {
		return map[string]answer{"u": {numbers: weightNumbers(matrixG, exactlyAll(b.Floats["w"]), shape.Conv1Row), roundings: roundings}}
	},

	"Conv2InputTransform": func(n int, b *arguments) map[string]answer {
		v, row := unchanged(b.Floats["v"]), shape.Conv2Inputs*shape.Conv2Tiles*n
		for i, value := range conv2VNumbers(n, exactlyAll(b.Floats["x"])) {
			v[i/row*(row+shape.Conv2Padding)+i%row] = value
		}
		return map[string]answer{"v": {numbers: v, roundings: roundings}}
	},
	"Conv2ForwardReLUPool": conv2Answers(),
	"Conv2WeightTransform": func(_ int, b *arguments) map[string]answer {
		return map[string]answer{"u": {numbers: weightNumbers(matrixG, exactlyAll(b.Floats["w"]), shape.Conv2Outputs*shape.Conv2Inputs), roundings: roundings}}
	},
	"Conv1DirectReLUPool": directAnswers(1, shape.Conv1Outputs, shape.ImageSize, func(tap, o, _ int) int { return tap*shape.Conv1Row + o }),
	"Conv2DirectReLUPool": directAnswers(shape.Conv2Inputs, shape.Conv2Outputs, shape.Pool1Size,
		func(tap, o, c int) int { return (tap*shape.Conv2Outputs+o)*shape.Conv2Inputs + c }),

	"SingleConv1ReLUPool": func(_ int, b *arguments) map[string]answer {
		y := make([]number, shape.SingleConv1Y)
		for at, w := range conv1Windows(1, shape.Conv1Row, exactlyAll(b.Floats["x"]), exactlyAll(b.Floats["u"]), exactlyAll(b.Floats["bias"])) {
			y[at%shape.Pool1Pixels*shape.Conv1Row+at/shape.Pool1Pixels] = w.pooled()
		}
		return map[string]answer{"y": {numbers: y, roundings: 2*roundings + 2}}
	},
	"SingleConv2InputTransform": func(_ int, b *arguments) map[string]answer {
		v, d := make([]number, shape.SingleConv2V), make([]number, shape.Frequencies)
		for at := range shape.Conv2Tiles * shape.Conv1Row {
			tile, c := at/shape.Conv1Row, at%shape.Conv1Row
			for i := range d {
				y, x := tile/2*shape.TileSize+i/shape.Points, tile%2*shape.TileSize+i%shape.Points
				d[i] = exactly(b.Floats["x"][(y*shape.Pool1Size+x)*shape.Conv1Row+c])
			}
			for f, value := range matrixBT.both(d) {
				v[f*shape.Conv2Tiles*shape.Conv1Row+at] = value
			}
		}
		return map[string]answer{"v": {numbers: v, roundings: roundings}}
	},
	"SingleConv2ReLUPool": func(_ int, b *arguments) map[string]answer {
		u, v := make([]number, shape.Conv2U), make([]number, shape.Frequencies*shape.Conv2Inputs*shape.Conv2Tiles)
		for i := range u {
			f, o, c := i/(shape.Conv2Outputs*shape.Conv2Inputs), i/shape.Conv2Inputs%shape.Conv2Outputs, i%shape.Conv2Inputs
			u[i] = exactly(b.Floats["u"][singleConv2U(f, c, o)])
		}
		for f := range shape.Frequencies {
			for c := range shape.Conv2Inputs {
				for tile := range shape.Conv2Tiles {
					v[conv2Place(1, shape.Conv2Inputs, f, c, tile, 0)] = exactly(b.Floats["v"][(f*shape.Conv2Tiles+tile)*shape.Conv1Row+c])
				}
			}
		}
		return pooledAnswers(conv2Windows(1, u, v, exactlyAll(b.Floats["bias"])), shape.Conv2Inputs+roundings+2, false)
	},
}
