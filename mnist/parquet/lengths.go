package parquet

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Bounds of a file's metadata. Columns of 784 pixels in a hundred groups of rows
// have a quarter of each.
const (
	maxFooter  = 16 << 20 // bytes
	maxEntries = 1 << 18  // structures in lists, of some hundred bytes in memory each
	maxDepth   = 16       // structures and lists in one another
)

// checkFooter refuses metadata whose lengths go beyond it. The decoder asks for
// as much memory as a length says before it reads, and what a system does not
// have ends the process: there is no error to return.
func checkFooter(r io.ReaderAt, size int64) error {
	var tail [8]byte
	if size < 12 {
		return fmt.Errorf("expected at least 12 bytes, got %d", size)
	}
	if _, err := r.ReadAt(tail[:], size-8); err != nil && err != io.EOF {
		return err
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	if length > min(maxFooter, size-12) {
		return fmt.Errorf("expected metadata of at most %d bytes, got %d", min(maxFooter, size-12), length)
	}
	section := io.NewSectionReader(r, size-8-length, length)
	if err := checkLengths(bufio.NewReader(section), length); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	return nil
}

// checkLengths goes through a structure in Thrift's compact protocol, of at most
// left bytes, and asks for no memory: nothing in it may be longer than what is
// left.
func checkLengths(r *bufio.Reader, left int64) error {
	s := scanner{r: r, left: left}
	return s.structure(0)
}

type scanner struct {
	r       *bufio.Reader
	left    int64
	entries uint64
}

// Types of Thrift's compact protocol.
const (
	yes = 1 + iota
	no
	int8Type
	int16Type
	int32Type
	int64Type
	doubleType
	binaryType
	listType
	setType
	_ // map
	structType
)

func (s *scanner) structure(depth int) error {
	for {
		header, err := s.ReadByte()
		if err != nil || header == 0 {
			return err
		}
		if header>>4 == 0 { // the field's number follows
			if _, err := binary.ReadUvarint(s); err != nil {
				return err
			}
		}
		if kind := header & 15; kind != yes && kind != no { // these are the value
			if err := s.value(kind, depth); err != nil {
				return err
			}
		}
	}
}

// value goes through a value that has bytes of its own.
func (s *scanner) value(kind byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("expected at most %d structures and lists in one another", maxDepth)
	}
	switch kind {
	case yes, no, int8Type:
		return s.skip(1)
	case int16Type, int32Type, int64Type:
		_, err := binary.ReadUvarint(s)
		return err
	case doubleType:
		return s.skip(8)
	case binaryType:
		n, err := binary.ReadUvarint(s)
		if err != nil {
			return err
		}
		return s.skip(n)
	case listType, setType:
		return s.list(depth)
	case structType:
		return s.structure(depth + 1)
	}
	// Maps among them, which Parquet has none of.
	return fmt.Errorf("expected a type that Parquet has, got %d", kind)
}

func (s *scanner) list(depth int) error {
	header, err := s.ReadByte()
	if err != nil {
		return err
	}
	n, kind := uint64(header>>4), header&15
	if n == 15 {
		if n, err = binary.ReadUvarint(s); err != nil {
			return err
		}
	}
	if n > uint64(s.left) {
		return fmt.Errorf("expected a list of at most %d entries, got %d", s.left, n)
	}
	if kind >= listType {
		if s.entries += n; s.entries > maxEntries {
			return fmt.Errorf("expected at most %d structures in lists, got more", maxEntries)
		}
	}
	for range n {
		if err := s.value(kind, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) skip(n uint64) error {
	if n > uint64(s.left) {
		return fmt.Errorf("expected at most %d bytes, got %d", s.left, n)
	}
	s.left -= int64(n)
	_, err := io.CopyN(io.Discard, s.r, int64(n))
	return err
}

var errShort = errors.New("it ends too early")

// ReadByte makes the scanner an io.ByteReader.
func (s *scanner) ReadByte() (byte, error) {
	if s.left == 0 {
		return 0, errShort
	}
	s.left--
	return s.r.ReadByte()
}
