package kernels

import "github.com/kernelet/kernelet/internal/shape"

// The twins of the kernels that train conv2: the same steps in plain Go.

// conv2VFrequency and conv2DMFrequency are the numbers of values between
// frequencies of v and of dm, conv2Channel those between channels of m and dv.
func conv2VFrequency(images int) int  { return shape.Conv2Inputs*images + shape.Conv2Padding }
func conv2DMFrequency(images int) int { return shape.Conv2Outputs*images + shape.Conv2Padding }
func conv2Channel(images int) int     { return shape.ToomFrequencies*images + shape.Conv2Padding }

func conv2TrainInputTransform(v, x []float32, first int) {
	images := len(x) / shape.Conv2X
	var pixels [shape.Pool1Pixels]float32
	var tile toomTile
	for c := first; c < first+shape.Conv2TrainGroup; c++ {
		for image := range images {
			for i := range pixels {
				pixels[i] = x[(c*shape.Pool1Pixels+i)*images+image]
			}
			tile.forwards(pixels[:], shape.Pool1Size, 1, toomInput)
			for f, value := range tile {
				v[f*conv2VFrequency(images)+c*images+image] = value
			}
		}
	}
}

// toomProducts adds up to = Σ weight·from of all frequencies: to and from are
// the lines of an output and of term s; sign is 1, or −1 for conjugated weights.
func toomProducts(terms int, sign float32, to func(f int) []float32, weight func(f, s int) float32, from func(f, s int) []float32) {
	for f := range shape.ToomSingles {
		sum := to(f)
		clear(sum)
		for s := range terms {
			addScaled(sum, weight(f, s), from(f, s))
		}
	}
	for f := shape.ToomSingles; f < shape.ToomFrequencies; f += 2 {
		re, im := to(f), to(f+1)
		clear(re)
		clear(im)
		for s := range terms {
			wr, wi, x, y := weight(f, s), sign*weight(f+1, s), from(f, s), from(f+1, s)
			addScaled(re, wr, x)
			addScaled(im, wr, y)
			addScaled(re, -wi, y)
			addScaled(im, wi, x)
		}
	}
}

func conv2TrainForwardReLUPoolMask(y []float32, mask []byte, m, u, v, bias []float32, first int) {
	images := len(y) / shape.Conv2Y
	for o := range shape.Conv2TrainGroup {
		toomProducts(shape.Conv2Inputs, 1,
			func(f int) []float32 { return m[o*conv2Channel(images)+f*images:][:images] },
			func(f, c int) float32 { return u[(f*shape.Conv2Outputs+first+o)*shape.Conv2Inputs+c] },
			func(f, c int) []float32 { return v[f*conv2VFrequency(images)+c*images:][:images] })
		for image := range images {
			var tile toomTile
			for f := range tile {
				tile[f] = m[o*conv2Channel(images)+f*images+image]
			}
			var values [shape.Conv2Size][shape.Conv2Size]float32
			toomBackwards(&tile, 1, toomOutput, func(i, j int, value float32) { values[i][j] = value })
			for p := range shape.Pool2Pixels {
				i, j, at := p/shape.Pool2Size*2, p%shape.Pool2Size*2, (first+o)*shape.Pool2Pixels+p
				window := [4]float32{values[i][j], values[i][j+1], values[i+1][j], values[i+1][j+1]}
				result, alive, position := poolReLU(&window, bias[first+o])
				y[at*images+image] = result
				setMask(mask[shape.MaskBytes(at, images):], image, images, alive, position)
			}
		}
	}
}

func conv2OutputGrad(dm, dy []float32, mask []byte, first int) {
	images := len(dy) / shape.Conv2Y
	var gradient [shape.Conv2Size * shape.Conv2Size]float32
	var tile toomTile
	for o := first; o < first+shape.Conv2TrainGroup; o++ {
		for image := range images {
			for i := range gradient {
				row, column := i/shape.Conv2Size, i%shape.Conv2Size
				at := o*shape.Pool2Pixels + row/2*shape.Pool2Size + column/2
				gradient[i] = unpool(dy[at*images+image], mask[shape.MaskBytes(at, images):], image, images, row%2*2+column%2)
			}
			tile.forwards(gradient[:], shape.Conv2Size, 1, toomOutputGrad)
			for f, value := range tile {
				dm[f*conv2DMFrequency(images)+o*images+image] = value
			}
		}
	}
}

func conv2InputGradProducts(dv, u, dm []float32, first int) {
	images := (len(dv)/shape.Conv2Inputs - shape.Conv2Padding) / shape.ToomFrequencies
	for c := first; c < first+shape.Conv2TrainGroup; c++ {
		toomProducts(shape.Conv2Outputs, -1,
			func(f int) []float32 { return dv[c*conv2Channel(images)+f*images:][:images] },
			func(f, o int) float32 { return u[(f*shape.Conv2Outputs+o)*shape.Conv2Inputs+c] },
			func(f, o int) []float32 { return dm[f*conv2DMFrequency(images)+o*images:][:images] })
	}
}

func conv2InputGradTransform(dx, dv []float32, first int) {
	images := len(dx) / shape.Conv2X
	for c := first; c < first+shape.Conv2TrainGroup; c++ {
		for image := range images {
			var tile toomTile
			for f := range tile {
				tile[f] = dv[c*conv2Channel(images)+f*images+image]
			}
			toomBackwards(&tile, 1, toomInputGrad, func(y, x int, value float32) {
				dx[(c*shape.Pool1Pixels+y*shape.Pool1Size+x)*images+image] = value
			})
		}
	}
}

func conv2WeightGradProducts(du, dm, v []float32, images, first int) {
	for f := first; f < first+shape.Conv2WeightSingles; f++ {
		conv2OuterProducts(du, dm, v, images, f, func(sum [shape.Block]float32, d, x [2][]float32) [shape.Block]float32 {
			for l := range d[0] {
				sum[l] += float32(d[0][l] * x[0][l])
			}
			return sum
		})
	}
}

func conv2WeightGradPairProducts(du, dm, v []float32, images, first int) {
	for f := first; f < first+2*shape.Conv2WeightPairs; f += 2 {
		conv2OuterProducts(du, dm, v, images, f, func(sum [shape.Block]float32, d, x [2][]float32) [shape.Block]float32 {
			for l := range d[0] {
				sum[l] += float32(d[0][l] * x[0][l])
				sum[l] += float32(d[1][l] * x[1][l])
			}
			return sum
		})
		conv2OuterProducts(du[shape.Conv2Outputs*shape.Conv2Inputs:], dm, v, images, f, func(sum [shape.Block]float32, d, x [2][]float32) [shape.Block]float32 {
			for l := range d[0] {
				sum[l] += float32(d[1][l] * x[0][l])
				sum[l] -= float32(d[0][l] * x[1][l])
			}
			return sum
		})
	}
}

// conv2OuterProducts computes du of frequency f: add adds a block's products to
// the lanes of a sum, from the lines of dm and v at f and at the frequency
// behind it.
func conv2OuterProducts(du, dm, v []float32, images, f int, add func(sum [shape.Block]float32, d, x [2][]float32) [shape.Block]float32) {
	lines := func(array []float32, frequency, channel, width int) (both [2][]float32) {
		for part := range both {
			if f+part < shape.ToomFrequencies {
				both[part] = array[(f+part)*frequency+channel*width:][:width]
			}
		}
		return both
	}
	for o := range shape.Conv2Outputs {
		for c := range shape.Conv2Inputs {
			var sum [shape.Block]float32
			for block := 0; block < images; block += shape.Block {
				width := min(shape.Block, images-block)
				sum = add(sum, lines(dm[shape.Conv2DM(block):], conv2DMFrequency(width), o, width),
					lines(v[shape.Conv2TrainV(block):], conv2VFrequency(width), c, width))
			}
			du[(f*shape.Conv2Outputs+o)*shape.Conv2Inputs+c] = addLanes(&sum)
		}
	}
}

func conv2BiasGrad(db, dy []float32, mask []byte, images int) {
	for o := range db {
		var sum [shape.Block]float32
		for block := 0; block < images; block += shape.Block {
			width := min(shape.Block, images-block)
			for at := o * shape.Pool2Pixels; at < (o+1)*shape.Pool2Pixels; at++ {
				for l, gradient := range dy[shape.Conv2Y*block+at*width:][:width] {
					if alive, _ := chosen(mask[shape.MaskBytes(shape.Conv2Y, block)+shape.MaskBytes(at, width):], l, width); alive {
						sum[l] += gradient
					}
				}
			}
		}
		db[o] = addLanes(&sum)
	}
}

func conv2TrainWeightTransform(u, w []float32, first int) {
	const columns = shape.Conv2Outputs * shape.Conv2Inputs
	var taps [shape.Taps]float32
	var tile toomTile
	for column := first * shape.Conv2Inputs; column < (first+shape.Conv2TrainGroup)*shape.Conv2Inputs; column++ {
		for i := range taps {
			taps[i] = w[i*columns+column]
		}
		tile.forwards(taps[:], shape.FilterSize, 0.5, toomWeight)
		for f, value := range tile {
			u[f*columns+column] = value
		}
	}
}

func conv2WeightGradTransform(dw, du []float32, first int) {
	const columns = shape.Conv2Outputs * shape.Conv2Inputs
	for column := first * shape.Conv2Inputs; column < (first+shape.Conv2TrainGroup)*shape.Conv2Inputs; column++ {
		var tile toomTile
		for f := range tile {
			tile[f] = du[f*columns+column]
		}
		toomBackwards(&tile, 0.5, toomWeightGrad, func(i, j int, value float32) {
			dw[(i*shape.FilterSize+j)*columns+column] = value
		})
	}
}
