package picture

import (
	"errors"
	"image"
	"image/color"
	imagedraw "image/draw"
	"math"
	"strings"
	"testing"
)

// letter is an L whose centre of mass is the corner of four pixels, so that
// its prepared form is exact: 20 rows high, a stem and a foot of four pixels.
// Mirrored, turned or transposed it would be another picture.
const letter = `
............................
.........####...............
.........####...............
.........####...............
.........####...............
.........####...............
.........####...............
.........####...............
.........####...............
.........####...............
.........####...............
.........####...............
.........####...............
.........####...............
.........####...............
.........####...............
.........####...............
.........################...
.........################...
.........################...
.........################...
............................
............................
............................
............................
............................
............................
............................
`

// drawLetter draws the letter with its upper left corner at x and y, each of
// its pixels scale×scale large.
func drawLetter(width, height, x, y, scale int, paper, ink color.Color) image.Image {
	m := image.NewNRGBA(image.Rect(3, -7, 3+width, -7+height))
	fill := func(r image.Rectangle, c color.Color) {
		imagedraw.Draw(m, r.Add(m.Rect.Min), image.NewUniform(c), image.Point{}, imagedraw.Src)
	}
	fill(image.Rect(0, 0, width, height), paper)
	fill(image.Rect(x, y, x+4*scale, y+20*scale), ink)
	fill(image.Rect(x, y+16*scale, x+16*scale, y+20*scale), ink)
	return m
}

// TestPrepare: the letter comes out as it must, wherever and however large it
// was drawn, in whatever colours.
func TestPrepare(t *testing.T) {
	grey := func(v uint8) color.Color { return color.Gray{Y: v} }
	pictures := map[string]image.Image{
		"black on white":        drawLetter(140, 140, 30, 20, 5, grey(255), grey(0)),
		"white on black":        drawLetter(140, 140, 30, 20, 5, grey(0), grey(255)),
		"grey on grey":          drawLetter(140, 140, 30, 20, 5, grey(180), grey(60)),
		"light on dark grey":    drawLetter(140, 140, 30, 20, 5, grey(40), grey(200)),
		"blue on yellow":        drawLetter(140, 140, 30, 20, 5, color.NRGBA{250, 240, 120, 255}, color.NRGBA{20, 30, 160, 255}),
		"black on nothing":      drawLetter(140, 140, 30, 20, 5, color.NRGBA{}, color.NRGBA{A: 255}),
		"half black on nothing": drawLetter(140, 140, 30, 20, 5, color.NRGBA{}, color.NRGBA{A: 128}),
		"in the upper left":     drawLetter(200, 260, 4, 10, 6, grey(255), grey(0)),
		"in the lower right":    drawLetter(260, 200, 260-16*6-8, 200-20*6-4, 6, grey(255), grey(0)),
		"of MNIST's size":       drawLetter(28, 28, 7, 2, 1, grey(255), grey(0)),
		"averaged from 8×8":     drawLetter(1280, 960, 200, 160, 24, grey(255), grey(0)),
		"in a strip, 2×2":       drawLetter(320, 60, 100, 10, 2, grey(255), grey(0)),
	}
	rows := strings.Fields(letter)
	for name, picture := range pictures {
		got, err := Prepare(picture)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, v := range got {
			want := byte(0)
			if rows[i/side][i%side] == '#' {
				want = 255
			}
			// The background is interpolated in steps of 1/256 and rounded.
			if max(v, want)-min(v, want) > 3 {
				t.Errorf("%s: row %d, column %d: expected %d, got %d, in\n%s", name, i/side, i%side, want, v, ascii(got))
				break
			}
		}
	}
}

// ascii shows an image: # for ink, . for background, + between.
func ascii(pixels [side * side]byte) string {
	var b strings.Builder
	for i, v := range pixels {
		switch v {
		case 0:
			b.WriteByte('.')
		case 255:
			b.WriteByte('#')
		default:
			b.WriteByte('+')
		}
		if i%side == side-1 {
			b.WriteByte('\n')
		}
	}
	return b.String()
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
		"one pixel too many": image.Rect(0, 0, MaxPixels+1, 1),
		"square":             image.Rect(0, 0, 8001, 8000),
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
	corner := image.Rect(math.MinInt, math.MaxInt-8000, math.MinInt+8000, math.MaxInt)
	used := allocated(func() {
		if _, err := Prepare(bounded{image.NewUniform(color.Black), corner}); !errors.Is(err, ErrBlank) {
			t.Errorf("64 megapixels of black: expected ErrBlank, got %v", err)
		}
	})
	if most := uint64(planes*8*(workSize+1)*(workSize+1) + 1<<20); used > most {
		t.Errorf("64 megapixels: expected at most %d bytes of memory, got %d", most, used)
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
