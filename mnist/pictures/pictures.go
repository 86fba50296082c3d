// Package pictures makes mnist.Open read pictures in a folder for each class, as
// package picture sees them. Import it for that alone:
//
//	import _ "github.com/kernelet/kernelet/mnist/pictures"
package pictures

import (
	"errors"
	"image"
	"image/color"
	"io"

	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/picture"
)

func init() { mnist.RegisterPictures(Read) }

// limits bound a picture of a data set, of which each thread has one in memory.
var limits = picture.Limits{Bytes: 64 << 20, Pixels: 25_000_000}

// Read reads a picture in one of the formats of picture.Decode, of at most 64
// MiB and 25 megapixels: one of 28×28 pixels as it is, its brightness from 0 to
// 255, any other as picture.Prepare makes it, which is reported.
//
// Errors about the content wrap mnist.ErrImage, and picture.ErrBlank if there is
// no digit; those of r are passed on.
func Read(r io.Reader) (pixels [mnist.ImageBytes]byte, prepared bool, err error) {
	decoded, err := picture.Decode(r, limits)
	if errors.Is(err, picture.ErrImage) {
		return pixels, false, contentError{err}
	} else if err != nil {
		return pixels, false, err
	}
	if b := decoded.Bounds(); b.Dx() == mnist.Columns && b.Dy() == mnist.Rows {
		return brightness(decoded), false, nil
	}
	if pixels, err = picture.Prepare(decoded); err != nil {
		return pixels, false, contentError{err}
	}
	return pixels, true, nil
}

// brightness returns that of a picture of 28×28.
func brightness(p *picture.Picture) (pixels [mnist.ImageBytes]byte) {
	origin := p.Bounds().Min
	if gray, ok := p.Image.(*image.Gray); ok && p.Orientation == 1 {
		for y := range mnist.Rows {
			copy(pixels[y*mnist.Columns:], gray.Pix[gray.PixOffset(origin.X, origin.Y+y):][:mnist.Columns])
		}
		return pixels
	}
	for i := range pixels {
		c := p.At(origin.X+i%mnist.Columns, origin.Y+i/mnist.Columns)
		pixels[i] = color.GrayModel.Convert(c).(color.Gray).Y
	}
	return pixels
}

// contentError is an error of package picture that is mnist.ErrImage, too.
type contentError struct{ error }

func (e contentError) Is(target error) bool { return target == mnist.ErrImage }
func (e contentError) Unwrap() error        { return e.error }
