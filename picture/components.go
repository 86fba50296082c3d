package picture

import "image"

// component is a group of pixels that touch each other, corners included.
type component struct {
	box    image.Rectangle
	pixels int
	ink    int // sum of the values
	peak   uint8
	sides  int // of the picture's four sides that it touches
}

// components are the groups of a plane's pixels above a threshold.
type components struct {
	labels []int32 // of every pixel: 0 for background, else 1 + index into list
	list   []component
	above  bitmap
	runs   []run
	parent []int32
}

// run is a part of a row whose pixels belong together.
type run struct {
	y, start, end int
	label         int32
}

// find fills c with the components of p's pixels above threshold.
func (c *components) find(p *plane, threshold uint8) {
	c.above.fill(p, threshold)
	c.connect(&c.above)
	c.measure(p.width, p.height, p.values)
}

// connect labels the runs of set bits and notes which labels touch (Rosenfeld
// and Pfaltz, "Sequential Operations in Digital Picture Processing", 1966).
func (c *components) connect(b *bitmap) {
	c.runs = c.runs[:0]
	c.parent = append(c.parent[:0], 0)
	above, last := 0, 0 // the runs of the row above are runs[above:last]
	for y := range b.height {
		row := b.row(y)
		for start, end := nextRun(row, 0, b.width); start < b.width; start, end = nextRun(row, end, b.width) {
			label := int32(0)
			for above < last && c.runs[above].end < start {
				above++
			}
			// Corners touch, too. The last may touch the next run as well.
			for i := above; i < last && c.runs[i].start <= end; i++ {
				label = c.join(label, c.runs[i].label)
			}
			if label == 0 {
				label = int32(len(c.parent))
				c.parent = append(c.parent, label)
			}
			c.runs = append(c.runs, run{y, start, end, label})
		}
		above, last = last, len(c.runs)
	}
}

// join notes that two labels, of which the first may be 0, are one component.
func (c *components) join(a, b int32) int32 {
	b = c.root(b)
	if a == 0 {
		return b
	}
	a = c.root(a)
	if a > b {
		a, b = b, a
	}
	c.parent[b] = a
	return a
}

func (c *components) root(label int32) int32 {
	for c.parent[label] != label {
		c.parent[label] = c.parent[c.parent[label]]
		label = c.parent[label]
	}
	return label
}

// measure numbers the components without gaps, and fills the list and the
// labels of a plane of the given size. Without values they have no ink.
func (c *components) measure(width, height int, values []uint8) {
	c.list = c.list[:0]
	// A root comes before its children, so that parent can hold numbers: those
	// of roots below zero while others still look them up.
	for label := 1; label < len(c.parent); label++ {
		if c.parent[label] == int32(label) {
			c.list = append(c.list, component{box: image.Rectangle{Min: image.Pt(width, height)}})
			c.parent[label] = -int32(len(c.list))
		} else {
			c.parent[label] = c.parent[c.parent[label]]
		}
	}
	c.labels = grow(c.labels, width*height)
	clear(c.labels)
	for _, r := range c.runs {
		label := -c.parent[r.label]
		one := &c.list[label-1]
		one.pixels += r.end - r.start
		one.box.Min.X, one.box.Max.X = min(one.box.Min.X, r.start), max(one.box.Max.X, r.end)
		one.box.Min.Y, one.box.Max.Y = min(one.box.Min.Y, r.y), max(one.box.Max.Y, r.y+1)
		for i := range c.labels[r.y*width:][r.start:r.end] {
			c.labels[r.y*width+r.start+i] = label
		}
		if values != nil {
			for _, v := range values[r.y*width:][r.start:r.end] {
				one.ink += int(v)
				one.peak = max(one.peak, v)
			}
		}
	}
	for i := range c.list {
		one := &c.list[i]
		for _, touches := range [...]bool{one.box.Min.X == 0, one.box.Min.Y == 0, one.box.Max.X == width, one.box.Max.Y == height} {
			if touches {
				one.sides++
			}
		}
	}
}
