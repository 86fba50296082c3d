// Package picture reads what people photograph, scan and draw: it decodes
// files, finds the digits in them, brings each to MNIST's form, and reads them
// with a lenet.Classifier.
//
//   - [Decode] reads a file: PNG, JPEG, GIF, WebP, BMP, TIFF, turned as its EXIF data
//     say, within [Limits].
//   - [Reader.Digit] reads a picture of one digit, [Reader.Rows] numbers in rows,
//     [Reader.Grid] a table of so many columns and rows.
//   - [Reader.Explain] shows what it saw, and [Prepare] alone brings one digit to
//     MNIST's form, for a model of one's own.
//
// docs/pictures.md says which pictures were tried, and what goes wrong.
package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"  // a format that Decode reads
	_ "image/jpeg" // a format that Decode reads
	_ "image/png"  // a format that Decode reads
	"io"

	_ "golang.org/x/image/bmp"  // a format that Decode reads
	_ "golang.org/x/image/tiff" // a format that Decode reads
	_ "golang.org/x/image/webp" // a format that Decode reads
)

// ErrImage is wrapped by every error about a file or picture that cannot be
// used.
var ErrImage = errors.New("not a usable picture")

// Bounds of a file and of a picture, unless Limits says otherwise.
const (
	MaxBytes  = 64 << 20
	MaxPixels = 64_000_000
	maxScans  = 64 // of a JPEG; ten are usual
)

// Limits bound what a file may cost. A zero field is the package's bound.
type Limits struct {
	Bytes  int64 // of the file; 0: MaxBytes
	Pixels int   // of the picture, width times height; 0: MaxPixels
}

// Picture is a decoded file, upright.
type Picture struct {
	image.Image        // as stored
	Format      string // "png", "jpeg", "gif", "webp", "bmp" or "tiff"
	Frames      int    // of a GIF, of which the first is here; else 1
	Orientation int    // EXIF's, 1 to 8: how the stored picture is turned; 1: upright
}

// Bounds returns the upright picture's.
func (p *Picture) Bounds() image.Rectangle {
	b := p.Image.Bounds()
	if p.Orientation >= 5 {
		return image.Rectangle{Min: b.Min, Max: b.Min.Add(image.Pt(b.Dy(), b.Dx()))}
	}
	return b
}

// stored returns where the stored picture holds a part of the upright one.
func (p *Picture) stored(part image.Rectangle) image.Rectangle {
	b := p.Image.Bounds()
	a := upright(p.Orientation, b.Size(), part.Min.Sub(b.Min)).Add(b.Min)
	c := upright(p.Orientation, b.Size(), part.Max.Sub(image.Pt(1, 1)).Sub(b.Min)).Add(b.Min)
	return image.Rect(min(a.X, c.X), min(a.Y, c.Y), max(a.X, c.X)+1, max(a.Y, c.Y)+1)
}

// At returns the upright picture's pixel.
func (p *Picture) At(x, y int) color.Color {
	b := p.Image.Bounds()
	at := upright(p.Orientation, b.Size(), image.Pt(x, y).Sub(b.Min)).Add(b.Min)
	return p.Image.At(at.X, at.Y)
}

// Decode reads a PNG, JPEG, GIF (its first frame), WebP, BMP or TIFF (its
// first page). Files above the limits, and JPEGs of more than 64 scans, are
// refused before they are decoded. Decoding takes at most 24 bytes of memory a
// pixel, one to four in usual files.
//
// Errors about the content wrap ErrImage; those of r are passed on.
func Decode(r io.Reader, limits Limits) (*Picture, error) {
	most, pixels := limits.Bytes, limits.Pixels
	if most <= 0 {
		most = MaxBytes
	}
	if pixels <= 0 {
		pixels = MaxPixels
	}
	content, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > most {
		return nil, fmt.Errorf("%w: expected at most %d bytes, got more", ErrImage, most)
	}
	config, format, err := image.DecodeConfig(newFile(content))
	if err != nil {
		if known := knownFormat(content); known != "" {
			return nil, fmt.Errorf("%w: %s", ErrImage, known)
		}
		return nil, fmt.Errorf("%w: expected PNG, JPEG, GIF, WebP, BMP or TIFF: %w", ErrImage, err)
	}
	if err := checkSize(image.Rect(0, 0, config.Width, config.Height), pixels); err != nil {
		return nil, err
	}
	if n := scans(content); format == "jpeg" && n > maxScans {
		return nil, fmt.Errorf("%w: JPEG: expected at most %d scans, got %d", ErrImage, maxScans, n)
	}
	decoded, err := decode(content)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrImage, err)
	}
	// The first frame of a GIF has a size of its own, which may be nothing.
	if err := checkSize(decoded.Bounds(), pixels); err != nil {
		return nil, err
	}
	p := &Picture{Image: decoded, Format: format, Frames: 1, Orientation: orientation(format, content)}
	if format == "gif" {
		p.Frames = frames(content)
	}
	return p, nil
}

// decode decodes a file; a decoder that panics on it says so in an error.
func decode(content []byte) (m image.Image, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			m, err = nil, fmt.Errorf("damaged: %v", fault)
		}
	}()
	m, _, err = image.Decode(newFile(content))
	return m, err
}

// file is a file in memory at whose beginning package image can look without a
// buffer of its own. Buffers took a tenth of the time of reading 70,000 small
// pictures (a profile of .ci/data.d/loading.py's, 2026-11-30).
type file struct {
	*bytes.Reader
	start []byte
}

func newFile(content []byte) file { return file{bytes.NewReader(content), content} }

// Peek returns the file's first n bytes.
func (f file) Peek(n int) ([]byte, error) {
	if n > len(f.start) {
		return f.start, io.EOF
	}
	return f.start[:n], nil
}

// knownFormat says what to do with files that are pictures to their owner.
func knownFormat(content []byte) string {
	if len(content) >= 12 && string(content[4:8]) == "ftyp" {
		switch string(content[8:12]) {
		case "heic", "heix", "hevc", "hevx", "mif1", "msf1", "heim", "heis":
			return "HEIC is not read; save the picture as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible)"
		case "avif", "avis":
			return "AVIF is not read; save the picture as PNG or JPEG"
		}
	}
	if bytes.HasPrefix(content, []byte("%PDF-")) {
		return "PDF is not read; save its page as PNG or JPEG"
	}
	return ""
}

// checkPicture refuses no picture at all, and what checkSize refuses.
func checkPicture(picture image.Image) error {
	if picture == nil {
		return fmt.Errorf("%w: expected a picture, got none", ErrImage)
	}
	return checkSize(picture.Bounds(), MaxPixels)
}

// checkSize refuses pictures without pixels and pictures with too many.
func checkSize(b image.Rectangle, pixels int) error {
	width, height := uint64(b.Max.X)-uint64(b.Min.X), uint64(b.Max.Y)-uint64(b.Min.Y)
	if b.Empty() || width > uint64(pixels)/height || height > uint64(pixels) {
		return fmt.Errorf("%w: expected from 1 to %d pixels, got %d×%d", ErrImage, pixels, width, height)
	}
	return nil
}

// scans counts the beginnings of scans in a JPEG. Every scan of a progressive
// JPEG makes the decoder walk all blocks, even if it is a few bytes long, so
// that a small file could keep it busy for hours.
//
// A scan begins with the marker FF DA, a length and the number n of its
// components, 1 to 4; the decoder refuses other lengths than 6+2n. Five bytes that
// agree like this are hardly found by chance in what else a file holds, and no
// scan can be hidden from a count that takes no notice of segments.
func scans(content []byte) int {
	count := 0
	for {
		at := bytes.Index(content, []byte{0xff, 0xda, 0})
		if at < 0 {
			return count
		}
		content = content[at+3:]
		if len(content) >= 2 && content[1] >= 1 && content[1] <= 4 && content[0] == 6+2*content[1] {
			count++
		}
	}
}
