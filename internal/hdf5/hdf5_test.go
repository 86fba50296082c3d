package hdf5

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
)

// empty is a file of superblock version 0 whose root group has no link.
func empty() []byte {
	b := append([]byte(Magic), 0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, 0)        // base address
	b = binary.LittleEndian.AppendUint64(b, 1<<64-1)  // free space
	b = binary.LittleEndian.AppendUint64(b, 96+16)    // end of the file
	b = binary.LittleEndian.AppendUint64(b, 1<<64-1)  // driver
	b = binary.LittleEndian.AppendUint64(b, 0)        // root: name
	b = binary.LittleEndian.AppendUint64(b, 96)       // root: object header
	b = append(b, make([]byte, 24)...)                // cache
	b = append(b, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0) // header version 1: no messages
	return append(b, make([]byte, 4)...)
}

// TestRead: a file without data sets is read; damaged ones are refused.
func TestRead(t *testing.T) {
	if sets, err := Read(empty()); err != nil || len(sets) != 0 {
		t.Errorf("an empty file: got %v, %v", sets, err)
	}
	for name, damage := range map[string]func(b []byte) []byte{
		"nothing":            func([]byte) []byte { return nil },
		"magic":              func(b []byte) []byte { b[1] = 'X'; return b },
		"version":            func(b []byte) []byte { b[8] = 9; return b },
		"addresses of 4":     func(b []byte) []byte { b[13] = 4; return b },
		"cut":                func(b []byte) []byte { return b[:100] },
		"header beyond":      func(b []byte) []byte { binary.LittleEndian.PutUint64(b[64:], 1<<40); return b },
		"header at the edge": func(b []byte) []byte { binary.LittleEndian.PutUint64(b[64:], uint64(len(b))-2); return b },
		"header overflows":   func(b []byte) []byte { binary.LittleEndian.PutUint64(b[64:], 1<<64-8); return b },
	} {
		if sets, err := Read(slices.Clip(damage(empty()))); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: expected ErrFormat, got %v, %v", name, sets, err)
		}
	}
}

// FuzzRead: any content is an error, or data sets whose bytes are as many as their shapes say.
func FuzzRead(f *testing.F) {
	f.Add(empty())
	f.Add(append([]byte(Magic), 2, 8, 8, 0))
	for _, content := range written(f) {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		sets, err := Read(content)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Errorf("expected ErrFormat, got %v", err)
			}
			return
		}
		for _, s := range sets {
			n := s.Bytes
			for _, size := range s.Shape {
				n *= size
			}
			if len(s.Data) != n {
				t.Errorf("%s: shape %v of %d bytes: got %d", s.Path, s.Shape, s.Bytes, len(s.Data))
			}
		}
	})
}
