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
	parent []int32
}

// find fills c with the components of p's pixels above threshold: one pass that
// labels and notes which labels touch, and one that resolves them (Rosenfeld
// and Pfaltz, "Sequential Operations in Digital Picture Processing", 1966).
func (c *components) find(p *plane, threshold uint8) {
	w, h := p.width, p.height
	c.labels = grow(c.labels, w*h)
	c.parent = append(c.parent[:0], 0)
	for y := range h {
		row, labels := p.values[y*w:][:w], c.labels[y*w:][:w]
		var above []int32
		if y > 0 {
			above = c.labels[(y-1)*w:][:w]
		}
		left := int32(0)
		for x, v := range row {
			if v <= threshold {
				labels[x], left = 0, 0
				continue
			}
			label := left
			if above != nil {
				if above[x] != 0 {
					label = c.join(label, above[x])
				} else {
					if x > 0 && above[x-1] != 0 {
						label = c.join(label, above[x-1])
					}
					if x+1 < w && above[x+1] != 0 {
						label = c.join(label, above[x+1])
					}
				}
			}
			if label == 0 {
				label = int32(len(c.parent))
				c.parent = append(c.parent, label)
			}
			labels[x], left = label, label
		}
	}
	c.measure(p)
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

// measure numbers the components without gaps and fills the list.
func (c *components) measure(p *plane) {
	c.list = c.list[:0]
	// A root comes before its children, so that parent can hold numbers: those
	// of roots below zero while others still look them up.
	for label := 1; label < len(c.parent); label++ {
		if c.parent[label] == int32(label) {
			c.list = append(c.list, component{box: image.Rectangle{Min: image.Pt(p.width, p.height)}})
			c.parent[label] = -int32(len(c.list))
		} else {
			c.parent[label] = c.parent[c.parent[label]]
		}
	}
	for y := range p.height {
		for x := range p.width {
			at := y*p.width + x
			label := c.labels[at]
			if label == 0 {
				continue
			}
			label = -c.parent[label]
			c.labels[at] = label
			one := &c.list[label-1]
			one.pixels++
			one.ink += int(p.values[at])
			one.peak = max(one.peak, p.values[at])
			one.box.Min.X, one.box.Max.X = min(one.box.Min.X, x), max(one.box.Max.X, x+1)
			one.box.Min.Y, one.box.Max.Y = min(one.box.Min.Y, y), max(one.box.Max.Y, y+1)
		}
	}
	for i := range c.list {
		one := &c.list[i]
		for _, touches := range [...]bool{one.box.Min.X == 0, one.box.Min.Y == 0, one.box.Max.X == p.width, one.box.Max.Y == p.height} {
			if touches {
				one.sides++
			}
		}
	}
}
