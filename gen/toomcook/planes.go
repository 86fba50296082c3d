package toomcook

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/internal/shape"
)

// The 144 values of a tile in two dimensions are stored as frequencies: first
// the 100 whose points are real in both dimensions, by rows; then 22 complex
// ones, real and imaginary part after one another: rows of a real point at the
// column i, then the row i at columns of a real point, then two that (i, i) and
// (−i, i) make. With r the value whose row part is real and s the one whose row
// part is imaginary, both of them complex by their columns, these two are
//
//	(Re r − Im s, Im r + Re s) and (Re r + Im s, Im r − Re s)
//
// and the transposed operation, which gradients and outputs need, gives back
// Re r = a + c, Im s = c − a, Im r = b + d, Re s = b − d from (a, b) and (c, d).
const (
	pairsOfRows    = shape.ToomReal * shape.ToomReal   // the first frequency of (row, i)
	pairsOfColumns = pairsOfRows + 2*shape.ToomReal    // of (i, column)
	corners        = pairsOfColumns + 2*shape.ToomReal // of (i, i) and (−i, i)
)

// Spread emits the second pass of a transform into frequencies. half are 12
// rows of length vectors; transform makes twelve values of each; the
// frequencies lie at to, frequency bytes apart. Where halve is set, those of
// (±i, i) are halved, as the transformed weights are. half is overwritten. With
// every line the one ahead bytes behind it is fetched, unless ahead is 0: lines of
// a frequency that the last step left in L3 are there when their turn comes.
// Measured on Zen 5, one thread, phases of a step, µs an image, two lines ahead:
// convolutions 4.41 without, 4.27 with it, their input gradient 4.62 and 4.44. They
// are fetched into L2: on Zen 4, whose L1 is 32 KB, into L1 conv2's output gradient
// takes 1.88 µs of a step, and into L2 1.03.
func Spread(k kernel, half, to reg.GPVirtual, length, frequency, ahead int, halve bool, transform func(k kernel, x []vector, put Put)) {
	store := func(v vector, m operand.Mem) {
		k.StoreVector(v, m)
		if ahead > 0 {
			k.PREFETCHT1(m.Offset(ahead))
		}
	}
	row := length * k.Bytes()
	load := func(offset int) []vector {
		x := make([]vector, length)
		for j := range x {
			x[j] = k.LoadVector(isa.At(half, offset+j*k.Bytes()))
		}
		return x
	}
	ofRow := k.GP64()
	k.LEAQ(isa.At(to, pairsOfRows*frequency), ofRow)
	k.Comment("rows of real points")
	k.Loop("row", shape.ToomReal, []reg.GPVirtual{half, to, ofRow}, []int{row, shape.ToomReal * frequency, 2 * frequency}, func() {
		transform(k, load(0), func(j int, v vector) {
			if j < shape.ToomReal {
				store(v, isa.At(to, j*frequency))
			} else {
				store(v, isa.At(ofRow, (j-shape.ToomReal)*frequency))
			}
		})
	})
	// Now to is at pairsOfRows and half at the first of the two rows of i.
	at := func(f int) operand.Mem { return isa.At(to, (f-pairsOfRows)*frequency) }
	for part, name := range []string{"real", "imaginary"} {
		k.Comment("the " + name + " part of the row of i")
		transform(k, load(part*row), func(j int, v vector) {
			if j < shape.ToomReal {
				store(v, at(pairsOfColumns+2*j+part))
			} else {
				k.StoreVector(v, isa.At(half, part*row+(j-shape.ToomReal)*k.Bytes()))
			}
		})
	}
	k.Comment("the products of i with i and with −i")
	rr, ri := k.LoadVector(isa.At(half, 0)), k.LoadVector(isa.At(half, k.Bytes()))
	ir, ii := k.LoadVector(isa.At(half, row)), k.LoadVector(isa.At(half, row+k.Bytes()))
	for i, v := range []vector{k.Subtract(rr, ii), k.Add(ri, ir), k.Add(rr, ii), k.Subtract(ri, ir)} {
		if halve {
			v = k.Multiply(0.5, v)
		}
		store(v, at(corners+i))
	}
	k.Advance(half, -shape.ToomReal*row)
	k.Advance(to, -pairsOfRows*frequency)
}

// Columns emits the first pass of a transform from frequencies, which lie at
// from, frequency bytes apart: transform makes length values of each of the 12
// columns, and Columns stores them as column j of half, rows of 12 vectors.
// Where halve is set, the values of (±i, i) are halved. With every line of
// the columns of real points the one ahead bytes behind it is fetched into L1, unless
// ahead is 0; for the last two columns it gains nothing.
func Columns(k kernel, from, half reg.GPVirtual, length, frequency, ahead int, halve bool, transform func(k kernel, x func(i int) vector, put Put)) {
	put := func(j int) Put {
		return func(i int, v vector) { k.StoreVector(v, isa.At(half, (i*shape.ToomPoints+j)*k.Bytes())) }
	}
	ofColumn := k.GP64()
	k.LEAQ(isa.At(from, pairsOfColumns*frequency), ofColumn)
	k.Comment("columns of real points")
	k.Loop("column", shape.ToomReal, []reg.GPVirtual{from, half, ofColumn}, []int{frequency, k.Bytes(), 2 * frequency}, func() {
		load := func(m operand.Mem) vector {
			if ahead > 0 {
				k.PREFETCHT0(m.Offset(ahead))
			}
			return k.LoadVector(m)
		}
		transform(k, func(i int) vector {
			if i < shape.ToomReal {
				return load(isa.At(from, i*shape.ToomReal*frequency))
			}
			return load(isa.At(ofColumn, (i-shape.ToomReal)*frequency))
		}, put(0))
	})
	k.Advance(from, -shape.ToomReal*frequency)
	k.Advance(half, -shape.ToomReal*k.Bytes())
	corner := func(plus, x, y int) vector {
		v := k.LoadVector(isa.At(from, (corners+x)*frequency))
		other := isa.At(from, (corners+y)*frequency)
		if plus > 0 {
			v = k.Add(v, other)
		} else {
			v = k.Subtract(v, other)
		}
		if halve {
			v = k.Multiply(0.5, v)
		}
		return v
	}
	for part, name := range []string{"real", "imaginary"} {
		k.Comment("the " + name + " part of the column of i")
		transform(k, func(i int) vector {
			switch {
			case i < shape.ToomReal:
				return k.LoadVector(isa.At(from, (pairsOfRows+2*i+part)*frequency))
			case i == real && part == 0: // Re r = a + c
				return corner(1, 0, 2)
			case i == real: // Im r = b + d
				return corner(1, 1, 3)
			case part == 0: // Re s = b − d
				return corner(-1, 1, 3)
			default: // Im s = c − a
				return corner(-1, 2, 0)
			}
		}, put(shape.ToomReal+part))
	}
}
