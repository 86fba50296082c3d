package picture

import (
	"bytes"
	"errors"
	"image"
	"strings"
	"testing"
)

// TestUpright: all eight orientations of EXIF, by what its specification says of
// the stored picture's first row and column, in planes and in pictures, whose
// parts are found too.
func TestUpright(t *testing.T) {
	for orientation, want := range []string{
		1: "abc def", 2: "cba fed", 3: "fed cba", 4: "def abc", // first row at the top, top, bottom, bottom
		5: "ad be cf", 6: "da eb fc", 7: "fc eb da", 8: "cf be ad", // at the left, right, right, left
	} {
		if orientation == 0 {
			continue
		}
		rows := strings.Fields(want)
		p := plane{3, 2, []byte("abcdef")}
		p.turn(orientation)
		if got := string(p.values); got != strings.Join(rows, "") || p.width != len(rows[0]) || p.height != len(rows) {
			t.Errorf("%d: expected %s, got %s of %d×%d", orientation, want, got, p.width, p.height)
		}
		// Not at the origin, as a part of another picture is.
		stored := image.NewGray(image.Rect(10, 20, 13, 22))
		copy(stored.Pix, "abcdef")
		m := &Picture{Image: stored, Orientation: orientation}
		b := m.Bounds()
		if b.Dx() != len(rows[0]) || b.Dy() != len(rows) {
			t.Fatalf("%d: expected %d×%d, got %v", orientation, len(rows[0]), len(rows), b)
		}
		for y, row := range rows {
			for x := range row {
				at := b.Min.Add(image.Pt(x, y))
				if r, _, _, _ := m.At(at.X, at.Y).RGBA(); byte(r) != row[x] {
					t.Errorf("%d: (%d, %d): expected %c, got %c", orientation, x, y, row[x], byte(r))
				}
				part := m.stored(image.Rectangle{at, at.Add(image.Pt(1, 1))})
				if part.Dx() != 1 || part.Dy() != 1 || stored.GrayAt(part.Min.X, part.Min.Y).Y != row[x] {
					t.Errorf("%d: (%d, %d): is not at %v", orientation, x, y, part)
				}
			}
		}
		if got := m.stored(b); got != stored.Rect {
			t.Errorf("%d: the whole picture: expected %v, got %v", orientation, stored.Rect, got)
		}
	}
	for _, orientation := range []int{-1, 0, 9} {
		p := plane{3, 2, []byte("abcdef")}
		if p.turn(orientation); string(p.values) != "abcdef" || p.width != 3 {
			t.Errorf("%d, which is none: turned to %s", orientation, p.values)
		}
	}
}

// TestKnownFormats: files that are pictures to who has them are refused by name,
// with the way out.
func TestKnownFormats(t *testing.T) {
	for content, says := range map[string]string{
		"\x00\x00\x00\x18ftypheic\x00\x00": "HEIC is not read; save the picture as JPEG",
		"\x00\x00\x00\x18ftypmif1\x00\x00": "HEIC is not read",
		"\x00\x00\x00\x18ftypavif\x00\x00": "AVIF is not read; save the picture as PNG or JPEG",
		"\x00\x00\x00\x18ftypmp42\x00\x00": "expected PNG, JPEG, GIF, WebP, BMP or TIFF",
		"\x00\x00\x00\x18ftyphei":          "expected PNG",
		"%PDF-1.7\n":                       "PDF is not read; save its page as PNG or JPEG",
		"":                                 "expected PNG, JPEG, GIF, WebP, BMP or TIFF",
	} {
		if _, err := Decode(bytes.NewReader([]byte(content)), Limits{}); !errors.Is(err, ErrImage) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: expected ErrImage that says %q, got %v", content, says, err)
		}
	}
}
