package picture

import "image"

// ruler finds and erases straight lines that are nearly horizontal or vertical
// and longer than a stroke of a digit: frames, rules, grids, axes.
type ruler struct {
	across, down          rulings
	turned, erased, marks plane
	count                 int // lines erased
	levels                []uint8
}

// Shares of the picture's width, for horizontal lines, or height. Up to 5° of
// slope a line stays within three rows for a fifth of 160 pixels.
const (
	pieceShare = 0.2
	lineShare  = 0.6
)

// erase removes lines from ink, whose pixels above floor count, and marks in
// r.erased where they were. It reports whether there were any. Both ends of a
// line lie near a side of the picture or near a line that crosses.
func (r *ruler) erase(ink *plane, floor uint8) bool {
	transpose(&r.turned, ink)
	r.across.find(ink, floor)
	r.down.find(&r.turned, floor)
	if len(r.across.lines)+len(r.down.lines) == 0 {
		return false
	}
	r.erased.resize(ink.width, ink.height)
	clear(r.erased.values)
	r.count = 0
	for i := range r.across.lines {
		if r.ends(r.across.lines[i], r.down.lines, ink.width) {
			r.across.erase(r.across.lines[i], ink, &r.erased, floor)
			r.count++
		}
	}
	// Vertical lines are horizontal ones of the transposed picture.
	transpose(&r.turned, ink)
	transpose(&r.marks, &r.erased)
	for i := range r.down.lines {
		if r.ends(r.down.lines[i], r.across.lines, ink.height) {
			r.down.erase(r.down.lines[i], &r.turned, &r.marks, floor)
			r.count++
		}
	}
	transpose(ink, &r.turned)
	transpose(&r.erased, &r.marks)
	return r.count > 0
}

// ends reports whether both ends of a horizontal line are near a side of the
// picture or near one of the lines that cross, whose boxes are transposed.
func (r *ruler) ends(l line, crossing []line, width int) bool {
	near := max(2, width/32)
	end := func(x int) bool {
		if x <= near || x >= width-near {
			return true
		}
		for _, c := range crossing {
			if x >= c.box.Min.Y-near && x <= c.box.Max.Y+near && l.box.Max.Y >= c.box.Min.X-near && l.box.Min.Y <= c.box.Max.X+near {
				return true
			}
		}
		return false
	}
	return end(l.box.Min.X) && end(l.box.Max.X)
}

func transpose(target, source *plane) {
	target.resize(source.height, source.width)
	for y := range source.height {
		row := source.values[y*source.width:][:source.width]
		for x, v := range row {
			target.values[x*source.height+y] = v
		}
	}
}

// line is a nearly horizontal line.
type line struct {
	box       image.Rectangle
	label     int32 // of its pixels
	thickness int
}

// rulings are the nearly horizontal lines of a plane.
type rulings struct {
	mask  plane
	parts components
	lines []line
}

// find lists the lines.
func (r *rulings) find(ink *plane, floor uint8) {
	w, h := ink.width, ink.height
	r.mask.resize(w, h)
	clear(r.mask.values)
	r.lines = r.lines[:0]
	piece := max(10, int(pieceShare*float64(w)))
	shortest := int(lineShare * float64(w))
	any := false
	for y := range h {
		above, row, below := ink.values[max(0, y-1)*w:][:w], ink.values[y*w:][:w], ink.values[min(h-1, y+1)*w:][:w]
		start := -1
		for x := 0; x <= w; x++ {
			if x < w && (row[x] > floor || above[x] > floor || below[x] > floor) {
				if start < 0 {
					start = x
				}
				continue
			}
			if start >= 0 && x-start >= piece {
				any = true
				for i := start; i < x; i++ {
					if row[i] > floor {
						r.mask.values[y*w+i] = 255
					}
				}
			}
			start = -1
		}
	}
	if !any {
		return
	}
	r.parts.find(&r.mask, 0)
	for i := range r.parts.list {
		c := &r.parts.list[i]
		if c.box.Dx() < shortest || c.box.Dy() > max(5, w/8) {
			continue
		}
		if thickness := (c.pixels + c.box.Dx() - 1) / c.box.Dx(); thickness <= max(3, w/16) {
			r.lines = append(r.lines, line{c.box, int32(i + 1), thickness})
		}
	}
}

// erase erases a line that find listed.
func (r *rulings) erase(l line, ink, erased *plane, floor uint8) {
	for y := l.box.Min.Y; y < l.box.Max.Y; y++ {
		for x := l.box.Min.X; x < l.box.Max.X; x++ {
			if r.parts.labels[y*ink.width+x] == l.label {
				eraseAcross(ink, erased, x, y, floor, l.thickness)
			}
		}
	}
}

// eraseAcross erases the vertical run of ink through a pixel with its soft
// ends, unless a stroke crosses the line there and makes the run longer than
// the line is thick.
func eraseAcross(ink, erased *plane, x, y int, floor uint8, thickness int) {
	w := ink.width
	top, bottom := y, y
	for top > 0 && ink.values[(top-1)*w+x] > floor {
		top--
	}
	for bottom+1 < ink.height && ink.values[(bottom+1)*w+x] > floor {
		bottom++
	}
	if bottom-top+1 > thickness+max(2, thickness) {
		return
	}
	for i := max(0, top-1); i <= min(ink.height-1, bottom+1); i++ {
		ink.values[i*w+x] = 0
		erased.values[i*w+x] = 255
	}
}

// flatten subtracts from every row and column what most of it has: the lines
// of squared paper, faint ones and their soft edges too, where they run along
// the pixels. It returns the number of lines.
func (r *ruler) flatten(ink *plane, floor uint8) int {
	r.erased.resize(ink.width, ink.height)
	clear(r.erased.values)
	count := r.flattenRows(ink, floor)
	transpose(&r.turned, ink)
	count += r.flattenRows(&r.turned, floor)
	transpose(ink, &r.turned)
	r.count = count
	return count
}

func (r *ruler) flattenRows(ink *plane, floor uint8) int {
	count := 0
	levels := grow(r.levels, ink.height)
	r.levels = levels
	for y := range ink.height {
		var histogram [256]int
		for _, v := range ink.values[y*ink.width:][:ink.width] {
			histogram[v]++
		}
		levels[y] = uint8(percentile(&histogram, -1, 0.25))
	}
	thickest := max(4, ink.height/12)
	for y := 0; y < ink.height; y++ {
		end, strongest := y, uint8(0)
		for end < ink.height && levels[end] > 4 {
			strongest = max(strongest, levels[end])
			end++
		}
		if end-y > 0 && end-y <= thickest && strongest > floor/2 {
			count++
			for ; y < end; y++ {
				row := ink.values[y*ink.width:][:ink.width]
				for x, v := range row {
					// A line's darkness varies; half as much again is still line.
					row[x] = v - min(v, levels[y]+levels[y]/2)
				}
			}
		}
		y = max(y, end)
	}
	return count
}
