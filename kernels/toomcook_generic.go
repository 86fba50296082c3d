package kernels

import "github.com/kernelet/kernelet/internal/shape"

// The one-dimensional transforms of F(8, 5) with a pair of complex points, for
// one image. They mirror package gen/toomcook, which has the formulas.
// float32(…) keeps the compiler from fusing a product with a sum, so that
// results are the same on every machine.

// Values of a transform that are no pair of opposite points.
const (
	toomInfinity  = shape.ToomReal - 1
	toomReal      = shape.ToomReal
	toomImaginary = shape.ToomReal + 1
)

// toom are the coefficients, made from the points: those of the pairs 2/5, 4/5,
// 5/4 and 5/2, and as a fifth those of i, whose square is −1.
var toom = func() (c struct {
	power [4][shape.Conv2Size]float32 // pᵏ
	q     [5][5]float32               // of Π (t − r²) over the squares r² of the other points that are not 0
	z     [6]float32                  // over all of them
	scale [5]float32                  // of G
}) {
	points := [4]float64{0.4, 0.8, 1.25, 2.5}
	squares := [5]float64{4: -1}
	for a, p := range points {
		squares[a] = p * p
		power := 1.0
		for k := range c.power[a] {
			c.power[a][k] = float32(power)
			power *= p
		}
	}
	// zeros is the polynomial with these zeros, and its value at t.
	zeros := func(but int, t float64) (coefficients [6]float64, value float64) {
		coefficients[0], value = 1, 1
		for i, square := range squares {
			if i == but {
				continue
			}
			value *= t - square
			for j := 5; j >= 0; j-- {
				coefficients[j] = float64(-square * coefficients[j])
				if j > 0 {
					coefficients[j] += coefficients[j-1]
				}
			}
		}
		return coefficients, value
	}
	for a, square := range squares {
		q, value := zeros(a, square)
		for k := range c.q[a] {
			c.q[a][k] = float32(q[k])
		}
		c.scale[a] = float32(1 / (2 * square * value))
	}
	c.scale[4] *= 2 // the conjugate of the product at i belongs to −i
	z, _ := zeros(-1, 0)
	for k := range c.z {
		c.z[k] = float32(z[k])
	}
	return c
}()

// toomVector are the twelve values of a transform, or what it transforms, which
// are the first values then.
type toomVector [shape.ToomPoints]float32

// toomSum is Σ c[k]·x[first+2k], the last term first.
func toomSum(c []float32, x *toomVector, first int) float32 {
	sum := float32(c[len(c)-1] * x[first+2*(len(c)-1)])
	for k := len(c) - 2; k >= 0; k-- {
		sum += float32(c[k] * x[first+2*k])
	}
	return sum
}

// toomInput returns Bᵀ d.
func toomInput(d toomVector) (v toomVector) {
	for a := range toom.power {
		even, odd := toomSum(toom.q[a][:], &d, 2), float32(toom.power[a][1]*toomSum(toom.q[a][:], &d, 1))
		v[1+2*a], v[2+2*a] = even+odd, even-odd
	}
	v[0], v[toomInfinity] = toomSum(toom.z[:], &d, 0), toomSum(toom.z[:], &d, 1)
	v[toomReal], v[toomImaginary] = toomSum(toom.q[4][:], &d, 2), toomSum(toom.q[4][:], &d, 1)
	return v
}

// toomInputGrad returns B v.
func toomInputGrad(v toomVector) (d toomVector) {
	var plus, minus [4]float32
	for a := range plus {
		plus[a], minus[a] = v[1+2*a]+v[2+2*a], float32(toom.power[a][1]*(v[1+2*a]-v[2+2*a]))
	}
	sum := func(k int, x *[4]float32, part, last float32, of int) float32 {
		s := float32(toom.q[0][k] * x[0])
		for a := 1; a < 4; a++ {
			s += float32(toom.q[a][k] * x[a])
		}
		return s + float32(toom.q[4][k]*part) + float32(toom.z[of]*last)
	}
	d[0], d[len(d)-1] = v[0], v[toomInfinity]
	for k := range 5 {
		d[2*k+2] = sum(k, &plus, v[toomReal], v[0], k+1)
		d[2*k+1] = sum(k, &minus, v[toomImaginary], v[toomInfinity], k)
	}
	return d
}

// toomOutput returns Aᵀ m.
func toomOutput(m toomVector) (y [shape.Conv2Size]float32) {
	var plus, minus [4]float32
	for a := range plus {
		plus[a], minus[a] = m[1+2*a]+m[2+2*a], m[1+2*a]-m[2+2*a]
	}
	y[0] = ((m[0] + m[toomReal]) + (plus[0] + plus[1])) + (plus[2] + plus[3])
	for j := 1; j < len(y); j++ {
		x, part := &plus, m[toomReal]
		if j%2 == 1 {
			x, part = &minus, m[toomImaginary]
		}
		if (j+1)/2%2 == 1 { // iʲ is −1 or −i
			part = -part
		}
		for a := range x {
			part += float32(toom.power[a][j] * x[a])
		}
		y[j] = part
	}
	y[len(y)-1] += m[toomInfinity]
	return y
}

// toomOutputGrad returns A y.
func toomOutputGrad(y toomVector) (m toomVector) {
	for a, p := range toom.power {
		even, odd := y[0], float32(p[1]*y[1])
		for k := 2; k < shape.Conv2Size; k += 2 {
			even += float32(p[k] * y[k])
			odd += float32(p[k+1] * y[k+1])
		}
		m[1+2*a], m[2+2*a] = even+odd, even-odd
	}
	m[0], m[toomInfinity] = y[0], y[7]
	m[toomReal], m[toomImaginary] = (y[0]-y[2])+(y[4]-y[6]), (y[3]-y[1])+(y[7]-y[5])
	return m
}

// toomWeight returns G w.
func toomWeight(w toomVector) (u toomVector) {
	for a, p := range toom.power {
		even := w[0] + float32(p[2]*w[2]) + float32(p[4]*w[4])
		odd := float32(p[1]*w[1]) + float32(p[3]*w[3])
		u[1+2*a], u[2+2*a] = toom.scale[a]*(even+odd), toom.scale[a]*(even-odd)
	}
	u[0], u[toomInfinity] = w[0], w[4]
	u[toomReal], u[toomImaginary] = toom.scale[4]*((w[0]+w[4])-w[2]), toom.scale[4]*(w[1]-w[3])
	return u
}

// toomWeightGrad returns Gᵀ u.
func toomWeightGrad(u toomVector) (w [shape.FilterSize]float32) {
	var plus, minus [4]float32
	for a, scale := range toom.scale[:4] {
		plus[a], minus[a] = scale*(u[1+2*a]+u[2+2*a]), scale*(u[1+2*a]-u[2+2*a])
	}
	re, im := float32(toom.scale[4]*u[toomReal]), float32(toom.scale[4]*u[toomImaginary])
	for j, part := range [shape.FilterSize]float32{re, im, -re, -im, re} {
		x := &plus
		if j%2 == 1 {
			x = &minus
		}
		sum := float32(toom.power[0][j] * x[0])
		for a := 1; a < 4; a++ {
			sum += float32(toom.power[a][j] * x[a])
		}
		w[j] = sum + part
	}
	w[0] += u[0]
	w[4] += u[toomInfinity]
	return w
}

// toomFrequency is where the values (i, j) of a tile are stored, i and j being
// those of the rows' and of the columns' transform. Those that are complex in
// both are stored as what toomCorners makes of them.
func toomFrequency(i, j int) int {
	const ofRows, ofColumns = shape.ToomSingles, shape.ToomSingles + 2*shape.ToomReal
	switch {
	case i < shape.ToomReal && j < shape.ToomReal:
		return i*shape.ToomReal + j
	case i < shape.ToomReal:
		return ofRows + 2*i + j - shape.ToomReal
	case j < shape.ToomReal:
		return ofColumns + 2*j + i - shape.ToomReal
	}
	return ofColumns + 2*shape.ToomReal + 2*(i-shape.ToomReal) + j - shape.ToomReal
}

// toomTile is a tile's values by toomFrequency.
type toomTile [shape.ToomFrequencies]float32

// spread makes a tile of rows, each transformed already by its columns. Where
// scale is ½, the products of i with ±i are halved, as the weights' are.
func (t *toomTile) spread(rows *[shape.ToomPoints]toomVector, scale float32) {
	for i := range rows {
		for j, value := range rows[i] {
			t[toomFrequency(i, j)] = value
		}
	}
	rr, ri, ir, ii := rows[toomReal][toomReal], rows[toomReal][toomImaginary], rows[toomImaginary][toomReal], rows[toomImaginary][toomImaginary]
	corners := t[toomFrequency(toomReal, toomReal):]
	corners[0], corners[1], corners[2], corners[3] = scale*(rr-ii), scale*(ri+ir), scale*(rr+ii), scale*(ri-ir)
}

// rows is the transposed operation.
func (t *toomTile) rows(scale float32) (rows [shape.ToomPoints]toomVector) {
	for i := range rows {
		for j := range rows[i] {
			rows[i][j] = t[toomFrequency(i, j)]
		}
	}
	c := t[toomFrequency(toomReal, toomReal):]
	rows[toomReal][toomReal], rows[toomReal][toomImaginary] = scale*(c[0]+c[2]), scale*(c[1]+c[3])
	rows[toomImaginary][toomReal], rows[toomImaginary][toomImaginary] = scale*(c[1]-c[3]), scale*(c[2]-c[0])
	return rows
}

// forwards returns the tile m X mᵀ of a square X in row-major order, m being a
// transform to twelve values.
func (t *toomTile) forwards(x []float32, size int, scale float32, m func(x toomVector) toomVector) {
	var half, rows [shape.ToomPoints]toomVector
	var column toomVector
	for j := range size {
		for i := range size {
			column[i] = x[i*size+j]
		}
		for i, value := range m(column) {
			half[i][j] = value
		}
	}
	for i := range rows {
		rows[i] = m(half[i])
	}
	t.spread(&rows, scale)
}

// toomBackwards puts m T mᵀ of a tile, m being a transform from twelve values.
func toomBackwards[R toomResult](t *toomTile, scale float32, m func(x toomVector) R, put func(i, j int, value float32)) {
	tile := t.rows(scale)
	var half [shape.ToomPoints]toomVector
	size := 0
	for j := range tile {
		var column toomVector
		for i := range tile {
			column[i] = tile[i][j]
		}
		result := m(column)
		size = len(result)
		for i := range size {
			half[i][j] = result[i]
		}
	}
	for i := range size {
		result := m(half[i])
		for j := range size {
			put(i, j, result[j])
		}
	}
}

// toomResult is what a transform from twelve values returns.
type toomResult interface {
	toomVector | [shape.Conv2Size]float32 | [shape.FilterSize]float32
}
