package npy

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

// TestRoundTrip: what Write writes, ReadHeader describes, and its bytes follow.
func TestRoundTrip(t *testing.T) {
	for _, shape := range [][]int{{}, {3}, {2, 3}, {1, 2, 3, 4}} {
		var file bytes.Buffer
		n := 4
		for _, size := range shape {
			n *= size
		}
		content := bytes.Repeat([]byte{7}, n)
		if err := Write(&file, "<f4", shape, content); err != nil {
			t.Fatal(err)
		}
		if at := file.Len() - n; at%64 != 0 {
			t.Errorf("%v: the values begin at %d, which is no multiple of 64", shape, at)
		}
		h, err := ReadHeader(&file)
		if err != nil || h.Type != "<f4" || h.Fortran || !slices.Equal(h.Shape, shape) {
			t.Errorf("%v: got %+v, %v", shape, h, err)
		}
		if !bytes.Equal(file.Bytes(), content) {
			t.Errorf("%v: %d bytes behind the header, expected %d", shape, file.Len(), n)
		}
	}
}

// header is a version 1 file whose header is so long, and says so.
func header(length int, text string) []byte {
	return append([]byte{0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, byte(length), byte(length >> 8)}, text...)
}

// TestRefused: a header that is damaged, or is too long, is an error before it is read.
func TestRefused(t *testing.T) {
	const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n"
	if _, err := ReadHeader(bytes.NewReader(header(len(good), good))); err != nil {
		t.Errorf("a good one: %v", err)
	}
	version2 := append([]byte{0x93, 'N', 'U', 'M', 'P', 'Y', 2, 0, 0xff, 0xff, 0xff, 0x7f}, good...)
	for name, content := range map[string][]byte{
		"empty": {}, "magic": []byte("\x93NUMPX\x01\x00"), "cut": header(len(good), good[:20]), "length": version2,
		"version":  append([]byte{0x93, 'N', 'U', 'M', 'P', 'Y', 9, 0}, good...),
		"twice":    header(0x60, "{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (3,), }                         \n"),
		"no shape": header(0x30, "{'descr': '<f4', 'fortran_order': False, }        \n"),
		"negative": header(0x40, "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }        \n"),
	} {
		if h, err := ReadHeader(bytes.NewReader(content)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: expected ErrFormat, got %+v, %v", name, h, err)
		}
	}
}

// FuzzReadHeader: any content is an error or a header within the bounds.
func FuzzReadHeader(f *testing.F) {
	for _, text := range []string{
		"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n", "{'shape': (2L, 3L), 'descr': '|u1', 'fortran_order': True}", "{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': ()}",
	} {
		f.Add(header(len(text), text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		h, err := ReadHeader(bytes.NewReader(content))
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Errorf("expected ErrFormat, got %v", err)
			}
			return
		}
		if len(h.Shape) > maxDimensions || slices.ContainsFunc(h.Shape, func(n int) bool { return n < 0 }) {
			t.Errorf("shape %v", h.Shape)
		}
		if size, decode, _, err := h.Elements(); err == nil {
			decode(make([]byte, size))
		}
	})
}
