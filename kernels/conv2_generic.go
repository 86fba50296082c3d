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
					y[at*images+image], _, _ = poolReLU(&window, bias[first+o])
				}
			}
		}
	}
}

func conv2WeightTransform(u, w []float32) {
	weightTransform(u, w, shape.Conv2Outputs*shape.Conv2Inputs)
}
