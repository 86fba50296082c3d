// Package nondigits draws pictures that show no digit, to fit and to test the
// score by which they are refused.
package nondigits

import (
	"image"
	"image/color"
	"math"

	"github.com/kernelet/kernelet/internal/random"
)

// Kinds are the names of what Draw draws.
var Kinds = []string{"letter", "scribble", "lines", "noise", "texture", "word", "symbol", "crop"}

// Size is the width and height of a picture.
const Size = 140

type point struct{ x, y float64 }

// letters that look like no digit, as strokes in a square of side 1.
var letters = [][][]point{
	{{{0, 1}, {.5, 0}, {1, 1}}, {{.2, .6}, {.8, .6}}},                                // A
	{{{1, 0}, {0, 0}, {0, 1}, {1, 1}}, {{0, .5}, {.7, .5}}},                          // E
	{{{1, 0}, {0, 0}, {0, 1}}, {{0, .5}, {.7, .5}}},                                  // F
	{{{0, 0}, {0, 1}}, {{1, 0}, {1, 1}}, {{0, .5}, {1, .5}}},                         // H
	{{{0, 0}, {0, 1}}, {{.9, 0}, {0, .55}, {1, 1}}},                                  // K
	{{{0, 1}, {0, 0}, {.5, .6}, {1, 0}, {1, 1}}},                                     // M
	{{{0, 1}, {0, 0}, {1, 1}, {1, 0}}},                                               // N
	{{{0, 1}, {0, 0}, {.8, .1}, {.8, .4}, {0, .5}, {1, 1}}},                          // R
	{{{0, 0}, {1, 0}}, {{.5, 0}, {.5, 1}}},                                           // T
	{{{0, 0}, {.25, 1}, {.5, .3}, {.75, 1}, {1, 0}}},                                 // W
	{{{0, 0}, {1, 1}}, {{1, 0}, {0, 1}}},                                             // X
	{{{0, 0}, {.5, .5}, {1, 0}}, {{.5, .5}, {.5, 1}}},                                // Y
	{{{.5, 0}, {.5, 1}}, {{0, .5}, {1, .5}}},                                         // +
	{{{0, .3}, {1, .3}}, {{0, .7}, {1, .7}}, {{.3, 0}, {.2, 1}}, {{.8, 0}, {.7, 1}}}, // #
}

// symbols are drawn by people too: signs, shapes, small letters.
var symbols = [][][]point{
	{{{0, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 0}}},                                                           // square
	{{{.5, 0}, {1, 1}, {0, 1}, {.5, 0}}},                                                                 // triangle
	{{{.5, 0}, {1, .5}, {.5, 1}, {0, .5}, {.5, 0}}},                                                      // diamond
	{{{0, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 0}}, {{0, 0}, {1, 1}}, {{1, 0}, {0, 1}}},                       // crossed box
	{{{0, .5}, {1, .5}}, {{.65, .2}, {1, .5}, {.65, .8}}},                                                // arrow
	{{{.5, 1}, {.5, 0}}, {{.2, .35}, {.5, 0}, {.8, .35}}},                                                // arrow up
	{{{0, .5}, {.35, 1}, {1, 0}}},                                                                        // tick
	{{{.2, 1}, {.5, 0}, {.8, 1}, {0, .35}, {1, .35}, {.2, 1}}},                                           // star
	{{{0, .35}, {1, .35}}, {{0, .65}, {1, .65}}},                                                         // =
	{{{0, .5}, {1, .5}}, {{.5, .15}, {.5, .2}}, {{.5, .8}, {.5, .85}}},                                   // ÷
	{{{0, 1}, {1, 0}}, {{.1, .1}, {.25, .1}, {.25, .25}, {.1, .1}}, {{.8, .8}, {.9, .95}}},               // %
	{{{0, 0}, {1, .5}, {0, 1}}},                                                                          // >
	{{{0, 0}, {0, 1}, {.9, 1}}},                                                                          // L
	{{{0, 0}, {0, .7}, {.3, 1}, {.7, 1}, {1, .7}, {1, 0}}},                                               // U
	{{{0, 0}, {.5, 1}, {1, 0}}},                                                                          // V
	{{{1, .1}, {.6, 0}, {.2, .2}, {0, .5}, {.2, .8}, {.6, 1}, {1, .9}}},                                  // C
	{{{1, 0}, {0, 0}, {.5, .5}, {0, 1}, {1, 1}}},                                                         // Σ
	{{{0, 0}, {0, 1}}, {{0, .6}, {.3, .4}, {.7, .5}, {.8, 1}}},                                           // h
	{{{0, .4}, {0, 1}}, {{0, .6}, {.25, .4}, {.5, .6}, {.5, 1}}, {{.5, .6}, {.75, .4}, {1, .6}, {1, 1}}}, // m
	{{{.4, 0}, {.4, .85}, {.6, 1}, {.9, .9}}, {{.1, .3}, {.8, .3}}},                                      // t
	{{{0, 0}, {0, 1}}, {{.7, .35}, {0, .65}, {.8, 1}}},                                                   // k
	{{{.2, 0}, {.2, 1}}, {{.7, 0}, {.7, 1}}},                                                             // two bars
	{{{0, 1}, {.25, 0}, {.5, 1}, {.75, 0}, {1, 1}}},                                                      // zigzag
}

// Draw draws picture number n of a kind, an index into Kinds.
func Draw(kind int, n uint64) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, Size, Size))
	c := canvas{m, random.Key(random.Synthetic, 0x6e6f, uint64(kind), n), 0}
	paper := c.between(170, 255)
	for i := range m.Pix {
		m.Pix[i] = uint8(paper)
	}
	c.pen(kind, paper)
	return m
}

type canvas struct {
	m            *image.Gray
	key, counter uint64
}

func (c *canvas) between(low, high float64) float64 {
	c.counter++
	return low + (high-low)*random.Uniform(c.key, c.counter)
}

func (c *canvas) pen(kind int, paper float64) {
	ink, radius := c.between(0, paper-90), c.between(1, 6)
	switch Kinds[kind] {
	case "letter":
		c.glyph(letters, c.between(20, 45), c.between(20, 45), c.between(45, 75), c.between(60, 85), radius, ink)
	case "symbol":
		c.glyph(symbols, c.between(20, 45), c.between(20, 45), c.between(45, 75), c.between(55, 85), radius, ink)
	case "crop": // of a page, whose letters its edges cut
		step := c.between(45, 75)
		x, y := c.between(-step, 0), c.between(-step, 0)
		for i := range 16 {
			c.glyph(letters, x+float64(i%4)*step, y+float64(i/4)*1.3*step, 0.7*step, step, radius/1.5, ink)
		}
	case "word":
		width := c.between(16, 24)
		for i := range 4 {
			c.glyph(letters, 12+float64(i)*1.35*width, c.between(48, 56), width, c.between(22, 34), radius/2, ink)
		}
	case "scribble":
		at := point{c.between(40, 100), c.between(40, 100)}
		for range int(c.between(8, 25)) {
			next := point{c.between(20, 120), c.between(20, 120)}
			c.line(at, next, radius/1.5, ink)
			at = next
		}
	case "lines":
		for range int(c.between(2, 7)) {
			c.line(point{c.between(10, 130), c.between(10, 130)}, point{c.between(10, 130), c.between(10, 130)}, radius, ink)
		}
	case "noise":
		share := c.between(0.1, 0.6)
		for i := range c.m.Pix {
			if c.between(0, 1) < share {
				c.m.Pix[i] = uint8(c.between(ink, paper))
			}
		}
	case "texture":
		angle, period, second := c.between(0, math.Pi), c.between(8, 30), c.between(0, 1) < 0.5
		sin, cos := math.Sincos(angle)
		for i := range c.m.Pix {
			x, y := float64(i%Size), float64(i/Size)
			on := math.Mod(x*cos+y*sin+1000*period, period) < period/3
			on = on || second && math.Mod(y*cos-x*sin+1000*period, period) < period/3
			if on {
				c.m.Pix[i] = uint8(ink)
			}
		}
	}
}

// glyph draws one of a set.
func (c *canvas) glyph(set [][][]point, x, y, width, height, radius, ink float64) {
	strokes := set[int(c.between(0, float64(len(set))))]
	slant := c.between(-.2, .2)
	place := func(p point) point {
		wobble := c.between(-.06, .06)
		return point{x + width*(p.x+wobble) + slant*height*(1-p.y), y + height*(p.y+c.between(-.05, .05))}
	}
	for _, stroke := range strokes {
		from := place(stroke[0])
		for _, p := range stroke[1:] {
			to := place(p)
			c.line(from, to, radius, ink)
			from = to
		}
	}
}

// line draws a line with round ends.
func (c *canvas) line(from, to point, radius, ink float64) {
	dx, dy := to.x-from.x, to.y-from.y
	length := dx*dx + dy*dy
	for y := int(min(from.y, to.y) - radius - 1); y <= int(max(from.y, to.y)+radius+1); y++ {
		for x := int(min(from.x, to.x) - radius - 1); x <= int(max(from.x, to.x)+radius+1); x++ {
			if !image.Pt(x, y).In(c.m.Rect) {
				continue
			}
			px, py := float64(x)+.5-from.x, float64(y)+.5-from.y
			t := 0.0
			if length > 0 {
				t = min(1, max(0, (px*dx+py*dy)/length))
			}
			if math.Hypot(px-t*dx, py-t*dy) <= radius {
				c.m.SetGray(x, y, color.Gray{Y: uint8(ink)})
			}
		}
	}
}
