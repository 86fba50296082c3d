package kernels

import "github.com/kernelet/kernelet/internal/shape"

// The twins of conv1's kernels: the same steps in plain Go.

func conv1ForwardReLUPool(y, x, u, bias []float32) { conv1Forward(y, nil, x, u, bias) }

func conv1ForwardReLUPoolMask(y []float32, mask []byte, x, u, bias []float32) {
	conv1Forward(y, mask, x, u, bias)
}

func conv1WeightTransform(u, w []float32) { weightTransform(u, w, shape.Conv1Row) }

func conv1Forward(y []float32, mask []byte, x, u, bias []float32) {
	images := len(y) / shape.Conv1Y
	const tilesInRow = shape.Conv1Size / shape.TileSize
	var v, m [shape.Frequencies]float32
	for tile := range shape.Conv1Tiles {
		tileY, tileX := tile/tilesInRow, tile%tilesInRow
		for image := range images {
			tileInput(v[:], x[(shape.TileSize*tileY*shape.ImageSize+shape.TileSize*tileX)*images+image:], shape.ImageSize*images, images, 1)
			for o := range shape.Conv1Outputs {
				for f := range m {
					m[f] = u[f*shape.Conv1Row+o] * v[f]
				}
				values := tileOutput(m[:], 1)
				for p := range 4 {
					i, j := p/2*2, p%2*2
					window := [4]float32{values[i][j], values[i][j+1], values[i+1][j], values[i+1][j+1]}
					at := o*shape.Pool1Pixels + (tileY*2+p/2)*shape.Pool1Size + tileX*2 + p%2
					result, alive, position := poolReLU(&window, bias[o])
					y[at*images+image] = result
					if mask != nil {
						setMask(mask[shape.MaskBytes(at, images):], image, images, alive, position)
					}
				}
			}
		}
	}
}

func conv1WeightGrad(dw, x, dy []float32, mask []byte, first int) {
	images := len(dy) / shape.Conv1Y
	for o := first; o < first+shape.Conv1GradGroup; o++ {
		var sums [shape.Taps + 1][shape.Block]float32
		for at := range shape.Pool1Pixels {
			windowMask := mask[shape.MaskBytes(o*shape.Pool1Pixels+at, images):]
			for image := range images {
				// A window whose ReLU is off adds zeros.
				alive, position := chosen(windowMask, image, images)
				gradient := float32(0)
				if alive {
					gradient = dy[(o*shape.Pool1Pixels+at)*images+image]
				}
				corner := (2*(at/shape.Pool1Size)+position/2)*shape.ImageSize + 2*(at%shape.Pool1Size) + position%2
				for tap := range shape.Taps {
					sums[tap][image] += float32(gradient * x[(corner+tap/shape.FilterSize*shape.ImageSize+tap%shape.FilterSize)*images+image])
				}
				sums[shape.Taps][image] += gradient
			}
		}
		for tap := range sums {
			dw[tap*shape.Conv1Row+o] = addLanes(&sums[tap])
		}
	}
}
