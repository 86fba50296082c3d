package picture_test

import (
	"image"
	"image/color"
	"image/draw"
	"testing"

	"github.com/kernelet/kernelet/picture"
)

// TestTouching: digits that a stroke connects are read apart, each within its own
// part, and digits whose upper part is apart are read as one each.
func TestTouching(t *testing.T) {
	classifier := newClassifier(t)
	digits := legible(t, func(image *[784]byte) (int, float32) {
		p := classifier.Classify(image)
		return p.Digit, p.Probability
	})
	reader := picture.NewReader(classifier)
	for _, c := range []struct {
		text   string
		change func(m *image.Gray)
	}{
		{"38", stroke(105, 160, 108)}, {"05", stroke(105, 160, 96)}, {"263", func(m *image.Gray) { stroke(105, 160, 108)(m); stroke(200, 260, 108)(m) }},
		{"50", gap(70)},
	} {
		m := image.NewGray(image.Rect(0, 0, 420, 200))
		draw.Draw(m, m.Rect, image.White, image.Point{}, draw.Src)
		drawNumber(m, 40, 40, c.text, digits)
		c.change(m)
		rows, err := reader.Rows(m)
		if err != nil || len(rows) != 1 || rows[0].Text != c.text {
			var got []string
			for _, row := range rows {
				got = append(got, row.Text)
			}
			t.Errorf("%s: got rows %q, error %v", c.text, got, err)
			continue
		}
		for i, d := range rows[0].Digits {
			// Digits are drawn 96 pixels from one another.
			if middle := (d.Box.Min.X + d.Box.Max.X) / 2; middle < 40+96*i || middle > 40+96*i+112 {
				t.Errorf("%s: digit %d is at %v", c.text, i, d.Box)
			}
		}
	}
}

// stroke draws a thin dark line from x to end.
func stroke(x, end, y int) func(m *image.Gray) {
	return func(m *image.Gray) {
		draw.Draw(m, image.Rect(x, y, end, y+4), image.Black, image.Point{}, draw.Src)
	}
}

// gap takes the ink of a few lines away.
func gap(y int) func(m *image.Gray) {
	return func(m *image.Gray) {
		draw.Draw(m, image.Rect(0, y, m.Rect.Max.X, y+4), image.NewUniform(color.White), image.Point{}, draw.Src)
	}
}
