package mnist

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // formats that DecodeImage reads
	_ "image/jpeg" // formats that DecodeImage reads
	_ "image/png"  // formats that DecodeImage reads
	"io"
)

// ErrImage is wrapped by every error about an image that cannot be used.
var ErrImage = errors.New("not a usable image")

// Bounds of a picture.
const (
	maxImageBytes  = 64 << 20
	maxImagePixels = 25_000_000
	maxScans       = 64 // of a JPEG; ten are usual
)

// DecodeImage reads a PNG, JPEG or GIF (its first picture). Files of more than
// 64 MiB or 25 megapixels, and JPEGs of more than 64 scans, are refused before
// they are decoded. Decoding takes at most 24 bytes of memory a pixel, one to
// four in usual files.
//
// Errors about the content wrap ErrImage; those of r are passed on.
func DecodeImage(r io.Reader) (image.Image, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxImageBytes+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxImageBytes {
		return nil, fmt.Errorf("%w: expected at most %d bytes, got more", ErrImage, maxImageBytes)
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%w: expected PNG, JPEG or GIF: %w", ErrImage, err)
	}
	if err := checkPixels(uint64(max(0, config.Width)), uint64(max(0, config.Height))); err != nil {
		return nil, err
	}
	if n := scans(content); format == "jpeg" && n > maxScans {
		return nil, fmt.Errorf("%w: JPEG: expected at most %d scans, got %d", ErrImage, maxScans, n)
	}
	decoded, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrImage, err)
	}
	// The first picture of a GIF has a size of its own, which may be nothing.
	size := decoded.Bounds()
	if err := checkPixels(uint64(size.Dx()), uint64(size.Dy())); err != nil {
		return nil, err
	}
	return decoded, nil
}

// checkPixels refuses pictures without pixels and pictures with too many.
func checkPixels(width, height uint64) error {
	if width == 0 || height == 0 || width > maxImagePixels/height {
		return fmt.Errorf("%w: expected from 1 to %d pixels, got %d×%d", ErrImage, maxImagePixels, width, height)
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
