package picture

import "math/bits"

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
	mass, columnSum, columnMass   []float32
}

// extract fills ink with how much every pixel of gray differs from the
// background in the direction of the ink, and counts the differences.
func (g *grid) extract(ink, gray *plane, light bool, method backdrop) histogram {
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
	g.subtract(ink, gray, light)
	return ink.histogram()
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
	// Column by column at once, so that sums do not wait for each other.
	g.columnSum, g.columnMass = grow(g.columnSum, g.width), grow(g.columnMass, g.width)
	clear(g.columnSum)
	clear(g.columnMass)
	add := func(y int) {
		sum, mass := g.sum[y*g.width:][:g.width], g.mass[y*g.width:][:g.width]
		for x := range sum {
			g.columnSum[x] += sum[x]
			g.columnMass[x] += mass[x]
		}
	}
	for y := range min(radius, g.height) {
		add(y)
	}
	for y := range g.height {
		if in := y + radius; in < g.height {
			add(in)
		}
		if out := y - radius - 1; out >= 0 {
			sum, mass := g.sum[out*g.width:][:g.width], g.mass[out*g.width:][:g.width]
			for x := range sum {
				g.columnSum[x] -= sum[x]
				g.columnMass[x] -= mass[x]
			}
		}
		for x, sum := range g.columnSum {
			g.blurred[y*g.width+x] = min(255, max(0, sum/max(g.columnMass[x], 1e-4)))
		}
	}
}

// subtract fills ink from gray and the blurred grid, interpolated between the
// centres of its cells.
func (g *grid) subtract(ink, gray *plane, light bool) {
	ink.resize(gray.width, gray.height)
	line := grow(g.sum, g.width+1)
	g.sum = line
	const one = 256
	turned := 0 // or −1, which turns the sign of a difference
	if light {
		turned = -1
	}
	// The quotient of a number below 2¹⁶ by the cell's width, as a product.
	reciprocal := 1<<32/uint64(g.cell) + 1
	for y := range gray.height {
		place := (float32(y)+0.5)/float32(g.cell) - 0.5
		row := min(max(0, int(place)), g.height-1)
		next := min(row+1, g.height-1)
		share := min(1, max(0, place-float32(row)))
		upper, lower := g.blurred[row*g.width:][:g.width], g.blurred[next*g.width:][:g.width]
		for x, a := range upper {
			line[x] = a + share*(lower[x]-a)
		}
		line[g.width] = line[g.width-1]
		source, target := gray.values[y*gray.width:][:gray.width], ink.values[y*gray.width:][:gray.width]
		// A column's value moves in equal steps between two centres.
		from := int(one * line[0])
		for column, first := -1, g.cell/2-g.cell; column < g.width; column, first = column+1, first+g.cell {
			to := int(one * line[column+1])
			sign := (to - from) >> (bits.UintSize - 1) // −1 or 0
			step := (int(uint64((to-from)^sign-sign)*reciprocal>>32) ^ sign) - sign
			value := from
			if first < 0 {
				value -= step * first
			}
			end := min(gray.width, first+g.cell)
			start := min(max(0, first), end)
			part := target[start:end]
			for x, v := range source[start:end] {
				d := value>>8 - int(v)
				d = (d ^ turned) - turned
				part[x] = uint8(max(0, d))
				value += step
			}
			from = to
		}
	}
}

// histogram has how many pixels there are of each value.
type histogram [256]int

// strongest returns the largest value.
func (h *histogram) strongest() int {
	for level := 255; level > 0; level-- {
		if h[level] > 0 {
			return level
		}
	}
	return 0
}

// histogram counts the values of p: in four tables, since the next count of a
// value has to wait for the one before.
func (p *plane) histogram() (h histogram) {
	var counts [4][256]uint32
	values := p.values
	for len(values) >= 4 {
		counts[0][values[0]]++
		counts[1][values[1]]++
		counts[2][values[2]]++
		counts[3][values[3]]++
		values = values[4:]
	}
	for _, v := range values {
		counts[0][v]++
	}
	for v := range h {
		h[v] = int(counts[0][v] + counts[1][v] + counts[2][v] + counts[3][v])
	}
	return h
}

// threshold separates ink from background where the variance between the two
// groups is largest (Otsu, "A Threshold Selection Method from Gray-Level
// Histograms", 1979).
func threshold(h *histogram) int {
	var total, sum float64
	for level, count := range h {
		total += float64(count)
		sum += float64(level) * float64(count)
	}
	var below, sumBelow, best float64
	result := 0
	for level, count := range h {
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
func percentile(h *histogram, floor int, share float64) int {
	n := 0
	for level := floor + 1; level < 256; level++ {
		n += h[level]
	}
	seen := 0
	for level := floor + 1; level < 256; level++ {
		if seen += h[level]; float64(seen) >= share*float64(n) && n > 0 {
			return level
		}
	}
	return 255
}

// lightInk reports whether the ink is lighter than the paper: whether the
// pixels far from the brightness of the border, or of most pixels, lie above
// it. The two may disagree, where a frame or a shadow makes the border.
func (p *plane) lightInk() (byBorder, byAll bool) {
	var border histogram
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

func brighter(h *histogram, than int) bool {
	var above, below float64
	for level, count := range h {
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
		for level, count := range w.grid.extract(&w.ink, &w.gray, light, nearBackdrop) {
			skew[i] += float64(count) * float64(level*level*level)
		}
	}
	return skew[1] > skew[0]
}
