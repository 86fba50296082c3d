package hdf5

import (
	"errors"
	"fmt"
)

// maxMessages bounds the messages of an object.
const maxMessages = 10_000

// header reads the messages of an object, whose header has one of two versions
// (sections IV.A.1.a and IV.A.1.b).
func (f *file) header(address uint64) ([]message, error) {
	start, err := f.at(address, 16)
	if err != nil {
		return nil, err
	}
	if string(start[:4]) == "OHDR" {
		return f.headerVersion2(address, start)
	}
	if start[0] != 1 {
		return nil, fmt.Errorf("expected version 1 or 2, got %d", start[0])
	}
	// Blocks of messages: each has a type, a size, flags.
	type block struct{ address, size uint64 }
	blocks := []block{{address + 16, u32(start[8:])}}
	var messages []message
	for len(blocks) > 0 {
		content, err := f.at(blocks[0].address, blocks[0].size)
		if err != nil {
			return nil, err
		}
		blocks = blocks[1:]
		for len(content) >= 8 {
			kind, size := u16(content), u16(content[2:])
			if size > uint64(len(content)-8) {
				return nil, fmt.Errorf("message %#x: expected at most %d bytes, got %d", kind, len(content)-8, size)
			}
			m := message{kind, content[8 : 8+size]}
			content = content[8+size:]
			if m.kind == continuationMessage {
				if len(m.content) < 16 {
					return nil, errors.New("continuation: cut off")
				}
				blocks = append(blocks, block{u64(m.content), u64(m.content[8:])})
			}
			if messages = append(messages, m); len(messages) > maxMessages {
				return nil, fmt.Errorf("expected at most %d messages", maxMessages)
			}
		}
		if len(blocks) > maxMessages {
			return nil, fmt.Errorf("expected at most %d blocks", maxMessages)
		}
	}
	return messages, nil
}

func (f *file) headerVersion2(address uint64, start []byte) ([]message, error) {
	flags, at := start[5], uint64(6)
	if flags&0x20 != 0 {
		at += 16 // times
	}
	if flags&0x10 != 0 {
		at += 4 // bounds of attributes
	}
	width := uint64(1) << (flags & 3)
	sizeBytes, err := f.at(address+at, width)
	if err != nil {
		return nil, err
	}
	var padded [8]byte
	copy(padded[:], sizeBytes)
	type block struct{ address, size uint64 }
	blocks := []block{{address + at + width, u64(padded[:])}}
	prefix := uint64(4)
	if flags&4 != 0 {
		prefix += 2 // order of creation
	}
	var messages []message
	for i := 0; i < len(blocks); i++ {
		if i > maxMessages {
			return nil, fmt.Errorf("expected at most %d blocks", maxMessages)
		}
		content, err := f.at(blocks[i].address, blocks[i].size)
		if err != nil {
			return nil, err
		}
		for uint64(len(content)) >= prefix {
			kind, size := uint64(content[0]), u16(content[1:])
			if size > uint64(len(content))-prefix {
				return nil, fmt.Errorf("message %#x: expected at most %d bytes, got %d", kind, uint64(len(content))-prefix, size)
			}
			m := message{kind, content[prefix : prefix+size]}
			content = content[prefix+size:]
			if m.kind == continuationMessage {
				if len(m.content) < 16 || u64(m.content[8:]) < 8 {
					return nil, errors.New("continuation: cut off")
				}
				// The block begins with OCHK and ends with a checksum.
				blocks = append(blocks, block{u64(m.content) + 4, u64(m.content[8:]) - 8})
			}
			if messages = append(messages, m); len(messages) > maxMessages {
				return nil, fmt.Errorf("expected at most %d messages", maxMessages)
			}
		}
	}
	return messages, nil
}

// dataset reads an array of floating-point numbers.
func (f *file) dataset(path string, found map[uint64][]byte) error {
	bytes, ok, err := floatType(found[datatypeMessage])
	if err != nil || !ok {
		return err
	}
	shape, err := dataspace(found[dataspaceMessage])
	if err != nil {
		return err
	}
	if found[filterMessage] != nil {
		return errors.New("compressed or filtered: save it without compression")
	}
	size := uint64(bytes)
	for _, n := range shape {
		if n > len(f.content) || size*uint64(n) > uint64(len(f.content)) {
			return fmt.Errorf("shape: expected one that fits %d bytes, got %v", len(f.content), shape)
		}
		size *= uint64(n)
	}
	layout := found[layoutMessage]
	if len(layout) < 4 || layout[0] != 3 && layout[0] != 4 {
		return errors.New("layout: expected version 3 or 4")
	}
	var data []byte
	switch layout[1] {
	case 0: // compact
		if n := u16(layout[2:]); n > uint64(len(layout)-4) || n < size {
			return fmt.Errorf("layout: expected %d bytes, got %d", size, n)
		}
		data = layout[4 : 4+size]
	case 1: // contiguous
		if len(layout) < 18 {
			return errors.New("layout: cut off")
		}
		if stored := u64(layout[10:]); stored != size {
			return fmt.Errorf("layout: expected %d bytes, got %d", size, stored)
		}
		if size > 0 {
			if data, err = f.at(u64(layout[2:]), size); err != nil {
				return fmt.Errorf("layout: %w", err)
			}
		}
	default:
		return errors.New("layout: in chunks: save it contiguous, without chunks= and compression=")
	}
	f.datasets = append(f.datasets, Dataset{Path: path, Shape: shape, Bytes: bytes, Data: data})
	return nil
}

// floatType returns the size of an IEEE 754 number, little-endian; ok is false
// for other types (section IV.A.2.d).
func floatType(m []byte) (bytes int, ok bool, err error) {
	if len(m) < 8 {
		return 0, false, errors.New("datatype: missing or cut off")
	}
	if m[0]&0x0f != 1 { // no floating-point number
		return 0, false, nil
	}
	if m[1]&1 != 0 {
		return 0, false, errors.New("datatype: expected little-endian numbers")
	}
	bytes = int(u32(m[4:]))
	if bytes != 2 && bytes != 4 && bytes != 8 {
		return 0, false, fmt.Errorf("datatype: expected numbers of 2, 4 or 8 bytes, got %d", bytes)
	}
	// Offset, precision, exponent's and mantissa's place and size, bias.
	want := map[int][]byte{
		2: {0, 0, 16, 0, 10, 5, 0, 10, 15, 0, 0, 0},
		4: {0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0},
		8: {0, 0, 64, 0, 52, 11, 0, 52, 0xff, 3, 0, 0},
	}[bytes]
	if len(m) < 20 || string(m[8:20]) != string(want) {
		return 0, false, errors.New("datatype: expected IEEE 754 numbers")
	}
	return bytes, true, nil
}

// dataspace returns an array's shape (section IV.A.2.b).
func dataspace(m []byte) ([]int, error) {
	if len(m) < 4 {
		return nil, errors.New("dataspace: missing or cut off")
	}
	rank, at := int(m[1]), 4
	if m[0] == 1 {
		at = 8
	} else if m[0] != 2 {
		return nil, fmt.Errorf("dataspace: expected version 1 or 2, got %d", m[0])
	}
	if rank > maxDimensions || len(m) < at+8*rank {
		return nil, fmt.Errorf("dataspace: expected at most %d dimensions, got %d in %d bytes", maxDimensions, rank, len(m))
	}
	shape := make([]int, rank)
	for i := range shape {
		n := u64(m[at+8*i:])
		if n > 1<<31-1 {
			return nil, fmt.Errorf("dataspace: dimension %d: expected below 2^31, got %d", i, n)
		}
		shape[i] = int(n)
	}
	return shape, nil
}
