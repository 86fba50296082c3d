package mnist

import (
	"math"

	"github.com/kernelet/kernelet/internal/portable"
	"github.com/kernelet/kernelet/internal/random"
)

// point is a place in a digit's box: x to the right and y downwards, 0 to 1.
type point struct{ x, y float64 }

// arc is a part of an ellipse, angles in degrees, clockwise from the right.
func arc(x, y, radiusX, radiusY, from, to float64) []point {
	const steps = 14
	points := make([]point, steps+1)
	for i := range points {
		a := (from + (to-from)*float64(i)/steps) * math.Pi / 180
		sin, cos := portable.Sincos(a)
		points[i] = point{x + float64(radiusX*cos), y + float64(radiusY*sin)}
	}
	return points
}

// strokes are the ways in which people write the digits.
var strokes = [Classes][][][]point{
	{{arc(.5, .5, .3, .48, -90, 270)}, {arc(.5, .5, .38, .42, -60, 300)}},
	{{{{.5, .02}, {.5, .98}}}, {{{.32, .22}, {.55, .02}, {.55, .98}}}, {{{.3, .2}, {.52, .02}, {.52, .96}}, {{.3, .97}, {.74, .97}}}},
	{{append(arc(.5, .28, .3, .26, -170, 40), point{.2, .97}, point{.82, .97})},
		{append(arc(.48, .3, .3, .28, -160, 60), point{.35, .8}, point{.18, .92}, point{.4, .85}, point{.85, .97})}},
	{{arc(.45, .26, .3, .24, -160, 90), arc(.45, .74, .34, .25, -90, 160)},
		{{{.2, .04}, {.76, .04}, {.45, .42}}, arc(.45, .7, .32, .28, -90, 150)}},
	{{{{.3, .03}, {.18, .6}, {.85, .6}}, {{.68, .25}, {.62, .98}}}, {{{.62, .98}, {.62, .02}, {.12, .66}, {.88, .66}}}},
	{{{{.8, .03}, {.3, .03}, {.25, .45}}, append([]point{{.25, .45}}, arc(.45, .68, .33, .29, -110, 150)...)},
		{{{.78, .05}, {.34, .05}, {.28, .42}, {.6, .42}}, arc(.48, .69, .32, .28, -80, 140)}},
	{{append([]point{{.66, .02}, {.4, .3}, {.24, .6}}, arc(.5, .72, .27, .25, 180, 540)...)},
		{append(arc(.68, .55, .45, .53, -100, -180), arc(.5, .73, .27, .23, 180, 530)...)}},
	{{{{.15, .05}, {.82, .05}, {.4, .98}}}, {{{.15, .05}, {.82, .05}, {.42, .98}}, {{.3, .5}, {.75, .5}}}, {{{.18, .2}, {.2, .06}, {.84, .05}, {.5, .5}, {.42, .98}}}},
	{{arc(.5, .27, .25, .24, 90, 450), arc(.5, .74, .31, .24, -90, 270)},
		{append(arc(.5, .27, .26, .24, -30, -270), arc(.5, .74, .3, .23, -90, 270)...)}},
	{{append(arc(.48, .3, .28, .27, 0, 360), point{.74, .5}, point{.66, .98})},
		{append(arc(.48, .3, .27, .27, -20, 340), arc(.4, .55, .36, .42, -20, 110)...)}},
}

// Synthetic returns n drawn digits, none if n is negative, for when there is no network: strokes with
// random slant, turn, size, place, thickness, bends and noise. Image i depends
// on seed and i alone, on every architecture.
func Synthetic(n int, seed uint64) Set {
	n = max(0, n)
	s := Set{Images: make([]byte, n*ImageBytes), Labels: make([]byte, n)}
	for i := range n {
		key := random.Key(random.Synthetic, seed, uint64(i))
		s.Labels[i] = byte(random.Below(key, 0, Classes))
		draw(s.Images[i*ImageBytes:][:ImageBytes], int(s.Labels[i]), key)
	}
	return s
}

func draw(pixels []byte, digit int, key uint64) {
	counter := uint64(1)
	between := func(low, high float64) float64 {
		counter++
		return low + float64((high-low)*random.Uniform(key, counter))
	}
	forms := strokes[digit]
	form := forms[random.Below(key, 1, len(forms))]
	slant, turn := between(-.35, .45), between(-.22, .22)
	width, height := between(9, 17), between(15.5, 20.5)
	centreX, centreY := between(12, 16), between(12.6, 15.4)
	thickness := between(.75, 1.9)
	bendX, bendY, phaseX, phaseY := between(0, .09), between(0, .07), between(0, 2*math.Pi), between(0, 2*math.Pi)
	ink := between(190, 255)
	place := func(p point) point {
		waveX, _ := portable.Sincos(float64(5*p.y) + phaseX)
		waveY, _ := portable.Sincos(float64(5*p.x) + phaseY)
		x := p.x - .5 + float64(bendX*waveX)
		y := p.y - .5 + float64(bendY*waveY)
		x, y = float64(x*width)-float64(slant*y*height*.5), y*height
		sin, cos := portable.Sincos(turn)
		return point{centreX + float64(x*cos) - float64(y*sin), centreY + float64(x*sin) + float64(y*cos)}
	}
	var distance [ImageBytes]float64
	for i := range distance {
		distance[i] = math.Inf(1)
	}
	for _, line := range form {
		shift := point{between(-.05, .05), between(-.05, .05)}
		previous := place(point{line[0].x + shift.x, line[0].y + shift.y})
		for _, p := range line[1:] {
			next := place(point{p.x + shift.x, p.y + shift.y})
			for i := range distance {
				at := point{float64(i%Columns) + .5, float64(i/Columns) + .5}
				distance[i] = min(distance[i], fromSegment(at, previous, next))
			}
			previous = next
		}
	}
	for i, d := range distance {
		// A pen of the given radius with an edge of one pixel.
		value := float64(ink * min(1, max(0, thickness+.5-d)))
		value += float64(between(-1, 1) * between(0, 1) * 26)
		if value < 14 {
			value = 0
		}
		pixels[i] = byte(min(255, value))
	}
}

// fromSegment returns the distance of p from the segment between a and b.
func fromSegment(p, a, b point) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	t := 0.0
	if length := float64(dx*dx) + float64(dy*dy); length > 0 {
		t = min(1, max(0, (float64((p.x-a.x)*dx)+float64((p.y-a.y)*dy))/length))
	}
	return portable.Hypot(p.x-a.x-float64(t*dx), p.y-a.y-float64(t*dy))
}
