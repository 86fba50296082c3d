package lenet

import (
	"github.com/kernelet/kernelet/internal/portable"
	"github.com/kernelet/kernelet/internal/random"
	"github.com/kernelet/kernelet/internal/shape"
)

// Bounds of the random changes, chosen on 10,000 images split off the training
// set.
const (
	augmentShift   = 1.8  // pixels
	augmentTurn    = 0.20 // radians
	augmentScale   = 0.12 // share of the size, each direction by itself
	augmentSlant   = 0.20 // pixels to the side per pixel of height
	augmentElastic = 1.2  // pixels by which a grid point moves
	elasticPoints  = 5    // grid points in a row and in a column
)

// augment writes a copy of an image as another hand, pen or camera might have
// made it: restyled, warped, its stroke's width and its ink changed. All
// randomness comes from key.
func augment(target, image []byte, label int32, key uint64) {
	var styled, warped [shape.ImagePixels]byte
	restyle(styled[:], image, label, random.Key(random.Style, key))
	warp(warped[:], styled[:], key)
	ink(target, warped[:], random.Key(random.Ink, key))
}

// warp writes a shifted, turned, scaled, slanted and bent copy of an image: an
// affine map and a displacement that is interpolated between random vectors on
// a coarse grid, sampled bilinearly. Products are converted before they are
// added: that keeps the compiler from fusing them, so that every machine makes the
// same copy.
func warp(target, image []byte, key uint64) {
	counter := uint64(0)
	within := func(bound float64) float64 {
		counter++
		return float64((float64(2*random.Uniform(key, counter)) - 1) * bound)
	}
	sin, cos := portable.Sincos(within(augmentTurn))
	scaleX, scaleY, slant := 1+within(augmentScale), 1+within(augmentScale), within(augmentSlant)
	shiftX, shiftY := within(augmentShift), within(augmentShift)
	// Each pixel of the target looks up its source.
	a, b := float32(scaleX*cos), float32(scaleX*(slant-sin))
	c, d := float32(scaleY*sin), float32(scaleY*cos)
	var bend [elasticPoints + 1][elasticPoints + 1][2]float32
	for i := range elasticPoints {
		for j := range elasticPoints {
			bend[i][j] = [2]float32{float32(within(augmentElastic)), float32(within(augmentElastic))}
		}
	}
	const (
		size   = shape.ImageSize
		centre = float32(size-1) / 2
		cells  = float32(elasticPoints-1) / (size - 1)
	)
	for y := range size {
		gridY := float32(float32(y) * cells)
		cellY := int(gridY)
		partY := gridY - float32(cellY)
		// The grid's two rows around y, blended.
		var row [elasticPoints + 1][2]float32
		for j := range row {
			for k := range row[j] {
				row[j][k] = bend[cellY][j][k] + float32(partY*(bend[cellY+1][j][k]-bend[cellY][j][k]))
			}
		}
		dy := float32(y) - centre
		for x := range size {
			gridX := float32(float32(x) * cells)
			cellX := int(gridX)
			partX := gridX - float32(cellX)
			dx := float32(x) - centre
			fromX := centre + float32(a*dx) + float32(b*dy) + float32(shiftX) + row[cellX][0] + float32(partX*(row[cellX+1][0]-row[cellX][0]))
			fromY := centre + float32(c*dx) + float32(d*dy) + float32(shiftY) + row[cellX][1] + float32(partX*(row[cellX+1][1]-row[cellX][1]))
			target[y*size+x] = sample(image, fromX, fromY)
		}
	}
}

// sample returns an image's value between pixels; outside it is 0.
func sample(image []byte, x, y float32) byte {
	const size = shape.ImageSize
	if x <= -1 || y <= -1 || x >= size || y >= size {
		return 0
	}
	// Moving by 1 first makes the conversion round down.
	x0, y0 := int(x+1)-1, int(y+1)-1
	partX, partY := x-float32(x0), y-float32(y0)
	at := func(x, y int) float32 {
		if uint(x) >= size || uint(y) >= size {
			return 0
		}
		return float32(image[y*size+x])
	}
	upper := at(x0, y0) + float32(partX*(at(x0+1, y0)-at(x0, y0)))
	lower := at(x0, y0+1) + float32(partX*(at(x0+1, y0+1)-at(x0, y0+1)))
	return byte(upper + float32(partY*(lower-upper)) + 0.5)
}
