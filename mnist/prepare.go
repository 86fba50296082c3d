package mnist

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
)

// ErrBlank is wrapped by Prepare's error for an image without a digit.
var ErrBlank = errors.New("no ink found")

// workSize is the longer side, in pixels, at which Prepare looks for ink.
const workSize = 280

// Prepare brings a picture of one digit, of any size, dark on light or light
// on dark, to MNIST's form: the digit in a box of 20×20, its centre of mass in
// the middle of 28×28, 0 for background and 255 for ink. Uneven light is
// evened out and what is transparent counts as white.
//
// Errors wrap ErrImage for a picture without pixels or of more than 25
// megapixels, ErrBlank for one without a digit. Besides the picture a call
// needs a few megabytes, whatever the picture's size.
func Prepare(picture image.Image) ([ImageBytes]byte, error) {
	var prepared [ImageBytes]byte
	bounds := picture.Bounds()
	if bounds.Empty() {
		return prepared, fmt.Errorf("%w: expected at least one pixel, got %v", ErrImage, bounds)
	}
	// A difference of two ints always fits 64 bits without a sign.
	width, height := uint64(bounds.Max.X)-uint64(bounds.Min.X), uint64(bounds.Max.Y)-uint64(bounds.Min.Y)
	if err := checkPixels(width, height); err != nil {
		return prepared, err
	}
	ink := luminance(picture).ink()
	box, ok := ink.box()
	if !ok {
		return prepared, fmt.Errorf("%w in the image of %d×%d", ErrBlank, bounds.Dx(), bounds.Dy())
	}
	// The digit's longer side becomes 20 pixels; its centre of mass goes to the middle.
	pixel := float64(max(box.Dx(), box.Dy())) / 20
	var mass, massX, massY float64
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			v := ink.at(x, y)
			mass, massX, massY = mass+v, massX+v*(float64(x)+.5), massY+v*(float64(y)+.5)
		}
	}
	left, top := massX/mass-Columns/2*pixel, massY/mass-Rows/2*pixel
	for row := range Rows {
		for column := range Columns {
			v := ink.area(left+float64(column)*pixel, top+float64(row)*pixel, pixel)
			prepared[row*Columns+column] = byte(math.Round(255 * min(1, v)))
		}
	}
	return prepared, nil
}

// plane is an image of one value, 0 to 1, per pixel.
type plane struct {
	width, height int
	values        []float64
}

func newPlane(width, height int) plane {
	return plane{width, height, make([]float64, width*height)}
}

func (p plane) at(x, y int) float64 {
	if x < 0 || y < 0 || x >= p.width || y >= p.height {
		return 0
	}
	return p.values[y*p.width+x]
}

// luminance returns an image's brightness (Rec. 601) over white, averaged over
// squares of pixels, so that the longer side has at most workSize of them.
func luminance(picture image.Image) plane {
	bounds := picture.Bounds()
	factor := (max(bounds.Dx(), bounds.Dy()) + workSize - 1) / workSize
	p := newPlane((bounds.Dx()+factor-1)/factor, (bounds.Dy()+factor-1)/factor)
	counts := make([]float64, len(p.values))
	at := pixels(picture)
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			c := at(bounds.Min.X+x, bounds.Min.Y+y)
			v := (0.299*float64(c.R) + 0.587*float64(c.G) + 0.114*float64(c.B) + float64(0xffff-c.A)) / 0xffff
			// A picture may hold colours above their alpha, which are none.
			p.values[y/factor*p.width+x/factor] += min(1, v)
			counts[y/factor*p.width+x/factor]++
		}
	}
	for i, n := range counts {
		p.values[i] /= n
	}
	return p
}

// pixels returns picture's pixels as a function that allocates nothing for the
// standard library's images.
func pixels(picture image.Image) func(x, y int) color.RGBA64 {
	if direct, ok := picture.(image.RGBA64Image); ok {
		return direct.RGBA64At
	}
	return func(x, y int) color.RGBA64 {
		return color.RGBA64Model.Convert(picture.At(x, y)).(color.RGBA64)
	}
}

// smallestContrast between ink and background, of the range from black to
// white; less is taken for noise.
const smallestContrast = 0.08

// ink returns how much every pixel differs from the background, 0 to 1, in
// the direction of the ink. The background is the brightness averaged over a
// wide window of those pixels that are near what the border looks like.
func (p plane) ink() plane {
	light := p.lightInk()
	result := newPlane(p.width, p.height)
	background := p.background(light)
	strongest := 0.0
	for i, v := range p.values {
		d := background.values[i] - v
		if light {
			d = -d
		}
		result.values[i] = max(0, d)
		strongest = max(strongest, d)
	}
	if strongest < smallestContrast {
		clear(result.values)
		return result
	}
	threshold := result.threshold()
	// From paper's grain to full ink: half the threshold is still background.
	low, high := threshold*.5, max(threshold*1.5, strongest*.7)
	for i, d := range result.values {
		result.values[i] = min(1, max(0, (d-low)/(high-low)))
	}
	return result
}

// lightInk reports whether the digit is lighter than what surrounds it: whether
// the pixels far from the border's brightness lie above it.
func (p plane) lightInk() bool {
	border := p.borderMedian()
	var above, below float64
	for _, v := range p.values {
		if d := v - border; d > 0 {
			above += d * d
		} else {
			below += d * d
		}
	}
	return above > below
}

func (p plane) borderMedian() float64 {
	var histogram [256]int
	n := 0
	for y := range p.height {
		for x := range p.width {
			if x == 0 || y == 0 || x == p.width-1 || y == p.height-1 {
				histogram[int(p.values[y*p.width+x]*255)]++
				n++
			}
		}
	}
	seen := 0
	for i, count := range histogram {
		if seen += count; 2*seen >= n {
			return float64(i) / 255
		}
	}
	return 1
}

// background estimates the paper's brightness at every pixel: the mean of the
// window around it, first of all pixels, then twice of those that are not ink
// by the estimate so far.
func (p plane) background(light bool) plane {
	radius := max(p.width, p.height) / 4
	weights := newPlane(p.width, p.height)
	for i := range weights.values {
		weights.values[i] = 1
	}
	estimate := p.windowMean(weights, radius)
	for range 2 {
		for i, v := range p.values {
			d := estimate.values[i] - v
			if light {
				d = -d
			}
			weights.values[i] = 1
			if d > 0.02 {
				weights.values[i] = 1e-6
			}
		}
		estimate = p.windowMean(weights, radius)
	}
	return estimate
}

// windowMean returns the weighted mean over squares of 2·radius+1 pixels, by
// sums over rectangles.
func (p plane) windowMean(weights plane, radius int) plane {
	w, h := p.width, p.height
	sums, masses := make([]float64, (w+1)*(h+1)), make([]float64, (w+1)*(h+1))
	for y := range h {
		for x := range w {
			weight := weights.values[y*w+x]
			at := (y+1)*(w+1) + x + 1
			sums[at] = weight*p.values[y*w+x] + sums[at-1] + sums[at-w-1] - sums[at-w-2]
			masses[at] = weight + masses[at-1] + masses[at-w-1] - masses[at-w-2]
		}
	}
	result := newPlane(w, h)
	for y := range h {
		for x := range w {
			x0, y0, x1, y1 := max(0, x-radius), max(0, y-radius), min(w, x+radius+1), min(h, y+radius+1)
			rectangle := func(table []float64) float64 {
				return table[y1*(w+1)+x1] - table[y0*(w+1)+x1] - table[y1*(w+1)+x0] + table[y0*(w+1)+x0]
			}
			result.values[y*w+x] = rectangle(sums) / rectangle(masses)
		}
	}
	return result
}

// threshold separates ink from background where the variance between the two
// groups is largest (Otsu, "A Threshold Selection Method from Gray-Level
// Histograms", 1979).
func (p plane) threshold() float64 {
	var histogram [256]float64
	total, sum := float64(len(p.values)), 0.0
	for _, v := range p.values {
		level := int(min(1, v) * 255)
		histogram[level]++
		sum += float64(level)
	}
	var below, sumBelow, best float64
	threshold := 0
	for level, count := range histogram {
		below += count
		sumBelow += float64(level) * count
		if below == 0 || below == total {
			continue
		}
		difference := sumBelow/below - (sum-sumBelow)/(total-below)
		if variance := below * (total - below) * difference * difference; variance > best {
			best, threshold = variance, level
		}
	}
	return (float64(threshold) + .5) / 255
}

// box returns the smallest rectangle around the ink, ignoring specks: rows and
// columns whose ink is less than a thousandth of all.
func (p plane) box() (image.Rectangle, bool) {
	rows, columns := make([]float64, p.height), make([]float64, p.width)
	total := 0.0
	for y := range p.height {
		for x := range p.width {
			v := p.values[y*p.width+x]
			rows[y] += v
			columns[x] += v
			total += v
		}
	}
	if total < 1 {
		return image.Rectangle{}, false
	}
	span := func(sums []float64) (first, last int) {
		first, last = -1, -1
		for i, s := range sums {
			if s > total/1000 {
				if first < 0 {
					first = i
				}
				last = i + 1
			}
		}
		return first, last
	}
	x0, x1 := span(columns)
	y0, y1 := span(rows)
	return image.Rect(x0, y0, x1, y1), x0 >= 0 && y0 >= 0
}

// area returns the mean over the square whose corner is (x, y), pixels counted
// by the share that lies in it.
func (p plane) area(x, y, size float64) float64 {
	sum := 0.0
	for row := int(math.Floor(y)); float64(row) < y+size; row++ {
		shareY := min(y+size, float64(row+1)) - max(y, float64(row))
		for column := int(math.Floor(x)); float64(column) < x+size; column++ {
			shareX := min(x+size, float64(column+1)) - max(x, float64(column))
			sum += shareX * shareY * p.at(column, row)
		}
	}
	return sum / (size * size)
}
