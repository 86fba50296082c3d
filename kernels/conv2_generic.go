package kernels

import "github.com/kernelet/kernelet/internal/shape"

// The twins of conv2's kernels: the same steps in plain Go.

func conv2InputTransform(v, x []float32) {
	images := len(x) / shape.Conv2X
	for channel := range shape.Conv2Inputs {
		for tile := range shape.Conv2Tiles {
			y0, x0 := tile/2*shape.TileSize, tile%2*shape.TileSize
			for image := range images {
				tileInput(v[(channel*shape.Conv2Tiles+tile)*images+image:],
					x[(channel*shape.Pool1Pixels+y0*shape.Pool1Size+x0)*images+image:],
					shape.Pool1Size*images, images, shape.Conv2Inputs*shape.Conv2Tiles*images+shape.Conv2Padding)
			}
		}
	}
}

func conv2ForwardReLUPool(y, m, u, v, bias []float32, first int) {
	conv2Forward(y, nil, m, u, v, bias, first)
}

func conv2ForwardReLUPoolMask(y []float32, mask []byte, m, u, v, bias []float32, first int) {
	conv2Forward(y, mask, m, u, v, bias, first)
}

func conv2Forward(y []float32, mask []byte, m, u, v, bias []float32, first int) {
	images := len(y) / shape.Conv2Y
	row := shape.Conv2Tiles * images
	for f := range shape.Frequencies {
		for o := range shape.Conv2Group {
			sum := m[(o*shape.Frequencies+f)*row:][:row]
			clear(sum)
			for c := range shape.Conv2Inputs {
				addScaled(sum, u[(f*shape.Conv2Outputs+first+o)*shape.Conv2Inputs+c], v[f*(shape.Conv2Inputs*row+shape.Conv2Padding)+c*row:][:row])
			}
		}
	}
	for o := range shape.Conv2Group {
		for tile := range shape.Conv2Tiles {
			for image := range images {
				values := tileOutput(m[(o*shape.Frequencies*shape.Conv2Tiles+tile)*images+image:], shape.Conv2Tiles*images)
				for p := range 4 {
					i, j := p/2*2, p%2*2
					window := [4]float32{values[i][j], values[i][j+1], values[i+1][j], values[i+1][j+1]}
					at := (first+o)*shape.Pool2Pixels + (tile/2*2+p/2)*shape.Pool2Size + tile%2*2 + p%2
					result, alive, position := poolReLU(&window, bias[first+o])
					y[at*images+image] = result
					if mask != nil {
						setMask(mask[shape.MaskBytes(at, images):], image, images, alive, position)
					}
				}
			}
		}
	}
}

// conv2GroupStride is the number of values between frequencies of dm.
func conv2GroupStride(images int) int {
	return shape.Conv2Group*shape.Conv2Tiles*images + shape.Conv2Padding
}

func conv2OutputGrad(dm, dy []float32, mask []byte, pair, first int) {
	images := len(dy) / shape.Conv2Y
	row0, row1 := conv2PairRows(pair)
	for o := range shape.Conv2Group {
		for tile := range shape.Conv2Tiles {
			for image := range images {
				var rows [2][shape.TileSize]float32
				for j := range shape.TileSize {
					var column [shape.TileSize]float32
					for i := range column {
						at := (first+o)*shape.Pool2Pixels + (tile/2*2+i/2)*shape.Pool2Size + tile%2*2 + j/2
						column[i] = unpool(dy[at*images+image], mask[shape.MaskBytes(at, images):], image, images, i%2*2+j%2)
					}
					transformed := winogradOutputGrad(&column)
					rows[0][j], rows[1][j] = transformed[row0], transformed[row1]
				}
				for r := range rows {
					for j, value := range winogradOutputGrad(&rows[r]) {
						dm[(r*shape.Points+j)*conv2GroupStride(images)+(o*shape.Conv2Tiles+tile)*images+image] = value
					}
				}
			}
		}
	}
}

func conv2InputGradProducts(dv, u, dm []float32, frequencyRow, place, first int) {
	images := len(dv) / shape.Conv2DV
	row := shape.Conv2Tiles * images
	for j := range shape.Points {
		f := frequencyRow*shape.Points + j
		for c := first; c < first+shape.Conv2Group; c++ {
			sum := dv[(c*shape.Frequencies+f)*row:][:row]
			clear(sum)
			for o := range shape.Conv2Outputs {
				at := o/shape.Conv2Group*shape.Conv2M(images) + (place*shape.Points+j)*conv2GroupStride(images) + o%shape.Conv2Group*row
				addScaled(sum, u[(f*shape.Conv2Outputs+o)*shape.Conv2Inputs+c], dm[at:][:row])
			}
		}
	}
}

func conv2InputGradTransform(dx, dv []float32, first int) {
	images := len(dv) / shape.Conv2DV
	for c := first; c < first+shape.Conv2Group; c++ {
		for image := range images {
			var columns [2][shape.Pool1Size][shape.Points]float32 // [tile column][y][j]
			for tileColumn := range 2 {
				for j := range shape.Points {
					load := func(tileRow int) (v [shape.Points]float32) {
						for i := range v {
							v[i] = dv[((c*shape.Frequencies+i*shape.Points+j)*shape.Conv2Tiles+2*tileRow+tileColumn)*images+image]
						}
						return v
					}
					upper, lower := load(0), load(1)
					for i, value := range overlapping(&upper, &lower) {
						columns[tileColumn][i][j] = value
					}
				}
			}
			for y := range shape.Pool1Size {
				for x, value := range overlapping(&columns[0][y], &columns[1][y]) {
					dx[(c*shape.Pool1Pixels+y*shape.Pool1Size+x)*images+image] = value
				}
			}
		}
	}
}

// overlapping adds B v of two windows, of which the second begins four later.
func overlapping(first, second *[shape.Points]float32) (d [shape.Pool1Size]float32) {
	a, b := winogradInputGrad(first), winogradInputGrad(second)
	for i := range shape.TileSize {
		d[i] = a[i]
		d[shape.TileSize+i] = a[shape.TileSize+i] + b[i]
		d[2*shape.TileSize+i] = b[shape.TileSize+i]
	}
	return d
}

func conv2WeightGradProducts(du, dm, v []float32, images, row0, row1, first int) {
	for place, frequencyRow := range [2]int{row0, row1} {
		for j := range shape.Points {
			f := frequencyRow*shape.Points + j
			for o := range shape.Conv2Group {
				for c := range shape.Conv2Inputs {
					var sum [shape.Block]float32
					for block := 0; block < images; block += shape.Block {
						width := min(shape.Block, images-block)
						row := shape.Conv2Tiles * width
						a := dm[shape.Conv2M(block)+(place*shape.Points+j)*conv2GroupStride(width)+o*row:][:row]
						b := v[shape.Conv2V(block)+f*(shape.Conv2Inputs*row+shape.Conv2Padding)+c*row:][:row]
						for i := 0; i < row; i += shape.Block {
							for l := range sum {
								sum[l] += float32(a[i+l] * b[i+l])
							}
						}
					}
					du[(f*shape.Conv2Outputs+first+o)*shape.Conv2Inputs+c] = addLanes(&sum)
				}
			}
		}
	}
}

func conv2BiasGrad(db, dm []float32, images, first int) {
	for o := range shape.Conv2Group {
		var sum [shape.Block]float32
		for block := 0; block < images; block += shape.Block {
			width := min(shape.Block, images-block)
			row := shape.Conv2Tiles * width
			values := dm[shape.Conv2M(block)+conv2GroupStride(width)+o*row:][:row]
			for i := 0; i < row; i += shape.Block {
				for l := range sum {
					sum[l] += values[i+l]
				}
			}
		}
		db[first+o] = addLanes(&sum)
	}
}

func conv2WeightTransform(u, w []float32) {
	weightTransform(u, w, shape.Conv2Outputs*shape.Conv2Inputs)
}

func conv2WeightGradTransform(dw, du []float32) {
	weightGradTransform(dw, du, shape.Conv2Outputs*shape.Conv2Inputs)
}
