package mnist

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing"
)

// scene draws a digit's strokes as a picture: ink and paper as brightness at a
// place, 0 to 1.
type scene struct {
	name          string
	width, height int
	size, pen     float64 // of the digit and of the pen, in pixels
	x, y          float64 // centre
	colour        func(inkShare, x, y float64) color.Color
}

func grey(v float64) color.Color { return color.Gray{Y: uint8(math.Round(255 * min(1, max(0, v))))} }

func (s scene) draw(digit int) image.Image {
	m := image.NewNRGBA(image.Rect(3, 5, 3+s.width, 5+s.height))
	for row := range s.height {
		for column := range s.width {
			distance := math.Inf(1)
			for _, line := range strokes[digit][0] {
				for i := 1; i < len(line); i++ {
					at := func(p point) point { return point{s.x + (p.x-.5)*s.size*.7, s.y + (p.y-.5)*s.size} }
					distance = min(distance, fromSegment(point{float64(column) + .5, float64(row) + .5}, at(line[i-1]), at(line[i])))
				}
			}
			share := min(1, max(0, s.pen/2+.5-distance))
			m.Set(3+column, 5+row, s.colour(share, float64(column)/float64(s.width), float64(row)/float64(s.height)))
		}
	}
	return m
}

// TestPrepare: however a digit was photographed, what comes out is near what
// its clean drawing gives.
func TestPrepare(t *testing.T) {
	clean := scene{"clean", 200, 200, 140, 16, 100, 100, func(ink, _, _ float64) color.Color { return grey(1 - ink) }}
	scenes := []scene{
		{"grey paper", 200, 200, 140, 16, 100, 100, func(ink, _, _ float64) color.Color { return grey(.7 - .5*ink) }},
		{"uneven light", 300, 300, 180, 20, 150, 150, func(ink, x, y float64) color.Color { return grey((.95 - .35*x - .1*y) * (1 - .8*ink)) }},
		{"inverted", 200, 200, 140, 16, 100, 100, func(ink, _, _ float64) color.Color { return grey(.1 + .8*ink) }},
		{"off-centre", 400, 300, 100, 11.5, 90, 220, func(ink, _, _ float64) color.Color { return grey(1 - ink) }},
		{"colour", 200, 200, 140, 16, 100, 100, func(ink, _, _ float64) color.Color {
			return color.NRGBA{uint8(250 - 220*ink), uint8(240 - 180*ink), uint8(200 - 40*ink), 255}
		}},
		{"transparent", 200, 200, 140, 16, 100, 100, func(ink, _, _ float64) color.Color {
			return color.NRGBA{0, 0, 0, uint8(255 * ink)}
		}},
		{"huge", 1500, 1800, 1200, 137, 750, 900, func(ink, _, _ float64) color.Color { return grey(1 - ink) }},
		{"tiny", 28, 28, 20, 2.3, 14, 14, func(ink, _, _ float64) color.Color { return grey(ink) }},
	}
	for _, digit := range []int{0, 2, 3, 4, 7, 8} {
		want, err := Prepare(clean.draw(digit))
		if err != nil {
			t.Fatal(err)
		}
		if digit == 8 || digit == 0 {
			checkForm(t, want)
		}
		for _, s := range scenes {
			got, err := Prepare(s.draw(digit))
			if err != nil {
				t.Errorf("%s %d: %v", s.name, digit, err)
				continue
			}
			if c := correlation(want[:], got[:]); c < 0.93 {
				t.Errorf("%s %d: correlation with the clean drawing: expected at least 0.93, got %.3f", s.name, digit, c)
			}
		}
	}
	for _, pen := range []float64{5, 34} {
		s := clean
		s.pen = pen
		got, err := Prepare(s.draw(3))
		if err != nil {
			t.Fatal(err)
		}
		want, _ := Prepare(clean.draw(3))
		if c := correlation(want[:], got[:]); c < 0.6 {
			t.Errorf("pen of %g pixels: correlation %.3f", pen, c)
		}
	}
}

// checkForm: the longer side has 20 pixels, the centre of mass is in the middle.
func checkForm(t *testing.T, pixels [ImageBytes]byte) {
	t.Helper()
	var mass, x, y float64
	top, bottom := Rows, 0
	for i, v := range pixels {
		mass += float64(v)
		x += float64(v) * (float64(i%Columns) + .5)
		y += float64(v) * (float64(i/Columns) + .5)
		if v > 40 {
			top, bottom = min(top, i/Columns), max(bottom, i/Columns+1)
		}
	}
	if math.Abs(x/mass-14) > .5 || math.Abs(y/mass-14) > .5 {
		t.Errorf("centre of mass: expected (14, 14), got (%.2f, %.2f)", x/mass, y/mass)
	}
	if bottom-top < 19 || bottom-top > 21 {
		t.Errorf("height: expected 20 pixels, got %d", bottom-top)
	}
}

func correlation(a, b []byte) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func TestPrepareBlank(t *testing.T) {
	for _, v := range []uint8{0, 128, 255} {
		m := image.NewGray(image.Rect(0, 0, 50, 40))
		for i := range m.Pix {
			m.Pix[i] = v
		}
		if _, err := Prepare(m); !errors.Is(err, ErrBlank) {
			t.Errorf("brightness %d: expected ErrBlank, got %v", v, err)
		}
	}
	if _, err := Prepare(image.NewGray(image.Rect(0, 0, 0, 9))); !errors.Is(err, ErrImage) {
		t.Errorf("no pixels: expected ErrImage, got %v", err)
	}
	if _, err := Prepare(image.NewGray(image.Rect(0, 0, 1, 1))); !errors.Is(err, ErrBlank) {
		t.Errorf("one pixel: expected ErrBlank, got %v", err)
	}
}

func TestDecodeImage(t *testing.T) {
	var good bytes.Buffer
	if err := png.Encode(&good, image.NewGray(image.Rect(0, 0, 30, 20))); err != nil {
		t.Fatal(err)
	}
	if m, err := DecodeImage(bytes.NewReader(good.Bytes())); err != nil || m.Bounds().Dx() != 30 {
		t.Errorf("a PNG: %v", err)
	}
	// A header that promises 100,000 × 100,000 pixels must cost nothing.
	huge := bytes.Clone(good.Bytes())
	binary.BigEndian.PutUint32(huge[16:], 100_000)
	binary.BigEndian.PutUint32(huge[20:], 100_000)
	binary.BigEndian.PutUint32(huge[29:], crc32.ChecksumIEEE(huge[12:29]))
	for name, content := range map[string][]byte{
		"empty": nil, "text": []byte("no picture"), "truncated": good.Bytes()[:50], "huge": huge,
	} {
		if _, err := DecodeImage(bytes.NewReader(content)); !errors.Is(err, ErrImage) {
			t.Errorf("%s: expected ErrImage, got %v", name, err)
		}
	}
}
