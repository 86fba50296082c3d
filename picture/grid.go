package picture

import (
	"image"
)

// Grid reads the cells of a table of so many columns and rows: of the largest
// frame in the picture or, without one, of the whole picture. Row.Digits has a
// Digit of an empty Box for an empty cell.
//
// Errors wrap ErrImage for a picture without pixels.
func (r *Reader) Grid(picture image.Image, columns, rows int) ([]Row, error) {
	if err := checkPicture(picture); err != nil {
		return nil, err
	}
	w := borrow()
	defer giveBack(w)
	w.loadPart(picture, picture.Bounds(), pageSize)
	table := w.table()
	scale := func(p image.Point) image.Point { return p.Mul(w.factor).Add(w.part.Min) }
	frame := image.Rectangle{Min: scale(table.Min), Max: scale(table.Max)}.Intersect(picture.Bounds())
	result := make([]Row, rows)
	for y := range rows {
		row := &result[y]
		var text []byte
		for x := range columns {
			cell := image.Rect(frame.Min.X+x*frame.Dx()/columns, frame.Min.Y+y*frame.Dy()/rows,
				frame.Min.X+(x+1)*frame.Dx()/columns, frame.Min.Y+(y+1)*frame.Dy()/rows)
			d, ok := r.cell(w, picture, cell)
			if !ok {
				text = append(text, '.')
				row.Digits = append(row.Digits, Digit{})
				continue
			}
			text = append(text, byte('0'+d.Digit))
			row.Digits = append(row.Digits, d)
		}
		row.Text = string(text)
		row.Box = image.Rect(frame.Min.X, frame.Min.Y+y*frame.Dy()/rows, frame.Max.X, frame.Min.Y+(y+1)*frame.Dy()/rows)
	}
	return result, nil
}

// table returns the box of the largest component that reaches over half of the
// picture both ways, or the whole picture.
func (w *workspace) table() image.Rectangle {
	best := w.gray.bounds()
	counts, ok := w.pageInk()
	if !ok {
		return best
	}
	w.parts.find(&w.ink, uint8(max(8, threshold(&counts)*2/3)))
	size := 0
	for i := range w.parts.list {
		c := &w.parts.list[i]
		if area := c.box.Dx() * c.box.Dy(); 2*c.box.Dx() > w.ink.width && 2*c.box.Dy() > w.ink.height && area > size {
			best, size = c.box, area
		}
	}
	return best
}

// cell reads a cell of a table, whose lines may reach into it. What is smaller
// than a quarter of the cell, or not at its middle, is no digit.
func (r *Reader) cell(page *workspace, picture image.Image, cell image.Rectangle) (Digit, bool) {
	if cell.Empty() {
		return Digit{}, false
	}
	w := borrow()
	defer giveBack(w)
	w.loadPart(picture, cell, workSize)
	// The whole page knows better than a cell, which may be filled, what is ink.
	_, light := page.gray.lightInk()
	counts := w.grid.extract(&w.ink, &w.gray, light, meanBackdrop)
	if counts.strongest() < 2*smallestContrast {
		return Digit{}, false
	}
	floor := uint8(max(8, threshold(&counts)*2/5))
	w.ruler.erase(&w.ink, floor)
	border := max(1, max(w.ink.width, w.ink.height)/12)
	for y := range w.ink.height {
		for x := range w.ink.width {
			if x < border || y < border || x >= w.ink.width-border || y >= w.ink.height-border {
				w.ink.values[y*w.ink.width+x] = 0
			}
		}
	}
	w.parts.find(&w.ink, floor)
	if !w.choose() {
		return Digit{}, false
	}
	main := w.parts.list[w.pieces[0]]
	middle := w.ink.bounds().Inset(min(w.ink.width, w.ink.height) / 4)
	if 4*main.box.Dy() < w.ink.height || !main.box.Overlaps(middle) || int(main.peak) < 2*smallestContrast {
		return Digit{}, false
	}
	w.mask()
	if !w.render(false) {
		return Digit{}, false
	}
	p := r.classify(w)
	return Digit{Prediction: p, Box: w.shown(w.box), Image: w.prepared}, true
}
