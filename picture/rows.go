package picture

import (
	"image"
	"math"
	"slices"
)

// Row is a line of digits, or of a grid's cells.
type Row struct {
	Text   string // its digits; of a grid, '.' for an empty cell
	Box    image.Rectangle
	Digits []Digit // from left to right
}

// pageSize is the longer side, in pixels, at which numbers are looked for.
const pageSize = 1200

// Rows finds the digits in a picture and reads them in reading order. Pieces of
// a broken digit are joined, digits that touch are cut where that reads better.
//
// Errors wrap ErrImage for a picture without pixels, ErrBlank for one without
// digits.
func (r *Reader) Rows(picture image.Image) ([]Row, error) {
	w := borrow()
	defer giveBack(w)
	if err := checkPicture(picture); err != nil {
		return nil, err
	}
	w.loadPart(picture, picture.Bounds(), pageSize)
	blobs, height := w.page()
	if len(blobs) == 0 {
		return nil, w.blank(picture)
	}
	var rows []Row
	cell := borrow()
	defer giveBack(cell)
	for _, line := range lines(blobs, height) {
		var row Row
		for _, b := range line {
			row.Digits = append(row.Digits, r.readBlob(w, cell, b, height)...)
		}
		if row.finish(); len(row.Digits) > 0 {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return nil, w.blank(picture)
	}
	return rows, nil
}

// finish fills text and box from the digits.
func (row *Row) finish() {
	var text []byte
	for _, d := range row.Digits {
		text = append(text, byte('0'+d.Digit))
		row.Box = row.Box.Union(d.Box)
	}
	row.Text = string(text)
}

// blob is what is taken for a digit: components of the page.
type blob struct {
	box    image.Rectangle
	labels []int32
	ink    int
}

// page finds what may be digits, and their usual height. The ink is what
// differs from the brightest around it, so that the edge of a shadow is none; a
// component counts if its darkest is dark (hysteresis: Canny, "A Computational
// Approach to Edge Detection", 1986).
func (w *workspace) page() (blobs []blob, height int) {
	counts, ok := w.pageInk()
	if !ok {
		return nil, 0
	}
	strongest := percentile(&counts, max(smallestContrast, threshold(&counts)), 0.8)
	floor := uint8(max(8, strongest*30/100))
	w.ruler.erase(&w.ink, floor)
	w.parts.find(&w.ink, floor)
	list := w.parts.list
	var heights []weighted
	smallest := max(5, min(w.ink.width, w.ink.height)/60)
	for i := range list {
		c := &list[i]
		if int(c.peak) >= strongest*45/100 && c.box.Dy() >= smallest && !w.outside(c) {
			heights = append(heights, weighted{c.box.Dy(), c.ink})
		}
	}
	if height = weightedMedian(heights); height == 0 {
		return nil, 0
	}
	var pieces []blob
	for i := range list {
		c := &list[i]
		if int(c.peak) < strongest*45/100 || w.outside(c) || c.box.Dy() > 5*height/2 {
			continue
		}
		b := blob{c.box, []int32{int32(i + 1)}, c.ink}
		if 5*c.box.Dy() >= 2*height {
			blobs = append(blobs, b)
		} else if 8*max(c.box.Dx(), c.box.Dy()) >= height {
			pieces = append(pieces, b)
		}
	}
	return join(blobs, pieces, height), height
}

// pageInk fills ink with the page's, counts its values, and reports whether
// there is any.
func (w *workspace) pageInk() (counts histogram, ok bool) {
	counts = w.grid.extract(&w.ink, &w.gray, w.skewed(), pageBackdrop)
	return counts, counts.strongest() >= smallestContrast
}

// outside reports whether a component is the edge of the sheet, a frame, or
// something beside the sheet.
func (w *workspace) outside(c *component) bool {
	long := 2*c.box.Dx() > w.ink.width || 10*c.box.Dy() > 9*w.ink.height
	corner := c.sides > 1 && min(w.ink.width, w.ink.height) >= 200 // not in a tight crop
	return corner || c.sides > 1 && max(c.box.Dx(), c.box.Dy()) > min(w.ink.width, w.ink.height)/3 || long && c.sides > 0 ||
		10*c.box.Dx() > 7*w.ink.width && c.box.Dx() > 4*c.box.Dy()
}

type weighted struct{ value, weight int }

func weightedMedian(values []weighted) int {
	slices.SortFunc(values, func(a, b weighted) int { return a.value - b.value })
	total := 0
	for _, v := range values {
		total += v.weight
	}
	for _, v := range values {
		if total -= 2 * v.weight; total <= 0 {
			return v.value
		}
	}
	return 0
}

// join adds pieces to the digits that they belong to, and digits that stand
// above one another, broken in two, to each other.
func join(blobs, pieces []blob, height int) []blob {
	add := func(to *blob, b blob) {
		to.box, to.ink = to.box.Union(b.box), to.ink+b.ink
		to.labels = append(to.labels, b.labels...)
	}
	for i := 0; i < len(blobs); i++ {
		for j := i + 1; j < len(blobs); j++ {
			a, b := blobs[i].box, blobs[j].box
			overlap := min(a.Max.X, b.Max.X) - max(a.Min.X, b.Min.X)
			union := a.Union(b)
			if 10*overlap >= 6*min(a.Dx(), b.Dx()) && 4*union.Dy() <= 5*height && union.Dx() <= 5*height/4 {
				add(&blobs[i], blobs[j])
				blobs = slices.Delete(blobs, j, j+1)
				j = i
			}
		}
	}
	for _, p := range pieces {
		best, nearest := -1, height/4
		for i := range blobs {
			b := blobs[i].box
			dx := max(0, max(b.Min.X-p.box.Max.X, p.box.Min.X-b.Max.X))
			dy := max(0, max(b.Min.Y-p.box.Max.Y, p.box.Min.Y-b.Max.Y))
			union := b.Union(p.box)
			if d := dx + dy; d < nearest && dx <= height/6 && union.Dy() <= 3*height/2 && 25*p.ink >= blobs[i].ink {
				best, nearest = i, d
			}
		}
		if best >= 0 {
			add(&blobs[best], p)
		}
	}
	return blobs
}

// lines sorts blobs into rows from top to bottom, each from left to right. A
// blob belongs to the row whose last blob lies at its height, so that a row may
// climb or fall.
func lines(blobs []blob, height int) [][]blob {
	slices.SortFunc(blobs, func(a, b blob) int { return a.box.Min.X - b.box.Min.X })
	middle := func(b blob) int { return (b.box.Min.Y + b.box.Max.Y) / 2 }
	var rows [][]blob
	for _, b := range blobs {
		best, nearest := -1, height*6/10
		for i, row := range rows {
			if d := middle(b) - middle(row[len(row)-1]); max(d, -d) < nearest {
				best, nearest = i, max(d, -d)
			}
		}
		if best < 0 {
			rows = append(rows, []blob{b})
		} else {
			rows[best] = append(rows[best], b)
		}
	}
	mean := func(row []blob) int {
		sum := 0
		for _, b := range row {
			sum += middle(b)
		}
		return sum / len(row)
	}
	slices.SortStableFunc(rows, func(a, b []blob) int { return mean(a) - mean(b) })
	return rows
}

// mostTouching is the number of digits that are looked for in one blob.
const mostTouching = 6

// readBlob reads a blob as one digit or, if it is wide, as the number of digits
// that read best.
func (r *Reader) readBlob(w, cell *workspace, b blob, height int) []Digit {
	one, ok := r.readPart(w, cell, b, b.box)
	if !ok {
		return nil
	}
	best, least := []Digit{one}, float64(one.Probability)
	if 20*b.box.Dx() < 17*b.box.Dy() {
		return best
	}
	for n := 2; n <= mostTouching && n*height/5 <= b.box.Dx(); n++ {
		var parts []Digit
		worst := 1.0
		for _, box := range w.cut(b, n) {
			d, ok := r.readPart(w, cell, b, box)
			if !ok {
				worst = 0
				break
			}
			worst = min(worst, float64(d.Probability))
			parts = append(parts, d)
		}
		// A wide zero or two is one digit: two have to read much better, unless
		// the blob is wider than digits are.
		margin := 0.15
		if 10*b.box.Dx() > 13*b.box.Dy() {
			margin = -0.1
		}
		if worst > least+margin {
			best, least = parts, worst
		}
	}
	return best
}

// cut divides a blob's box into n at the columns with least ink near equal
// widths.
func (w *workspace) cut(b blob, n int) []image.Rectangle {
	width := b.box.Dx()
	ink := make([]int, width)
	for y := b.box.Min.Y; y < b.box.Max.Y; y++ {
		for x := range width {
			at := y*w.ink.width + b.box.Min.X + x
			if slices.Contains(b.labels, w.parts.labels[at]) {
				ink[x] += int(w.ink.values[at])
			}
		}
	}
	var boxes []image.Rectangle
	last := 0
	for i := 1; i <= n; i++ {
		at := width
		if i < n {
			at = i * width / n
			best := math.MaxInt
			for x := max(last+2, at-width/(3*n)); x < min(width-1, at+width/(3*n)+1); x++ {
				if ink[x] < best {
					best, at = ink[x], x
				}
			}
		}
		boxes = append(boxes, image.Rect(b.box.Min.X+last, b.box.Min.Y, b.box.Min.X+at, b.box.Max.Y))
		last = at
	}
	return boxes
}

// readPart reads the part of a blob inside of box.
func (r *Reader) readPart(w, cell *workspace, b blob, box image.Rectangle) (Digit, bool) {
	const rim = 1
	if box.Empty() {
		return Digit{}, false
	}
	factor := (max(box.Dx(), box.Dy()) + workSize - 2*rim - 1) / (workSize - 2*rim)
	cell.ink.resize(box.Dx()/factor+2*rim, box.Dy()/factor+2*rim)
	clear(cell.ink.values)
	cell.fresh = false
	for y := range cell.ink.height - 2*rim {
		for x := range cell.ink.width - 2*rim {
			sum := 0
			for v := range factor {
				for u := range factor {
					at := (box.Min.Y+y*factor+v)*w.ink.width + box.Min.X + x*factor + u
					// Fainter parts of a stroke belong to no component.
					if label := w.parts.labels[at]; label == 0 || slices.Contains(b.labels, label) {
						sum += int(w.ink.values[at])
					}
				}
			}
			cell.ink.values[(y+rim)*cell.ink.width+x+rim] = uint8(sum / (factor * factor))
		}
	}
	if !cell.render(false) {
		return Digit{}, false
	}
	return Digit{Prediction: r.classify(cell), Box: w.shown(box), Image: cell.prepared}, true
}
