package kernels

import "github.com/kernelet/kernelet/internal/shape"

// The algorithm F(8×8, 5×5) in numbers, made of complex points as in Cook and
// Toom's construction: a value at a complex point is two rows of a matrix, its
// real and its imaginary part.

// toomRoundings are those of a transform over both dimensions: at most ten in
// one, of plain Go's InputGrad and WeightGrad, and one of what makes the
// products of i with ±i.
const toomRoundings = 2*10 + 1

var toomMatrixA, toomMatrixB, toomMatrixG = func() (a, b, g matrix) {
	points := []complex128{0, 0.4, -0.4, 0.8, -0.8, 1.25, -1.25, 2.5, -2.5, 1i, -1i}
	const i = 9 // the place of 1i
	var bT matrix
	add := func(powers, polynomial, scaled []complex128, part func(c complex128) float64, output func(c complex128) float64) {
		row := func(length int, of []complex128, part func(c complex128) float64) []float64 {
			values := make([]float64, length)
			for j := range values {
				values[j] = part(of[j])
			}
			return values
		}
		a = append(a, row(shape.Conv2Size, powers, output))
		bT = append(bT, row(shape.ToomPoints, polynomial, part))
		g = append(g, row(shape.FilterSize, scaled, part))
	}
	re, im := func(c complex128) float64 { return real(c) }, func(c complex128) float64 { return imag(c) }
	for k := range i + 1 {
		// The polynomial whose zeros are all other finite points, its value at the
		// point, and the powers of the point.
		polynomial, value, powers := make([]complex128, shape.ToomPoints), complex128(1), make([]complex128, shape.ToomPoints)
		polynomial[0], powers[0] = 1, 1
		for other, p := range points {
			if other == k {
				continue
			}
			value *= points[k] - p
			for j := len(polynomial) - 1; j >= 0; j-- {
				polynomial[j] *= -p
				if j > 0 {
					polynomial[j] += polynomial[j-1]
				}
			}
		}
		scaled := make([]complex128, shape.ToomPoints)
		for j := range powers {
			if j > 0 {
				powers[j] = powers[j-1] * points[k]
			}
			scaled[j] = powers[j] / value
			if k == i {
				scaled[j] *= 2 // for −i, whose product is the conjugate
			}
		}
		add(powers, polynomial, scaled, re, re)
		if k == i {
			// Re(iᵏ m) has the imaginary part of m times minus that of iᵏ.
			add(powers, polynomial, scaled, im, func(c complex128) float64 { return -imag(c) })
		}
	}
	// ∞ comes before i.
	infinity := func(length int) []float64 { return append(make([]float64, length-1), 1) }
	all := make([]float64, shape.ToomPoints)
	all[0] = 1
	for _, square := range []float64{0.16, 0.64, 1.5625, 6.25, -1} {
		for j := len(all) - 1; j >= 0; j-- {
			all[j] *= -square
			if j >= 2 {
				all[j] += all[j-2]
			}
		}
	}
	copy(all[1:], all) // times x
	all[0] = 0
	insert := func(m matrix, row []float64) matrix {
		return append(append(append(matrix{}, m[:i]...), row), m[i:]...)
	}
	return insert(a, infinity(shape.Conv2Size)), insert(bT, all).transposed(), insert(g, infinity(shape.FilterSize))
}()

var toomMatrixAT, toomMatrixBT, toomMatrixGT = toomMatrixA.transposed(), toomMatrixB.transposed(), toomMatrixG.transposed()

func (a number) minus(b number) number { return number{a.value - b.value, a.magnitude + b.magnitude} }

func (a number) scaled(c float64) number { return number{c * a.value, c * a.magnitude} }

// toomForwards is m X mᵀ of a square X, as frequencies; scale is ½ for weights.
func toomForwards(m matrix, x []number, scale float64) []number {
	rows, tile := m.both(x), make([]number, shape.ToomFrequencies)
	for at, v := range rows {
		tile[toomFrequency(at/shape.ToomPoints, at%shape.ToomPoints)] = v
	}
	c := tile[shape.ToomFrequencies-4:]
	rr, ri, ir, ii := c[0], c[1], c[2], c[3]
	c[0], c[1], c[2], c[3] = rr.minus(ii).scaled(scale), ri.plus(ir).scaled(scale), rr.plus(ii).scaled(scale), ri.minus(ir).scaled(scale)
	return tile
}

// toomBackwardsNumbers is m T mᵀ of the frequencies T of a tile.
func toomBackwardsNumbers(m matrix, tile []number, scale float64) []number {
	tile = append([]number{}, tile...)
	c := tile[shape.ToomFrequencies-4:]
	c[0], c[1], c[2], c[3] = c[0].plus(c[2]).scaled(scale), c[1].plus(c[3]).scaled(scale), c[1].minus(c[3]).scaled(scale), c[2].minus(c[0]).scaled(scale)
	rows := make([]number, len(tile))
	for at := range rows {
		rows[at] = tile[toomFrequency(at/shape.ToomPoints, at%shape.ToomPoints)]
	}
	return m.both(rows)
}

// toomEach computes to [144][features][n] of tiles: tile hands out those of a
// feature and an image.
func toomEach(n, features int, tile func(feature, image int) []number) []number {
	to := make([]number, shape.ToomFrequencies*features*n)
	for feature := range features {
		for image := range n {
			for f, value := range tile(feature, image) {
				to[(f*features+feature)*n+image] = value
			}
		}
	}
	return to
}

// toomOf are the frequencies of a feature and an image in [144][features][n].
func toomOf(n, features int, from []number, feature, image int) []number {
	tile := make([]number, shape.ToomFrequencies)
	for f := range tile {
		tile[f] = from[(f*features+feature)*n+image]
	}
	return tile
}

// toomMultiply adds up the products of two tiles' frequencies; with conjugate
// those of the first one's conjugates.
func toomMultiply(sum, x, y []number, conjugate bool) {
	for f := range shape.ToomSingles {
		sum[f] = sum[f].plus(x[f].times(y[f]))
	}
	for f := shape.ToomSingles; f < shape.ToomFrequencies; f += 2 {
		re, im := x[f], x[f+1]
		if conjugate {
			im.value = -im.value
		}
		sum[f] = sum[f].plus(re.times(y[f])).minus(im.times(y[f+1]))
		sum[f+1] = sum[f+1].plus(re.times(y[f+1])).plus(im.times(y[f]))
	}
}

// conv2TrainVNumbers computes V = Bᵀ X B [144][20][n] from x [20][12][12][n].
func conv2TrainVNumbers(n int, x []number) []number {
	d := make([]number, shape.Pool1Pixels)
	return toomEach(n, shape.Conv2Inputs, func(c, image int) []number {
		for i := range d {
			d[i] = x[(c*shape.Pool1Pixels+i)*n+image]
		}
		return toomForwards(toomMatrixBT, d, 1)
	})
}

// toomU are the weights of an output and a channel in u [144][50][20].
func toomU(u []number, o, c int) []number {
	return toomOf(shape.Conv2Inputs, shape.Conv2Outputs, u, o, c)
}

// conv2TrainWindows computes windows [50][4][4][n] from u [144][50][20] and V.
func conv2TrainWindows(n int, u, v, bias []number) []window {
	windows := make([]window, shape.Conv2Y*n)
	for o := range shape.Conv2Outputs {
		for image := range n {
			m := make([]number, shape.ToomFrequencies)
			for c := range shape.Conv2Inputs {
				toomMultiply(m, toomU(u, o, c), toomOf(n, shape.Conv2Inputs, v, c, image), false)
			}
			y := toomBackwardsNumbers(toomMatrixAT, m, 1)
			for p := range shape.Pool2Pixels {
				for q := range 4 {
					row, column := p/shape.Pool2Size*2+q/2, p%shape.Pool2Size*2+q%2
					windows[(o*shape.Pool2Pixels+p)*n+image][q] = y[row*shape.Conv2Size+column].plus(bias[o])
				}
			}
		}
	}
	return windows
}

// conv2DMNumbers computes dM = A dY Aᵀ [144][50][n] of the pooled gradients dy
// [50][4][4][n] and their masks.
func conv2DMNumbers(n int, dy []float32, mask []byte) []number {
	gradient := make([]number, shape.Conv2Size*shape.Conv2Size)
	return toomEach(n, shape.Conv2Outputs, func(o, image int) []number {
		for i := range gradient {
			row, column := i/shape.Conv2Size, i%shape.Conv2Size
			at := o*shape.Pool2Pixels + row/2*shape.Pool2Size + column/2
			gradient[i] = exactly(unpool(dy[at*n+image], mask[shape.MaskBytes(at, n):], image, n, row%2*2+column%2))
		}
		return toomForwards(toomMatrixA, gradient, 1)
	})
}

// conv2DVNumbers computes dV = Ūᵀ dM [144][20][n] of u [144][50][20] and dM.
func conv2DVNumbers(n int, u, dm []number) []number {
	return toomEach(n, shape.Conv2Inputs, func(c, image int) []number {
		sum := make([]number, shape.ToomFrequencies)
		for o := range shape.Conv2Outputs {
			toomMultiply(sum, toomU(u, o, c), toomOf(n, shape.Conv2Outputs, dm, o, image), true)
		}
		return sum
	})
}

// conv2DXNumbers computes dx [20][12][12][n] = B dV Bᵀ of dV [144][20][n].
func conv2DXNumbers(n int, dv []number) []number {
	dx := make([]number, shape.Conv2X*n)
	for c := range shape.Conv2Inputs {
		for image := range n {
			for i, value := range toomBackwardsNumbers(toomMatrixB, toomOf(n, shape.Conv2Inputs, dv, c, image), 1) {
				dx[(c*shape.Pool1Pixels+i)*n+image] = value
			}
		}
	}
	return dx
}

// addConv2WeightGrad adds Σ dM V̄ᵀ of n images to du [144][50][20].
func addConv2WeightGrad(n int, du, dm, v []number) {
	for o := range shape.Conv2Outputs {
		for c := range shape.Conv2Inputs {
			sum := toomU(du, o, c)
			for image := range n {
				toomMultiply(sum, toomOf(n, shape.Conv2Inputs, v, c, image), toomOf(n, shape.Conv2Outputs, dm, o, image), true)
			}
			for f, value := range sum {
				du[(f*shape.Conv2Outputs+o)*shape.Conv2Inputs+c] = value
			}
		}
	}
}

// addConv2BiasGrad adds the gradients of n images whose ReLU is on to db.
func addConv2BiasGrad(n int, db []number, dy []float32, mask []byte) {
	for at := range shape.Conv2Y * n {
		window, image := at/n, at%n
		if alive, _ := chosen(mask[shape.MaskBytes(window, n):], image, n); alive {
			o := window / shape.Pool2Pixels
			db[o] = db[o].plus(exactly(dy[at]))
		}
	}
}

// toomWeightNumbers computes u [144][50][20] = G w Gᵀ from w [25][50][20].
func toomWeightNumbers(w []number) []number {
	const columns = shape.Conv2Outputs * shape.Conv2Inputs
	taps := make([]number, shape.Taps)
	return toomEach(columns, 1, func(_, column int) []number {
		for i := range taps {
			taps[i] = w[i*columns+column]
		}
		return toomForwards(toomMatrixG, taps, 0.5)
	})
}

// toomWeightGradNumbers computes dw [25][50][20] = Gᵀ du G from du [144][50][20].
func toomWeightGradNumbers(du []number) []number {
	const columns = shape.Conv2Outputs * shape.Conv2Inputs
	dw := make([]number, shape.Conv2W)
	for column := range columns {
		for i, value := range toomBackwardsNumbers(toomMatrixGT, toomOf(columns, 1, du, 0, column), 0.5) {
			dw[i*columns+column] = value
		}
	}
	return dw
}
