package report

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// ascii writes what is not ASCII in JSON's strings as \u escapes.
func ascii(content []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(content) {
		if r < utf8.RuneSelf {
			b.WriteByte(byte(r))
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, "\\u%04x", unit)
		}
	}
	return b.Bytes()
}

// toUTF8 decodes a text that begins with a byte order mark: UTF-16, as Windows
// PowerShell writes it to files, or UTF-8. Others it returns as they are.
func toUTF8(content []byte) []byte {
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
