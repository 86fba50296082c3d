package picture

import (
	"image"
	"image/color"
)

// plane is an image of one value per pixel, 0 to 255, row by row.
type plane struct {
	width, height int
	values        []uint8
}

// resize makes p a plane of the given size, in the memory it has if that is
// enough. Its values are undefined.
func (p *plane) resize(width, height int) {
	p.width, p.height = width, height
	if n := width * height; cap(p.values) < n {
		p.values = make([]uint8, n)
	} else {
		p.values = p.values[:n]
	}
}

// grow returns a slice of n undefined elements, in s's memory if that is enough.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// shrink fills p with the brightness (Rec. 601) over white of a part of a
// picture, averaged over squares of factor×factor pixels.
func (p *plane) shrink(picture image.Image, part image.Rectangle, factor int, line *[]uint8) {
	oriented, orientation := picture, 1
	if upright, ok := picture.(*Picture); ok {
		oriented, orientation = upright.Image, upright.Orientation
		part = upright.stored(part)
	}
	p.resize((part.Dx()+factor-1)/factor, (part.Dy()+factor-1)/factor)
	brightness := brightnessOf(oriented)
	row := grow(*line, part.Dx())
	*line = row
	const most = 1024 // cells in a row whose sums are kept at a time
	var sums [most]uint32
	for first := 0; first < p.width; first += most {
		cells := min(most, p.width-first)
		left, right := first*factor, min((first+cells)*factor, part.Dx())
		for y := range p.height {
			top, bottom := y*factor, min((y+1)*factor, part.Dy())
			clear(sums[:cells])
			for line := top; line < bottom; line++ {
				span := row[:right-left]
				brightness(span, part.Min.X+left, part.Min.Y+line)
				if factor == 1 {
					copy(p.values[y*p.width+first:], span)
					continue
				}
				for cell := range cells {
					part := span[cell*factor : min((cell+1)*factor, len(span))]
					sum := uint32(0)
					for _, v := range part {
						sum += uint32(v)
					}
					sums[cell] += sum
				}
			}
			if factor == 1 {
				continue
			}
			for cell := range cells {
				n := uint32(bottom-top) * uint32(min(factor, right-left-cell*factor))
				p.values[y*p.width+first+cell] = uint8((sums[cell] + n/2) / n)
			}
		}
	}
	p.turn(orientation)
}

// luma is 0.299 R + 0.587 G + 0.114 B of values up to 255, as image/color
// computes it.
func luma(r, g, b uint32) uint32 { return (19595*r + 38470*g + 7471*b + 1<<15) >> 16 }

// brightnessOf returns a function that fills a span with the brightness of the
// pixels that begin at x, y.
func brightnessOf(picture image.Image) func(span []uint8, x, y int) {
	switch m := picture.(type) {
	case *image.Gray:
		return func(span []uint8, x, y int) { copy(span, m.Pix[m.PixOffset(x, y):]) }
	case *image.YCbCr:
		return func(span []uint8, x, y int) { copy(span, m.Y[m.YOffset(x, y):]) }
	case *image.RGBA:
		return func(span []uint8, x, y int) {
			pixels := m.Pix[m.PixOffset(x, y):][: 4*len(span) : 4*len(span)]
			for i := range span {
				c := pixels[4*i : 4*i+4 : 4*i+4]
				// A picture may hold colours above their alpha, which are none.
				span[i] = uint8(min(255, luma(uint32(c[0]), uint32(c[1]), uint32(c[2]))+255-uint32(c[3])))
			}
		}
	case *image.NRGBA:
		return func(span []uint8, x, y int) {
			pixels := m.Pix[m.PixOffset(x, y):][: 4*len(span) : 4*len(span)]
			for i := range span {
				c := pixels[4*i : 4*i+4 : 4*i+4]
				v := luma(uint32(c[0]), uint32(c[1]), uint32(c[2]))
				if a := uint32(c[3]); a != 255 {
					v = (v*a + 255*(255-a)) / 255
				}
				span[i] = uint8(v)
			}
		}
	case *image.Paletted:
		var table [256]uint8
		for i, c := range m.Palette[:min(256, len(m.Palette))] {
			table[i] = overWhite(color.RGBA64Model.Convert(c).(color.RGBA64))
		}
		return func(span []uint8, x, y int) {
			pixels := m.Pix[m.PixOffset(x, y):]
			for i := range span {
				span[i] = table[pixels[i]]
			}
		}
	case image.RGBA64Image:
		return func(span []uint8, x, y int) {
			for i := range span {
				span[i] = overWhite(m.RGBA64At(x+i, y))
			}
		}
	}
	return func(span []uint8, x, y int) {
		for i := range span {
			span[i] = overWhite(color.RGBA64Model.Convert(picture.At(x+i, y)).(color.RGBA64))
		}
	}
}

func overWhite(c color.RGBA64) uint8 {
	v := luma(uint32(c.R)>>8, uint32(c.G)>>8, uint32(c.B)>>8) + uint32(0xffff-c.A)>>8
	return uint8(min(255, v))
}

// turn makes a stored plane upright by EXIF's orientation, 1 to 8.
func (p *plane) turn(orientation int) {
	if orientation <= 1 || orientation > 8 {
		return
	}
	stored := plane{p.width, p.height, append([]uint8(nil), p.values...)}
	if orientation >= 5 {
		p.width, p.height = p.height, p.width
	}
	for y := range p.height {
		for x := range p.width {
			at := upright(orientation, image.Pt(stored.width, stored.height), image.Pt(x, y))
			p.values[y*p.width+x] = stored.values[at.Y*stored.width+at.X]
		}
	}
}

// upright returns where a stored picture of the given size has the pixel that
// stands at p when it is shown.
func upright(orientation int, size, p image.Point) image.Point {
	right, bottom := size.X-1, size.Y-1
	switch orientation {
	case 2:
		return image.Pt(right-p.X, p.Y)
	case 3:
		return image.Pt(right-p.X, bottom-p.Y)
	case 4:
		return image.Pt(p.X, bottom-p.Y)
	case 5:
		return image.Pt(p.Y, p.X)
	case 6:
		return image.Pt(p.Y, bottom-p.X)
	case 7:
		return image.Pt(right-p.Y, bottom-p.X)
	case 8:
		return image.Pt(right-p.Y, p.X)
	}
	return p
}
