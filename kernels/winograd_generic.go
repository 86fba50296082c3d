package kernels

import "github.com/kernelet/kernelet/internal/shape"

// The one-dimensional transforms of Winograd's F(4, 5), for one image. They
// mirror package gen/winograd, which has the matrices, step by step.
// float32(…) keeps the compiler from fusing a product with a sum, so that
// results are the same on every machine.

// winogradInput returns Bᵀ d.
func winogradInput(d *[shape.Points]float32) (v [shape.Points]float32) {
	v[0] = (d[0] - d[6]) + float32(5.25*(d[4]-d[2]))
	v[7] = (d[7] - d[1]) + float32(5.25*(d[3]-d[5]))
	even := float32(4.25*d[4]) - (d[2] + d[6])
	odd := float32(4.25*d[3]) - (d[1] + d[5])
	v[1], v[2] = even+odd, even-odd
	even = d[2] - float32(5*d[4]) + float32(4*d[6])
	odd = (d[1] + d[1]) - float32(10*d[3]) + float32(8*d[5])
	v[3], v[4] = even+odd, even-odd
	even = (d[6] + d[6]) - float32(10*d[4]) + float32(8*d[2])
	odd = d[5] - float32(5*d[3]) + float32(4*d[1])
	v[5], v[6] = even+odd, even-odd
	return v
}

// winogradOutput returns Aᵀ m.
func winogradOutput(m *[shape.Points]float32) (y [shape.TileSize]float32) {
	plus1, minus1 := m[1]+m[2], m[1]-m[2]
	plus2, minus2 := m[3]+m[4], m[3]-m[4]
	plusHalf, minusHalf := m[5]+m[6], m[5]-m[6]
	y[0] = (m[0] + plus1) + (plus2 + plusHalf)
	y[1] = minus1 + float32(0.5*minusHalf) + float32(2*minus2)
	y[2] = plus1 + float32(0.25*plusHalf) + float32(4*plus2)
	y[3] = (minus1 + m[7]) + float32(0.125*minusHalf) + float32(8*minus2)
	return y
}

// winogradWeight returns G w.
func winogradWeight(w *[shape.FilterSize]float32) (u [shape.Points]float32) {
	u[0], u[7] = w[0], w[4]
	even, odd := (w[0]+w[2])+w[4], w[1]+w[3]
	u[1], u[2] = 2.0/9*(even+odd), 2.0/9*(even-odd)
	even = w[0] + float32(4*w[2]) + float32(16*w[4])
	odd = (w[1] + w[1]) + float32(8*w[3])
	u[3], u[4] = 1.0/360*(even+odd), 1.0/360*(even-odd)
	even = w[4] + float32(4*w[2]) + float32(16*w[0])
	odd = (w[3] + w[3]) + float32(8*w[1])
	u[5], u[6] = 1.0/45*(even+odd), 1.0/45*(even-odd)
	return u
}

// tileInput writes Bᵀ D B of the 8×8 window that begins at x to v; steps are
// the distances between rows and columns of x and between frequencies of v.
func tileInput(v, x []float32, row, column, frequency int) {
	var half [shape.Points][shape.Points]float32
	for j := range shape.Points {
		var d [shape.Points]float32
		for i := range d {
			d[i] = x[i*row+j*column]
		}
		for i, value := range winogradInput(&d) {
			half[i][j] = value
		}
	}
	for i := range half {
		for j, value := range winogradInput(&half[i]) {
			v[(i*shape.Points+j)*frequency] = value
		}
	}
}

// tileOutput returns Aᵀ M A of the products that begin at m.
func tileOutput(m []float32, frequency int) (y [shape.TileSize][shape.TileSize]float32) {
	var half [shape.TileSize][shape.Points]float32
	for j := range shape.Points {
		var products [shape.Points]float32
		for i := range products {
			products[i] = m[(i*shape.Points+j)*frequency]
		}
		for i, value := range winogradOutput(&products) {
			half[i][j] = value
		}
	}
	for i := range half {
		y[i] = winogradOutput(&half[i])
	}
	return y
}

// weightTransform writes u [64][columns] = G w Gᵀ from w [25][columns].
func weightTransform(u, w []float32, columns int) {
	for column := range columns {
		var half [shape.Points][shape.FilterSize]float32
		for j := range shape.FilterSize {
			var taps [shape.FilterSize]float32
			for i := range taps {
				taps[i] = w[(i*shape.FilterSize+j)*columns+column]
			}
			for i, value := range winogradWeight(&taps) {
				half[i][j] = value
			}
		}
		for i := range half {
			for j, value := range winogradWeight(&half[i]) {
				u[(i*shape.Points+j)*columns+column] = value
			}
		}
	}
}
