// Package hdf5 reads what Keras and h5py write into HDF5 files: groups of
// datasets of floating-point numbers, contiguous or compact. The format is that of
// "HDF5 File Format Specification Version 3.0" by The HDF Group, whose section
// numbers the comments give. What it does not know, such as chunks and
// compression, is an error that says so.
package hdf5

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrFormat is wrapped by every error about the content of a file.
var ErrFormat = errors.New("not a readable HDF5 file")

// Magic begins every file.
const Magic = "\x89HDF\r\n\x1a\n"

// Bounds of a file.
const (
	maxObjects    = 10_000
	maxDepth      = 16
	maxDimensions = 8
	undefined     = 1<<64 - 1 // an address that is none
)

// Dataset is an array in a file.
type Dataset struct {
	Path  string // /group/name
	Shape []int
	Bytes int    // an element: 2, 4 or 8
	Data  []byte // elements as IEEE 754 floating-point numbers, little-endian, in C order
}

// Read returns the datasets of floating-point numbers, group after group;
// those of other types are left out. They alias content.
func Read(content []byte) ([]Dataset, error) {
	f := file{content: content}
	root, err := f.superblock()
	if err == nil {
		err = f.object(root, "", 0)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return f.datasets, nil
}

type file struct {
	content  []byte
	datasets []Dataset
	objects  int
}

// at returns n bytes at an address.
func (f *file) at(address, n uint64) ([]byte, error) {
	size := uint64(len(f.content))
	if address > size || n > size-address {
		return nil, fmt.Errorf("expected %d bytes at %d, got a file of %d", n, address, size)
	}
	return f.content[address : address+n], nil
}

func u16(b []byte) uint64 { return uint64(binary.LittleEndian.Uint16(b)) }
func u32(b []byte) uint64 { return uint64(binary.LittleEndian.Uint32(b)) }
func u64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// superblock returns the address of the root group's header (section II.A).
func (f *file) superblock() (uint64, error) {
	start, err := f.at(0, 48)
	if err != nil {
		return 0, err
	}
	if string(start[:8]) != Magic {
		return 0, fmt.Errorf("magic: expected %q, got %q", Magic, start[:8])
	}
	switch version := start[8]; version {
	case 0, 1:
		if start[13] != 8 || start[14] != 8 {
			return 0, fmt.Errorf("expected addresses and lengths of 8 bytes, got %d and %d", start[13], start[14])
		}
		entry := uint64(24 + 4*8)
		if version == 1 {
			entry += 4
		}
		root, err := f.at(entry, 16)
		if err != nil {
			return 0, err
		}
		return u64(root[8:]), nil
	case 2, 3:
		if start[9] != 8 || start[10] != 8 {
			return 0, fmt.Errorf("expected addresses and lengths of 8 bytes, got %d and %d", start[9], start[10])
		}
		return u64(start[36:]), nil
	default:
		return 0, fmt.Errorf("superblock: expected version 0 to 3, got %d", version)
	}
}

// message is a header message: its type and content.
type message struct {
	kind    uint64
	content []byte
}

// Types of messages (section IV.A.2).
const (
	dataspaceMessage, linkInfoMessage, datatypeMessage = 0x01, 0x02, 0x03
	linkMessage, layoutMessage, filterMessage          = 0x06, 0x08, 0x0b
	continuationMessage, symbolTableMessage            = 0x10, 0x11
)

// object reads a group or dataset.
func (f *file) object(address uint64, path string, depth int) error {
	if f.objects++; f.objects > maxObjects || depth > maxDepth {
		return fmt.Errorf("expected at most %d objects, %d within each other", maxObjects, maxDepth)
	}
	messages, err := f.header(address)
	if err != nil {
		return fmt.Errorf("%s/: header: %w", path, err)
	}
	found := map[uint64][]byte{}
	for _, m := range messages {
		found[m.kind] = m.content
	}
	if found[layoutMessage] != nil {
		if err := f.dataset(path, found); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	}
	if table := found[symbolTableMessage]; len(table) >= 16 {
		heap, err := f.heap(u64(table[8:]))
		if err == nil {
			err = f.tree(u64(table), heap, path, depth, 0)
		}
		return err
	}
	if info := found[linkInfoMessage]; len(info) >= 2 {
		at := 2
		if info[1]&1 != 0 {
			at += 8
		}
		if len(info) >= at+8 && u64(info[at:]) != undefined {
			return fmt.Errorf("%s/: a group whose links are in a heap, as of many members: not known; save with libver=\"earliest\"", path)
		}
	}
	for _, m := range messages {
		if m.kind == linkMessage {
			if err := f.link(m.content, path, depth); err != nil {
				return fmt.Errorf("%s/: link: %w", path, err)
			}
		}
	}
	return nil
}

// tree walks a B-tree of a group's symbol table (sections III.A.1 and III.C).
func (f *file) tree(address uint64, heap []byte, path string, depth, level int) error {
	node, err := f.at(address, 24)
	if err != nil {
		return err
	}
	if f.objects++; f.objects > maxObjects || level > maxDepth {
		return fmt.Errorf("expected at most %d objects", maxObjects)
	}
	n := u16(node[6:])
	switch string(node[:4]) {
	case "TREE":
		if node[4] != 0 {
			return fmt.Errorf("%s/: expected a tree of a group, got type %d", path, node[4])
		}
		children, err := f.at(address+24, n*16+8)
		if err != nil {
			return err
		}
		for i := range n {
			if err := f.tree(u64(children[i*16+8:]), heap, path, depth, level+1); err != nil {
				return err
			}
		}
		return nil
	case "SNOD":
		entries, err := f.at(address+8, n*40)
		if err != nil {
			return err
		}
		for i := range n {
			e := entries[i*40:]
			name, err := text(heap, u64(e))
			if err != nil {
				return err
			}
			if u32(e[16:]) == 2 {
				continue // a soft link
			}
			if err := f.object(u64(e[8:]), path+"/"+name, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("%s/: expected TREE or SNOD at %d, got %q", path, address, node[:4])
}

// heap returns the data of a local heap (section III.D).
func (f *file) heap(address uint64) ([]byte, error) {
	header, err := f.at(address, 32)
	if err != nil {
		return nil, err
	}
	if string(header[:4]) != "HEAP" {
		return nil, fmt.Errorf("expected HEAP at %d, got %q", address, header[:4])
	}
	return f.at(u64(header[24:]), u64(header[8:]))
}

func text(heap []byte, at uint64) (string, error) {
	if at >= uint64(len(heap)) {
		return "", fmt.Errorf("name: expected a place within %d bytes, got %d", len(heap), at)
	}
	name, _, ended := bytes.Cut(heap[at:], []byte{0})
	if !ended {
		return "", errors.New("name: the end is missing")
	}
	return string(name), nil
}

// link follows a hard link (section IV.A.2.g).
func (f *file) link(m []byte, path string, depth int) error {
	if len(m) < 2 || m[0] != 1 {
		return errors.New("expected version 1")
	}
	flags, at := m[1], 2
	kind := byte(0)
	if flags&8 != 0 && len(m) > at {
		kind = m[at]
		at++
	}
	if flags&4 != 0 {
		at += 8
	}
	if flags&16 != 0 {
		at++
	}
	width := 1 << (flags & 3)
	if len(m) < at+width {
		return errors.New("cut off")
	}
	var padded [8]byte
	copy(padded[:], m[at:at+width])
	length := u64(padded[:])
	at += width
	if kind != 0 {
		return nil // soft or external
	}
	if length > uint64(len(m)) || uint64(len(m)) < uint64(at)+length+8 {
		return errors.New("cut off")
	}
	return f.object(u64(m[uint64(at)+length:]), path+"/"+string(m[at:uint64(at)+length]), depth+1)
}
