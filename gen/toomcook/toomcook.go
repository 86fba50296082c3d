// Package toomcook emits the transforms of F(8, 5): eight outputs of a
// correlation with five taps from twelve inputs, by Toom and Cook's algorithm with a pair
// of complex points, and their transposes, which carry gradients back. A
// two-dimensional transform applies one of them to columns, then to rows; one
// tile covers conv2's whole 8×8 output.
//
// The points are 0, ±2/5, ±4/5, ±5/4, ±5/2, ∞ and ±i. Twelve real points would
// lose the accuracy; with the factor x²+1 among the linear ones the relative
// error is that of the eight points of gen/winograd (compare Barabasz and
// Gregg, "Winograd Convolution for DNNs: Beyond Linear Polynomials", 2019). The
// values at i are complex, those at −i their conjugates, which are not kept: so
// twelve real values stand for twelve points.
//
//	value          0   1    2    3    4    5    6    7    8    9   10       11
//	point          0   2/5 −2/5  4/5 −4/5  5/4 −5/4  5/2 −5/2  ∞   i, real  i, imaginary
//
// With p a point of a pair ±p, t = x² and
//
//	Q_p(t) = Π (t − r²) over the points r of the other three pairs and i, of degree 4
//	Z(t)   = Π (t − r²) over those of all four pairs and i, of degree 5
//
// and q, z their coefficients, the constant one first:
//
//	forward           V = Bᵀ d       v0 = Σ z[k] d[2k], v∞ = Σ z[k] d[2k+1],
//	                                 v±p = Σ q_p[k] d[2k+2] ± p Σ q_p[k] d[2k+1],
//	                                 v_i = Σ q_i[k] d[2k+2] + i Σ q_i[k] d[2k+1]
//	                  U = G w        u0 = w0/Z(0), u∞ = w4, u±p = (Σ (±p)ᵏ w[k]) / 2p²Q_p(p²),
//	                                 u_i = (Σ iᵏ w[k]) / (−Q_i(−1)), twice the quotient, for i and −i
//	                  Y = Aᵀ m       y[k] = 0ᵏ m0 + Σ pᵏ (m+p + (−1)ᵏ m−p) + Re(iᵏ m_i), and m∞ in y7
//	output gradient   dM = A dY
//	input gradient    dD = B dV
//	weight gradient   dW = Gᵀ dU
//
// The points come in reciprocal pairs, so Z(0) is 1, and coefficients repeat.
package toomcook

import (
	"math/big"
	"strings"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/internal/shape"
)

type (
	kernel = *isa.Kernel
	vector = isa.V
)

// Put receives result i of a transform.
type Put func(i int, v vector)

// Places of the values in one dimension; 1 … 8 are the pairs.
const (
	zero      = 0
	infinity  = shape.ToomReal - 1
	real      = shape.ToomReal
	imaginary = shape.ToomReal + 1
	pairs     = 4
)

// points are one of each pair.
var points = [pairs]*big.Rat{big.NewRat(2, 5), big.NewRat(4, 5), big.NewRat(5, 4), big.NewRat(5, 2)}

// squares are the squares of all points that are not 0: the pairs', and i's.
func squares() []*big.Rat {
	var all []*big.Rat
	for _, p := range points {
		all = append(all, new(big.Rat).Mul(p, p))
	}
	return append(all, big.NewRat(-1, 1))
}

// polynomial has the coefficients of Π (t − square) over all squares but one,
// or over all where but is none of them.
func polynomial(but int) []*big.Rat {
	coefficients := []*big.Rat{big.NewRat(1, 1)}
	for i, square := range squares() {
		if i == but {
			continue
		}
		next := make([]*big.Rat, len(coefficients)+1)
		for j := range next {
			next[j] = new(big.Rat)
			if j > 0 {
				next[j].Add(next[j], coefficients[j-1])
			}
			if j < len(coefficients) {
				next[j].Sub(next[j], new(big.Rat).Mul(square, coefficients[j]))
			}
		}
		coefficients = next
	}
	return coefficients
}

// value is a polynomial's value at t.
func value(coefficients []*big.Rat, t *big.Rat) *big.Rat {
	v := new(big.Rat)
	for i := len(coefficients) - 1; i >= 0; i-- {
		v.Add(v.Mul(v, t), coefficients[i])
	}
	return v
}

// power is pᵏ.
func power(p *big.Rat, k int) *big.Rat {
	v := big.NewRat(1, 1)
	for range k {
		v.Mul(v, p)
	}
	return v
}

// text lists fractions.
func text(fractions []*big.Rat) string {
	var all []string
	for _, f := range fractions {
		all = append(all, f.RatString())
	}
	return strings.Join(all, ", ")
}

// rounded is the float32 next to a fraction.
func rounded(r *big.Rat) float32 {
	f, _ := r.Float32()
	return f
}

// term adds c·x to sum, or is c·x where there is no sum yet.
func term(k kernel, sum vector, c *big.Rat, x vector) vector {
	switch f := rounded(c); {
	case sum == nil && f == 1:
		return k.Copy(x)
	case sum == nil:
		return k.Multiply(f, x)
	case f == 1:
		return k.Add(sum, x)
	case f < 0:
		k.MultiplySubtract(sum, -f, x)
	default:
		k.MultiplyAdd(sum, f, x)
	}
	return sum
}

// Input puts Bᵀ d: twelve values from twelve inputs.
func Input(k kernel, d []vector, put Put) {
	// The highest coefficient, 1, comes first and costs a copy.
	sum := func(q []*big.Rat, first int) vector {
		var s vector
		for i := len(q) - 1; i >= 0; i-- {
			s = term(k, s, q[i], d[first+2*i])
		}
		return s
	}
	for a, p := range points {
		q := polynomial(a)
		k.Commentf("v%d, v%d = Σ q[k] d[2k+2] ± %s Σ q[k] d[2k+1], q = %s", 1+2*a, 2+2*a, p.RatString(), text(q))
		even, odd := sum(q, 2), sum(q, 1)
		minus := k.Copy(even)
		k.MultiplyAdd(even, rounded(p), odd)
		put(1+2*a, even)
		k.MultiplySubtract(minus, rounded(p), odd)
		put(2+2*a, minus)
	}
	z := polynomial(-1)
	k.Commentf("v0 = Σ z[k] d[2k], z = %s", text(z))
	put(zero, sum(z, 0))
	k.Comment("v9 = Σ z[k] d[2k+1]")
	put(infinity, sum(z, 1))
	q := polynomial(pairs)
	k.Commentf("v10, v11 = Σ q[k] d[2k+2], Σ q[k] d[2k+1], q = %s", text(q))
	put(real, sum(q, 2))
	put(imaginary, sum(q, 1))
}

// InputGrad puts B v: twelve input gradients from twelve values, each asked
// for once.
func InputGrad(k kernel, v func(i int) vector, put Put) {
	var sums, differences []vector
	for a, p := range points {
		k.Commentf("plus%d, minus%[1]d = v%d + v%d, %s (v%[2]d − v%[3]d)", a, 1+2*a, 2+2*a, p.RatString())
		x, y := v(1+2*a), v(2+2*a)
		sums = append(sums, k.Add(x, y))
		differences = append(differences, k.Multiply(rounded(p), k.Subtract(x, y)))
	}
	z := polynomial(-1)
	// column is Σ q_p[i] x_p over the pairs and i, and z[of] last.
	column := func(i int, x []vector, part, last vector, of int) vector {
		var s vector
		for a := range pairs {
			s = term(k, s, polynomial(a)[i], x[a])
		}
		return term(k, term(k, s, polynomial(pairs)[i], part), z[of], last)
	}
	k.Comment("d[2k+2] = Σ q_p[k] plus_p + q_i[k] v10 + z[k+1] v0")
	first, re := v(zero), v(real)
	put(0, first)
	for i := range shape.ToomPoints/2 - 1 {
		put(2*i+2, column(i, sums, re, first, i+1))
	}
	k.Comment("d[2k+1] = Σ q_p[k] minus_p + q_i[k] v11 + z[k] v9")
	last, im := v(infinity), v(imaginary)
	put(shape.ToomPoints-1, last)
	for i := range shape.ToomPoints/2 - 1 {
		put(2*i+1, column(i, differences, im, last, i))
	}
}

// Output puts Aᵀ m: eight outputs from twelve products, each asked for once.
func Output(k kernel, m func(i int) vector, put Put) {
	var sums, differences []vector
	for a := range pairs {
		k.Commentf("plus%d, minus%[1]d = m%d ± m%d", a, 1+2*a, 2+2*a)
		x, y := m(1+2*a), m(2+2*a)
		sums, differences = append(sums, k.Add(x, y)), append(differences, k.Subtract(x, y))
	}
	// row is Σ pʲ x_p plus Re(iʲ m_i): part of m_i, or its opposite.
	row := func(j int, x []vector, part vector) vector {
		s := k.Copy(part)
		for a, p := range points {
			if c := rounded(power(p, j)); a == 0 && (j+1)/2%2 == 1 {
				k.MultiplyMinus(s, c, x[a])
			} else {
				k.MultiplyAdd(s, c, x[a])
			}
		}
		return s
	}
	k.Comment("y0 = (m0 + m10) + (plus0 + plus1) + (plus2 + plus3); y2, y4, y6 = Σ pʲ plus − m10, + m10, − m10")
	re := m(real)
	put(0, k.Add(k.Add(k.Add(m(zero), re), k.Add(sums[0], sums[1])), k.Add(sums[2], sums[3])))
	for j := 2; j < shape.Conv2Size; j += 2 {
		put(j, row(j, sums, re))
	}
	k.Comment("y1, y3, y5, y7 = Σ pʲ minus − m11, + m11, − m11, + m11, and m9 in y7")
	im := m(imaginary)
	for j := 1; j < shape.Conv2Size; j += 2 {
		y := row(j, differences, im)
		if j == shape.Conv2Size-1 {
			y = k.Add(y, m(infinity))
		}
		put(j, y)
	}
}

// OutputGrad puts A y: twelve values from eight output gradients.
func OutputGrad(k kernel, y []vector, put Put) {
	for a, p := range points {
		k.Commentf("m%d, m%d = Σ p²ʲ y[2j] ± Σ p²ʲ⁺¹ y[2j+1], p = %s", 1+2*a, 2+2*a, p.RatString())
		var even, odd vector
		for j := range len(y) / 2 {
			even = term(k, even, power(p, 2*j), y[2*j])
			odd = term(k, odd, power(p, 2*j+1), y[2*j+1])
		}
		put(1+2*a, k.Add(even, odd))
		put(2+2*a, k.Subtract(even, odd))
	}
	k.Comment("m0 = y0, m9 = y7")
	put(zero, y[0])
	put(infinity, y[len(y)-1])
	k.Comment("m10, m11 = (y0 − y2) + (y4 − y6), (y3 − y1) + (y7 − y5)")
	put(real, k.Add(k.Subtract(y[0], y[2]), k.Subtract(y[4], y[6])))
	put(imaginary, k.Add(k.Subtract(y[3], y[1]), k.Subtract(y[7], y[5])))
}

// scale is the factor of the row of G that belongs to a pair, or to i.
func scale(pair int) *big.Rat {
	if pair == pairs {
		q := value(polynomial(pairs), big.NewRat(-1, 1))
		return q.Inv(q.Neg(q))
	}
	square := squares()[pair]
	q := value(polynomial(pair), square)
	return q.Inv(q.Mul(q, new(big.Rat).Mul(big.NewRat(2, 1), square)))
}

// Weight puts G w: twelve values from five taps.
func Weight(k kernel, w []vector, put Put) {
	for a, p := range points {
		s := scale(a)
		k.Commentf("u%d, u%d = %s ((w0 + p² w2 + p⁴ w4) ± (p w1 + p³ w3)), p = %s", 1+2*a, 2+2*a, s.RatString(), p.RatString())
		even := term(k, term(k, k.Copy(w[0]), power(p, 2), w[2]), power(p, 4), w[4])
		odd := term(k, term(k, nil, p, w[1]), power(p, 3), w[3])
		put(1+2*a, k.Multiply(rounded(s), k.Add(even, odd)))
		put(2+2*a, k.Multiply(rounded(s), k.Subtract(even, odd)))
	}
	k.Comment("u0 = w0, u9 = w4")
	put(zero, w[0])
	put(infinity, w[4])
	s := scale(pairs)
	k.Commentf("u10, u11 = %s ((w0 + w4) − w2), %[1]s (w1 − w3)", s.RatString())
	put(real, k.Multiply(rounded(s), k.Subtract(k.Add(w[0], w[4]), w[2])))
	put(imaginary, k.Multiply(rounded(s), k.Subtract(w[1], w[3])))
}

// WeightGrad puts Gᵀ u: five tap gradients from twelve values, each asked for
// once.
func WeightGrad(k kernel, u func(i int) vector, put Put) {
	var sums, differences []vector
	for a := range points {
		s := scale(a)
		k.Commentf("plus%d, minus%[1]d = %s (u%d ± u%d)", a, s.RatString(), 1+2*a, 2+2*a)
		x, y := u(1+2*a), u(2+2*a)
		sums = append(sums, k.Multiply(rounded(s), k.Add(x, y)))
		differences = append(differences, k.Multiply(rounded(s), k.Subtract(x, y)))
	}
	s := scale(pairs)
	k.Commentf("re, im = %s u10, %[1]s u11", s.RatString())
	re, im := k.Multiply(rounded(s), u(real)), k.Multiply(rounded(s), u(imaginary))
	row := func(j int, x []vector, part vector, add bool) vector {
		var sum vector
		for a, p := range points {
			sum = term(k, sum, power(p, j), x[a])
		}
		if add {
			return k.Add(sum, part)
		}
		return k.Subtract(sum, part)
	}
	k.Comment("w0, w2, w4 = (Σ pʲ plus ± re), and u0 in w0, u9 in w4; w1, w3 = Σ pʲ minus ± im")
	put(0, k.Add(row(0, sums, re, true), u(zero)))
	put(1, row(1, differences, im, true))
	put(2, row(2, sums, re, false))
	put(3, row(3, differences, im, false))
	put(4, k.Add(row(4, sums, re, true), u(infinity)))
}
