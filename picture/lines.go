package picture

import (
	"image"
	"math/bits"
)

// ruler finds and erases straight lines that are nearly horizontal or vertical
// and longer than a stroke of a digit: frames, rules, grids, axes.
type ruler struct {
	across, down rulings
	erased       plane
	count        int // lines erased
	levels       []uint8
}

// direction says where a plane's values lie for lines along its rows or, with
// width and height exchanged, along its columns.
type direction struct {
	length, lines int // of a line in pixels, and how many there are beside each other
	along, across int // from a value to the next of its line, and of the next line
}

func (p *plane) rows() direction    { return direction{p.width, p.height, 1, p.width} }
func (p *plane) columns() direction { return direction{p.height, p.width, p.width, 1} }

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
	r.across.dark.fill(ink, floor)
	r.down.dark.transpose(&r.across.dark)
	r.across.find()
	r.down.find()
	if len(r.across.lines)+len(r.down.lines) == 0 {
		return false
	}
	r.erased.resize(ink.width, ink.height)
	clear(r.erased.values)
	r.count = 0
	for _, l := range r.across.lines {
		if r.ends(l, r.down.lines, ink.width) {
			r.across.erase(l, ink.rows(), ink, &r.erased, floor)
			r.count++
		}
	}
	for _, l := range r.down.lines {
		if r.ends(l, r.across.lines, ink.height) {
			r.down.erase(l, ink.columns(), ink, &r.erased, floor)
			r.count++
		}
	}
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

// line is a nearly horizontal line.
type line struct {
	box       image.Rectangle
	label     int32 // of its pixels
	thickness int
}

// rulings are the nearly horizontal lines of a plane, or of its columns.
type rulings struct {
	dark, long bitmap   // what is above the floor, and what of it lies in long pieces
	joined     []uint64 // a row with those beside it
	parts      components
	lines      []line
}

// find lists the lines.
func (r *rulings) find() {
	r.lines = r.lines[:0]
	w, h := r.dark.width, r.dark.height
	piece := max(10, int(pieceShare*float64(w)))
	shortest := int(lineShare * float64(w))
	r.long.width, r.long.height, r.long.words = w, h, r.dark.words
	r.long.rows = grow(r.long.rows, len(r.dark.rows))
	r.joined = grow(r.joined, r.dark.words)
	found := false
	for y := range h {
		above, row, below := r.dark.row(max(0, y-1)), r.dark.row(y), r.dark.row(min(h-1, y+1))
		n := 0
		for i, v := range row {
			r.joined[i] = v | above[i] | below[i]
			n += bits.OnesCount64(r.joined[i])
		}
		long := r.long.row(y)
		clear(long)
		if n < piece {
			continue
		}
		for start, end := nextRun(r.joined, 0, w); start < w; start, end = nextRun(r.joined, end, w) {
			if end-start >= piece {
				found = true
				setBits(long, start, end)
			}
		}
		for i := range long {
			long[i] &= row[i]
		}
	}
	if !found {
		return
	}
	r.parts.connect(&r.long)
	r.parts.measure(w, h, nil)
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

// erase erases a line that find listed, which lies in ink in direction d.
func (r *rulings) erase(l line, d direction, ink, erased *plane, floor uint8) {
	for y := l.box.Min.Y; y < l.box.Max.Y; y++ {
		for x := l.box.Min.X; x < l.box.Max.X; x++ {
			if r.parts.labels[y*d.length+x] == l.label {
				d.eraseAcross(ink, erased, x, y, floor, l.thickness)
			}
		}
	}
}

// eraseAcross erases the run of ink across a line at one of its pixels, with
// its soft ends, unless a stroke crosses the line there and makes the run longer
// than the line is thick.
func (d direction) eraseAcross(ink, erased *plane, x, y int, floor uint8, thickness int) {
	first := x * d.along
	top, bottom := y, y
	for top > 0 && ink.values[first+(top-1)*d.across] > floor {
		top--
	}
	for bottom+1 < d.lines && ink.values[first+(bottom+1)*d.across] > floor {
		bottom++
	}
	if bottom-top+1 > thickness+max(2, thickness) {
		return
	}
	for i := max(0, top-1); i <= min(d.lines-1, bottom+1); i++ {
		ink.values[first+i*d.across] = 0
		erased.values[first+i*d.across] = 255
	}
}

// flatten subtracts from every row and column what most of it has: the lines
// of squared paper, faint ones and their soft edges too, where they run along
// the pixels. It returns the number of lines.
func (r *ruler) flatten(ink *plane, floor uint8) int {
	r.erased.resize(ink.width, ink.height)
	clear(r.erased.values)
	dark := &r.across.dark
	dark.fill(ink, faintest)
	r.count = r.flattenLines(dark, ink.rows(), ink, floor)
	if r.count > 0 {
		dark.fill(ink, faintest)
	}
	r.down.dark.transpose(dark)
	r.count += r.flattenLines(&r.down.dark, ink.columns(), ink, floor)
	return r.count
}

// A line of pixels of which a quarter is not above the faintest has nothing in
// common that counts.
const (
	faintest    = 4
	commonShare = 0.25
)

// flattenLines does so along d; dark are the pixels above the faintest.
func (r *ruler) flattenLines(dark *bitmap, d direction, ink *plane, floor uint8) (lines int) {
	levels := grow(r.levels, d.lines)
	r.levels = levels
	for y := range d.lines {
		levels[y] = 0
		if float64(d.length-count(dark.row(y))) >= commonShare*float64(d.length) {
			continue
		}
		var counts histogram
		for x := range d.length {
			counts[ink.values[y*d.across+x*d.along]]++
		}
		levels[y] = uint8(percentile(&counts, -1, commonShare))
	}
	thickest := max(4, d.lines/12)
	for y := 0; y < d.lines; y++ {
		end, strongest := y, uint8(0)
		for end < d.lines && levels[end] > faintest {
			strongest = max(strongest, levels[end])
			end++
		}
		if end-y > 0 && end-y <= thickest && strongest > floor/2 {
			lines++
			for ; y < end; y++ {
				for x := range d.length {
					// A line's darkness varies; half as much again is still line.
					v := &ink.values[y*d.across+x*d.along]
					*v -= uint8(min(int(*v), int(levels[y])*3/2))
				}
			}
		}
		y = max(y, end)
	}
	return lines
}
