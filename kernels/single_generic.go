package kernels

import "github.com/kernelet/kernelet/internal/shape"

// The twins of one image's kernels: the same steps in plain Go.

func singleInput(x []float32, image []byte) {
	for i, value := range image {
		x[i] = normalised(value)
	}
}

func singleConv1ReLUPool(y, x, u, bias []float32) {
	const tilesInRow = shape.Conv1Size / shape.TileSize
	for tile := range shape.Conv1Tiles {
		tileY, tileX := tile/tilesInRow, tile%tilesInRow
		var v, m [shape.Frequencies]float32
		tileInput(v[:], x[shape.TileSize*tileY*shape.ImageSize+shape.TileSize*tileX:], shape.ImageSize, 1, 1)
		for o := range shape.Conv1Row {
			for f := range m {
				m[f] = u[f*shape.Conv1Row+o] * v[f]
			}
			pooledTile(m[:], 1, bias[o], func(row, column int, value float32) {
				y[((2*tileY+row)*shape.Pool1Size+2*tileX+column)*shape.Conv1Row+o] = value
			})
		}
	}
}

func singleConv2InputTransform(v, x []float32) {
	for tile := range shape.Conv2Tiles {
		for c := range shape.Conv1Row {
			tileInput(v[tile*shape.Conv1Row+c:], x[(tile/2*shape.TileSize*shape.Pool1Size+tile%2*shape.TileSize)*shape.Conv1Row+c:],
				shape.Pool1Size*shape.Conv1Row, shape.Conv1Row, shape.Conv2Tiles*shape.Conv1Row)
		}
	}
}

func singleConv2ReLUPool(y, m, u, v, bias []float32) {
	for first := 0; first < shape.Conv2Outputs; first += shape.SingleConv2Chunk {
		width := min(shape.SingleConv2Chunk, shape.SingleConv2Outputs-first)
		for f := range shape.Frequencies {
			for tile := range shape.Conv2Tiles {
				sum := m[(f*shape.Conv2Tiles+tile)*width:][:width]
				clear(sum)
				for c := range shape.Conv2Inputs {
					addScaled(sum, v[(f*shape.Conv2Tiles+tile)*shape.Conv1Row+c], u[singleConv2U(f, c, first):][:width])
				}
			}
		}
		for o := first; o < min(first+width, shape.Conv2Outputs); o++ {
			for tile := range shape.Conv2Tiles {
				pooledTile(m[tile*width+o-first:], shape.Conv2Tiles*width, bias[o], func(row, column int, value float32) {
					y[o*shape.Pool2Pixels+(tile/2*2+row)*shape.Pool2Size+tile%2*2+column] = value
				})
			}
		}
	}
}

func singleFC1ReLU(h, x, w, bias, values []float32, indices []int32, _ bool) {
	copy(h, bias)
	live := singleLive(values, indices, x)
	for chunk := range shape.SingleFC1Y / shape.SingleFC1Chunk {
		sums := h[chunk*shape.SingleFC1Chunk:][:shape.SingleFC1Chunk]
		for n, place := range indices[:live] {
			addScaled(sums, values[n], w[(chunk*shape.FC1Inputs+int(place))*shape.SingleFC1Chunk:][:shape.SingleFC1Chunk])
		}
	}
	for i, sum := range h {
		if sum < 0 {
			h[i] = 0
		}
	}
}

func singleFC2(logits, x, w, bias, values []float32, indices []int32) {
	copy(logits, bias)
	for n, place := range indices[:singleLive(values, indices, x)] {
		addScaled(logits, values[n], w[int(place)*shape.SingleLogits:][:shape.SingleLogits])
	}
}

// singleLive lists the values of x that are not zero and their indices, and
// returns their number.
func singleLive(values []float32, indices []int32, x []float32) int {
	n := 0
	for i, value := range x {
		if value != 0 {
			values[n], indices[n] = value, int32(i)
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
