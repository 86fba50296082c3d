package picture

import (
	"encoding/binary"
	"image"
	"image/color"
)

// shrinker fills planes with the brightness of pictures.
type shrinker struct {
	picture image.Image // as stored
	table   [256]uint8  // brightness of a palette's colours
	line    []uint8
	spare   []uint8  // another line
	columns []uint64 // sums of columns of pixels, in lanes of 16 bits
	cells   []uint32 // sums of squares of pixels
}

const (
	widest     = 4096 // pixels of a line that are looked at together
	mostSummed = 257  // lines whose values up to 255 fit 16 bits
)

// shrink fills p with the brightness (Rec. 601) over white of a part of a
// picture, averaged over squares of factor×factor pixels.
func (s *shrinker) shrink(p *plane, picture image.Image, part image.Rectangle, factor int) {
	orientation := 1
	s.picture = picture
	if upright, ok := picture.(*Picture); ok {
		s.picture, orientation = upright.Image, upright.Orientation
		part = upright.stored(part)
	}
	if m, ok := s.picture.(*image.Paletted); ok {
		clear(s.table[:])
		for i, c := range m.Palette[:min(256, len(m.Palette))] {
			s.table[i] = overWhite(color.RGBA64Model.Convert(c).(color.RGBA64))
		}
	}
	width, height := part.Dx(), part.Dy()
	p.resize((width+factor-1)/factor, (height+factor-1)/factor)
	s.cells = grow(s.cells, p.width)
	for y := range p.height {
		target := p.values[y*p.width:][:p.width]
		if factor == 1 {
			copy(target, s.brightness(part.Min.X, part.Min.Y+y, width))
			continue
		}
		lines := min(factor, height-y*factor)
		if factor == 2 && lines == 2 {
			above := s.brightness(part.Min.X, part.Min.Y+2*y, width)
			if !s.stored() {
				s.spare = append(s.spare[:0], above...)
				above = s.spare
			}
			halve(target, above, s.brightness(part.Min.X, part.Min.Y+2*y+1, width))
			continue
		}
		clear(s.cells)
		for x := 0; x < width; x += widest {
			for line := 0; line < lines; line += mostSummed {
				s.sum(part.Min.X+x, part.Min.Y+y*factor+line, min(widest, width-x), min(mostSummed, lines-line))
				s.fold(x, min(widest, width-x), factor)
			}
		}
		for cell, sum := range s.cells {
			n := uint32(lines) * uint32(min(factor, width-cell*factor))
			target[cell] = uint8((sum + n/2) / n)
		}
	}
	s.picture = nil // so that a pool keeps no picture alive
	p.turn(orientation)
}

// halve averages squares of 2×2 pixels of two lines; an odd one at the end is
// averaged with the one below it.
func halve(target, above, below []uint8) {
	const even, twos = 0x00ff00ff00ff00ff, 0x0002000200020002
	for len(above) >= 8 {
		a, b := binary.LittleEndian.Uint64(above), binary.LittleEndian.Uint64(below)
		sums := a&even + a>>8&even + b&even + b>>8&even + twos
		sums = sums >> 2 & even
		sums = (sums | sums>>8) & 0x0000ffff0000ffff
		binary.LittleEndian.PutUint32(target, uint32(sums|sums>>16))
		target, above, below = target[4:], above[8:], below[8:]
	}
	for ; len(above) >= 2; target, above, below = target[1:], above[2:], below[2:] {
		target[0] = uint8((uint32(above[0]) + uint32(above[1]) + uint32(below[0]) + uint32(below[1]) + 2) >> 2)
	}
	if len(above) == 1 {
		target[0] = uint8((uint32(above[0]) + uint32(below[0]) + 1) >> 1)
	}
}

// sum fills columns with the sums over lines of pixels that begin at x, y: of
// every eight pixels one word has the even and one the odd.
func (s *shrinker) sum(x, y, width, lines int) {
	s.columns = grow(s.columns, (width+7)/8*2)
	clear(s.columns)
	const even = 0x00ff00ff00ff00ff
	for line := range lines {
		values, sums := s.brightness(x, y+line, width), s.columns
		for len(values) >= 8 && len(sums) >= 2 {
			v := binary.LittleEndian.Uint64(values)
			sums[0] += v & even
			sums[1] += v >> 8 & even
			values, sums = values[8:], sums[2:]
		}
		for i, v := range values {
			sums[i%2] += uint64(v) << (i / 2 * 16)
		}
	}
}

// fold adds the columns from x on to the cells that they belong to.
func (s *shrinker) fold(x, width, factor int) {
	cell, left := x/factor, factor-x%factor
	for i := range width {
		s.cells[cell] += uint32(s.columns[i/8*2+i%2] >> (i % 8 / 2 * 16) & 0xffff)
		if left--; left == 0 {
			cell, left = cell+1, factor
		}
	}
}

// stored reports whether brightness returns the picture's own memory, which
// the next call leaves as it is.
func (s *shrinker) stored() bool {
	switch s.picture.(type) {
	case *image.Gray, *image.YCbCr:
		return true
	}
	return false
}

// brightness returns the brightness of the pixels that begin at x, y, in
// memory that is not to be changed.
func (s *shrinker) brightness(x, y, width int) []uint8 {
	switch m := s.picture.(type) {
	case *image.Gray:
		return m.Pix[m.PixOffset(x, y):][:width]
	case *image.YCbCr:
		return m.Y[m.YOffset(x, y):][:width]
	}
	s.line = grow(s.line, width)
	switch m := s.picture.(type) {
	case *image.RGBA:
		pixels := m.Pix[m.PixOffset(x, y):][:4*width]
		for i := opaque(s.line, pixels); i < width; i++ {
			c := binary.LittleEndian.Uint32(pixels[4*i:])
			// A picture may hold colours above their alpha, which are none.
			s.line[i] = uint8(min(255, luma(c&255, c>>8&255, c>>16&255)+255-c>>24))
		}
	case *image.NRGBA:
		pixels := m.Pix[m.PixOffset(x, y):][:4*width]
		for i := opaque(s.line, pixels); i < width; i++ {
			c := binary.LittleEndian.Uint32(pixels[4*i:])
			v, a := luma(c&255, c>>8&255, c>>16&255), c>>24
			s.line[i] = uint8((v*a + 255*(255-a)) / 255)
		}
	case *image.Paletted:
		for i, v := range m.Pix[m.PixOffset(x, y):][:width] {
			s.line[i] = s.table[v]
		}
	case image.RGBA64Image:
		for i := range s.line {
			s.line[i] = overWhite(m.RGBA64At(x+i, y))
		}
	default:
		for i := range s.line {
			s.line[i] = overWhite(color.RGBA64Model.Convert(m.At(x+i, y)).(color.RGBA64))
		}
	}
	return s.line
}

// opaque fills line with the brightness of pixels of four bytes up to the first
// that is not opaque, two at a time, and returns how many those were.
func opaque(line, pixels []uint8) (n int) {
	const lanes, alphas = 0x000000ff000000ff, 0xff000000ff000000
	for n+2 <= len(line) && 4*n+8 <= len(pixels) {
		c := binary.LittleEndian.Uint64(pixels[4*n:])
		if c&alphas != alphas {
			break
		}
		v := red*(c&lanes) + green*(c>>8&lanes) + blue*(c>>16&lanes) + half<<32 + half
		binary.LittleEndian.PutUint16(line[n:], uint16(v>>16&0xff|v>>40&0xff00))
		n += 2
	}
	return n
}

// Shares of the colours in brightness, and a half, of 2¹⁶, as in image/color.
const (
	red   = 19595
	green = 38470
	blue  = 7471
	half  = 1 << 15
)

// luma is 0.299 R + 0.587 G + 0.114 B of values up to 255, as image/color
// computes it.
func luma(r, g, b uint32) uint32 { return (red*r + green*g + blue*b + half) >> 16 }

func overWhite(c color.RGBA64) uint8 {
	v := luma(uint32(c.R)>>8, uint32(c.G)>>8, uint32(c.B)>>8) + uint32(0xffff-c.A)>>8
	return uint8(min(255, v))
}
