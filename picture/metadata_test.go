package picture

import (
	"encoding/binary"
	"testing"
)

// TestOrientation: tag 0x0112 of both byte orders, behind another tag; what is
// no orientation is 1, upright.
func TestOrientation(t *testing.T) {
	for name, order := range map[string]binary.AppendByteOrder{"II": binary.LittleEndian, "MM": binary.BigEndian} {
		for v := range uint16(11) {
			content := order.AppendUint16([]byte(name), 42)
			content = order.AppendUint32(content, 8)
			content = order.AppendUint16(content, 2)
			for _, entry := range [][3]uint16{{0x0100, 3, 640}, {0x0112, 3, v}} {
				content = order.AppendUint16(order.AppendUint16(content, entry[0]), entry[1])
				content = order.AppendUint32(content, 1)
				content = order.AppendUint16(order.AppendUint16(content, entry[2]), 0)
			}
			want := 1
			if v >= 1 && v <= 8 {
				want = int(v)
			}
			if got := tiffOrientation(content); got != want {
				t.Errorf("%s, %d: expected %d, got %d", name, v, want, got)
			}
			for cut := range content {
				if got := tiffOrientation(content[:cut]); got != 1 {
					t.Errorf("%s, %d, cut at %d: expected 1, got %d", name, v, cut, got)
				}
			}
		}
	}
}
