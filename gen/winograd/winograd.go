// Package winograd emits the one-dimensional transforms of Winograd's minimal
// filtering algorithm F(4, 5), four outputs of a correlation with five taps
// from eight inputs by eight multiplications, and their transposes, which
// carry gradients back. A two-dimensional transform applies one of them to
// columns, then to rows.
//
// With the points 0, ±1, ±2, ±½, ∞ (Lavin and Gray, "Fast Algorithms for
// Convolutional Neural Networks", 2015)
//
//	forward           V = Bᵀ D B,   U = G W Gᵀ,   M = U ⊙ V summed over channels,   Y = Aᵀ M A
//	output gradient   dM = A dY Aᵀ
//	input gradient    dD = B dV Bᵀ
//	weight gradient   dW = Gᵀ dU G
//
//	Bᵀ = [ 1  0  -5.25   0     5.25   0    -1  0 ]    Aᵀ = [ 1 1  1 1  1 1     1     0 ]
//	     [ 0 -1  -1      4.25  4.25  -1    -1  0 ]         [ 0 1 -1 2 -2 1/2  -1/2   0 ]
//	     [ 0  1  -1     -4.25  4.25   1    -1  0 ]         [ 0 1  1 4  4 1/4   1/4   0 ]
//	     [ 0  2   1    -10    -5      8     4  0 ]         [ 0 1 -1 8 -8 1/8  -1/8   1 ]
//	     [ 0 -2   1     10    -5     -8     4  0 ]
//	     [ 0  4   8     -5   -10      1     2  0 ]    G  = [  1                      ]
//	     [ 0 -4   8      5   -10     -1     2  0 ]         [ (1, ±1, 1, ±1,  1) 2/9  ] two rows
//	     [ 0 -1   0      5.25  0     -5.25  0  1 ]         [ (1, ±2, 4, ±8, 16)/360  ] two rows
//	                                                       [ (16, ±8, 4, ±2, 1)/45   ] two rows
//	                                                       [                       1 ]
//
// Rows of opposite points share their even and odd parts. Every transform
// hands out its results one by one through put, in an order that needs few
// registers.
package winograd

import (
	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/internal/shape"
)

type (
	kernel = *isa.Kernel
	vector = isa.V
)

// Put receives result i of a transform.
type Put func(i int, v vector)

// Input puts Bᵀ d: eight values from eight inputs.
func Input(k kernel, d []vector, put Put) {
	k.Comment("v0 = (d0 − d6) + 21/4 (d4 − d2)")
	v := k.Subtract(d[0], d[6])
	k.MultiplyAdd(v, 5.25, k.Subtract(d[4], d[2]))
	put(0, v)
	k.Comment("v7 = (d7 − d1) + 21/4 (d3 − d5)")
	v = k.Subtract(d[7], d[1])
	k.MultiplyAdd(v, 5.25, k.Subtract(d[3], d[5]))
	put(7, v)
	k.Comment("v1, v2 = (17/4 d4 − (d2 + d6)) ± (17/4 d3 − (d1 + d5))")
	even := k.Add(d[2], d[6])
	k.MultiplyMinus(even, 4.25, d[4])
	odd := k.Add(d[1], d[5])
	k.MultiplyMinus(odd, 4.25, d[3])
	put(1, k.Add(even, odd))
	put(2, k.Subtract(even, odd))
	k.Comment("v3, v4 = (d2 − 5 d4 + 4 d6) ± (2 d1 − 10 d3 + 8 d5)")
	even = k.Copy(d[2])
	k.MultiplySubtract(even, 5, d[4])
	k.MultiplyAdd(even, 4, d[6])
	odd = k.Add(d[1], d[1])
	k.MultiplySubtract(odd, 10, d[3])
	k.MultiplyAdd(odd, 8, d[5])
	put(3, k.Add(even, odd))
	put(4, k.Subtract(even, odd))
	k.Comment("v5, v6 = (2 d6 − 10 d4 + 8 d2) ± (d5 − 5 d3 + 4 d1)")
	even = k.Add(d[6], d[6])
	k.MultiplySubtract(even, 10, d[4])
	k.MultiplyAdd(even, 8, d[2])
	odd = k.Copy(d[5])
	k.MultiplySubtract(odd, 5, d[3])
	k.MultiplyAdd(odd, 4, d[1])
	put(5, k.Add(even, odd))
	put(6, k.Subtract(even, odd))
}

// Output puts Aᵀ m: four outputs from eight products. Each is asked for once,
// as late as possible, so that few registers hold them.
func Output(k kernel, m func(i int) vector, put Put) {
	pair := func(point string, i int) (plus, minus vector) {
		k.Commentf("plus%s, minus%[1]s = m%d ± m%d", point, i, i+1)
		x, y := m(i), m(i+1)
		return k.Add(x, y), k.Subtract(x, y)
	}
	plus1, minus1 := pair("1", 1)
	plus2, minus2 := pair("2", 3)
	plusHalf, minusHalf := pair("Half", 5)
	k.Comment("y0 = (m0 + plus1) + (plus2 + plusHalf)")
	put(0, k.Add(k.Add(m(0), plus1), k.Add(plus2, plusHalf)))
	k.Comment("y2 = plus1 + ¼ plusHalf + 4 plus2")
	k.MultiplyAdd(plus1, 0.25, plusHalf)
	k.MultiplyAdd(plus1, 4, plus2)
	put(2, plus1)
	k.Comment("y3 = (minus1 + m7) + ⅛ minusHalf + 8 minus2")
	y := k.Add(minus1, m(7))
	k.MultiplyAdd(y, 0.125, minusHalf)
	k.MultiplyAdd(y, 8, minus2)
	put(3, y)
	k.Comment("y1 = minus1 + ½ minusHalf + 2 minus2")
	k.MultiplyAdd(minus1, 0.5, minusHalf)
	k.MultiplyAdd(minus1, 2, minus2)
	put(1, minus1)
}

// Pairs are the rows of A that share their even and odd parts: those of
// opposite points, and those of 0 and ∞, which are single values.
var Pairs = [shape.Points / 2][2]int{{0, 7}, {1, 2}, {3, 4}, {5, 6}}

// OutputGrad puts A y: eight values from four output gradients.
func OutputGrad(k kernel, y []vector, put Put) {
	for pair := range Pairs {
		OutputGradPair(k, y, pair, put)
	}
}

// OutputGradPair puts the two values of A y that belong to a pair of rows.
func OutputGradPair(k kernel, y []vector, pair int, put Put) {
	if pair == 0 {
		k.Comment("m0 = y0, m7 = y3")
		put(0, y[0])
		put(7, y[3])
		return
	}
	var even, odd vector
	switch pair {
	case 1:
		k.Comment("m1, m2 = (y0 + y2) ± (y1 + y3)")
		even, odd = k.Add(y[0], y[2]), k.Add(y[1], y[3])
	case 2:
		k.Comment("m3, m4 = (y0 + 4 y2) ± (2 y1 + 8 y3)")
		even = k.Copy(y[0])
		k.MultiplyAdd(even, 4, y[2])
		odd = k.Add(y[1], y[1])
		k.MultiplyAdd(odd, 8, y[3])
	case 3:
		k.Comment("m5, m6 = (y0 + ¼ y2) ± (½ y1 + ⅛ y3)")
		even = k.Copy(y[0])
		k.MultiplyAdd(even, 0.25, y[2])
		odd = k.Multiply(0.5, y[1])
		k.MultiplyAdd(odd, 0.125, y[3])
	}
	put(Pairs[pair][0], k.Add(even, odd))
	put(Pairs[pair][1], k.Subtract(even, odd))
}

// InputGrad puts B v: eight input gradients from eight values.
func InputGrad(k kernel, v []vector, put Put) {
	k.Comment("plus1, minus1 = v1 ± v2; plus2, minus2 = v3 ± v4; plusHalf, minusHalf = v5 ± v6")
	plus1, minus1 := k.Add(v[1], v[2]), k.Subtract(v[1], v[2])
	plus2, minus2 := k.Add(v[3], v[4]), k.Subtract(v[3], v[4])
	plusHalf, minusHalf := k.Add(v[5], v[6]), k.Subtract(v[5], v[6])
	k.Comment("d0 = v0, d7 = v7")
	put(0, v[0])
	put(7, v[7])
	k.Comment("d1 = 2 minus2 − (minus1 + v7) + 4 minusHalf")
	d := k.Add(minus1, v[7])
	k.MultiplyMinus(d, 2, minus2)
	k.MultiplyAdd(d, 4, minusHalf)
	put(1, d)
	k.Comment("d3 = 21/4 v7 + 17/4 minus1 − 10 minus2 − 5 minusHalf")
	d = k.Multiply(5.25, v[7])
	k.MultiplyAdd(d, 4.25, minus1)
	k.MultiplySubtract(d, 10, minus2)
	k.MultiplySubtract(d, 5, minusHalf)
	put(3, d)
	k.Comment("d5 = (minusHalf − minus1) + 8 minus2 − 21/4 v7")
	d = k.Subtract(minusHalf, minus1)
	k.MultiplyAdd(d, 8, minus2)
	k.MultiplySubtract(d, 5.25, v[7])
	put(5, d)
	k.Comment("d2 = (plus2 − plus1) − 21/4 v0 + 8 plusHalf")
	d = k.Subtract(plus2, plus1)
	k.MultiplySubtract(d, 5.25, v[0])
	k.MultiplyAdd(d, 8, plusHalf)
	put(2, d)
	k.Comment("d4 = 21/4 v0 + 17/4 plus1 − 5 plus2 − 10 plusHalf")
	d = k.Multiply(5.25, v[0])
	k.MultiplyAdd(d, 4.25, plus1)
	k.MultiplySubtract(d, 5, plus2)
	k.MultiplySubtract(d, 10, plusHalf)
	put(4, d)
	k.Comment("d6 = 4 plus2 − (v0 + plus1) + 2 plusHalf")
	d = k.Add(v[0], plus1)
	k.MultiplyMinus(d, 4, plus2)
	k.MultiplyAdd(d, 2, plusHalf)
	put(6, d)
}

// Weight puts G w: eight values from five taps.
func Weight(k kernel, w []vector, put Put) {
	k.Comment("u0 = w0, u7 = w4")
	put(0, w[0])
	put(7, w[4])
	pair := func(i int, scale float32, even, odd vector) {
		put(i, k.Multiply(scale, k.Add(even, odd)))
		put(i+1, k.Multiply(scale, k.Subtract(even, odd)))
	}
	k.Comment("u1, u2 = 2/9 ((w0 + w2 + w4) ± (w1 + w3))")
	pair(1, 2.0/9, k.Add(k.Add(w[0], w[2]), w[4]), k.Add(w[1], w[3]))
	k.Comment("u3, u4 = 1/360 ((w0 + 4 w2 + 16 w4) ± (2 w1 + 8 w3))")
	even := k.Copy(w[0])
	k.MultiplyAdd(even, 4, w[2])
	k.MultiplyAdd(even, 16, w[4])
	odd := k.Add(w[1], w[1])
	k.MultiplyAdd(odd, 8, w[3])
	pair(3, 1.0/360, even, odd)
	k.Comment("u5, u6 = 1/45 ((w4 + 4 w2 + 16 w0) ± (2 w3 + 8 w1))")
	even = k.Copy(w[4])
	k.MultiplyAdd(even, 4, w[2])
	k.MultiplyAdd(even, 16, w[0])
	odd = k.Add(w[3], w[3])
	k.MultiplyAdd(odd, 8, w[1])
	pair(5, 1.0/45, even, odd)
}

// WeightGrad puts Gᵀ u: five tap gradients from eight values.
func WeightGrad(k kernel, u []vector, put Put) {
	k.Comment("plus1, minus1 = 2/9 (u1 ± u2); plus2, minus2 = 1/360 (u3 ± u4); plusHalf, minusHalf = 1/45 (u5 ± u6)")
	scaled := func(i int, scale float32) (plus, minus vector) {
		return k.Multiply(scale, k.Add(u[i], u[i+1])), k.Multiply(scale, k.Subtract(u[i], u[i+1]))
	}
	plus1, minus1 := scaled(1, 2.0/9)
	plus2, minus2 := scaled(3, 1.0/360)
	plusHalf, minusHalf := scaled(5, 1.0/45)
	k.Comment("w0 = ((u0 + plus1) + plus2) + 16 plusHalf")
	w := k.Add(k.Add(u[0], plus1), plus2)
	k.MultiplyAdd(w, 16, plusHalf)
	put(0, w)
	k.Comment("w1 = minus1 + 2 minus2 + 8 minusHalf")
	w = k.Copy(minus1)
	k.MultiplyAdd(w, 2, minus2)
	k.MultiplyAdd(w, 8, minusHalf)
	put(1, w)
	k.Comment("w2 = plus1 + 4 plus2 + 4 plusHalf")
	w = k.Copy(plus1)
	k.MultiplyAdd(w, 4, plus2)
	k.MultiplyAdd(w, 4, plusHalf)
	put(2, w)
	k.Comment("w3 = minus1 + 8 minus2 + 2 minusHalf")
	k.MultiplyAdd(minus1, 8, minus2)
	k.MultiplyAdd(minus1, 2, minusHalf)
	put(3, minus1)
	k.Comment("w4 = ((plus1 + plusHalf) + u7) + 16 plus2")
	w = k.Add(k.Add(plus1, plusHalf), u[7])
	k.MultiplyAdd(w, 16, plus2)
	put(4, w)
}
