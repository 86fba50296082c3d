package npy

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"
)

// TestElements: every type decodes its own bytes, of either order: the value, the
// size, and whether it is of floats, as NumPy has them.
func TestElements(t *testing.T) {
	little, big := binary.LittleEndian, binary.BigEndian
	for _, c := range []struct {
		kind  string
		bytes []byte
		want  float64
		float bool
	}{
		{"|b1", []byte{1}, 1, false},
		{"|u1", []byte{200}, 200, false},
		{"|i1", []byte{200}, -56, false},
		{"<u2", little.AppendUint16(nil, 0x8001), 0x8001, false},
		{">u2", big.AppendUint16(nil, 0x8001), 0x8001, false},
		{"<i2", little.AppendUint16(nil, 0x8001), -0x7fff, false},
		{">i2", big.AppendUint16(nil, 0x8001), -0x7fff, false},
		{"<u4", little.AppendUint32(nil, 0x80000001), 0x80000001, false},
		{">i4", big.AppendUint32(nil, 0x80000001), -0x7fffffff, false},
		{"<i4", little.AppendUint32(nil, 7), 7, false},
		{"<u8", little.AppendUint64(nil, 1<<63), 1 << 63, false},
		{"<i8", little.AppendUint64(nil, 1<<63), -1 << 63, false},
		{">i8", big.AppendUint64(nil, 3), 3, false},
		{"<f2", []byte{0x00, 0x3e}, 1.5, true},
		{">f2", []byte{0x3e, 0x00}, 1.5, true},
		{"<f4", little.AppendUint32(nil, math.Float32bits(-0.1)), float64(float32(-0.1)), true},
		{">f4", big.AppendUint32(nil, math.Float32bits(-0.1)), float64(float32(-0.1)), true},
		{"<f8", little.AppendUint64(nil, math.Float64bits(0.1)), 0.1, true},
		{">f8", big.AppendUint64(nil, math.Float64bits(0.1)), 0.1, true},
		{"=f8", little.AppendUint64(nil, math.Float64bits(0.1)), 0.1, true},
	} {
		h := Header{Type: c.kind}
		size, decode, float, err := h.Elements()
		if err != nil || size != len(c.bytes) || float != c.float {
			t.Errorf("%s: expected %d bytes, floats %v, got %d and %v, error %v", c.kind, len(c.bytes), c.float, size, float, err)
			continue
		}
		if got := decode(c.bytes); got != c.want {
			t.Errorf("%s: %v: expected %v, got %v", c.kind, c.bytes, c.want, got)
		}
		if h.Bool() != (c.kind == "|b1") {
			t.Errorf("%s: truth values: %v", c.kind, h.Bool())
		}
	}
	for kind, says := range map[string]string{"|O": "may run code", "<U5": `got "<U5"`, "<c8": `got "<c8"`, "<M8[ns]": "expected numbers", "|S1": "expected numbers", "": `got ""`, "<f16": "expected numbers"} {
		if _, _, _, err := (Header{Type: kind}).Elements(); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: expected ErrFormat that says %q, got %v", kind, says, err)
		}
	}
}

// failing takes so many bytes and then is full.
type failing struct{ room int }

var errFull = errors.New("full")

func (f *failing) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// TestWriteFails: a disk that is full under the header or under the elements is
// an error.
func TestWriteFails(t *testing.T) {
	for _, room := range []int{0, 130} {
		if err := Write(&failing{room}, "|u1", []int{50}, make([]byte, 50)); !errors.Is(err, errFull) {
			t.Errorf("room for %d bytes: expected an error, got %v", room, err)
		}
	}
	if err := Write(&failing{178}, "|u1", []int{50}, make([]byte, 50)); err != nil {
		t.Errorf("room for all: %v", err)
	}
}
