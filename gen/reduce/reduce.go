// Package reduce emits sums over the lanes of vectors.
//
// The order is fixed, so that AVX2 and AVX-512 agree to the bit: first lane
// l + lane l+8, then l + l+4, l + l+2, l + l+1.
package reduce

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
)

// Halves returns the sum of the lower and the upper eight lanes of a 16-lane
// vector.
func Halves(k *isa.Kernel, v isa.V) isa.V {
	high := k.YMM()
	k.VEXTRACTF32X8(operand.U8(1), v, high)
	k.VADDPS(high, v.AsY(), high)
	return high
}

// One stores the lane sum of a row as one float32: of 16 lanes in one vector
// or two, or of a half-block's 8 lanes.
func One(k *isa.Kernel, row []isa.V, to operand.Mem) {
	eight := row[0]
	switch {
	case len(row) == 2:
		eight = k.Add(row[0], row[1])
	case k.Lanes == 16:
		eight = Halves(k, row[0])
	}
	four, moved := k.UpperQuad(eight), k.XMM()
	k.VADDPS(four, eight.AsX(), four)
	k.VMOVHLPS(four, four, moved)
	k.VADDPS(moved, four, four)
	k.VSHUFPS(operand.U8(1), four, four, moved)
	k.VADDSS(moved, four, four)
	k.VMOVSS(four, to)
}

// AddTail adds eight float32, in memory or a register, to the lower lanes of the
// first vector of a row and leaves the upper lanes alone.
func AddTail(k *isa.Kernel, v isa.V, eight operand.Op) {
	if k.Lanes == 8 {
		k.VADDPS(eight, v, v)
		return
	}
	if y, ok := eight.(isa.V); ok { // to both halves, since avo would take an unwritten half for live
		both := k.ZMM()
		k.VSHUFF32X4(operand.U8(0x44), y.AsZ(), y.AsZ(), both)
		eight = both
	}
	lower := Lower(k)
	k.VADDPS(eight, v, lower, v)
}

// Lower returns the mask of lanes 0 to 7.
func Lower(k *isa.Kernel) reg.OpmaskVirtual {
	bits, lower := k.GP32(), k.K()
	k.MOVL(operand.U32(0xff), bits)
	k.KMOVW(bits, lower)
	return lower
}

// Row stores the lane sums of four 8-lane vectors of each of one or two rows
// as float32, the first two and the last two at each row's two places.
func Row(k *isa.Kernel, rows [][4]isa.V, to [][2]operand.Mem) {
	// Two shuffles pick complementary lanes; adding them halves the number of partial sums.
	pairs := make([]isa.V, len(rows))
	for i, r := range rows {
		// [r0 | r2] and [r1 | r3], four lanes each, after l + l+4
		even := quarters(k, r[0], r[2])
		odd := quarters(k, r[1], r[3])
		// [r0 r0 r1 r1 | r2 r2 r3 r3] after l + l+2
		pairs[i] = shuffled(k, even, odd, 0x44, 0xee)
	}
	// [a0 a1 b0 b1 | a2 a3 b2 b3] after l + l+1
	sums := shuffled(k, pairs[0], pairs[len(pairs)-1], 0x88, 0xdd)
	upper := k.UpperQuad(sums)
	k.VMOVLPS(sums.AsX(), to[0][0])
	k.VMOVLPS(upper, to[0][1])
	if len(rows) == 2 {
		k.VMOVHPS(sums.AsX(), to[1][0])
		k.VMOVHPS(upper, to[1][1])
	}
}

// Eight returns the lane sums of eight 8-lane vectors, in their order.
func Eight(k *isa.Kernel, row func(i int) isa.V) isa.V {
	var four [4]isa.V
	for i := range four {
		four[i] = quarters(k, row(i), row(4+i))
	}
	return shuffled(k, shuffled(k, four[0], four[1], 0x44, 0xee), shuffled(k, four[2], four[3], 0x44, 0xee), 0x88, 0xdd)
}

// quarters returns [x0…3 + x4…7 | y0…3 + y4…7].
func quarters(k *isa.Kernel, x, y isa.V) isa.V {
	low, high := k.LowerQuads(x, y), k.UpperQuads(x, y)
	k.VADDPS(high, low, low)
	return low
}

func shuffled(k *isa.Kernel, x, y isa.V, first, second operand.U8) isa.V {
	a, b := k.YMM(), k.YMM()
	k.VSHUFPS(first, y, x, a)
	k.VSHUFPS(second, y, x, b)
	k.VADDPS(b, a, a)
	return a
}
