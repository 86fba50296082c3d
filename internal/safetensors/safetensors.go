// Package safetensors reads and writes the safetensors format: the length of
// a JSON header as eight bytes, the header, the tensors' bytes one after
// another. The reader is strict and its memory is bounded by the file's size.
package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// ErrFormat is wrapped by every error about the content of a file.
var ErrFormat = errors.New("not a valid safetensors file")

// Data types of tensors.
const (
	Float32 = "F32"
	Uint64  = "U64"
)

// Tensor is a named array, its elements little-endian in Data.
type Tensor struct {
	Name  string
	Type  string // a data type's name, such as F32
	Shape []int
	Data  []byte
}

// maxHeader is the largest header that the format's own library accepts.
const maxHeader = 100_000_000

// alignment of the first tensor's bytes, which the format recommends.
const alignment = 8

type entry struct {
	Type    string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets []int  `json:"data_offsets"`
}

const metadataKey = "__metadata__"

// Write writes metadata, which may be nil, and tensors to w.
func Write(w io.Writer, metadata map[string]string, tensors []Tensor) error {
	var header bytes.Buffer
	field := func(name string, value any) error {
		separator := byte(',')
		if header.Len() == 0 {
			separator = '{'
		}
		header.WriteByte(separator)
		for i, v := range []any{name, value} {
			encoded, err := json.Marshal(v)
			if err != nil {
				return err
			}
			if i == 1 {
				header.WriteByte(':')
			}
			header.Write(encoded)
		}
		return nil
	}
	if metadata != nil {
		if err := field(metadataKey, metadata); err != nil {
			return err
		}
	}
	offset := 0
	for _, t := range tensors {
		if err := field(t.Name, entry{t.Type, t.Shape, []int{offset, offset + len(t.Data)}}); err != nil {
			return err
		}
		offset += len(t.Data)
	}
	if header.Len() == 0 {
		header.WriteByte('{')
	}
	header.WriteByte('}')
	for header.Len()%alignment != 0 {
		header.WriteByte(' ')
	}
	if err := binary.Write(w, binary.LittleEndian, uint64(header.Len())); err != nil {
		return err
	}
	if _, err := w.Write(header.Bytes()); err != nil {
		return err
	}
	for _, t := range tensors {
		if _, err := w.Write(t.Data); err != nil {
			return err
		}
	}
	return nil
}

// Read parses a whole file. The tensors, in the order of their bytes, alias
// content.
func Read(content []byte) (metadata map[string]string, tensors []Tensor, err error) {
	if len(content) < 8 {
		return nil, nil, fmt.Errorf("%w: expected at least 8 bytes, got %d", ErrFormat, len(content))
	}
	size := binary.LittleEndian.Uint64(content)
	if size > maxHeader || size > uint64(len(content)-8) {
		return nil, nil, fmt.Errorf("%w: header length: expected at most %d, got %d", ErrFormat, min(maxHeader, len(content)-8), size)
	}
	data := content[8+size:]
	entries, metadata, err := parseHeader(content[8 : 8+size])
	if err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		e := entries[name]
		t, err := e.tensor(name, data)
		if err != nil {
			return nil, nil, err
		}
		tensors = append(tensors, t)
	}
	slices.SortStableFunc(tensors, func(a, b Tensor) int {
		return slices.Compare(entries[a.Name].Offsets, entries[b.Name].Offsets) // an empty tensor before what begins there
	})
	end := 0
	for _, t := range tensors {
		if begin := entries[t.Name].Offsets[0]; begin != end {
			return nil, nil, fmt.Errorf("%w: tensor %q: expected its bytes to begin at %d, got %d", ErrFormat, t.Name, end, begin)
		}
		end += len(t.Data)
	}
	if end != len(data) {
		return nil, nil, fmt.Errorf("%w: expected %d bytes of tensors, got %d", ErrFormat, end, len(data))
	}
	return metadata, tensors, nil
}

// parseHeader decodes the header object by object, because a map would hide
// duplicate names.
func parseHeader(header []byte) (map[string]entry, map[string]string, error) {
	entries := map[string]entry{}
	var metadata map[string]string
	decoder := json.NewDecoder(bytes.NewReader(header))
	fail := func(err error) (map[string]entry, map[string]string, error) {
		return nil, nil, fmt.Errorf("%w: header: %w", ErrFormat, err)
	}
	token, err := decoder.Token()
	if err != nil {
		return fail(err)
	}
	if token != json.Delim('{') {
		return fail(fmt.Errorf("expected an object, got %v", token))
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return fail(err)
		}
		name := token.(string) // More and Token let only strings stand before a value
		if _, ok := entries[name]; ok || name == metadataKey && metadata != nil {
			return fail(fmt.Errorf("%q appears twice", name))
		}
		if name == metadataKey {
			if err := decoder.Decode(&metadata); err != nil {
				return fail(fmt.Errorf("%s: %w", metadataKey, err))
			}
			continue
		}
		var e entry
		if err := decoder.Decode(&e); err != nil {
			return fail(fmt.Errorf("tensor %q: %w", name, err))
		}
		entries[name] = e
	}
	if _, err := decoder.Token(); err != nil {
		return fail(err)
	}
	if rest := strings.TrimRight(string(header[decoder.InputOffset():]), " "); rest != "" {
		return fail(errors.New("bytes follow the object"))
	}
	return entries, metadata, nil
}

func (e entry) tensor(name string, data []byte) (Tensor, error) {
	if len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1] > len(data) {
		return Tensor{}, fmt.Errorf("%w: tensor %q: data_offsets: expected a range within %d bytes, got %v", ErrFormat, name, len(data), e.Offsets)
	}
	size, ok := map[string]int{"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1}[e.Type]
	if !ok {
		return Tensor{}, fmt.Errorf("%w: tensor %q: dtype: unknown %q", ErrFormat, name, e.Type)
	}
	for _, n := range e.Shape {
		if n < 0 || n > len(data) || size*n > len(data) {
			return Tensor{}, fmt.Errorf("%w: tensor %q: shape %v does not fit %d bytes", ErrFormat, name, e.Shape, len(data))
		}
		size *= n
	}
	if got := e.Offsets[1] - e.Offsets[0]; got != size {
		return Tensor{}, fmt.Errorf("%w: tensor %q: expected %d bytes, got %d", ErrFormat, name, size, got)
	}
	return Tensor{Name: name, Type: e.Type, Shape: e.Shape, Data: data[e.Offsets[0]:e.Offsets[1]]}, nil
}
