package mnist

import (
	"errors"
	"image"
	"image/color"
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

// TestPrepareHostilePictures: bounds without pixels behind them and colours
// that are none give an error or a digit, and never cost more than a few planes.
func TestPrepareHostilePictures(t *testing.T) {
	const far = math.MaxInt - 1
	for name, bounds := range map[string]image.Rectangle{
		"one pixel too many": image.Rect(0, 0, maxImagePixels+1, 1),
		"square":             image.Rect(0, 0, 5001, 5000),
		"a product of 2^64":  image.Rect(0, 0, 1<<30, 1<<30),
		"all there is":       {Min: image.Point{X: -far, Y: -far}, Max: image.Point{X: far, Y: far}},
		"uniform":            image.NewUniform(color.Black).Bounds(),
		"turned round":       {Min: image.Point{X: 9, Y: 9}, Max: image.Point{X: 2, Y: 2}},
		"nothing":            {},
	} {
		_, err := Prepare(bounded{image.NewUniform(color.Black), bounds})
		if !errors.Is(err, ErrImage) {
			t.Errorf("%s: expected ErrImage, got %v", name, err)
		}
	}
	// Red, green and blue above alpha: twice as bright as white.
	tooBright := image.NewRGBA(image.Rect(0, 0, 40, 40))
	for i := range tooBright.Pix {
		tooBright.Pix[i] = 255
		if i%4 == 3 {
			tooBright.Pix[i] = byte(i / 4 % 3)
		}
	}
	if _, err := Prepare(tooBright); !errors.Is(err, ErrBlank) {
		t.Errorf("brighter than white all over: expected ErrBlank, got %v", err)
	}
	if _, err := Prepare(unlimited{}); err != nil && !errors.Is(err, ErrBlank) {
		t.Errorf("components above their range: got %v", err)
	}
	// At the limit and at any place, in the memory of small planes: for the
	// brightness and its counts, the ink, the background's weights, and for
	// each of three means two tables of sums and a result.
	const planes = 4 + 3*3
	corner := image.Rect(math.MinInt, math.MaxInt-5000, math.MinInt+5000, math.MaxInt)
	used := allocated(func() {
		if _, err := Prepare(bounded{image.NewUniform(color.Black), corner}); !errors.Is(err, ErrBlank) {
			t.Errorf("25 megapixels of black: expected ErrBlank, got %v", err)
		}
	})
	if most := uint64(planes*8*(workSize+1)*(workSize+1) + 1<<20); used > most {
		t.Errorf("25 megapixels: expected at most %d bytes of memory, got %d", most, used)
	}
}

// bounded is a picture that claims other bounds than its own.
type bounded struct {
	image.RGBA64Image
	bounds image.Rectangle
}

func (b bounded) Bounds() image.Rectangle { return b.bounds }

// unlimited is a picture of one colour, itself, whose components exceed 16 bits.
type unlimited struct{}

func (unlimited) ColorModel() color.Model   { return color.RGBA64Model }
func (unlimited) Bounds() image.Rectangle   { return image.Rect(0, 0, 40, 40) }
func (unlimited) At(x, y int) color.Color   { return unlimited{} }
func (unlimited) RGBA() (r, g, b, a uint32) { return math.MaxUint32, 1 << 31, 1 << 16, math.MaxUint32 }
