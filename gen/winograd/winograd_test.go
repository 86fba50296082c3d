package winograd

import (
	"math"
	"math/big"
	"testing"

	"github.com/kernelet/kernelet/gen/exact"
	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/internal/shape"
)

type form = exact.Form

// fraction is the simplest fraction that rounds to a float32.
func fraction(t *testing.T, c float32) *big.Rat {
	t.Helper()
	for d := int64(1); d <= 720; d++ {
		n := int64(math.Round(float64(c) * float64(d)))
		if float32(float64(n)/float64(d)) == c {
			return big.NewRat(n, d)
		}
	}
	t.Fatalf("%v is no simple fraction", c)
	return nil
}

// emitted are the rows of the matrix that a transform of n inputs computes.
func emitted(t *testing.T, target isa.Target, n int, transform func(k kernel, x []vector, put Put)) map[int]form {
	t.Helper()
	return exact.Emitted(t, target, n, func(c float32) *big.Rat { return fraction(t, c) },
		func(k *isa.Kernel, x []isa.V, put func(i int, v isa.V)) { transform(k, x, put) })
}

// matrix is one of the algorithm's.
type matrix []form

func (m matrix) transposed() matrix {
	t := make(matrix, len(m[0]))
	for j := range t {
		for i := range m {
			t[j] = append(t[j], m[i][j])
		}
	}
	return t
}

// cookToom makes A, Bᵀ and G of the points 0, ±1, ±2, ±½ and ∞: row a of A and
// of G has the powers of a, row a of Bᵀ the polynomial whose zeros are all other
// finite points; G divides by its value at a. The factors, which cancel, are
// this package's.
func cookToom() (a, bT, g matrix) {
	points := []*big.Rat{big.NewRat(0, 1), big.NewRat(1, 1), big.NewRat(-1, 1), big.NewRat(2, 1), big.NewRat(-2, 1), big.NewRat(1, 2), big.NewRat(-1, 2)}
	factors := []int64{-1, -1, -1, 4, 4, 2, 2}
	zeros := func(n int) form {
		z := make(form, n)
		for i := range z {
			z[i] = new(big.Rat)
		}
		return z
	}
	product := func(but int) form {
		polynomial := zeros(shape.Points)
		polynomial[0].SetInt64(1)
		for i, p := range points {
			if i == but {
				continue
			}
			next := zeros(shape.Points)
			for j := range next {
				next[j].Mul(polynomial[j], new(big.Rat).Neg(p))
				if j > 0 {
					next[j].Add(next[j], polynomial[j-1])
				}
			}
			polynomial = next
		}
		return polynomial
	}
	for i, p := range points {
		polynomial, powers, value, power := product(i), zeros(0), new(big.Rat), big.NewRat(1, 1)
		for _, c := range polynomial {
			value.Add(value, new(big.Rat).Mul(c, power))
			powers = append(powers, new(big.Rat).Set(power))
			power.Mul(power, p)
		}
		factor := big.NewRat(factors[i], 1)
		a = append(a, powers[:shape.TileSize])
		bT = append(bT, zeros(shape.Points).Plus(factor, polynomial))
		scale := new(big.Rat).Inv(new(big.Rat).Mul(value, factor))
		g = append(g, zeros(shape.FilterSize).Plus(scale, powers[:shape.FilterSize]))
	}
	infinity := func(n int) form {
		last := zeros(n)
		last[n-1].SetInt64(1)
		return last
	}
	return append(a, infinity(shape.TileSize)), append(bT, product(-1)), append(g, infinity(shape.FilterSize))
}

// TestTransforms: every transform is its matrix, to the last fraction.
func TestTransforms(t *testing.T) {
	a, bT, g := cookToom()
	late := func(k kernel, x []vector, put Put) { Output(k, func(i int) vector { return x[i] }, put) }
	for _, target := range isa.Targets {
		for _, c := range []struct {
			name      string
			transform func(k kernel, x []vector, put Put)
			want      matrix
		}{
			{"Input, Bᵀ", Input, bT}, {"Output, Aᵀ", late, a.transposed()}, {"Weight, G", Weight, g},
		} {
			rows := emitted(t, target, len(c.want[0]), c.transform)
			for i, want := range c.want {
				if got := rows[i]; got.String() != want.String() {
					t.Errorf("%s: %s: row %d: expected %v, got %v", target.Name, c.name, i, want, got)
				}
			}
		}
	}
}

// TestCorrelation: Aᵀ[(G w) ⊙ (Bᵀ d)] of what is emitted is the correlation of
// five taps with eight inputs, Σ_a w[a] d[i+a].
func TestCorrelation(t *testing.T) {
	late := func(k kernel, x []vector, put Put) { Output(k, func(i int) vector { return x[i] }, put) }
	for _, target := range isa.Targets {
		bT, g := emitted(t, target, shape.Points, Input), emitted(t, target, shape.FilterSize, Weight)
		aT := emitted(t, target, shape.Points, late)
		for i := range shape.TileSize {
			for tap := range shape.FilterSize {
				for input := range shape.Points {
					sum, want := new(big.Rat), new(big.Rat)
					for f := range shape.Points {
						sum.Add(sum, new(big.Rat).Mul(aT[i][f], new(big.Rat).Mul(g[f][tap], bT[f][input])))
					}
					if input == i+tap {
						want.SetInt64(1)
					}
					if sum.Cmp(want) != 0 {
						t.Errorf("%s: output %d: w%d d%d: expected %s, got %s", target.Name, i, tap, input, want.RatString(), sum.RatString())
					}
				}
			}
		}
	}
}
