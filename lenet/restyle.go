package lenet

import (
	"math"

	"github.com/kernelet/kernelet/internal/portable"
	"github.com/kernelet/kernelet/internal/random"
	"github.com/kernelet/kernelet/internal/shape"
)

// Shares of the images that are restyled. MNIST has few ones with an upstroke
// and few crossed sevens, which most of Europe writes, and no frames.
const (
	europeanOnes  = 0.30
	crossedSevens = 0.20
	leftovers     = 0.10 // ends of a frame or of a line beside the digit
	widened       = 0.45
	thinned       = 0.20
	fainter       = 0.30
)

// draws are the random numbers of one purpose.
type draws struct{ key, counter uint64 }

// between returns a number in [low, high).
func (d *draws) between(low, high float64) float64 {
	d.counter++
	return low + float64((high-low)*random.Uniform(d.key, d.counter))
}

// restyle writes a copy of an image: a one drawn anew with an upstroke, a seven
// with a bar, any digit with a piece of a line near the border, or as it was.
func restyle(target, image []byte, label int32, key uint64) {
	d := &draws{key: key}
	copy(target, image)
	switch chance := d.between(0, 1); {
	case label == 1 && chance < europeanOnes:
		drawOne(target, d)
	case label == 7 && chance < crossedSevens:
		crossSeven(target, d)
	}
	if d.between(0, 1) < leftovers {
		drawLeftover(target, d)
	}
}

type vector struct{ x, y float64 }

// drawOne draws a one of two strokes, and sometimes a foot, centred by its
// strokes' length as MNIST is by its mass.
func drawOne(target []byte, d *draws) {
	clear(target)
	const height = 18.5
	slant := d.between(-3, 4)
	apex := vector{float64(slant / 2), -height / 2}
	base := vector{float64(-slant / 2), height / 2}
	length := d.between(0.2, 0.75) * height
	angle := d.between(20, min(65, 80-45*length/height)) * math.Pi / 180
	sin, cos := portable.Sincos(angle)
	tip := vector{apex.x - float64(length*sin), apex.y + float64(length*cos)}
	bend := d.between(-0.12, 0.12)
	middle := vector{float64((apex.x+tip.x)/2) + float64(bend*(tip.y-apex.y)), float64((apex.y+tip.y)/2) - float64(bend*(tip.x-apex.x))}
	lines := [...][2]vector{{apex, base}, {apex, middle}, {middle, tip}, {base, base}}
	if d.between(0, 1) < 0.3 {
		half := d.between(2, 6)
		lines[3] = [2]vector{{base.x - half, base.y}, {base.x + half, base.y}}
	}
	var total, sumX, sumY float64
	for _, l := range lines {
		weight := math.Sqrt(float64((l[1].x-l[0].x)*(l[1].x-l[0].x)) + float64((l[1].y-l[0].y)*(l[1].y-l[0].y)))
		total += weight
		sumX += float64(weight * (l[0].x + l[1].x) / 2)
		sumY += float64(weight * (l[0].y + l[1].y) / 2)
	}
	const centre = float64(shape.ImageSize) / 2
	radius := d.between(0.5, 1.5)
	for _, l := range lines {
		for i := range l {
			l[i].x += centre - sumX/total
			l[i].y += centre - sumY/total
		}
		drawLine(target, l[0], l[1], radius, 255)
	}
}

// crossSeven draws a bar through the stem of a seven: through its ink in a row
// near the middle.
func crossSeven(target []byte, d *draws) {
	row := int(d.between(12, 17))
	var mass, sum float64
	for x := range shape.ImageSize {
		v := float64(target[row*shape.ImageSize+x])
		mass += v
		sum += float64(v * (float64(x) + 0.5))
	}
	length, rise := d.between(5, 11), d.between(-0.35, 0.2)
	radius := d.between(0.5, 1.4)
	if mass == 0 {
		return
	}
	half := float64(length / 2)
	at := vector{sum/mass + d.between(-1, 1), float64(row) + 0.5}
	drawLine(target, vector{at.x - half, at.y - float64(half*rise)}, vector{at.x + half, at.y + float64(half*rise)}, radius, 255)
}

// drawLeftover draws a piece of a straight line along a side of the image,
// outside of where the digit usually is.
func drawLeftover(target []byte, d *draws) {
	const size = float64(shape.ImageSize)
	from := d.between(-10, size-4)
	to := from + d.between(4, 1.5*size)
	depth, tilt := d.between(-0.5, 2.5), d.between(-1.5, 1.5)
	a, b := vector{from, depth - tilt}, vector{to, depth + tilt}
	side := int(d.between(0, 4))
	for _, p := range []*vector{&a, &b} {
		switch side {
		case 1:
			p.y = size - p.y
		case 2:
			p.x, p.y = p.y, p.x
		case 3:
			p.x, p.y = size-p.y, p.x
		}
	}
	drawLine(target, a, b, d.between(0.3, 1.2), d.between(80, 255))
}

// drawLine draws a line with round ends and an edge of one pixel over what is
// there.
func drawLine(target []byte, from, to vector, radius, value float64) {
	dx, dy := to.x-from.x, to.y-from.y
	length := float64(dx*dx) + float64(dy*dy)
	for i := range target {
		x, y := float64(i%shape.ImageSize)+0.5-from.x, float64(i/shape.ImageSize)+0.5-from.y
		t := 0.0
		if length > 0 {
			t = min(1, max(0, (float64(x*dx)+float64(y*dy))/length))
		}
		ex, ey := x-float64(t*dx), y-float64(t*dy)
		cover := min(1, max(0, radius+0.5-math.Sqrt(float64(ex*ex)+float64(ey*ey))))
		if v := byte(float64(value * cover)); v > target[i] {
			target[i] = v
		}
	}
}

// ink writes a copy of an image with wider, thinner or fainter strokes.
func ink(target, image []byte, key uint64) {
	d := &draws{key: key}
	switch chance := d.between(0, 1); {
	case chance < widened/2:
		widen(target, image, d.between(0, 1), 0)
	case chance < widened:
		widen(target, image, d.between(1, 2), 0)
	case chance < widened+thinned:
		thin(target, image, d.between(0, 0.9))
	default:
		copy(target, image)
	}
	if d.between(0, 1) < fainter {
		share := int(256 * d.between(0.3, 1))
		for i, v := range target {
			target[i] = byte(int(v) * share >> 8)
		}
	}
}

// widen takes the maximum over a disk whose edge is soft, so that any radius
// from 0 to 2 pixels counts. Values are taken as v^invert: 0 widens ink, 255
// background.
func widen(target, image []byte, radius float64, invert byte) {
	type offset struct{ x, y, weight int }
	var disk [25]offset
	n := 0
	for y := -2; y <= 2; y++ {
		for x := -2; x <= 2; x++ {
			distance := math.Sqrt(float64(x*x + y*y))
			if weight := int(256 * min(1, radius+1-distance)); weight > 0 {
				disk[n] = offset{x, y, weight}
				n++
			}
		}
	}
	const size = shape.ImageSize
	for i := range target {
		most := 0
		for _, o := range disk[:n] {
			x, y := i%size+o.x, i/size+o.y
			v := invert // outside is background
			if uint(x) < size && uint(y) < size {
				v = image[y*size+x] ^ invert
			}
			most = max(most, int(v)*o.weight>>8)
		}
		target[i] = byte(most) ^ invert
	}
}

// thin widens the background, unless less than 40 % of the ink would be left:
// what was thin already would break.
func thin(target, image []byte, radius float64) {
	widen(target, image, radius, 255)
	before, after := 0, 0
	for i, v := range image {
		before += int(v)
		after += int(target[i])
	}
	if 5*after < 2*before {
		copy(target, image)
	}
}
