package report

import (
	"bytes"
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
