// Package colourblind tells how far apart colours are for people who see them
// otherwise. Tests hold the colours of pages and drawings against it.
package colourblind

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Least is the difference that series of a drawing must keep for everybody: ten
// times what is just noticed, which is about 2.3 (Mahy, Van Eycken and Oosterlinck
// 1994), because thin lines and small boxes are told apart less easily than large
// patches side by side.
const Least = 23

// visions are usual vision and the lack of one of the three kinds of cones, as
// matrices for linear RGB: Machado, Oliveira and Fernandes, "A Physiologically-based
// Model for Simulation of Color Vision Deficiency", 2009, at severity 1.
var visions = []struct {
	name   string
	matrix [3][3]float64
}{
	{"usual vision", [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
	{"protanopia", [3][3]float64{{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}}},
	{"deuteranopia", [3][3]float64{{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}}},
	{"tritanopia", [3][3]float64{{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}}},
}

// Colour is a colour in sRGB.
type Colour [3]uint8

// Parse reads #rgb or #rrggbb.
func Parse(text string) (c Colour, err error) {
	if len(text) == 4 {
		text = string([]byte{text[0], text[1], text[1], text[2], text[2], text[3], text[3]})
	}
	value, err := strconv.ParseUint(strings.TrimPrefix(text, "#"), 16, 24)
	if err != nil || len(text) != 7 {
		return c, fmt.Errorf("colour: expected #rrggbb, got %q", text)
	}
	return Colour{uint8(value >> 16), uint8(value >> 8), uint8(value)}, nil
}

// Difference is the least distance of two colours in CIE Lab among the visions,
// and the vision that has it.
func Difference(a, b Colour) (least float64, vision string) {
	least = math.Inf(1)
	for _, v := range visions {
		p, q := lab(a, &v.matrix), lab(b, &v.matrix)
		if d := math.Sqrt(square(p[0]-q[0]) + square(p[1]-q[1]) + square(p[2]-q[2])); d < least {
			least, vision = d, v.name
		}
	}
	return least, vision
}

// Close names the pairs of colours that are nearer than Least for somebody.
func Close(names []string, colours []Colour) (pairs []string) {
	for i := range colours {
		for j := range i {
			if d, vision := Difference(colours[i], colours[j]); d < Least {
				pairs = append(pairs, fmt.Sprintf("%s and %s: expected a difference of at least %d, got %.1f with %s", names[j], names[i], Least, d, vision))
			}
		}
	}
	return pairs
}

// Themes reads the named colours of a style sheet, which come twice: before and
// within its query for dark screens. A colour is declared as --name or as the
// fill of .name.
func Themes(style string, names ...string) (light, dark []Colour, err error) {
	before, within, found := strings.Cut(style, "prefers-color-scheme: dark")
	if !found {
		return nil, nil, fmt.Errorf("colours: expected a query for dark screens, got none")
	}
	for _, name := range names {
		declared := regexp.MustCompile(`(?:--` + name + `:|\.` + name + ` \{ fill:) *(#[0-9a-f]+)`)
		for part, colours := range map[string]*[]Colour{before: &light, within: &dark} {
			match := declared.FindStringSubmatch(part)
			if match == nil {
				return nil, nil, fmt.Errorf("colours: expected %s twice, for light and for dark", name)
			}
			c, err := Parse(match[1])
			if err != nil {
				return nil, nil, err
			}
			*colours = append(*colours, c)
		}
	}
	return light, dark, nil
}

func square(v float64) float64 { return v * v }

// lab is a colour as somebody sees it in CIE Lab, by D65 and the 2° observer.
func lab(c Colour, vision *[3][3]float64) [3]float64 {
	var linear, seen [3]float64
	for i, v := range c {
		s := float64(v) / 255
		if linear[i] = s / 12.92; s > 0.04045 {
			linear[i] = math.Pow((s+0.055)/1.055, 2.4)
		}
	}
	for i, row := range vision {
		seen[i] = min(1, max(0, row[0]*linear[0]+row[1]*linear[1]+row[2]*linear[2]))
	}
	r, g, b := seen[0], seen[1], seen[2]
	f := func(t float64) float64 {
		const edge = 6.0 / 29
		if t > edge*edge*edge {
			return math.Cbrt(t)
		}
		return t/(3*edge*edge) + 4.0/29
	}
	x := f((0.4124564*r + 0.3575761*g + 0.1804375*b) / 0.95047)
	y := f(0.2126729*r + 0.7151522*g + 0.0721750*b)
	z := f((0.0193339*r + 0.1191920*g + 0.9503041*b) / 1.08883)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}
