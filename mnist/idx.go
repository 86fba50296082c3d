package mnist

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/kernelet/kernelet/internal/inflate"
)

// Sizes of an image.
const (
	Rows       = 28 // pixels
	Columns    = 28 // pixels
	ImageBytes = Rows * Columns
	Classes    = 10
)

// ErrFormat is wrapped by every error about the content of a file of images or
// labels.
var ErrFormat = errors.New("not valid image data")

// IDX magic numbers: 0x08 says unsigned bytes, the last byte counts dimensions.
const (
	imagesMagic = 0x00000803
	labelsMagic = 0x00000801
)

// readIncrement is how much a header's count is believed at first, and four times
// what has arrived after that, so that one that lies costs nothing.
const readIncrement = 1 << 20

// ReadImages reads an IDX file of unsigned-byte images, 28×28 each, from r,
// plain or gzip-compressed (told by its first bytes, not by a name). It
// returns n×784 bytes, one image after another, rows top to bottom, 0 for
// background and 255 for ink. No more than limit images are accepted. Errors
// about the content wrap ErrFormat.
func ReadImages(r io.Reader, limit int) ([]byte, error) {
	return readImages(r, limit, io.Discard)
}

// readImages is ReadImages that also hands the decompressed bytes to copies.
func readImages(r io.Reader, limit int, copies io.Writer) ([]byte, error) {
	r, err := plain(r)
	if err != nil {
		return nil, err
	}
	r = io.TeeReader(r, copies)
	n, err := header(r, imagesMagic, []uint32{Rows, Columns}, limit)
	if err != nil {
		return nil, err
	}
	size, err := sizeOf(n, ImageBytes, math.MaxInt)
	if err != nil {
		return nil, err
	}
	return body(r, size)
}

// ReadLabels reads an IDX file of labels, one unsigned byte below 10 each,
// from r, plain or gzip-compressed. No more than limit labels are accepted.
// Errors about the content wrap ErrFormat.
func ReadLabels(r io.Reader, limit int) ([]byte, error) {
	return readLabels(r, limit, io.Discard)
}

func readLabels(r io.Reader, limit int, copies io.Writer) ([]byte, error) {
	r, err := plain(r)
	if err != nil {
		return nil, err
	}
	r = io.TeeReader(r, copies)
	n, err := header(r, labelsMagic, nil, limit)
	if err != nil {
		return nil, err
	}
	labels, err := body(r, int(n)) // header let no more pass than limit, an int
	if err != nil {
		return nil, err
	}
	for i, label := range labels {
		if label >= Classes {
			return nil, fmt.Errorf("%w: label %d: expected a value below %d, got %d", ErrFormat, i, Classes, label)
		}
	}
	return labels, nil
}

// plain returns a reader of r's decompressed content.
func plain(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	start, err := b.Peek(2)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if !bytes.Equal(start, []byte{0x1f, 0x8b}) {
		return b, nil
	}
	z, err := inflate.NewGzip(b)
	if err != nil {
		return nil, fmt.Errorf("%w: gzip header: %w", ErrFormat, err)
	}
	return z, nil
}

// header checks the magic number and the sizes of an item and returns the
// number of items.
func header(r io.Reader, magic uint32, sizes []uint32, limit int) (uint32, error) {
	words := make([]uint32, 2+len(sizes))
	if err := binary.Read(r, binary.BigEndian, words); err != nil {
		return 0, fmt.Errorf("%w: header: expected %d bytes: %w", ErrFormat, 4*len(words), err)
	}
	if words[0] != magic {
		return 0, fmt.Errorf("%w: magic: expected %#08x, got %#08x", ErrFormat, magic, words[0])
	}
	for i, want := range sizes {
		if got := words[2+i]; got != want {
			return 0, fmt.Errorf("%w: dimension %d: expected %d, got %d", ErrFormat, i+1, want, got)
		}
	}
	if int64(words[1]) > int64(limit) {
		return 0, fmt.Errorf("%w: count: expected at most %d, got %d", ErrFormat, limit, words[1])
	}
	return words[1], nil
}

// sizeOf returns the bytes of n items. It refuses what is more than most, the
// largest int of the platform: on 32 bits that is less than a header can ask for.
func sizeOf(n uint32, itemBytes, most int64) (int, error) {
	size := int64(n) * itemBytes
	if size > most {
		return 0, fmt.Errorf("%w: content: expected at most %d bytes, got %d items of %d bytes", ErrFormat, most, n, itemBytes)
	}
	return int(size), nil
}

// body reads exactly n bytes and the end of the file.
func body(r io.Reader, n int) ([]byte, error) {
	content := make([]byte, min(n, readIncrement))
	for got := 0; ; {
		more, err := io.ReadFull(r, content[got:])
		if got += more; err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil, fmt.Errorf("%w: content: expected %d bytes, got %d: %w", ErrFormat, n, got, io.ErrUnexpectedEOF)
		} else if err != nil {
			return nil, fmt.Errorf("%w: after %d of %d bytes: %w", ErrFormat, got, n, err)
		}
		if got == n {
			break
		}
		// A claim of size is believed to four times what there was; doubling would
		// copy and clear twice as much.
		larger := make([]byte, min(n, 4*got))
		copy(larger, content)
		content = larger
	}
	switch _, err := io.ReadFull(r, make([]byte, 1)); err {
	case io.EOF:
		return content, nil
	case nil:
		return nil, fmt.Errorf("%w: bytes follow the last of %d", ErrFormat, n)
	default:
		return nil, fmt.Errorf("%w: end of file: %w", ErrFormat, err)
	}
}

// WriteImages writes images, n×784 bytes, as an IDX file.
func WriteImages(w io.Writer, images []byte) error {
	if len(images)%ImageBytes != 0 || len(images)/ImageBytes > math.MaxInt32 {
		return fmt.Errorf("%w: images: expected a multiple of %d bytes, got %d", ErrFormat, ImageBytes, len(images))
	}
	return write(w, idxHeader(imagesMagic, len(images)/ImageBytes, Rows, Columns), images)
}

// WriteLabels writes labels, a byte each, as an IDX file.
func WriteLabels(w io.Writer, labels []byte) error {
	if len(labels) > math.MaxInt32 {
		return fmt.Errorf("%w: labels: expected at most %d, got %d", ErrFormat, math.MaxInt32, len(labels))
	}
	return write(w, idxHeader(labelsMagic, len(labels)), labels)
}

func write(w io.Writer, parts ...[]byte) error {
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}
