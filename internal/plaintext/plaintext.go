// Package plaintext reads text that another program may have encoded again.
package plaintext

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

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
