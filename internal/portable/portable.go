// Package portable holds functions of package math whose results have the same
// bits on every architecture. Those of math do not: some architectures have
// assembly of their own, and elsewhere products are fused with the sums that they
// go into. Here every product of a sum is converted, which Go promises to round.
// The results are those of math on amd64, but for Exp's last bits.
package portable

import "math"

// Pi/4 in three parts of at most 33 bits, so that a multiple of the first two by
// a small integer is exact (Cody and Waite, "Software Manual for the Elementary
// Functions", 1980).
const (
	quarter1 = 7.85398125648498535156e-1
	quarter2 = 3.77489470793079817668e-8
	quarter3 = 2.69515142907905952645e-15
)

// Coefficients of sin(z)/z and cos(z) in z² for |z| ≤ π/4, highest first, from
// Moshier's Cephes library.
var (
	sine   = [...]float64{1.58962301576546568060e-10, -2.50507477628578072866e-8, 2.75573136213857245213e-6, -1.98412698295895385996e-4, 8.33333333332211858878e-3, -1.66666666666666307295e-1}
	cosine = [...]float64{-1.13585365213876817300e-11, 2.08757008419747316778e-9, -2.75573141792967388112e-7, 2.48015872888517045348e-5, -1.38888888888730564116e-3, 4.16666666666665929218e-2}
)

// horner is the polynomial with the given coefficients, highest first, at x.
func horner(coefficients *[6]float64, x float64) float64 {
	y := coefficients[0]
	for _, c := range coefficients[1:] {
		y = float64(y*x) + c
	}
	return y
}

// Sincos returns sin x and cos x for |x| below 2²⁹.
func Sincos(x float64) (sin, cos float64) {
	negative := x < 0
	x = math.Abs(x)
	octant := uint64(float64(x * (4 / math.Pi)))
	octant += octant & 1
	n := float64(octant)
	z := x - float64(n*quarter1) - float64(n*quarter2) - float64(n*quarter3)
	square := float64(z * z)
	cos = 1 - float64(0.5*square) + float64(float64(square*square)*horner(&cosine, square))
	sin = z + float64(float64(z*square)*horner(&sine, square))
	quadrant := octant / 2 % 4
	if quadrant%2 == 1 {
		sin, cos = cos, sin
	}
	if negative != (quadrant >= 2) {
		sin = -sin
	}
	if quadrant == 1 || quadrant == 2 {
		cos = -cos
	}
	return sin, cos
}

// Parts of ln 2: a multiple of the first by an integer below 2²⁰ is exact (Cody and
// Waite, as above).
const (
	ln2High = 6.93147180369123816490e-01
	ln2Low  = 1.90821492927058770002e-10
)

// integers, added to a number of magnitude below 2⁵¹, rounds it to an integer, which
// the sum's last bits then are.
const integers = 3 << 51

// smallest is where Exp ends, before its result is subnormal.
const smallest = -708

// Exp returns eˣ for x ≤ 0, within 4 units in the last place, and 0 below −708. It
// is eˣ = 2ᵏ·eʳ for the integer k nearest to x/ln 2, and Taylor's series of eʳ, whose
// term of r¹³ is below 2⁻⁵² where |r| ≤ ln 2 / 2.
func Exp(x float64) float64 {
	if x < smallest {
		return 0
	}
	shifted := float64(x*math.Log2E) + integers
	k := shifted - integers
	r := x - float64(k*ln2High) - float64(k*ln2Low)
	// Pairs of terms, then pairs of pairs: Horner's rule waits for itself, and takes
	// 110 ns for ten values where this takes 82 and math.Exp 128 (Zen 3).
	r2 := float64(r * r)
	r4 := float64(r2 * r2)
	second := float64(r*(1./6)) + 1./2 // of r²
	fourth := float64(r*(1./120)) + 1./24
	sixth := float64(r*(1./5040)) + 1./720
	eighth := float64(r*(1./362880)) + 1./40320
	tenth := float64(r*(1./39916800)) + 1./3628800
	last := float64(r2 * (1. / 479001600)) // of r¹⁰
	series := second + float64(fourth*r2) + float64(r4*(sixth+float64(eighth*r2)+float64(r4*(tenth+last))))
	e := 1 + (r + float64(series*r2))
	return float64(e * math.Float64frombits((math.Float64bits(shifted)+1023)<<52))
}

// Power returns xⁿ for x ≥ 0 and n ≥ 0, by squaring.
func Power(x float64, n int) float64 {
	// Mantissas and exponents apart, so that no square leaves the range.
	square, squareExponent := math.Frexp(x)
	result, exponent := 1.0, 0
	for ; n > 0; n >>= 1 {
		if squareExponent < -1<<12 || squareExponent > 1<<12 {
			// Out of float64's range whatever follows; the exponent would leave int's.
			return math.Ldexp(result, exponent+squareExponent)
		}
		if n&1 == 1 {
			result = float64(result * square)
			exponent += squareExponent
		}
		square = float64(square * square)
		squareExponent *= 2
		if square < .5 {
			square += square
			squareExponent--
		}
	}
	return math.Ldexp(result, exponent)
}

// Hypot returns √(x² + y²) for finite x and y.
func Hypot(x, y float64) float64 {
	x, y = math.Abs(x), math.Abs(y)
	long, short := max(x, y), min(x, y)
	if long == 0 {
		return 0
	}
	ratio := short / long
	return long * math.Sqrt(1+float64(ratio*ratio))
}
