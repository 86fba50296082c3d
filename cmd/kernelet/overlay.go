package main

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strconv"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/kernelet/kernelet/picture"
)

// overlay writes a picture with a box around every digit and what it was read
// as above: blue, or brick red if it was refused or its probability is below a half.
func overlay(path string, p *picture.Picture, rows []picture.Row) error {
	bounds := p.Bounds()
	m := image.NewRGBA(bounds)
	draw.Draw(m, bounds, image.White, image.Point{}, draw.Src)
	draw.Draw(m, bounds, p, bounds.Min, draw.Over)
	for _, row := range rows {
		for _, d := range row.Digits {
			c := rightBlue
			if d.Rejected() || d.Probability < 0.5 {
				c = wrongBrick
			}
			frame(m, d.Box, max(1, max(bounds.Dx(), bounds.Dy())/600), c)
			label(m, d.Box, strconv.Itoa(d.Digit), c)
		}
	}
	var content bytes.Buffer
	if err := png.Encode(&content, m); err != nil {
		return err
	}
	return writeWhole(path, content.Bytes())
}

func frame(m *image.RGBA, box image.Rectangle, thickness int, c color.Color) {
	inside := box
	box = box.Inset(-thickness)
	for _, side := range []image.Rectangle{
		{Min: box.Min, Max: image.Pt(box.Max.X, inside.Min.Y)}, {Min: image.Pt(box.Min.X, inside.Max.Y), Max: box.Max},
		{Min: box.Min, Max: image.Pt(inside.Min.X, box.Max.Y)}, {Min: image.Pt(inside.Max.X, box.Min.Y), Max: box.Max},
	} {
		draw.Draw(m, side, image.NewUniform(c), image.Point{}, draw.Src)
	}
}

// label writes a word above a box, or inside where there is no room, enlarged
// to a third of the box.
func label(m *image.RGBA, box image.Rectangle, word string, c color.Color) {
	face := basicfont.Face7x13
	small := image.NewAlpha(image.Rect(0, 0, face.Advance*len(word), face.Height))
	drawer := font.Drawer{Dst: small, Src: image.Opaque, Face: face, Dot: fixed.P(0, face.Ascent)}
	drawer.DrawString(word)
	scale := max(1, box.Dy()/3/face.Height)
	top := box.Min.Y - scale*face.Height - scale
	if top < m.Rect.Min.Y {
		top = box.Min.Y
	}
	for y := range small.Rect.Dy() * scale {
		for x := range small.Rect.Dx() * scale {
			if small.AlphaAt(x/scale, y/scale).A > 127 {
				m.Set(box.Min.X+x, top+y, c)
			}
		}
	}
}
