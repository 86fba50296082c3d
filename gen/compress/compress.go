// Package compress emits lists of the values that are not zero, with their
// indices, so that what follows can skip the zeros.
package compress

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
)

// Append stores the lanes of values that are not 0, and of indices beside
// them, at the end of two lists, and moves the lists' common end, a count of
// entries. It writes all eight lanes: lists have room for it.
func Append(k *isa.Kernel, values, indices isa.V, valueList, indexList, end, table reg.GPVirtual) {
	bits := k.GP32()
	packedValues, packedIndices := k.YMM(), k.YMM()
	zero := k.Zero()
	if k.Target.Masks {
		alive := k.K()
		k.VCMPPS(isa.NotEqual, zero, values, alive)
		// To a register and then to memory: the form with a memory target is microcode on Zen 4.
		k.VCOMPRESSPS_Z(values, alive, packedValues)
		k.VPCOMPRESSD_Z(indices, alive, packedIndices)
		k.KMOVB(alive, bits)
	} else {
		alive, order := k.YMM(), k.YMM()
		k.VCMPPS(isa.NotEqual, zero, values, alive)
		k.VMOVMSKPS(alive, bits)
		k.VPMOVZXBD(operand.Mem{Base: table, Index: bits.As64(), Scale: 8}, order)
		k.VPERMPS(values, order, packedValues)
		k.VPERMD(indices, order, packedIndices)
	}
	k.VMOVUPS(packedValues, operand.Mem{Base: valueList, Index: end, Scale: 4})
	k.VMOVUPS(packedIndices, operand.Mem{Base: indexList, Index: end, Scale: 4})
	k.POPCNTL(bits, bits)
	k.ADDQ(bits.As64(), end)
}

// Table loads the address of a table that lists, for every byte, the
// positions of its set bits: the order in which VPERMPS packs lanes.
func Table(k *isa.Kernel) reg.GPVirtual {
	if k.Target.Masks {
		return nil
	}
	var words []uint32
	for bits := range 256 {
		var positions [8]byte
		n := 0
		for i := range 8 {
			if bits>>i&1 == 1 {
				positions[n] = byte(i)
				n++
			}
		}
		for i := 0; i < 8; i += 4 {
			words = append(words, uint32(positions[i])|uint32(positions[i+1])<<8|uint32(positions[i+2])<<16|uint32(positions[i+3])<<24)
		}
	}
	table := k.GP64()
	k.LEAQ(k.Words("compress", words...), table)
	return table
}

// Indices returns registers with the indices 0, 1, …, 7 and with eights, to add
// to them.
func Indices(k *isa.Kernel) (indices, eight isa.V) {
	indices, eight = k.YMM(), k.YMM()
	k.VPBROADCASTD(k.Words("eight", 8), eight)
	return indices, eight
}

// First sets indices to 0, 1, …, 7.
func First(k *isa.Kernel, indices isa.V) {
	k.VMOVUPS(k.Words("iota", 0, 1, 2, 3, 4, 5, 6, 7), indices)
}

// List is a list of values and their indices, of which a loop reads entries n
// up to end.
type List struct {
	Values, Indices reg.GPVirtual
	N, End          reg.GPVirtual
}

// Each emits body for every entry, with the row that belongs to its index,
// rowBytes apart in rows, and its value in all lanes. ahead, if not nil, comes
// first for every entry, to fetch what later ones need.
func (l List) Each(k *isa.Kernel, rows reg.GPVirtual, rowBytes int, ahead func(), body func(row reg.GPVirtual, value isa.V)) {
	done, next := k.NewLabel("done"), k.NewLabel("entry")
	k.CMPQ(l.N, l.End)
	k.JGE(operand.LabelRef(done))
	k.Label(next)
	if ahead != nil {
		ahead()
	}
	row := l.Row(k, rowBytes, 0)
	k.ADDQ(rows, row)
	body(row, k.Broadcast(operand.Mem{Base: l.Values, Index: l.N, Scale: 4}))
	k.INCQ(l.N)
	k.CMPQ(l.N, l.End)
	k.JLT(operand.LabelRef(next))
	k.Label(done)
}

// Row returns how far the row of entry n+ahead lies behind the first.
func (l List) Row(k *isa.Kernel, rowBytes, ahead int) reg.GPVirtual {
	row := k.GP64()
	k.MOVLQSX(operand.Mem{Base: l.Indices, Index: l.N, Scale: 4, Disp: 4 * ahead}, row)
	k.IMUL3Q(operand.I32(int32(rowBytes)), row, row)
	return row
}
