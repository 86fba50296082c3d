// Package plaintext reads text that another program may have encoded again.
package plaintext

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Reader decodes what UTF8 decodes while it is read. A text without a byte order
// mark is read from r as it is.
func Reader(r *bufio.Reader) io.Reader {
	start, _ := r.Peek(3)
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		r.Discard(3)
	case bytes.HasPrefix(start, []byte("\xff\xfe")):
		r.Discard(2)
		return &units{r: r, order: binary.LittleEndian}
	case bytes.HasPrefix(start, []byte("\xfe\xff")):
		r.Discard(2)
		return &units{r: r, order: binary.BigEndian}
	}
	return r
}

// units decodes UTF-16.
type units struct {
	r     *bufio.Reader
	order binary.ByteOrder
	left  []byte // decoded, not yet read
}

func (u *units) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(u.left) > 0 {
			copied := copy(p[n:], u.left)
			n, u.left = n+copied, u.left[copied:]
			continue
		}
		letter, err := u.next()
		if err != nil {
			if n > 0 {
				return n, nil // and the error of the next call
			}
			return 0, err
		}
		u.left = utf8.AppendRune(u.left[:0], letter)
	}
	return n, nil
}

// next decodes a letter; an odd byte at the end is none.
func (u *units) next() (rune, error) {
	unit, err := u.r.Peek(2)
	if len(unit) < 2 {
		return 0, err
	}
	letter := rune(u.order.Uint16(unit))
	u.r.Discard(2)
	if utf16.IsSurrogate(letter) {
		second, _ := u.r.Peek(2)
		if len(second) == 2 {
			if both := utf16.DecodeRune(letter, rune(u.order.Uint16(second))); both != utf8.RuneError {
				u.r.Discard(2)
				return both, nil
			}
		}
		return utf8.RuneError, nil
	}
	return letter, nil
}

// UTF8 decodes a text that begins with a byte order mark: UTF-16, as Windows
// PowerShell writes it to files, or UTF-8. Others it returns as they are.
func UTF8(content []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(content, []byte("\xef\xbb\xbf")):
		return content[3:]
	case bytes.HasPrefix(content, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(content, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return content
	}
	units := make([]uint16, len(content)/2-1)
	for i := range units {
		units[i] = order.Uint16(content[2+2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}
