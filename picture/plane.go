package picture

import "image"

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
