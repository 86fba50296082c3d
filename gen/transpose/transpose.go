// Package transpose emits the transposition of 8×8 values in registers.
package transpose

import (
	"github.com/mmcloughlin/avo/operand"

	"github.com/kernelet/kernelet/gen/isa"
)

// Square returns the columns of eight 8-lane rows: 24 shuffles in three steps
// that exchange neighbours, pairs and halves.
func Square(k *isa.Kernel, rows [8]isa.V) (columns [8]isa.V) {
	var pairs, quads [8]isa.V
	for i := 0; i < 8; i += 2 {
		low, high := k.YMM(), k.YMM()
		k.VUNPCKLPS(rows[i+1], rows[i], low)
		k.VUNPCKHPS(rows[i+1], rows[i], high)
		pairs[i], pairs[i+1] = low, high
	}
	for i := 0; i < 8; i += 4 {
		for j := range 2 {
			a, b := k.YMM(), k.YMM()
			k.VSHUFPS(operand.U8(0x44), pairs[i+2+j], pairs[i+j], a)
			k.VSHUFPS(operand.U8(0xee), pairs[i+2+j], pairs[i+j], b)
			quads[i+2*j], quads[i+2*j+1] = a, b
		}
	}
	for j := range 4 {
		columns[j], columns[4+j] = k.LowerQuads(quads[j], quads[4+j]), k.UpperQuads(quads[j], quads[4+j])
	}
	return columns
}

// Load loads eight rows that lie stride bytes apart.
func Load(k *isa.Kernel, from operand.Mem, stride int) (rows [8]isa.V) {
	for i := range rows {
		rows[i] = k.LoadVector(from.Offset(i * stride))
	}
	return rows
}
