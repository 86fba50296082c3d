// Package pickle reads the pickles in which PyTorch keeps state dictionaries:
// protocols 2 to 5 of numbers, texts, lists, tuples and dictionaries. It is no
// interpreter: a global is looked up in the caller's list and nowhere else, a
// call is made of a function of that list and of nothing else, and everything
// that is not needed for tensors is refused. Nothing that a pickle names runs.
package pickle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// ErrFormat is wrapped by every error about the content of a pickle.
var ErrFormat = errors.New("not a pickle of tensors")

// Values are nil, bool, int64, float64, string, []byte and the types below.
type (
	// Tuple is a tuple.
	Tuple []any
	// List is a list.
	List struct{ Items []any }
	// Dict is a dictionary, in its order; keys are any values.
	Dict struct{ Keys, Values []any }
	// Global is the name of something that a pickle may call.
	Global struct{ Module, Name string }
)

// Find returns the value of a text key.
func (d *Dict) Find(key string) (any, bool) {
	for i, k := range d.Keys {
		if k == key {
			return d.Values[i], true
		}
	}
	return nil, false
}

// Reader says what a pickle may name.
type Reader struct {
	// Globals are the functions that may be called, by module.name. Those with
	// nil may be named but not called.
	Globals map[string]func(arguments Tuple) (any, error)
	// Persistent returns what a persistent id stands for.
	Persistent func(id any) (any, error)
}

// Bounds of a pickle: those of state dictionaries are far below.
const (
	maxOperations = 1_000_000
	maxStack      = 100_000
)

type mark struct{}

type machine struct {
	Reader
	input *bytes.Reader
	stack []any
	memo  map[uint32]any
}

// Read reads one pickle from input and leaves what follows it.
func (r Reader) Read(input *bytes.Reader) (any, error) {
	m := machine{Reader: r, input: input, memo: map[uint32]any{}}
	for range maxOperations {
		code, err := input.ReadByte()
		if err != nil {
			return nil, fmt.Errorf("%w: the end is missing", ErrFormat)
		}
		if code == '.' {
			v, err := m.pop()
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrFormat, err)
			}
			return v, nil
		}
		if err := m.operate(code); err != nil {
			if errors.Is(err, ErrFormat) {
				return nil, err
			}
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		if len(m.stack) > maxStack {
			return nil, fmt.Errorf("%w: expected at most %d values on the stack", ErrFormat, maxStack)
		}
	}
	return nil, fmt.Errorf("%w: expected at most %d operations", ErrFormat, maxOperations)
}

func (m *machine) push(v any) { m.stack = append(m.stack, v) }

func (m *machine) pop() (any, error) {
	if len(m.stack) == 0 {
		return nil, errors.New("a value is missing on the stack")
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return v, nil
}

func popAs[T any](m *machine, what string) (value T, err error) {
	v, err := m.pop()
	if err != nil {
		return value, err
	}
	value, ok := v.(T)
	if !ok {
		return value, fmt.Errorf("expected %s, got %T", what, v)
	}
	return value, nil
}

// toMark pops what lies above the last mark, and the mark.
func (m *machine) toMark() ([]any, error) {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if _, ok := m.stack[i].(mark); ok {
			items := append([]any(nil), m.stack[i+1:]...)
			m.stack = m.stack[:i]
			return items, nil
		}
	}
	return nil, errors.New("a mark is missing on the stack")
}

// bytes reads n bytes.
func (m *machine) bytes(n uint64) ([]byte, error) {
	if n > uint64(m.input.Len()) {
		return nil, fmt.Errorf("expected %d more bytes, got %d", n, m.input.Len())
	}
	content := make([]byte, n)
	_, err := m.input.Read(content)
	if n == 0 {
		err = nil
	}
	return content, err
}

// number reads a little-endian number of n bytes without a sign.
func (m *machine) number(n uint64) (uint64, error) {
	content, err := m.bytes(n)
	var padded [8]byte
	copy(padded[:], content)
	return binary.LittleEndian.Uint64(padded[:]), err
}

// sized reads a length of n bytes and so many bytes.
func (m *machine) sized(n uint64) ([]byte, error) {
	length, err := m.number(n)
	if err != nil {
		return nil, err
	}
	return m.bytes(length)
}

func (m *machine) line() (string, error) {
	var line []byte
	for {
		b, err := m.input.ReadByte()
		if err != nil || len(line) > 1000 {
			return "", errors.New("expected a line of at most 1000 bytes")
		}
		if b == '\n' {
			return string(line), nil
		}
		line = append(line, b)
	}
}

// pushText pushes a text of UTF-8 whose length has n bytes.
func (m *machine) pushText(n uint64) error {
	content, err := m.sized(n)
	if err == nil && !utf8.Valid(content) {
		err = errors.New("expected a text in UTF-8")
	}
	m.push(string(content))
	return err
}

// operate runs one operation; the letters are those of Python's pickletools.
func (m *machine) operate(code byte) error {
	switch code {
	case 0x80: // PROTO
		version, err := m.number(1)
		if err == nil && (version < 2 || version > 5) {
			err = fmt.Errorf("protocol: expected 2 to 5, got %d", version)
		}
		return err
	case 0x95: // FRAME
		_, err := m.bytes(8)
		return err
	case '(':
		m.push(mark{})
	case 'N':
		m.push(nil)
	case 0x88:
		m.push(true)
	case 0x89:
		m.push(false)
	case '0': // POP
		_, err := m.pop()
		return err
	case 'X', 0x8c, 0x8d: // BINUNICODE, SHORT_BINUNICODE, BINUNICODE8
		return m.pushText(map[byte]uint64{'X': 4, 0x8c: 1, 0x8d: 8}[code])
	case 'B', 'C', 'T', 'U': // BINBYTES, SHORT_BINBYTES, BINSTRING, SHORT_BINSTRING
		content, err := m.sized(map[byte]uint64{'B': 4, 'C': 1, 'T': 4, 'U': 1}[code])
		if code == 'T' || code == 'U' {
			m.push(string(content))
		} else {
			m.push(content)
		}
		return err
	case 'J', 'K', 'M', 0x8a, 'G':
		return m.operateNumber(code)
	case ')', 't', 0x85, 0x86, 0x87, ']', 'l', 'a', 'e', '}', 'd', 's', 'u':
		return m.operateContainer(code)
	case 'q', 'r', 'h', 'j', 0x94:
		return m.operateMemo(code)
	case 'c', 0x93, 'R', 'b', 'Q':
		return m.operateGlobal(code)
	default:
		return fmt.Errorf("operation %#02x has no place in a state dictionary", code)
	}
	return nil
}

func (m *machine) operateNumber(code byte) error {
	switch code {
	case 'J': // BININT
		v, err := m.number(4)
		m.push(int64(int32(v)))
		return err
	case 'K', 'M': // BININT1, BININT2
		v, err := m.number(map[byte]uint64{'K': 1, 'M': 2}[code])
		m.push(int64(v))
		return err
	case 'G': // BINFLOAT, the only number that is big-endian
		content, err := m.bytes(8)
		if err == nil {
			m.push(math.Float64frombits(binary.BigEndian.Uint64(content)))
		}
		return err
	}
	content, err := m.sized(1) // LONG1
	if err == nil && len(content) > 10 {
		err = fmt.Errorf("expected an integer of at most 10 bytes, got %d", len(content))
	}
	if err != nil {
		return err
	}
	if len(content) > 8 { // PyTorch's magic number alone
		m.push(content)
		return nil
	}
	var padded [8]byte
	copy(padded[:], content)
	v := int64(binary.LittleEndian.Uint64(padded[:]))
	if n := len(content); n > 0 && n < 8 && content[n-1]&0x80 != 0 {
		v -= 1 << (8 * n)
	}
	m.push(v)
	return nil
}

func (m *machine) operateMemo(code byte) error {
	switch code {
	case 'q', 'r', 0x94: // BINPUT, LONG_BINPUT, MEMOIZE
		at := uint64(len(m.memo))
		var err error
		if code != 0x94 {
			at, err = m.number(map[byte]uint64{'q': 1, 'r': 4}[code])
		}
		if err == nil && len(m.stack) == 0 {
			err = errors.New("nothing to remember")
		}
		if err == nil {
			m.memo[uint32(at)] = m.stack[len(m.stack)-1]
		}
		return err
	}
	at, err := m.number(map[byte]uint64{'h': 1, 'j': 4}[code]) // BINGET, LONG_BINGET
	if err != nil {
		return err
	}
	v, ok := m.memo[uint32(at)]
	if !ok {
		return fmt.Errorf("nothing was remembered as %d", at)
	}
	m.push(v)
	return nil
}
