// Package winograd emits the one-dimensional transforms of Winograd's minimal
// filtering algorithm F(4, 5), four outputs of a correlation with five taps
// from eight inputs by eight multiplications. A two-dimensional transform
// applies one of them to columns, then to rows. Conv1 and inference use it;
// conv2 is trained with gen/toomcook.
//
// With the points 0, ±1, ±2, ±½, ∞ (Lavin and Gray, "Fast Algorithms for
// Convolutional Neural Networks", 2015)
//
//	V = Bᵀ D B,   U = G W Gᵀ,   M = U ⊙ V summed over channels,   Y = Aᵀ M A
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

import "github.com/kernelet/kernelet/gen/isa"

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
