// Package exact runs emitted transforms in fractions: for the tests of packages
// that emit them.
package exact

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
)

// Form is a linear form: the exact coefficients of the inputs.
type Form []*big.Rat

// Plus returns f + c·g.
func (f Form) Plus(c *big.Rat, g Form) Form {
	sum := make(Form, len(f))
	for i := range sum {
		sum[i] = new(big.Rat).Add(f[i], new(big.Rat).Mul(c, g[i]))
	}
	return sum
}

func (f Form) String() string {
	var terms []string
	for i, c := range f {
		if c.Sign() != 0 {
			terms = append(terms, fmt.Sprintf("%s·x%d", c.RatString(), i))
		}
	}
	return strings.Join(terms, " + ")
}

// Emitted are the rows of the matrix that a transform of n inputs computes: its
// instructions are run on the unit vectors, in fractions. fraction says which
// one a constant stands for.
func Emitted(t *testing.T, target isa.Target, n int, fraction func(c float32) *big.Rat,
	transform func(k *isa.Kernel, x []isa.V, put func(i int, v isa.V))) map[int]Form {
	t.Helper()
	const results = 1 << 12 // offset of result i in memory is results + 64 i, of input i 64 i
	f := isa.NewFile(target, "test")
	k := f.WideFunction("Probe", "x []float32", "is a test.")
	memory := k.Pointer("x")
	x := make([]isa.V, n)
	for i := range x {
		x[i] = k.LoadVector(isa.At(memory, 64*i))
	}
	transform(k, x, func(i int, v isa.V) { k.StoreVector(v, isa.At(memory, results+64*i)) })
	k.Return()
	file, err := f.Result()
	if err != nil {
		t.Fatal(err)
	}
	constants := map[string]*big.Rat{}
	for _, section := range file.Sections {
		if global, ok := section.(*ir.Global); ok {
			constants[global.Symbol.Name] = fraction(math.Float32frombits(uint32(global.Data[0].Value.(operand.U32))))
		}
	}
	unit := func(i int) Form {
		u := make(Form, n)
		for j := range u {
			u[j] = new(big.Rat)
		}
		if i >= 0 {
			u[i].SetInt64(1)
		}
		return u
	}
	one, minus := big.NewRat(1, 1), big.NewRat(-1, 1)
	values, rows := map[reg.ID]Form{}, map[int]Form{}
	for _, instruction := range file.Functions()[0].Instructions() {
		operands := instruction.Operands
		register := func(i int) Form { return values[operands[i].(reg.Register).ID()] }
		set := func(v Form) { values[operands[len(operands)-1].(reg.Register).ID()] = v }
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
			set(register(1).Plus(one, register(0)))
		case "VSUBPS":
			set(register(1).Plus(minus, register(0)))
		case "VMULPS", "VMULPS.BCST":
			set(unit(-1).Plus(factor(), register(1)))
		case "VFMADD231PS", "VFMADD231PS.BCST":
			set(register(2).Plus(factor(), register(1)))
		case "VFNMADD231PS", "VFNMADD231PS.BCST":
			set(register(2).Plus(new(big.Rat).Neg(factor()), register(1)))
		case "VFMSUB231PS", "VFMSUB231PS.BCST":
			set(unit(-1).Plus(factor(), register(1)).Plus(minus, register(2)))
		default:
			t.Fatalf("%s: not known to this test", instruction.Opcode)
		}
	}
	return rows
}
