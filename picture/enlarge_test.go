package picture

import (
	"math"
	"testing"
)

// TestEnlarge: cubic convolution is exact for what is constant, linear or
// square along a line, inside; the values lie where the larger pixels' centres
// are.
func TestEnlarge(t *testing.T) {
	curves := map[string]func(x float64) float64{
		"constant": func(float64) float64 { return 77 },
		"linear":   func(x float64) float64 { return 20 + 9*x },
		"square":   func(x float64) float64 { return 30 + 2*(x-5)*(x-5) },
	}
	const width, height = 13, 5
	for name, curve := range curves {
		for factor := 1; factor <= 9; factor++ {
			for _, upright := range []bool{false, true} {
				p := plane{width, height, make([]uint8, width*height)}
				d := p.rows()
				if upright {
					p.width, p.height = height, width
					d = p.columns()
				}
				for i := range p.values {
					p.values[i/width*d.across+i%width*d.along] = uint8(curve(float64(i % width)))
				}
				p.enlarge(factor, new(plane), new(plane))
				d = p.rows()
				if upright {
					d = p.columns()
				}
				if d.length != width*factor || d.lines != height*factor {
					t.Fatalf("%s, factor %d: %d×%d", name, factor, d.length, d.lines)
				}
				for line := range d.lines {
					for i := 2 * factor; i < d.length-2*factor; i++ {
						want := curve((float64(i)+0.5)/float64(factor) - 0.5)
						got := float64(p.values[line*d.across+i*d.along])
						// Weights are rounded to 1/1024, four of 255 at most; and both passes round.
						if math.Abs(got-want) > 0.5+0.5+255*4*0.5/1024 {
							t.Fatalf("%s, factor %d, line %d: expected %.1f at %d, got %.0f", name, factor, line, want, i, got)
						}
					}
				}
			}
		}
	}
}
