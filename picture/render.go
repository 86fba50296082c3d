package picture

import (
	"image"
	"math"
)

// The prepared image is made on a grid three times as fine.
const (
	side  = 28 // rows and columns of a prepared image
	digit = 20 // the longer side of a digit in it
	fine  = 3
	large = side * fine
)

// Stroke widths, in pixels of the prepared image, outside of which strokes are
// changed. MNIST's test images: 1 % below 1.3, median 2.3, 99 % below 4.3.
const (
	thinnest = 2.0
	thickest = 5.0
)

// renderer draws a digit into 28×28.
type renderer struct {
	rows        []float32 // of the box, resampled to columns of the fine grid
	grid, other [large * large]uint8
	taps        []tap
	stroke      float64 // width that came out, before it was changed
}

// tap is the part of a source pixel in a target pixel.
type tap struct {
	target, source int
	share          float32
}

// spans lists the taps of size target pixels whose edges are from+i·step in
// pixels of a source of n.
func (r *renderer) spans(size, n int, from, step float64) []tap {
	r.taps = r.taps[:0]
	for i := range size {
		a, b := from+float64(i)*step, from+float64(i+1)*step
		for s := max(0, int(math.Floor(a))); s < n && float64(s) < b; s++ {
			if share := min(b, float64(s+1)) - max(a, float64(s)); share > 0 {
				r.taps = append(r.taps, tap{i, s, float32(share / step)})
			}
		}
	}
	return r.taps
}

// render draws the ink inside of box so that its longer side is 20 pixels and
// its centre of mass is in the middle. Levels are stretched from low to high.
func (r *renderer) render(target *[side * side]uint8, ink *plane, box image.Rectangle, low, high int) {
	size := max(box.Dx(), box.Dy())
	r.draw(ink, box, low, high, float64(size)/digit)
	r.stroke = r.strokeWidth()
	if r.stroke < thinnest {
		// Less room for the box, by what the stroke will grow at either end.
		grow := (thinnest - r.stroke) / 2
		r.draw(ink, box, low, high, float64(size)/(digit-2*grow))
		r.dilate(grow * fine)
	} else if r.stroke > thickest {
		r.invert()
		r.dilate((r.stroke - thickest) / 2 * fine)
		r.invert()
	}
	r.centre(target)
	gain(target)
}

// draw resamples the box to the fine grid, where a pixel of the prepared image
// is scale pixels of ink, the box in the middle.
func (r *renderer) draw(ink *plane, box image.Rectangle, low, high int, scale float64) {
	step := scale / fine
	columns, rows := min(large, int(math.Ceil(float64(box.Dx())/step-1e-6))), min(large, int(math.Ceil(float64(box.Dy())/step-1e-6)))
	r.rows = grow(r.rows, columns*box.Dy())
	clear(r.rows)
	var level [256]float32
	for v := range level {
		level[v] = 255 * min(1, max(0, float32(v-low)/float32(max(1, high-low))))
	}
	spans := r.spans(columns, box.Dx(), 0, step)
	for y := range box.Dy() {
		source := ink.values[(box.Min.Y+y)*ink.width+box.Min.X:][:box.Dx()]
		line := r.rows[y*columns:][:columns]
		for _, t := range spans {
			line[t.target] += t.share * level[source[t.source]]
		}
	}
	clear(r.grid[:])
	left, top := (large-columns)/2, (large-rows)/2
	var sums [large]float32
	last := -1
	flush := func() {
		if last >= 0 {
			for x, v := range sums[:columns] {
				r.grid[(top+last)*large+left+x] = uint8(min(255, v+0.5))
			}
			clear(sums[:])
		}
	}
	for _, t := range r.spans(rows, box.Dy(), 0, step) {
		if t.target != last {
			flush()
			last = t.target
		}
		for x, v := range r.rows[t.source*columns:][:columns] {
			sums[x] += t.share * v
		}
	}
	flush()
}

// strokeWidth estimates the width of the strokes, in pixels of the prepared
// image: twice the area over the perimeter, as of a long band. Counted along
// rows and columns, the perimeter is 4/π too long in the mean over directions.
func (r *renderer) strokeWidth() float64 {
	counts := (&plane{large, large, r.grid[:]}).histogram()
	middle := max(1, percentile(&counts, 16, 0.85)/2)
	area, edges := 0, 0
	for y := 1; y < large-1; y++ {
		for x := 1; x < large-1; x++ {
			at := y*large + x
			inside := int(r.grid[at]) > middle
			if inside {
				area++
			}
			if inside != (int(r.grid[at+1]) > middle) {
				edges++
			}
			if inside != (int(r.grid[at+large]) > middle) {
				edges++
			}
		}
	}
	if edges == 0 {
		return 0
	}
	return 2 * float64(area) / (float64(edges) * math.Pi / 4) / fine
}

func (r *renderer) invert() {
	for i := range r.grid {
		r.grid[i] = 255 - r.grid[i]
	}
}

// dilate takes the maximum over a disk with a soft edge.
func (r *renderer) dilate(radius float64) {
	type offset struct{ at, x, weight int }
	var disk [121]offset
	n := 0
	radius = min(radius, 4.5)
	reach := int(math.Ceil(radius))
	for y := -reach; y <= reach; y++ {
		for x := -reach; x <= reach; x++ {
			if weight := int(256 * min(1, radius+1-math.Hypot(float64(x), float64(y)))); weight > 0 && n < len(disk) {
				disk[n] = offset{y*large + x, x, weight}
				n++
			}
		}
	}
	copy(r.other[:], r.grid[:])
	for at, v := range r.other {
		if v == 0 {
			continue
		}
		for _, o := range disk[:n] {
			to := at + o.at
			if to < 0 || to >= len(r.grid) {
				continue
			}
			if w := uint8(int(v) * o.weight >> 8); w > r.grid[to] {
				r.grid[to] = w
			}
		}
	}
}

// centre averages the fine grid to 28×28, its centre of mass in the middle.
func (r *renderer) centre(target *[side * side]uint8) {
	var mass, sumX, sumY int
	for y := range large {
		for x, v := range r.grid[y*large:][:large] {
			mass += int(v)
			sumX += int(v) * x
			sumY += int(v) * y
		}
	}
	if mass == 0 {
		clear(target[:])
		return
	}
	const middle = (large - 1) / 2.0
	shiftX := int(math.Round(middle - float64(sumX)/float64(mass)))
	shiftY := int(math.Round(middle - float64(sumY)/float64(mass)))
	for row := range side {
		for column := range side {
			sum := 0
			for y := row*fine - shiftY; y < (row+1)*fine-shiftY; y++ {
				if y < 0 || y >= large {
					continue
				}
				for x := column*fine - shiftX; x < (column+1)*fine-shiftX; x++ {
					if x >= 0 && x < large {
						sum += int(r.grid[y*large+x])
					}
				}
			}
			target[row*side+column] = uint8((sum + fine*fine/2) / (fine * fine))
		}
	}
}

// gain makes the 85th percentile of the ink full ink.
func gain(image *[side * side]uint8) {
	counts := (&plane{side, side, image[:]}).histogram()
	most := percentile(&counts, 16, 0.85)
	for i, v := range image {
		image[i] = uint8(min(255, int(v)*255/max(1, most)))
	}
}
