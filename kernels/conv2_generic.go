package kernels

// The twins of conv2's kernels: the same steps in plain Go.

func conv2InputTransform(v, x []float32) {
	images := len(x) / Conv2X
	for channel := range Conv2Inputs {
		for tile := range Conv2Tiles {
			y0, x0 := tile/2*TileSize, tile%2*TileSize
			for image := range images {
				tileInput(v[(channel*Conv2Tiles+tile)*images+image:],
					x[(channel*Pool1Pixels+y0*Pool1Size+x0)*images+image:],
					Pool1Size*images, images, Conv2Inputs*Conv2Tiles*images+conv2Padding)
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
	images := len(y) / Conv2Y
	row := Conv2Tiles * images
	for f := range Frequencies {
		for o := range Group {
			sum := m[(o*Frequencies+f)*row:][:row]
			clear(sum)
			for c := range Conv2Inputs {
				addScaled(sum, u[(f*Conv2Outputs+first+o)*Conv2Inputs+c], v[f*(Conv2Inputs*row+conv2Padding)+c*row:][:row])
			}
		}
	}
	for o := range Group {
		for tile := range Conv2Tiles {
			for image := range images {
				values := tileOutput(m[(o*Frequencies*Conv2Tiles+tile)*images+image:], Conv2Tiles*images)
				for p := range 4 {
					i, j := p/2*2, p%2*2
					window := [4]float32{values[i][j], values[i][j+1], values[i+1][j], values[i+1][j+1]}
					at := (first+o)*Pool2Pixels + (tile/2*2+p/2)*Pool2Size + tile%2*2 + p%2
					result, alive, position := poolReLU(&window, bias[first+o])
					y[at*images+image] = result
					if mask != nil {
						setMask(mask[MaskBytes(at, images):], image, images, alive, position)
					}
				}
			}
		}
	}
}

// conv2GroupStride is the number of values between frequencies of dm.
func conv2GroupStride(images int) int { return Group*Conv2Tiles*images + conv2Padding }

func conv2OutputGrad(dm, dy []float32, mask []byte, pair, first int) {
	images := len(dy) / Conv2Y
	row0, row1 := Conv2PairRows(pair)
	for o := range Group {
		for tile := range Conv2Tiles {
			for image := range images {
				var rows [2][TileSize]float32
				for j := range TileSize {
					var column [TileSize]float32
					for i := range column {
						at := (first+o)*Pool2Pixels + (tile/2*2+i/2)*Pool2Size + tile%2*2 + j/2
						column[i] = unpool(dy[at*images+image], mask[MaskBytes(at, images):], image, images, i%2*2+j%2)
					}
					transformed := winogradOutputGrad(&column)
					rows[0][j], rows[1][j] = transformed[row0], transformed[row1]
				}
				for r := range rows {
					for j, value := range winogradOutputGrad(&rows[r]) {
						dm[(r*Points+j)*conv2GroupStride(images)+(o*Conv2Tiles+tile)*images+image] = value
					}
				}
			}
		}
	}
}

func conv2InputGradProducts(dv, u, dm []float32, frequencyRow, place, first int) {
	images := len(dv) / Conv2DV
	row := Conv2Tiles * images
	for j := range Points {
		f := frequencyRow*Points + j
		for c := first; c < first+Group; c++ {
			sum := dv[(c*Frequencies+f)*row:][:row]
			clear(sum)
			for o := range Conv2Outputs {
				at := o/Group*Conv2M(images) + (place*Points+j)*conv2GroupStride(images) + o%Group*row
				addScaled(sum, u[(f*Conv2Outputs+o)*Conv2Inputs+c], dm[at:][:row])
			}
		}
	}
}

func conv2InputGradTransform(dx, dv []float32, first int) {
	images := len(dv) / Conv2DV
	for c := first; c < first+Group; c++ {
		for image := range images {
			var columns [2][Pool1Size][Points]float32 // [tile column][y][j]
			for tileColumn := range 2 {
				for j := range Points {
					load := func(tileRow int) (v [Points]float32) {
						for i := range v {
							v[i] = dv[((c*Frequencies+i*Points+j)*Conv2Tiles+2*tileRow+tileColumn)*images+image]
						}
						return v
					}
					upper, lower := load(0), load(1)
					for i, value := range overlapping(&upper, &lower) {
						columns[tileColumn][i][j] = value
					}
				}
			}
			for y := range Pool1Size {
				for x, value := range overlapping(&columns[0][y], &columns[1][y]) {
					dx[(c*Pool1Pixels+y*Pool1Size+x)*images+image] = value
				}
			}
		}
	}
}

// overlapping adds B v of two windows, of which the second begins four later.
func overlapping(first, second *[Points]float32) (d [Pool1Size]float32) {
	a, b := winogradInputGrad(first), winogradInputGrad(second)
	for i := range TileSize {
		d[i] = a[i]
		d[TileSize+i] = a[TileSize+i] + b[i]
		d[2*TileSize+i] = b[TileSize+i]
	}
	return d
}

func conv2WeightGrad(du, dm, v []float32, images, row0, row1, first int) {
	for place, frequencyRow := range [2]int{row0, row1} {
		for j := range Points {
			f := frequencyRow*Points + j
			for o := range Group {
				for c := range Conv2Inputs {
					var sum [Block]float32
					for block := 0; block < images; block += Block {
						width := min(Block, images-block)
						row := Conv2Tiles * width
						a := dm[Conv2M(block)+(place*Points+j)*conv2GroupStride(width)+o*row:][:row]
						b := v[Conv2V(block)+f*(Conv2Inputs*row+conv2Padding)+c*row:][:row]
						for i := 0; i < row; i += Block {
							for l := range sum {
								sum[l] += float32(a[i+l] * b[i+l])
							}
						}
					}
					du[(f*Conv2Outputs+first+o)*Conv2Inputs+c] = addLanes(&sum)
				}
			}
		}
	}
}

func conv2BiasGrad(db, dm []float32, images, first int) {
	for o := range Group {
		var sum [Block]float32
		for block := 0; block < images; block += Block {
			width := min(Block, images-block)
			row := Conv2Tiles * width
			values := dm[Conv2M(block)+conv2GroupStride(width)+o*row:][:row]
			for i := 0; i < row; i += Block {
				for l := range sum {
					sum[l] += values[i+l]
				}
			}
		}
		db[first+o] = addLanes(&sum)
	}
}

func conv2WeightTransform(u, w []float32) { weightTransform(u, w, Conv2Outputs*Conv2Inputs) }

func conv2WeightGradTransform(dw, du []float32) {
	weightGradTransform(dw, du, Conv2Outputs*Conv2Inputs)
}
