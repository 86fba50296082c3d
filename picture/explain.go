package picture

import (
	"fmt"
	"image"

	"github.com/kernelet/kernelet/lenet"
)

// View is a way to look at a picture, and what is read in it.
type View struct {
	Name       string
	Ink        *image.Gray // what counts as the digit's ink, as large as the picture is looked at
	Prepared   *image.Gray // 28×28: what the network sees
	Prediction lenet.Prediction
}

// Explain returns what Digit sees: the picture's brightness and every view that
// shows a digit. Digit stops at the first view of which it is sure.
func (r *Reader) Explain(picture image.Image) (brightness *image.Gray, views []View, err error) {
	w := borrow()
	defer giveBack(w)
	if err := w.load(picture); err != nil {
		return nil, nil, err
	}
	for _, v := range w.views() {
		if w.see(v) {
			views = append(views, View{v.String(), w.ink.image(), prepared(&w.prepared), r.classify(w)})
		}
	}
	return w.gray.image(), views, nil
}

// String names a view in words for a file's name.
func (v view) String() string {
	if v.as {
		return "as-it-is"
	}
	name := "dark-ink"
	if v.light {
		name = "light-ink"
	}
	for _, part := range []struct {
		on   bool
		name string
	}{{v.backdrop == closeBackdrop, "shadow"}, {v.flat, "without-squares"}, {v.lines, "without-lines"}, {v.pale, "pale"}, {v.whole, "all"}} {
		if part.on {
			name = fmt.Sprintf("%s-%s", name, part.name)
		}
	}
	return name
}

// image returns a copy of p.
func (p *plane) image() *image.Gray {
	return &image.Gray{Pix: append([]uint8(nil), p.values...), Stride: p.width, Rect: p.bounds()}
}

func prepared(pixels *[side * side]uint8) *image.Gray {
	return (&plane{side, side, pixels[:]}).image()
}
