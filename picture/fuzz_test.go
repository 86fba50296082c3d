package picture_test

import (
	"errors"
	"image"
	"testing"

	"github.com/kernelet/kernelet/picture"
)

// FuzzRead reads pictures of any pixels as a digit, as rows or as a table, one
// of them so that an execution is short: whatever the pixels are, there is an
// answer or ErrBlank, and boxes lie inside.
func FuzzRead(f *testing.F) {
	f.Add(uint8(0), uint8(28), uint8(28), []byte("a picture"))
	f.Add(uint8(1), uint8(1), uint8(1), []byte{0, 255})
	f.Add(uint8(2), uint8(70), uint8(40), []byte{0, 0, 0, 255, 255, 7})
	reader := picture.NewReader(newClassifier(f))
	f.Fuzz(func(t *testing.T, what, width, height uint8, pixels []byte) {
		if width == 0 || height == 0 || len(pixels) == 0 {
			return
		}
		// Larger ones take longer and reach no other code but the shrinking, which
		// TestShrink has. Repeated, so that few bytes make a picture.
		const most = 72
		m := image.NewGray(image.Rect(-3, 5, -3+min(most, int(width)), 5+min(most, int(height))))
		for i := range m.Pix {
			m.Pix[i] = pixels[i%len(pixels)]
		}
		switch what % 3 {
		case 0:
			d, err := reader.Digit(m)
			if err != nil && !errors.Is(err, picture.ErrBlank) || err == nil && !d.Box.In(m.Rect) {
				t.Fatalf("digit: box %v of %v, error %v", d.Box, m.Rect, err)
			}
		case 1:
			rows, err := reader.Rows(m)
			if err != nil && !errors.Is(err, picture.ErrBlank) {
				t.Fatal(err)
			}
			for _, row := range rows {
				if !row.Box.In(m.Rect) || len(row.Text) != len(row.Digits) {
					t.Fatalf("row %q: box %v of %v", row.Text, row.Box, m.Rect)
				}
			}
		case 2:
			if _, err := reader.Grid(m, 3, 2); err != nil {
				t.Fatal(err)
			}
		}
	})
}
