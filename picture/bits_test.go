package picture

import (
	"image"
	"image/color"
	"math/rand/v2"
	"testing"
)

// noise returns a plane of random values, many of them 0.
func noise(r *rand.Rand, width, height int) *plane {
	p := &plane{width, height, make([]uint8, width*height)}
	for i := range p.values {
		if r.IntN(3) == 0 {
			p.values[i] = uint8(r.IntN(256))
		}
	}
	return p
}

// TestBitmap compares bits with the pixels that they stand for, at sizes around
// those of words and blocks.
func TestBitmap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{1, 1}, {7, 9}, {8, 64}, {63, 65}, {64, 3}, {65, 130}, {200, 31}} {
		for _, threshold := range []uint8{0, 4, 127, 128, 200, 255} {
			p := noise(r, size[0], size[1])
			var b, turned bitmap
			b.fill(p, threshold)
			turned.transpose(&b)
			for y := range p.height {
				got := make([]bool, p.width)
				n := 0
				for start, end := nextRun(b.row(y), 0, p.width); start < p.width; start, end = nextRun(b.row(y), end, p.width) {
					if end <= start || end > p.width || start > 0 && got[start-1] {
						t.Fatalf("%d×%d: a run from %d to %d", p.width, p.height, start, end)
					}
					for x := start; x < end; x++ {
						got[x] = true
						n++
					}
				}
				if count(b.row(y)) != n {
					t.Fatalf("%d×%d: expected %d bits in row %d, got %d", p.width, p.height, n, y, count(b.row(y)))
				}
				for x := range p.width {
					want := p.values[y*p.width+x] > threshold
					if got[x] != want || (turned.row(x)[y/64]>>(y%64)&1 == 1) != want {
						t.Fatalf("%d×%d, threshold %d: pixel %d, %d of value %d", p.width, p.height, threshold, x, y, p.values[y*p.width+x])
					}
				}
			}
		}
	}
}

// TestComponents compares components with those that a flood from each pixel
// reaches.
func TestComponents(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var c components
	for range 200 {
		p := noise(r, 1+r.IntN(80), 1+r.IntN(40))
		threshold := uint8(r.IntN(200))
		c.find(p, threshold)
		seen := make([]bool, len(p.values))
		number := 0
		for first, v := range p.values {
			if v <= threshold {
				if c.labels[first] != 0 {
					t.Fatalf("pixel %d is not above %d and has a label", first, threshold)
				}
				continue
			}
			if seen[first] {
				continue
			}
			var want component
			seen[first] = true
			for todo := []int{first}; len(todo) > 0; {
				at := todo[len(todo)-1]
				todo = todo[:len(todo)-1]
				x, y := at%p.width, at/p.width
				want.box = want.box.Union(image.Rect(x, y, x+1, y+1))
				want.pixels++
				want.ink += int(p.values[at])
				want.peak = max(want.peak, p.values[at])
				if c.labels[at] != int32(number+1) {
					t.Fatalf("expected label %d at %d, %d, got %d", number+1, x, y, c.labels[at])
				}
				for v := max(0, y-1); v <= min(p.height-1, y+1); v++ {
					for u := max(0, x-1); u <= min(p.width-1, x+1); u++ {
						if i := v*p.width + u; p.values[i] > threshold && !seen[i] {
							seen[i] = true
							todo = append(todo, i)
						}
					}
				}
			}
			got := c.list[number]
			got.sides = 0
			if got != want {
				t.Fatalf("component %d: expected %+v, got %+v", number, want, got)
			}
			number++
		}
		if number != len(c.list) {
			t.Fatalf("expected %d components, got %d", number, len(c.list))
		}
	}
}

// TestShrink compares squares' means with those of image/color's conversion,
// pixel by pixel.
func TestShrink(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var s shrinker
	for range 60 {
		width, height, factor := 1+r.IntN(60), 1+r.IntN(30), 1+r.IntN(9)
		part := image.Rect(-3, 7, width-3, 7+height)
		gray, rgba, nrgba := image.NewGray(part), image.NewRGBA(part), image.NewNRGBA(part)
		for i := range gray.Pix {
			gray.Pix[i] = uint8(r.IntN(256))
			c := color.NRGBA{uint8(r.IntN(256)), uint8(r.IntN(256)), uint8(r.IntN(256)), 255}
			rgba.Set(i%width-3, i/width+7, c)
			nrgba.Set(i%width-3, i/width+7, c)
		}
		for _, m := range []image.Image{gray, rgba, nrgba} {
			var p plane
			s.shrink(&p, m, part, factor)
			for y := range p.height {
				for x := range p.width {
					sum, n := 0, 0
					square := image.Rect(x*factor, y*factor, (x+1)*factor, (y+1)*factor).Add(part.Min).Intersect(part)
					for v := square.Min.Y; v < square.Max.Y; v++ {
						for u := square.Min.X; u < square.Max.X; u++ {
							c := color.NRGBAModel.Convert(m.At(u, v)).(color.NRGBA)
							brightness, _, _ := color.RGBToYCbCr(c.R, c.G, c.B)
							sum += int(brightness)
							n++
						}
					}
					if want, got := uint8((sum+n/2)/n), p.values[y*p.width+x]; got != want {
						t.Fatalf("%T of %d×%d by %d: expected %d at %d, %d, got %d", m, width, height, factor, want, x, y, got)
					}
				}
			}
		}
	}
	// Wider and higher than what is summed at a time.
	for _, size := range []image.Point{{700_000, 1}, {1, 700_000}, {9000, 700}} {
		m := image.NewGray(image.Rectangle{Max: size})
		for i := range m.Pix {
			m.Pix[i] = 201
		}
		var p plane
		s.shrink(&p, m, m.Rect, (max(size.X, size.Y)+workSize-1)/workSize)
		for i, v := range p.values {
			if v != 201 {
				t.Fatalf("%v: expected 201, got %d of cell %d", size, v, i)
			}
		}
	}
}
