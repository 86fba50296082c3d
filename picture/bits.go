package picture

import (
	"encoding/binary"
	"math/bits"
)

// bitmap says of every pixel of a plane whether it lies above a threshold, one
// bit each: 64 are looked at in a step.
type bitmap struct {
	width, height int
	words         int // in a row
	rows          []uint64
}

func (b *bitmap) row(y int) []uint64 { return b.rows[y*b.words:][:b.words] }

// cut compares eight bytes at a time with a threshold.
type cut struct {
	addend uint64 // takes a byte's low seven bits over its top bit if they are above the threshold's
	high   bool   // the threshold has the top bit
}

const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

func newCut(threshold uint8) cut { return cut{uint64(127-threshold&127) * ones, threshold >= 128} }

// of returns the top bit of every byte that is above the threshold.
func (c cut) of(v uint64) uint64 {
	above := v&^tops + c.addend
	if c.high {
		return above & v & tops
	}
	return (above | v) & tops
}

// fill sets the bits of p's pixels above threshold. Bits beyond a row's end are
// 0.
func (b *bitmap) fill(p *plane, threshold uint8) {
	b.width, b.height, b.words = p.width, p.height, (p.width+63)/64
	b.rows = grow(b.rows, b.words*b.height)
	c := newCut(threshold)
	for y := range b.height {
		values, row := p.values[y*p.width:][:p.width], b.row(y)
		clear(row)
		x := 0
		for ; x+8 <= len(values); x += 8 {
			// The product brings the bytes' lowest bits together in its top byte.
			row[x/64] |= c.of(binary.LittleEndian.Uint64(values[x:])) >> 7 * 0x0102040810204080 >> 56 << (x % 64)
		}
		for ; x < len(values); x++ {
			if values[x] > threshold {
				row[x/64] |= 1 << (x % 64)
			}
		}
	}
}

// nextRun returns the next run of set bits of a row of width bits, from x on; the
// width twice if there is none.
func nextRun(row []uint64, x, width int) (start, end int) {
	if x >= width {
		return width, width
	}
	word := x / 64
	v := row[word] >> (x % 64) << (x % 64)
	for v == 0 {
		if word++; word == len(row) {
			return width, width
		}
		v = row[word]
	}
	start = word*64 + bits.TrailingZeros64(v)
	v = ^row[word] >> (start % 64) << (start % 64)
	for v == 0 {
		if word++; word == len(row) {
			return start, width
		}
		v = ^row[word]
	}
	return start, word*64 + bits.TrailingZeros64(v)
}

// setBits sets the bits of a row from start to end.
func setBits(row []uint64, start, end int) {
	for word := start / 64; word*64 < end; word++ {
		v := ^uint64(0)
		if word == start/64 {
			v <<= start % 64
		}
		if rest := end - word*64; rest < 64 {
			v &= 1<<rest - 1
		}
		row[word] |= v
	}
}

// transpose fills b with source's rows as columns, in blocks of 64×64.
func (b *bitmap) transpose(source *bitmap) {
	b.width, b.height, b.words = source.height, source.width, (source.height+63)/64
	b.rows = grow(b.rows, b.words*b.height)
	var block [64]uint64
	for word := range source.words {
		for part := range b.words {
			for i := range block {
				block[i] = 0
				if y := part*64 + i; y < source.height {
					block[i] = source.rows[y*source.words+word]
				}
			}
			turn(&block)
			for i, v := range block[:min(64, b.height-word*64)] {
				b.rows[(word*64+i)*b.words+part] = v
			}
		}
	}
}

// turn makes rows of columns: it exchanges the upper right and the lower left
// quarter, then the same in every quarter, down to single bits.
func turn(block *[64]uint64) {
	low := uint64(1)<<32 - 1 // the bits of left halves
	for size := 32; size > 0; size /= 2 {
		for i := range block {
			if i&size == 0 {
				exchange := (block[i]>>size ^ block[i+size]) & low
				block[i] ^= exchange << size
				block[i+size] ^= exchange
			}
		}
		low ^= low << (size / 2)
	}
}

// count returns the number of set bits of a row.
func count(row []uint64) (n int) {
	for _, v := range row {
		n += bits.OnesCount64(v)
	}
	return n
}
