package toomcook

import (
	"math/big"
	"testing"

	"github.com/kernelet/kernelet/gen/exact"
	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/internal/shape"
)

// fractions are the coefficients of the transforms by their float32.
func fractions() map[float32]*big.Rat {
	all := map[float32]*big.Rat{}
	add := func(r *big.Rat) { all[rounded(new(big.Rat).Abs(r))] = new(big.Rat).Abs(r) }
	for but := -1; but <= pairs; but++ {
		for _, c := range polynomial(but) {
			add(c)
		}
	}
	for _, p := range points {
		for k := range shape.Conv2Size {
			add(power(p, k))
		}
	}
	for pair := range pairs + 1 {
		add(scale(pair))
	}
	return all
}

// emitted are the rows of the matrix that a transform of n inputs computes.
func emitted(t *testing.T, target isa.Target, n int, transform func(k kernel, x []vector, put Put)) map[int]exact.Form {
	t.Helper()
	known := fractions()
	return exact.Emitted(t, target, n, func(c float32) *big.Rat {
		sign := int64(1)
		if c < 0 {
			sign = -1
		}
		r := known[float32(sign)*c]
		if r == nil {
			t.Fatalf("%v is no coefficient", c)
		}
		return new(big.Rat).Mul(big.NewRat(sign, 1), r)
	}, func(k *isa.Kernel, x []isa.V, put func(i int, v isa.V)) { transform(k, x, put) })
}

// late passes a transform its inputs one by one.
func late(transform func(k kernel, x func(i int) vector, put Put)) func(k kernel, x []vector, put Put) {
	return func(k kernel, x []vector, put Put) { transform(k, func(i int) vector { return x[i] }, put) }
}

// TestCorrelation: Aᵀ[(G w) ⊙ (Bᵀ d)] of what is emitted, where the values at i
// are multiplied as complex numbers, is the correlation of five taps with twelve
// inputs, Σ_a w[a] d[k+a].
func TestCorrelation(t *testing.T) {
	for _, target := range isa.Targets {
		b, g := emitted(t, target, shape.ToomPoints, Input), emitted(t, target, shape.FilterSize, Weight)
		a := emitted(t, target, shape.ToomPoints, late(Output))
		for tap := range shape.FilterSize {
			for input := range shape.ToomPoints {
				times := func(i, j int) *big.Rat { return new(big.Rat).Mul(g[i][tap], b[j][input]) }
				var m [shape.ToomPoints]*big.Rat
				for i := range real {
					m[i] = times(i, i)
				}
				m[real] = new(big.Rat).Sub(times(real, real), times(imaginary, imaginary))
				m[imaginary] = new(big.Rat).Add(times(real, imaginary), times(imaginary, real))
				for k := range shape.Conv2Size {
					sum, want := new(big.Rat), new(big.Rat)
					for i := range m {
						sum.Add(sum, new(big.Rat).Mul(a[k][i], m[i]))
					}
					if input == k+tap {
						want.SetInt64(1)
					}
					if sum.Cmp(want) != 0 {
						t.Errorf("%s: output %d: w%d d%d: expected %s, got %s", target.Name, k, tap, input, want.RatString(), sum.RatString())
					}
				}
			}
		}
	}
}

// TestGradients: what carries gradients back is the transposed matrix.
func TestGradients(t *testing.T) {
	for _, target := range isa.Targets {
		for _, c := range []struct {
			name            string
			inputs, outputs int
			transform       func(k kernel, x []vector, put Put)
			gradientName    string
			gradient        func(k kernel, x []vector, put Put)
		}{
			{"Input", shape.ToomPoints, shape.ToomPoints, Input, "InputGrad", late(InputGrad)},
			{"Output", shape.ToomPoints, shape.Conv2Size, late(Output), "OutputGrad", OutputGrad},
			{"Weight", shape.FilterSize, shape.ToomPoints, Weight, "WeightGrad", late(WeightGrad)},
		} {
			forward, back := emitted(t, target, c.inputs, c.transform), emitted(t, target, c.outputs, c.gradient)
			for i := range c.inputs {
				for o := range c.outputs {
					if got, want := back[i][o], forward[o][i]; got.Cmp(want) != 0 {
						t.Errorf("%s: %s: row %d, input %d: %s has %s, got %s", target.Name, c.gradientName, i, o, c.name, want.RatString(), got.RatString())
					}
				}
			}
		}
	}
}
