package picture_test

import (
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"testing"

	"github.com/kernelet/kernelet/internal/nondigits"
	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/picture"
)

// fused computes a·b + c in one expression, which some processors round once.
//
//go:noinline
func fused(a, b, c float32) float32 { return a*b + c }

// TestPreparedBytes: what Prepare makes of drawn pictures is what it was, byte
// for byte, so that making it faster changes no answer. A change that is meant
// has a reason, and a new hash.
func TestPreparedBytes(t *testing.T) {
	// (1 + 2⁻¹²)² = 1 + 2⁻¹¹ + 2⁻²⁴, of which float32 loses the last.
	if fused(1+1.0/(1<<12), 1+1.0/(1<<12), -1) != 1.0/(1<<11) {
		t.Skip("the compiler fuses multiplications and additions here, which rounds otherwise")
	}
	const n = 20
	drawn := mnist.Synthetic(n, 11)
	glyph := func(i int) []byte { return drawn.Images[i%n*mnist.ImageBytes:][:mnist.ImageBytes] }
	got := map[string]string{}
	hash := func(name string, count int, draw func(i int) image.Image) {
		h := sha256.New()
		for i := range count {
			prepared, err := picture.Prepare(draw(i))
			h.Write(prepared[:])
			if err != nil {
				h.Write([]byte(err.Error()))
			}
		}
		got[name] = hex.EncodeToString(h.Sum(nil)[:8])
	}
	for _, s := range sheets {
		hash("sheet "+s.name, n, func(i int) image.Image { return s.draw(glyph(i), uint64(i)) })
	}
	for _, s := range scenes {
		hash("scene "+s.name, 3, func(i int) image.Image { return s.photograph(glyph(i)) })
	}
	for kind := range nondigits.Kinds {
		hash("no digit: "+nondigits.Kinds[kind], n, func(i int) image.Image { return nondigits.Draw(kind, uint64(i)) })
	}
	// The same sheet in every kind of pixels, at sizes that are no multiple of
	// a cell.
	sheet := sheets[3].draw(glyph(4), 4)
	hash("kinds of pixels", len(kinds), func(i int) image.Image { return kinds[i](sheet) })
	hash("sizes", 140, func(i int) image.Image {
		return enlarged(image.NewGray(image.Rect(0, 0, 30+2*i+i%2, 300-i)), sheet)
	})
	hash("small pictures", 23, func(i int) image.Image {
		return enlarged(image.NewGray(image.Rect(2, -1, 3+i, 23-i/2)), sheets[0].draw(glyph(i), uint64(i)))
	})
	for name, h := range got {
		if h != prepared[name] {
			t.Errorf("%q: %q, expected %q", name, h, prepared[name])
		}
	}
	if len(got) != len(prepared) {
		t.Errorf("expected %d hashes, got %d", len(prepared), len(got))
	}
}

// enlarged draws a sheet several times as large on another kind of image.
func enlarged(m draw.Image, sheet *image.Gray) image.Image {
	b := m.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			v := sheet.GrayAt(x*280/b.Dx(), y*280/b.Dy()).Y
			m.Set(b.Min.X+x, b.Min.Y+y, color.NRGBA{v, uint8(x), v, uint8(255 - x%7*y%5)})
		}
	}
	return m
}

var kinds = []func(sheet *image.Gray) image.Image{
	func(s *image.Gray) image.Image { return enlarged(image.NewGray(image.Rect(-5, 3, 992, 1004)), s) },
	func(s *image.Gray) image.Image { return enlarged(image.NewGray16(image.Rect(0, 0, 333, 290)), s) },
	func(s *image.Gray) image.Image { return enlarged(image.NewRGBA(image.Rect(-5, 3, 612, 704)), s) },
	func(s *image.Gray) image.Image { return enlarged(image.NewNRGBA(image.Rect(-5, 3, 1612, 304)), s) },
	func(s *image.Gray) image.Image { return enlarged(image.NewRGBA64(image.Rect(-5, 3, 161, 160)), s) },
	func(s *image.Gray) image.Image { return enlarged(image.NewCMYK(image.Rect(-5, 3, 355, 360)), s) },
	func(s *image.Gray) image.Image {
		return enlarged(image.NewPaletted(image.Rect(-5, 3, 355, 360), palette.WebSafe), s)
	},
	func(s *image.Gray) image.Image {
		m := image.NewYCbCr(image.Rect(-5, 3, 843, 711), image.YCbCrSubsampleRatio420)
		for i := range m.Y {
			m.Y[i] = s.GrayAt(i%m.YStride*280/m.YStride, i/m.YStride*280/708).Y
		}
		return m
	},
	// A strip of more cells than are summed at a time, and a picture that lies.
	func(s *image.Gray) image.Image { return enlarged(image.NewGray(image.Rect(0, 0, 9000, 40)), s) },
	func(s *image.Gray) image.Image {
		return &picture.Picture{Image: s, Orientation: 6, Frames: 1, Format: "png"}
	},
	func(s *image.Gray) image.Image {
		return &picture.Picture{Image: enlarged(image.NewNRGBA(image.Rect(0, 0, 571, 480)), s), Orientation: 7, Frames: 1, Format: "png"}
	},
}

// prepared are the first 64 bits of the SHA-256 of what Prepare makes.
var prepared = map[string]string{
	"small pictures":                       "cce3617ac0b04624",
	"sizes":                                "cd8a99e1a78c3f13",
	"kinds of pixels":                      "73b8c30a9a442fb0",
	"no digit: crop":                       "4ced675329f565a5",
	"no digit: letter":                     "84dbf79e1031a70b",
	"no digit: lines":                      "5d0fe04709b68529",
	"no digit: noise":                      "aa823e10cc6a40ee",
	"no digit: scribble":                   "df32e370dfc58966",
	"no digit: symbol":                     "0ef55620e7eae263",
	"no digit: texture":                    "95e28916fce10925",
	"no digit: word":                       "6f31659bad3cf582",
	"scene colour":                         "074e840bdf036350",
	"scene grey paper":                     "e3a6f5d5bdd09905",
	"scene inverted":                       "f2fc79d0f6c2ff0b",
	"scene more pixels than are looked at": "3722e04fa560414e",
	"scene off-centre":                     "a6f87a238f27ba5c",
	"scene thick pen":                      "78461a64c2dc7708",
	"scene thin pen":                       "3359aa7374d53262",
	"scene transparent":                    "6c727c6be5da2780",
	"scene uneven light":                   "204b47b9143befab",
	"scene white paper":                    "3864e83544501948",
	"sheet dark":                           "e4662640c38e9a16",
	"sheet faint":                          "bf33b113d98868fc",
	"sheet frame":                          "0067cbdfad1d1ad7",
	"sheet paper":                          "437aa1717cc60b23",
	"sheet shadow":                         "ffc9e8b972c7a544",
	"sheet squared":                        "3bacc7517a546378",
	"sheet thin":                           "fc4aa510bac9052e",
}
