package winograd

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/internal/shape"
)

// form is a linear form: the exact coefficients of the inputs.
type form []*big.Rat

func (f form) plus(c *big.Rat, g form) form {
	sum := make(form, len(f))
	for i := range sum {
		sum[i] = new(big.Rat).Add(f[i], new(big.Rat).Mul(c, g[i]))
	}
	return sum
}

func (f form) String() string {
	var terms []string
	for i, c := range f {
		if c.Sign() != 0 {
			terms = append(terms, fmt.Sprintf("%s·x%d", c.RatString(), i))
		}
	}
	return strings.Join(terms, " + ")
}

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

// emitted are the rows of the matrix that a transform of n inputs computes: its
// instructions are run on the unit vectors, in fractions.
func emitted(t *testing.T, target isa.Target, n int, transform func(k kernel, x []vector, put Put)) map[int]form {
	t.Helper()
	const results = 1 << 12 // offset of result i in memory is results + 64 i, of input i 64 i
	f := isa.NewFile(target, "test")
	k := f.WideFunction("Probe", "x []float32", "is a test.")
	memory := k.Pointer("x")
	x := make([]vector, n)
	for i := range x {
		x[i] = k.LoadVector(isa.At(memory, 64*i))
	}
	transform(k, x, func(i int, v vector) { k.StoreVector(v, isa.At(memory, results+64*i)) })
	k.Return()
	file, err := f.Result()
	if err != nil {
		t.Fatal(err)
	}
	constants := map[string]*big.Rat{}
	for _, section := range file.Sections {
		if global, ok := section.(*ir.Global); ok {
			constants[global.Symbol.Name] = fraction(t, math.Float32frombits(uint32(global.Data[0].Value.(operand.U32))))
		}
	}
	unit := func(i int) form {
		u := make(form, n)
		for j := range u {
			u[j] = new(big.Rat)
		}
		if i >= 0 {
			u[i].SetInt64(1)
		}
		return u
	}
	one, minus := big.NewRat(1, 1), big.NewRat(-1, 1)
	values, rows := map[reg.ID]form{}, map[int]form{}
	for _, instruction := range file.Functions()[0].Instructions() {
		operands := instruction.Operands
		register := func(i int) form { return values[operands[i].(reg.Register).ID()] }
		set := func(v form) { values[operands[len(operands)-1].(reg.Register).ID()] = v }
		// A constant factor is the first of the operands.
		factor := func() *big.Rat {
			m, ok := operands[0].(operand.Mem)
			if c := constants[m.Symbol.Name]; ok && c != nil {
				return c
			}
			t.Fatalf("%s: expected a constant", instruction.Opcode)
			return nil
		}
		switch instruction.Opcode {
		case "MOVQ", "VZEROUPPER", "RET":
		case "VMOVAPS":
			set(register(0))
		case "VMOVUPS":
			if m, ok := operands[1].(operand.Mem); ok {
				rows[(m.Disp-results)/64] = register(0)
			} else {
				set(unit(operands[0].(operand.Mem).Disp / 64))
			}
		case "VADDPS":
			set(register(1).plus(one, register(0)))
		case "VSUBPS":
			set(register(1).plus(minus, register(0)))
		case "VMULPS", "VMULPS.BCST":
			set(unit(-1).plus(factor(), register(1)))
		case "VFMADD231PS", "VFMADD231PS.BCST":
			set(register(2).plus(factor(), register(1)))
		case "VFNMADD231PS", "VFNMADD231PS.BCST":
			set(register(2).plus(new(big.Rat).Neg(factor()), register(1)))
		case "VFMSUB231PS", "VFMSUB231PS.BCST":
			set(unit(-1).plus(factor(), register(1)).plus(minus, register(2)))
		default:
			t.Fatalf("%s: not known to this test", instruction.Opcode)
		}
	}
	return rows
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
		bT = append(bT, zeros(shape.Points).plus(factor, polynomial))
		scale := new(big.Rat).Inv(new(big.Rat).Mul(value, factor))
		g = append(g, zeros(shape.FilterSize).plus(scale, powers[:shape.FilterSize]))
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
