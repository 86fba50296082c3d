package main

import (
	"image"
	"math"

	"github.com/kernelet/kernelet/internal/random"
)

// one draws one number i with a pen, as MNIST has few of them and most that are
// refused wrongly are: upright to slanted, with and without an upstroke and a
// foot, by thin to very thick pens, of many pixels and few.
func one(i int) *image.Gray {
	key, counter := random.Key(random.Synthetic, 0x6f6e65, uint64(i)), uint64(0)
	between := func(low, high float64) float64 {
		counter++
		return low + (high-low)*random.Uniform(key, counter)
	}
	size := 140
	switch chance := between(0, 1); {
	case chance < 0.15:
		size = int(between(10, 30))
	case chance < 0.3:
		size = 56
	}
	// Places and lengths are shares of the picture's side.
	type point struct{ x, y float64 }
	high, slant := between(0.45, 0.85), between(-0.25, 0.4)
	apex, base := point{0.5 + slant*high/2, 0.5 - high/2}, point{0.5 - slant*high/2, 0.5 + high/2}
	lines := [][2]point{{apex, base}}
	if between(0, 1) < 0.6 {
		length, angle := between(0.1, 0.6)*high, between(0.35, 1.15)
		lines = append(lines, [2]point{apex, {apex.x - length*math.Sin(angle), apex.y + length*math.Cos(angle)}})
	}
	if between(0, 1) < 0.3 {
		half := between(0.08, 0.3) * high
		lines = append(lines, [2]point{{base.x - half, base.y}, {base.x + half, base.y + between(-.03, .03)}})
	}
	pen := between(0.008, 0.09) * high
	if between(0, 1) < 0.15 {
		pen = between(0.09, 0.16) * high
	}
	paper, ink, noise := between(170, 255), between(0, 110), between(0, 8)
	dark := between(0, 1) < 0.25
	m := image.NewGray(image.Rect(0, 0, size, size))
	for at := range m.Pix {
		x, y := (float64(at%size)+.5)/float64(size), (float64(at/size)+.5)/float64(size)
		nearest := math.Inf(1)
		for _, l := range lines {
			dx, dy := l[1].x-l[0].x, l[1].y-l[0].y
			t := min(1, max(0, ((x-l[0].x)*dx+(y-l[0].y)*dy)/(dx*dx+dy*dy)))
			nearest = min(nearest, math.Hypot(x-l[0].x-t*dx, y-l[0].y-t*dy))
		}
		shade := min(1, max(0, (pen-nearest)*float64(size)+0.5))
		brightness := paper + (ink-paper)*shade + between(-noise, noise)
		if dark {
			brightness = 255 - brightness
		}
		m.Pix[at] = uint8(min(255, max(0, brightness)))
	}
	return m
}
