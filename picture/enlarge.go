package picture

import "math"

// A picture smaller than smallSize is enlarged to about enlargedSize: a pixel
// of it is as wide as a stroke, and where in the pixel the stroke's edge runs
// is known from its brightness alone.
const (
	smallSize    = 24
	enlargedSize = 64
)

// enlarge makes p factor times as large, at most enlargedSize, by cubic
// convolution (Keys, "Cubic Convolution Interpolation for Digital Image
// Processing", 1981), along rows, then columns. Beyond the border is what is on
// it. The other planes are memory for the time.
func (p *plane) enlarge(factor int, source, wide *plane) {
	const one = 1 << 10
	var weights [enlargedSize][4]int // of four neighbours for each place in a pixel
	for i := range factor {
		t := (float64(i)+0.5)/float64(factor) + 0.5 // from the centre of the second
		if 2*i >= factor {
			t--
		}
		for n := range weights[i] {
			weights[i][n] = int(math.Round(one * cubic(t-float64(n-1))))
		}
	}
	along := func(target, source *plane, to, from direction) {
		for y := range from.lines {
			for x := range to.length {
				first := (2*x+factor)/(2*factor) - 2
				sum := one / 2
				for n, weight := range weights[x%factor] {
					at := min(max(first+n, 0), from.length-1)
					sum += weight * int(source.values[y*from.across+at*from.along])
				}
				target.values[y*to.across+x*to.along] = uint8(min(255, max(0, sum/one)))
			}
		}
	}
	source.resize(p.width, p.height)
	copy(source.values, p.values)
	wide.resize(source.width*factor, source.height)
	along(wide, source, wide.rows(), source.rows())
	p.resize(wide.width, wide.height*factor)
	along(p, wide, p.columns(), wide.columns())
}

// cubic is Keys' kernel with a = −½.
func cubic(distance float64) float64 {
	d := math.Abs(distance)
	switch {
	case d < 1:
		return float64(float64(1.5*d)-2.5)*d*d + 1
	case d < 2:
		return float64(float64(float64(-0.5*d)+2.5)*d-4)*d + 2
	}
	return 0
}
