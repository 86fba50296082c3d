package picture

// smallestContrast between ink and background, of 255; less is taken for noise.
const smallestContrast = 20

// backdrop says how the brightness of the paper is estimated.
type backdrop int

const (
	meanBackdrop  backdrop = iota // the mean of a wide window without its ink
	closeBackdrop                 // the brightest of a wide window: follows the edge of a shadow
	pageBackdrop                  // the brightest of a window wider than strokes, not than digits
	nearBackdrop                  // the mean of such a window, ink and all
)

// coarseSize is about the longer side, in cells, of the grid on which the
// background is estimated.
const (
	coarseSize = 36
	pageCells  = 100
)

// grid is a coarse image of the background.
type grid struct {
	width, height, cell           int
	values, weights, blurred, sum []float32
	mass                          []float32
}

// extract fills ink with how much every pixel of gray differs from the
// background in the direction of the ink, and returns the largest difference.
func (g *grid) extract(ink, gray *plane, light bool, method backdrop) int {
	cells := coarseSize
	if method == pageBackdrop || method == closeBackdrop && max(gray.width, gray.height) >= 60 {
		cells = pageCells
	}
	g.cell = max(1, (max(gray.width, gray.height)+cells-1)/cells)
	g.width, g.height = (gray.width+g.cell-1)/g.cell, (gray.height+g.cell-1)/g.cell
	n := g.width * g.height
	g.values, g.weights, g.blurred = grow(g.values, n), grow(g.weights, n), grow(g.blurred, n)
	radius := max(1, max(g.width, g.height)/4)
	switch method {
	case meanBackdrop:
		g.means(gray)
		for i := range g.weights {
			g.weights[i] = 1
		}
		g.blur(radius)
		for range 2 {
			for i, v := range g.values {
				d := g.blurred[i] - v
				if light {
					d = -d
				}
				g.weights[i] = 1
				if d > 5 {
					g.weights[i] = 1e-4
				}
			}
			g.blur(radius)
		}
	case nearBackdrop:
		g.means(gray)
		for i := range g.weights {
			g.weights[i] = 1
		}
		g.blur(max(1, max(g.width, g.height)/18))
	case closeBackdrop, pageBackdrop:
		g.extremes(gray, light)
		radius = max(1, max(g.width, g.height)*15/100)
		if method == pageBackdrop {
			radius = max(1, max(g.width, g.height)/18)
		}
		g.spread(radius, light)
		// One cell more: the lit side of a shadow's edge is not ink.
		g.spread(radius+1, !light)
		copy(g.blurred, g.values)
	}
	return g.subtract(ink, gray, light)
}

// means fills the grid with the cells' means.
func (g *grid) means(gray *plane) {
	for row := range g.height {
		for column := range g.width {
			sum, n := 0, 0
			for y := row * g.cell; y < min(gray.height, (row+1)*g.cell); y++ {
				for _, v := range gray.values[y*gray.width+column*g.cell : y*gray.width+min(gray.width, (column+1)*g.cell)] {
					sum += int(v)
					n++
				}
			}
			g.values[row*g.width+column] = float32(sum) / float32(n)
		}
	}
}

// extremes fills the grid with the cells' brightest values, or darkest if the
// ink is light.
func (g *grid) extremes(gray *plane, light bool) {
	for row := range g.height {
		for column := range g.width {
			low, high := uint8(255), uint8(0)
			for y := row * g.cell; y < min(gray.height, (row+1)*g.cell); y++ {
				for _, v := range gray.values[y*gray.width+column*g.cell : y*gray.width+min(gray.width, (column+1)*g.cell)] {
					low, high = min(low, v), max(high, v)
				}
			}
			g.values[row*g.width+column] = float32(high)
			if light {
				g.values[row*g.width+column] = float32(low)
			}
		}
	}
}

// spread replaces values by the largest, or smallest, within radius.
func (g *grid) spread(radius int, smallest bool) {
	pick := func(a, b float32) float32 {
		if smallest {
			return min(a, b)
		}
		return max(a, b)
	}
	pass := func(target, source []float32, n, step int) {
		for i := range n {
			v := source[i*step]
			for j := max(0, i-radius); j < min(n, i+radius+1); j++ {
				v = pick(v, source[j*step])
			}
			target[i*step] = v
		}
	}
	for y := range g.height {
		pass(g.blurred[y*g.width:], g.values[y*g.width:], g.width, 1)
	}
	for x := range g.width {
		pass(g.values[x:], g.blurred[x:], g.height, g.width)
	}
}

// blur fills blurred with the weighted means over squares of 2·radius+1 cells,
// by running sums along rows, then columns.
func (g *grid) blur(radius int) {
	n := g.width * g.height
	g.sum, g.mass = grow(g.sum, n), grow(g.mass, n)
	for y := range g.height {
		at := y * g.width
		var sum, mass float32
		for x := range min(radius, g.width) {
			sum += g.weights[at+x] * g.values[at+x]
			mass += g.weights[at+x]
		}
		for x := range g.width {
			if in := x + radius; in < g.width {
				sum += g.weights[at+in] * g.values[at+in]
				mass += g.weights[at+in]
			}
			if out := x - radius - 1; out >= 0 {
				sum -= g.weights[at+out] * g.values[at+out]
				mass -= g.weights[at+out]
			}
			g.sum[at+x], g.mass[at+x] = sum, mass
		}
	}
	for x := range g.width {
		var sum, mass float32
		for y := range min(radius, g.height) {
			sum += g.sum[y*g.width+x]
			mass += g.mass[y*g.width+x]
		}
		for y := range g.height {
			if in := y + radius; in < g.height {
				sum += g.sum[in*g.width+x]
				mass += g.mass[in*g.width+x]
			}
			if out := y - radius - 1; out >= 0 {
				sum -= g.sum[out*g.width+x]
				mass -= g.mass[out*g.width+x]
			}
			g.blurred[y*g.width+x] = min(255, max(0, sum/max(mass, 1e-4)))
		}
	}
}

// subtract fills ink from gray and the blurred grid, interpolated between the
// centres of its cells.
func (g *grid) subtract(ink, gray *plane, light bool) int {
	ink.resize(gray.width, gray.height)
	strongest := 0
	line := grow(g.sum, g.width+1)
	g.sum = line
	const one = 256
	for y := range gray.height {
		place := (float32(y)+0.5)/float32(g.cell) - 0.5
		row := min(max(0, int(place)), g.height-1)
		next := min(row+1, g.height-1)
		share := min(1, max(0, place-float32(row)))
		for x := range g.width {
			a, b := g.blurred[row*g.width+x], g.blurred[next*g.width+x]
			line[x] = a + share*(b-a)
		}
		line[g.width] = line[g.width-1]
		source, target := gray.values[y*gray.width:][:gray.width], ink.values[y*gray.width:][:gray.width]
		// A column's value moves in equal steps between two centres.
		for column := -1; column < g.width; column++ {
			from := int(one * line[max(0, column)])
			step := (int(one*line[column+1]) - from) / g.cell
			first := column*g.cell + g.cell/2
			for x := max(0, first); x < min(gray.width, first+g.cell); x++ {
				d := (from+step*(x-first))/one - int(source[x])
				if light {
					d = -d
				}
				d = min(255, max(0, d))
				target[x] = uint8(d)
				strongest = max(strongest, d)
			}
		}
	}
	return strongest
}

// histogram counts the values of p.
func (p *plane) histogram() (h [256]int) {
	for _, v := range p.values {
		h[v]++
	}
	return h
}

// threshold separates ink from background where the variance between the two
// groups is largest (Otsu, "A Threshold Selection Method from Gray-Level
// Histograms", 1979).
func threshold(histogram *[256]int) int {
	var total, sum float64
	for level, count := range histogram {
		total += float64(count)
		sum += float64(level) * float64(count)
	}
	var below, sumBelow, best float64
	result := 0
	for level, count := range histogram {
		below += float64(count)
		sumBelow += float64(level) * float64(count)
		if below == 0 || below == total {
			continue
		}
		difference := sumBelow/below - (sum-sumBelow)/(total-below)
		if variance := below * (total - below) * difference * difference; variance > best {
			best, result = variance, level
		}
	}
	return result
}

// percentile returns the value that the given share of those above floor do
// not exceed.
func percentile(histogram *[256]int, floor int, share float64) int {
	n := 0
	for level := floor + 1; level < 256; level++ {
		n += histogram[level]
	}
	seen := 0
	for level := floor + 1; level < 256; level++ {
		if seen += histogram[level]; float64(seen) >= share*float64(n) && n > 0 {
			return level
		}
	}
	return 255
}

// lightInk reports whether the ink is lighter than the paper: whether the
// pixels far from the brightness of the border, or of most pixels, lie above
// it. The two may disagree, where a frame or a shadow makes the border.
func (p *plane) lightInk() (byBorder, byAll bool) {
	var border [256]int
	for x := range p.width {
		border[p.values[x]]++
		border[p.values[(p.height-1)*p.width+x]]++
	}
	for y := range p.height {
		border[p.values[y*p.width]]++
		border[p.values[y*p.width+p.width-1]]++
	}
	all := p.histogram()
	return brighter(&all, percentile(&border, -1, 0.5)), brighter(&all, percentile(&all, -1, 0.5))
}

func brighter(histogram *[256]int, than int) bool {
	var above, below float64
	for level, count := range histogram {
		d := float64(level - than)
		if d > 0 {
			above += d * d * float64(count)
		} else {
			below += d * d * float64(count)
		}
	}
	return above > below
}

// skewed reports whether the ink is lighter than the paper by its strokes: ink
// is where few pixels differ much from the brightness around them, in whichever
// direction; the paper between does by little.
func (w *workspace) skewed() bool {
	var skew [2]float64
	for i, light := range [...]bool{false, true} {
		w.grid.extract(&w.ink, &w.gray, light, nearBackdrop)
		for level, count := range w.ink.histogram() {
			skew[i] += float64(count) * float64(level*level*level)
		}
	}
	return skew[1] > skew[0]
}
