// Package npy reads and writes NumPy's array format, .npy, as NEP 1 of NumPy
// describes it: a magic number, a version, a header that is a Python
// dictionary, the elements. It knows numbers alone; arrays of Python objects,
// which are pickles, are refused.
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/kernelet/kernelet/internal/half"
)

// ErrFormat is wrapped by every error about the content of an array.
var ErrFormat = errors.New("not a valid .npy array")

// Magic begins every array.
const Magic = "\x93NUMPY"

const (
	maxHeader     = 64 << 10
	maxDimensions = 32 // as in NumPy
)

// Header describes an array.
type Header struct {
	Type    string // such as <f4: byte order, kind, bytes an element
	Fortran bool   // the first index varies fastest
	Shape   []int
}

var (
	headerPattern = regexp.MustCompile(`^\{((?:\s*'(?:descr|fortran_order|shape)'\s*:\s*(?:'[^']*'|True|False|\([0-9L,\s]*\)|\[.*\])\s*,?)*)\s*\}\s*$`)
	fieldPattern  = regexp.MustCompile(`'(descr|fortran_order|shape)'\s*:\s*('[^']*'|True|False|\([0-9L,\s]*\)|\[.*\])`)
)

// ReadHeader reads what comes before the elements.
func ReadHeader(r io.Reader) (Header, error) {
	var h Header
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return h, fmt.Errorf("%w: magic: %w", ErrFormat, err)
	}
	if string(start[:6]) != Magic {
		return h, fmt.Errorf("%w: magic: expected %q, got %q", ErrFormat, Magic, start[:6])
	}
	var length uint32
	var err error
	switch start[6] {
	case 1:
		var short uint16
		err = binary.Read(r, binary.LittleEndian, &short)
		length = uint32(short)
	case 2, 3:
		err = binary.Read(r, binary.LittleEndian, &length)
	default:
		return h, fmt.Errorf("%w: version: expected 1 to 3, got %d", ErrFormat, start[6])
	}
	if err != nil {
		return h, fmt.Errorf("%w: header length: %w", ErrFormat, err)
	}
	if length > maxHeader {
		return h, fmt.Errorf("%w: header length: expected at most %d, got %d", ErrFormat, maxHeader, length)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, fmt.Errorf("%w: header: %w", ErrFormat, err)
	}
	return parseHeader(string(text))
}

func parseHeader(text string) (Header, error) {
	var h Header
	if !headerPattern.MatchString(text) {
		return h, fmt.Errorf("%w: header: expected descr, fortran_order and shape, got %.80q", ErrFormat, text)
	}
	found := map[string]string{}
	for _, field := range fieldPattern.FindAllStringSubmatch(text, -1) {
		if _, twice := found[field[1]]; twice {
			return h, fmt.Errorf("%w: header: %s appears twice", ErrFormat, field[1])
		}
		found[field[1]] = field[2]
	}
	descr, order, shape := found["descr"], found["fortran_order"], found["shape"]
	if !strings.HasPrefix(descr, "'") || order != "True" && order != "False" || !strings.HasPrefix(shape, "(") {
		return h, fmt.Errorf("%w: header: expected descr of one type, fortran_order and shape, got %.80q", ErrFormat, text)
	}
	h.Type, h.Fortran = strings.Trim(descr, "'"), order == "True"
	for _, dimension := range strings.Split(strings.Trim(shape, "()"), ",") {
		dimension = strings.TrimSuffix(strings.TrimSpace(dimension), "L") // Python 2's long integers
		if dimension == "" {
			continue
		}
		n, err := strconv.ParseUint(dimension, 10, 31)
		if err != nil || len(h.Shape) == maxDimensions {
			return h, fmt.Errorf("%w: shape: expected at most %d dimensions below 2^31, got %.80q", ErrFormat, maxDimensions, shape)
		}
		h.Shape = append(h.Shape, int(n))
	}
	return h, nil
}

// Elements returns the size in bytes of an element, what decodes one, and
// whether elements are floating-point numbers.
func (h Header) Elements() (size int, decode func([]byte) float64, float bool, err error) {
	var order binary.ByteOrder = binary.LittleEndian
	if strings.HasPrefix(h.Type, ">") {
		order = binary.BigEndian
	}
	switch strings.TrimLeft(h.Type, "<>|=") {
	case "b1", "u1":
		return 1, func(b []byte) float64 { return float64(b[0]) }, false, nil
	case "i1":
		return 1, func(b []byte) float64 { return float64(int8(b[0])) }, false, nil
	case "u2":
		return 2, func(b []byte) float64 { return float64(order.Uint16(b)) }, false, nil
	case "i2":
		return 2, func(b []byte) float64 { return float64(int16(order.Uint16(b))) }, false, nil
	case "u4":
		return 4, func(b []byte) float64 { return float64(order.Uint32(b)) }, false, nil
	case "i4":
		return 4, func(b []byte) float64 { return float64(int32(order.Uint32(b))) }, false, nil
	case "u8":
		return 8, func(b []byte) float64 { return float64(order.Uint64(b)) }, false, nil
	case "i8":
		return 8, func(b []byte) float64 { return float64(int64(order.Uint64(b))) }, false, nil
	case "f2":
		return 2, func(b []byte) float64 { return float64(half.FromFloat16(order.Uint16(b))) }, true, nil
	case "f4":
		return 4, func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) }, true, nil
	case "f8":
		return 8, func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }, true, nil
	case "O":
		return 0, nil, false, fmt.Errorf("%w: descr: an array of Python objects, which is a pickle and may run code: save it as numbers, numpy.asarray(list, dtype)", ErrFormat)
	}
	return 0, nil, false, fmt.Errorf("%w: descr: expected numbers (b1, i1 to i8, u1 to u8, f2, f4, f8), got %q", ErrFormat, h.Type)
}

// Bool reports whether elements are truth values.
func (h Header) Bool() bool { return strings.TrimLeft(h.Type, "<>|=") == "b1" }

// Write writes an array in C order: content holds its elements, of a type such
// as <f4.
func Write(w io.Writer, kind string, shape []int, content []byte) error {
	var dimensions strings.Builder
	for _, n := range shape {
		fmt.Fprintf(&dimensions, "%d, ", n)
	}
	list := strings.TrimSuffix(dimensions.String(), " ")
	if len(shape) > 1 {
		list = strings.TrimSuffix(list, ",")
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", kind, list)
	// The elements begin at a multiple of 64 bytes.
	const before = len(Magic) + 4
	header += strings.Repeat(" ", 63-(before+len(header))%64) + "\n"
	start := append([]byte(Magic), 1, 0)
	start = binary.LittleEndian.AppendUint16(start, uint16(len(header)))
	if _, err := w.Write(append(start, header...)); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
