package kernels

// The twins of one image's kernels: the same steps in plain Go.

func singleInput(x []float32, image []byte) {
	for i, value := range image {
		x[i] = normalised(value)
	}
}

func singleConv1ReLUPool(y, x, u, bias []float32) {
	const tilesInRow = Conv1Size / TileSize
	for tile := range Conv1Tiles {
		tileY, tileX := tile/tilesInRow, tile%tilesInRow
		var v, m [Frequencies]float32
		tileInput(v[:], x[TileSize*tileY*ImageSize+TileSize*tileX:], ImageSize, 1, 1)
		for o := range Conv1Row {
			for f := range m {
				m[f] = u[f*Conv1Row+o] * v[f]
			}
			pooledTile(m[:], 1, bias[o], func(row, column int, value float32) {
				y[((2*tileY+row)*Pool1Size+2*tileX+column)*Conv1Row+o] = value
			})
		}
	}
}

func singleConv2InputTransform(v, x []float32) {
	for tile := range Conv2Tiles {
		for c := range Conv1Row {
			tileInput(v[tile*Conv1Row+c:], x[(tile/2*TileSize*Pool1Size+tile%2*TileSize)*Conv1Row+c:],
				Pool1Size*Conv1Row, Conv1Row, Conv2Tiles*Conv1Row)
		}
	}
}

func singleConv2ReLUPool(y, m, u, v, bias []float32) {
	for first := 0; first < Conv2Outputs; first += singleChunk {
		width := min(singleChunk, singleOutputs-first)
		for f := range Frequencies {
			for tile := range Conv2Tiles {
				sum := m[(f*Conv2Tiles+tile)*width:][:width]
				clear(sum)
				for c := range Conv2Inputs {
					addScaled(sum, v[(f*Conv2Tiles+tile)*Conv1Row+c], u[singleU2(f, c, first):][:width])
				}
			}
		}
		for o := first; o < min(first+width, Conv2Outputs); o++ {
			for tile := range Conv2Tiles {
				pooledTile(m[tile*width+o-first:], Conv2Tiles*width, bias[o], func(row, column int, value float32) {
					y[o*Pool2Pixels+(tile/2*2+row)*Pool2Size+tile%2*2+column] = value
				})
			}
		}
	}
}

func singleFC1ReLU(h, x, w, bias, values []float32, places []int32, _ bool) {
	copy(h, bias)
	live := singleLive(values, places, x)
	for chunk := range SingleH / singleFC1 {
		sums := h[chunk*singleFC1:][:singleFC1]
		for n, place := range places[:live] {
			addScaled(sums, values[n], w[(chunk*FC1Inputs+int(place))*singleFC1:][:singleFC1])
		}
	}
	for i, sum := range h {
		if sum < 0 {
			h[i] = 0
		}
	}
}

func singleFC2(logits, x, w, bias, values []float32, places []int32) {
	copy(logits, bias)
	for n, place := range places[:singleLive(values, places, x)] {
		addScaled(logits, values[n], w[int(place)*SingleLogits:][:SingleLogits])
	}
}

// singleLive lists the values of x that are not zero and their places, and
// returns their number.
func singleLive(values []float32, places []int32, x []float32) int {
	n := 0
	for i, value := range x {
		if value != 0 {
			values[n], places[n] = value, int32(i)
			n++
		}
	}
	return n
}

// pooledTile hands out the four pooled values of a tile whose products begin at
// m, frequency values apart.
func pooledTile(m []float32, frequency int, bias float32, put func(row, column int, value float32)) {
	values := tileOutput(m, frequency)
	for p := range 4 {
		i, j := p/2*2, p%2*2
		value, _, _ := poolReLU(&[4]float32{values[i][j], values[i][j+1], values[i+1][j], values[i+1][j+1]}, bias)
		put(p/2, p%2, value)
	}
}
