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
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrFormat is wrapped by every error about the content of a file.
var ErrFormat = errors.New("not a valid safetensors file")

// Data types of tensors.
const (
	Float16  = "F16"
	BFloat16 = "BF16"
	Float32  = "F32"
	Float64  = "F64"
	Uint64   = "U64"
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
		shape := t.Shape
		if shape == nil {
			shape = []int{} // null is no shape
		}
		if err := field(t.Name, entry{t.Type, shape, []int{offset, offset + len(t.Data)}}); err != nil {
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
// content. Keys that are unknown, missing or there twice, and values that the
// format does not allow, are errors that wrap ErrFormat.
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

// parseHeader decodes the header token by token: encoding/json would take keys
// in any case, the last of two equal keys, null for anything, and let unknown
// keys pass.
func parseHeader(header []byte) (entries map[string]entry, metadata map[string]string, err error) {
	entries = map[string]entry{}
	p := parser{json.NewDecoder(bytes.NewReader(header))}
	p.UseNumber()
	fail := func(err error) (map[string]entry, map[string]string, error) {
		return nil, nil, fmt.Errorf("%w: header: %w", ErrFormat, err)
	}
	if !utf8.Valid(header) {
		return fail(errors.New("expected UTF-8"))
	}
	err = p.object(func(name string) error {
		if name == metadataKey {
			metadata, err = p.metadata()
			return err
		}
		e, err := p.entry()
		entries[name] = e
		return err
	})
	if err != nil {
		return fail(err)
	}
	if header[0] != '{' {
		return fail(fmt.Errorf("expected an object at once, got %q first", header[0]))
	}
	if rest := strings.TrimRight(string(header[p.InputOffset():]), " \t\r\n"); rest != "" {
		return fail(errors.New("bytes follow the object"))
	}
	return entries, metadata, nil
}

// parser reads JSON values of known types.
type parser struct{ *json.Decoder }

// take reads a token of type T.
func take[T json.Token](p parser, what string) (value T, err error) {
	token, err := p.Token()
	if err != nil {
		return value, err
	}
	value, ok := token.(T)
	if !ok {
		err = fmt.Errorf("expected %s, got %v", what, token)
	}
	return value, err
}

// open reads the delimiter that opens an object or a list.
func (p parser) open(delimiter json.Delim, what string) error {
	got, err := take[json.Delim](p, what)
	if err == nil && got != delimiter {
		err = fmt.Errorf("expected %s, got %v", what, got)
	}
	return err
}

// object reads an object, each value by a call, and refuses a key that appears
// twice.
func (p parser) object(value func(key string) error) error {
	if err := p.open('{', "an object"); err != nil {
		return err
	}
	return p.fields(value)
}

// fields reads what follows the brace that opens an object.
func (p parser) fields(value func(key string) error) error {
	seen := map[string]bool{}
	for p.More() {
		key, err := take[string](p, "a key")
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("%q appears twice", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
	}
	_, err := p.Token()
	return err
}

// integers reads a list of whole numbers that are not negative.
func (p parser) integers() ([]int, error) {
	if err := p.open('[', "a list"); err != nil {
		return nil, err
	}
	list := []int{}
	for p.More() {
		number, err := take[json.Number](p, "a number")
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(number.String(), 10, strconv.IntSize-1)
		if err != nil {
			return nil, fmt.Errorf("expected a whole number from 0 to %d, got %s", math.MaxInt, number)
		}
		list = append(list, int(n))
	}
	_, err := p.Token()
	return list, err
}

// metadata reads an object of texts, or null, which the format's own library
// takes for none.
func (p parser) metadata() (metadata map[string]string, err error) {
	token, err := p.Token()
	if err != nil || token == nil {
		return nil, err
	}
	if token != json.Delim('{') {
		return nil, fmt.Errorf("expected an object or null, got %v", token)
	}
	metadata = map[string]string{}
	return metadata, p.fields(func(key string) error {
		metadata[key], err = take[string](p, "a string")
		return err
	})
}

// entry reads what the header says of a tensor: three keys and no other.
func (p parser) entry() (e entry, err error) {
	found := map[string]bool{}
	err = p.object(func(key string) (err error) {
		found[key] = true
		switch key {
		case "dtype":
			e.Type, err = take[string](p, "a string")
		case "shape":
			e.Shape, err = p.integers()
		case "data_offsets":
			e.Offsets, err = p.integers()
		default:
			err = errors.New("expected dtype, shape or data_offsets")
		}
		return err
	})
	for _, key := range []string{"dtype", "shape", "data_offsets"} {
		if err == nil && !found[key] {
			err = fmt.Errorf("%s is missing", key)
		}
	}
	return e, err
}

func (e entry) tensor(name string, data []byte) (Tensor, error) {
	if len(e.Offsets) != 2 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1] > len(data) {
		return Tensor{}, fmt.Errorf("%w: tensor %q: data_offsets: expected a range within %d bytes, got %v", ErrFormat, name, len(data), e.Offsets)
	}
	element, ok := map[string]uint64{"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1}[e.Type]
	if !ok {
		return Tensor{}, fmt.Errorf("%w: tensor %q: dtype: unknown %q", ErrFormat, name, e.Type)
	}
	size, ok := sizeOf(e.Shape, element, uint64(len(data)))
	if !ok {
		return Tensor{}, fmt.Errorf("%w: tensor %q: shape: expected one that fits %d bytes, got %v of %s", ErrFormat, name, len(data), e.Shape, e.Type)
	}
	if got := uint64(e.Offsets[1] - e.Offsets[0]); got != size {
		return Tensor{}, fmt.Errorf("%w: tensor %q: data_offsets: expected %d bytes, got %d", ErrFormat, name, size, got)
	}
	return Tensor{Name: name, Type: e.Type, Shape: e.Shape, Data: data[e.Offsets[0]:e.Offsets[1]]}, nil
}

// sizeOf returns the bytes of an array whose elements have so many each, and
// false if they are more than most. It divides because a product may wrap.
func sizeOf(shape []int, element, most uint64) (size uint64, ok bool) {
	if slices.Contains(shape, 0) {
		return 0, true
	}
	size = element
	for _, n := range shape {
		if size > most/uint64(n) {
			return 0, false
		}
		size *= uint64(n)
	}
	return size, size <= most
}
