// Package compress emits lists of the values that are not zero, with their
// places, so that what follows can skip the zeros.
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
	const notEqual = operand.U8(4) // unordered counts as not equal
	bits := k.GP32()
	packedValues, packedIndices := k.YMM(), k.YMM()
	zero := k.Zero()
	if k.Target.Masks {
		alive := k.K()
		k.VCMPPS(notEqual, zero, values, alive)
		// To a register and then to memory: the form with a memory target is microcode on Zen 4.
		k.VCOMPRESSPS_Z(values, alive, packedValues)
		k.VPCOMPRESSD_Z(indices, alive, packedIndices)
		k.KMOVB(alive, bits)
	} else {
		alive, order := k.YMM(), k.YMM()
		k.VCMPPS(notEqual, zero, values, alive)
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
