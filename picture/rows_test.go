package picture_test

import (
	"image"
	"image/color"
	"image/draw"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/picture"
)

// drawNumber draws digits of the test images, one after the other, enlarged by
// four, dark on light; a space leaves a gap.
func drawNumber(m *image.Gray, x, y int, text string, digits map[rune][]byte) {
	for _, c := range text {
		if glyph := digits[c]; glyph != nil {
			for v := range 4 * mnist.Rows {
				for u := range 4 * mnist.Columns {
					if ink := glyph[v/4*mnist.Columns+u/4]; ink > 64 {
						m.SetGray(x+u, y+v, color.Gray{Y: 255 - ink})
					}
				}
			}
		}
		x += 4 * 24
	}
}

// legible are drawn digits that the network reads right and surely.
func legible(t *testing.T, classify func(*[784]byte) (digit int, probability float32)) map[rune][]byte {
	t.Helper()
	drawn := mnist.Synthetic(400, 5)
	digits := map[rune][]byte{}
	for i, label := range drawn.Labels {
		glyph := drawn.Images[i*mnist.ImageBytes:][:mnist.ImageBytes]
		if d, p := classify((*[784]byte)(glyph)); d == int(label) && p > 0.9 && digits[rune('0'+label)] == nil {
			digits[rune('0'+label)] = glyph
		}
	}
	if len(digits) != 10 {
		t.Fatalf("expected a legible digit of each kind, got %d", len(digits))
	}
	return digits
}

func TestRows(t *testing.T) {
	classifier := newClassifier(t)
	digits := legible(t, func(image *[784]byte) (int, float32) {
		p := classifier.Classify(image)
		return p.Digit, p.Probability
	})
	reader := picture.NewReader(classifier)
	for _, want := range [][]string{{"1234567890"}, {"31", "12", "1999"}, {"8005", "0042"}, {"7"}} {
		m := image.NewGray(image.Rect(0, 0, 1100, 60+160*len(want)))
		for i := range m.Pix {
			m.Pix[i] = uint8(200 + i%1100/30) // light from the side
		}
		for i, text := range want {
			drawNumber(m, 40, 40+160*i, text, digits)
		}
		rows, err := reader.Rows(m)
		if err != nil {
			t.Errorf("%q: %v", want, err)
			continue
		}
		var got []string
		for _, row := range rows {
			got = append(got, row.Text)
			for i, d := range row.Digits {
				if !d.Box.In(row.Box) || !row.Box.In(m.Rect) || i > 0 && d.Box.Min.X < row.Digits[i-1].Box.Min.X {
					t.Errorf("%q: digit %d at %v is not in its row's %v, or not in order", want, i, d.Box, row.Box)
				}
			}
		}
		if strings.Join(got, "/") != strings.Join(want, "/") {
			t.Errorf("expected %q, got %q", want, got)
		}
	}
}

func TestGrid(t *testing.T) {
	classifier := newClassifier(t)
	digits := legible(t, func(image *[784]byte) (int, float32) {
		p := classifier.Classify(image)
		return p.Digit, p.Probability
	})
	want := []string{"53.7", ".6.1", "8..9"}
	const cell = 130
	m := image.NewGray(image.Rect(0, 0, 4*cell+60, 3*cell+60))
	draw.Draw(m, m.Rect, image.White, image.Point{}, draw.Src)
	for i := range 5 {
		draw.Draw(m, image.Rect(30+i*cell-2, 28, 30+i*cell+2, 30+3*cell+2), image.Black, image.Point{}, draw.Src)
	}
	for i := range 4 {
		draw.Draw(m, image.Rect(28, 30+i*cell-2, 30+4*cell+2, 30+i*cell+2), image.Black, image.Point{}, draw.Src)
	}
	for y, row := range want {
		for x, c := range row {
			drawNumber(m, 30+x*cell+9, 30+y*cell+9, string(c), digits)
		}
	}
	rows, err := picture.NewReader(classifier).Grid(m, 4, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if row.Text != want[i] {
			t.Errorf("row %d: expected %q, got %q", i, want[i], row.Text)
		}
	}
}
