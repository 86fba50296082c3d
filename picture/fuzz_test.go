package picture_test

import (
	"errors"
	"image"
	"testing"

	"github.com/kernelet/kernelet/picture"
)

// FuzzRead reads pictures of any pixels as a digit, as rows and as a table:
// whatever they are, there is an answer or ErrBlank, and boxes lie inside.
func FuzzRead(f *testing.F) {
	f.Add(uint8(28), []byte("a picture"))
	f.Add(uint8(1), []byte{0, 255})
	f.Add(uint8(90), []byte{0, 0, 0, 255, 255, 7})
	reader := picture.NewReader(newClassifier(f))
	f.Fuzz(func(t *testing.T, width uint8, pixels []byte) {
		if width == 0 || len(pixels) == 0 {
			return
		}
		// Repeated, so that few bytes make a picture.
		m := image.NewGray(image.Rect(-3, 5, int(width)-3, 5+int(width)))
		for i := range m.Pix {
			m.Pix[i] = pixels[i%len(pixels)]
		}
		if d, err := reader.Digit(m); err != nil && !errors.Is(err, picture.ErrBlank) || err == nil && !d.Box.In(m.Rect) {
			t.Fatalf("digit: box %v of %v, error %v", d.Box, m.Rect, err)
		}
		rows, err := reader.Rows(m)
		if err != nil && !errors.Is(err, picture.ErrBlank) {
			t.Fatal(err)
		}
		for _, row := range rows {
			if !row.Box.In(m.Rect) || len(row.Text) != len(row.Digits) {
				t.Fatalf("row %q: box %v of %v", row.Text, row.Box, m.Rect)
			}
		}
		if _, err := reader.Grid(m, 3, 2); err != nil {
			t.Fatal(err)
		}
	})
}
