package picture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math"
	"sync"
)

// ErrBlank is wrapped by the error for a picture without a digit.
var ErrBlank = errors.New("no ink found")

// workSize is the longer side, in pixels, at which a digit is looked for.
const workSize = 160

// Prepare brings a picture of one digit, of any size, dark on light or light
// on dark, to MNIST's form: the digit in a box of 20×20, its strokes about as
// wide as MNIST's, its centre of mass in the middle of 28×28, 0 for background
// and 255 for ink. Uneven light is evened out; frames, lines and specks beside
// the digit are left out; what is transparent counts as white. What has
// MNIST's form already stays as it is.
//
// A picture may be seen in more than one way. Prepare returns the likeliest;
// a Reader tries the others where the network is in doubt.
//
// Errors wrap ErrImage for a picture without pixels, ErrBlank for one without
// a digit. A call reuses memory, about 200 KB, whatever the picture's size.
func Prepare(picture image.Image) ([side * side]byte, error) {
	w := borrow()
	defer giveBack(w)
	var prepared [side * side]byte
	if err := w.load(picture); err != nil {
		return prepared, err
	}
	for _, v := range w.views() {
		if w.see(v) && !w.touches {
			return w.prepared, nil
		}
	}
	return prepared, w.blank(picture)
}

func (w *workspace) blank(picture image.Image) error {
	return fmt.Errorf("%w in the picture of %d×%d", ErrBlank, picture.Bounds().Dx(), picture.Bounds().Dy())
}

// workspace is the memory of a call.
type workspace struct {
	gray, ink plane
	kept      plane // ink as extracted for keptFor
	keptFor   view
	counts    histogram // of kept
	fresh     bool      // ink is as kept
	shrinker  shrinker
	grid      grid
	parts     components
	keep      []bool
	ruler     ruler
	renderer  renderer
	factor    int // pixels of the picture in one of gray, in a row
	enlarged  int // or pixels of gray in one of a small picture
	small     bool
	part      image.Rectangle

	// What see found.
	prepared [side * side]byte
	box      image.Rectangle // of the digit in gray
	pieces   []int           // the components that are the digit
	ruled    bool            // lines were erased
	touches  bool            // and the digit was connected with one
	sides    int             // of a picture that is no small crop: those that the digit touches

	allViews []view
}

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

func borrow() *workspace    { return workspaces.Get().(*workspace) }
func giveBack(w *workspace) { workspaces.Put(w) }

// load reduces a picture to the size at which it is looked at.
func (w *workspace) load(picture image.Image) error {
	if err := checkPicture(picture); err != nil {
		return err
	}
	w.loadPart(picture, picture.Bounds(), workSize)
	if size := max(w.gray.width, w.gray.height); size < smallSize {
		w.small, w.enlarged = true, enlargedSize/size
		w.gray.enlarge(w.enlarged, &w.kept, &w.ink)
	}
	return nil
}

func (w *workspace) loadPart(picture image.Image, part image.Rectangle, size int) {
	w.part, w.keptFor, w.fresh = part, view{as: true}, false // nothing is kept
	w.small, w.enlarged = false, 1
	w.factor = (max(part.Dx(), part.Dy()) + size - 1) / size
	w.shrinker.shrink(&w.gray, picture, part, w.factor)
}

// view is a way to look at a picture.
type view struct {
	light    bool // ink lighter than the paper
	backdrop backdrop
	lines    bool // straight lines are erased
	flat     bool // what rows and columns have in common is subtracted
	whole    bool // everything is ink
	pale     bool // so is what is much paler than the rest
	last     bool // the ink that the border says it is not
	as       bool // MNIST's form already
}

// views lists the ways to look at the loaded picture, the likeliest first.
func (w *workspace) views() []view {
	w.allViews = w.allViews[:0]
	if w.gray.width == side && w.gray.height == side && isMNIST(&w.gray) {
		return append(w.allViews, view{as: true})
	}
	byBorder, byAll := w.gray.lightInk()
	v := w.allViews
	if !w.small {
		v = append(v, view{light: byBorder, flat: true}, view{light: byBorder, lines: true})
	}
	v = append(v, view{light: byBorder})
	if byAll != byBorder {
		v = append(v, view{light: byAll, lines: true}, view{light: byAll})
	}
	if !w.small {
		v = append(v, view{light: byBorder, backdrop: closeBackdrop}, view{light: byBorder, backdrop: closeBackdrop, lines: true})
		v = append(v, view{light: byBorder, pale: true})
		if max(w.gray.width, w.gray.height) >= 60 {
			v = append(v, view{light: !byBorder, backdrop: closeBackdrop, last: true})
		}
	}
	// The digit of a tight crop touches as many sides as a frame does.
	v = append(v, view{light: byBorder, whole: true})
	w.allViews = v
	return v
}

// isMNIST reports whether a 28×28 plane has MNIST's form: black around a box
// of 20×20, whose longer side it fills, the centre of mass in the middle.
func isMNIST(p *plane) bool {
	minX, minY, maxX, maxY := side, side, -1, -1
	var mass, sumX, sumY float64
	strongest := uint8(0)
	for y := range side {
		for x := range side {
			v := p.values[y*side+x]
			if v == 0 {
				continue
			}
			minX, minY, maxX, maxY = min(minX, x), min(minY, y), max(maxX, x), max(maxY, y)
			strongest = max(strongest, v)
			mass += float64(v)
			sumX += float64(v) * float64(x)
			sumY += float64(v) * float64(y)
		}
	}
	if strongest < 128 || mass == 0 {
		return false
	}
	const middle = (side - 1) / 2.0
	return max(maxX-minX, maxY-minY) == digit-1 && math.Abs(sumX/mass-middle) <= 1.2 && math.Abs(sumY/mass-middle) <= 1.2
}

// see prepares the digit as v shows it, and reports whether there is one.
func (w *workspace) see(v view) bool {
	w.ruled, w.touches, w.sides = false, false, 0
	w.box, w.pieces = w.gray.bounds(), w.pieces[:0]
	if v.as {
		copy(w.prepared[:], w.gray.values)
		return true
	}
	w.extract(v)
	if w.counts.strongest() < smallestContrast {
		return false
	}
	floor := uint8(max(8, threshold(&w.counts)*2/5))
	if v.pale {
		floor = max(8, floor*2/5)
	}
	if v.lines {
		if w.ruled = w.ruler.erase(&w.ink, max(8, floor*5/8)); !w.ruled {
			return false
		}
		w.fresh = false
	}
	if v.flat {
		if w.ruler.flatten(&w.ink, floor) == 0 {
			return false
		}
		w.fresh = false
		// The lines may have been most of the ink.
		counts := w.ink.histogram()
		floor = uint8(max(8, threshold(&counts)*2/5))
		w.touches = w.ruler.count < 3
	}
	w.parts.find(&w.ink, floor)
	if !v.whole {
		if !w.choose() {
			return false
		}
		w.touches = w.touches || w.ruled && w.ruler.count < 3 && w.touchesLine()
		w.mask()
	}
	return w.render(v.pale)
}

// extract fills ink as v's light and backdrop have it, from what was kept if
// the view before had the same, and counts its values.
func (w *workspace) extract(v view) {
	key := view{light: v.light, backdrop: v.backdrop}
	if w.keptFor != key {
		w.counts = w.grid.extract(&w.kept, &w.gray, v.light, v.backdrop)
		w.keptFor, w.fresh = key, false
	}
	if !w.fresh {
		w.ink.resize(w.kept.width, w.kept.height)
		copy(w.ink.values, w.kept.values)
		w.fresh = true
	}
}

func (p *plane) bounds() image.Rectangle { return image.Rect(0, 0, p.width, p.height) }

// touchesLine reports whether the digit was connected with what was erased.
func (w *workspace) touchesLine() bool {
	width, height := w.ink.width, w.ink.height
	for y := range height {
		for x := range width {
			label := w.parts.labels[y*width+x]
			if label == 0 || !w.keep[label-1] {
				continue
			}
			for v := max(0, y-3); v <= min(height-1, y+3); v++ {
				for u := max(0, x-3); u <= min(width-1, x+3); u++ {
					if w.ruler.erased.values[v*width+u] != 0 {
						return true
					}
				}
			}
		}
	}
	return false
}

// Bounds of what choose does for a picture of nothing but specks.
const (
	mostRounds = 8
	mostPieces = 64
)

// choose marks the components that are the digit: the one with most ink near
// the middle, and those near it that are not on the picture's edge, long, or
// around it.
func (w *workspace) choose() bool {
	list := w.parts.list
	if len(list) == 0 {
		return false
	}
	w.keep = grow(w.keep, len(list))
	best, most := -1, 0.0
	for i := range list {
		c := &list[i]
		w.keep[i] = false
		dx := (float64(c.box.Min.X+c.box.Max.X)/2 - float64(w.ink.width)/2) / float64(w.ink.width)
		dy := (float64(c.box.Min.Y+c.box.Max.Y)/2 - float64(w.ink.height)/2) / float64(w.ink.height)
		score := float64(c.ink) * math.Exp(-(dx*dx+dy*dy)/(0.4*0.4)) * [...]float64{1, 0.6, 0.08, 0.05, 0.04}[c.sides]
		if score > most {
			best, most = i, score
		}
	}
	main := &list[best]
	if !w.small && max(w.ink.width, w.ink.height) >= 60 {
		w.sides = main.sides
	}
	size := max(main.box.Dx(), main.box.Dy())
	w.keep[best], w.pieces = true, append(w.pieces[:0], best)
	near := main.box.Inset(-size * 2 / 5)
	// Pieces of a broken stroke follow one another.
	for more, rounds := true, 0; more && rounds < mostRounds; rounds++ {
		more = false
		for i := range list {
			c := &list[i]
			if w.keep[i] || 200*c.ink < main.ink || max(c.box.Dx(), c.box.Dy()) > 3*size/2 || main.box.In(c.box) {
				continue
			}
			free := c.sides == 0 || main.sides > 0
			if free && c.box.Overlaps(near) || w.follows(c.box.Inset(-max(2, size/12))) {
				w.keep[i], more = true, true
				w.pieces = append(w.pieces, i)
			}
		}
	}
	return true
}

// follows reports whether a box overlaps a component that is kept.
func (w *workspace) follows(box image.Rectangle) bool {
	for _, i := range w.pieces[:min(len(w.pieces), mostPieces)] {
		if box.Overlaps(w.parts.list[i].box) {
			return true
		}
	}
	return false
}

// mask erases what is not the digit, but the soft edge around it.
func (w *workspace) mask() {
	width, height := w.ink.width, w.ink.height
	all := true
	for _, k := range w.keep[:len(w.parts.list)] {
		all = all && k
	}
	if all {
		return
	}
	w.fresh = false
	kept := func(x, y int) bool {
		if uint(x) >= uint(width) || uint(y) >= uint(height) {
			return false
		}
		label := w.parts.labels[y*width+x]
		return label > 0 && w.keep[label-1]
	}
	for y := range height {
		for x := range width {
			at := y*width + x
			if w.ink.values[at] == 0 {
				continue
			}
			if label := w.parts.labels[at]; label > 0 {
				if !w.keep[label-1] {
					w.ink.values[at] = 0
				}
				continue
			}
			if !kept(x-1, y) && !kept(x+1, y) && !kept(x, y-1) && !kept(x, y+1) {
				w.ink.values[at] = 0
			}
		}
	}
}

// render levels what ink is left and draws it; pale ink is as good as dark if
// pale is set.
func (w *workspace) render(pale bool) bool {
	counts := &w.counts
	if !w.fresh {
		h := w.ink.histogram()
		counts = &h
	}
	t := threshold(counts)
	low := t / 2
	high := max(t*3/2, percentile(counts, t, 0.9)*4/5)
	if pale {
		low, high = t/5, t*3/5
	}
	box, ok := w.ink.inked(low, high)
	if !ok {
		return false
	}
	w.box = box
	w.renderer.render(&w.prepared, &w.ink, box, low, high)
	return true
}

// inked returns the smallest rectangle around the ink, ignoring rows and
// columns whose ink is less than a thousandth of all.
func (p *plane) inked(low, high int) (image.Rectangle, bool) {
	const most = workSize + 1
	var rows, columns [most]int
	total := 0
	scale := max(1, high-low)
	above := newCut(uint8(low))
	for y := range p.height {
		row := p.values[y*p.width:][:p.width]
		for x := 0; x < len(row); x++ {
			for x+8 <= len(row) && above.of(binary.LittleEndian.Uint64(row[x:])) == 0 {
				x += 8
			}
			if x == len(row) {
				break
			}
			v := row[x]
			if int(v) <= low {
				continue
			}
			share := min(1000, 1000*(int(v)-low)/scale)
			rows[y] += share
			columns[x] += share
			total += share
		}
	}
	if total < 1000 {
		return image.Rectangle{}, false
	}
	span := func(sums []int) (first, last int) {
		first = -1
		for i, s := range sums {
			if 1000*s > total {
				if first < 0 {
					first = i
				}
				last = i + 1
			}
		}
		return first, last
	}
	x0, x1 := span(columns[:p.width])
	y0, y1 := span(rows[:p.height])
	return image.Rect(x0, y0, x1, y1), x0 >= 0 && y0 >= 0
}
