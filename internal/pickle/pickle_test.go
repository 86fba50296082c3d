package pickle

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// refusing knows no constructor and no storage.
var refusing = Reader{}

// TestRead: what Python 3's pickle writes of plain values in protocols 0 to 4.
func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    any
	}{
		"int, protocol 2":   {"\x80\x02K\x07.", int64(7)},
		"text, protocol 2":  {"\x80\x02X\x02\x00\x00\x00abq\x00.", "ab"},
		"text, protocol 4":  {"\x80\x04\x95\x06\x00\x00\x00\x00\x00\x00\x00\x8c\x02ab\x94.", "ab"},
		"tuple, protocol 2": {"\x80\x02K\x01K\x02\x86q\x00.", Tuple{int64(1), int64(2)}},
		"none":              {"\x80\x02N.", nil},
		"true":              {"\x80\x02\x88.", true},
	} {
		got, err := refusing.Read(bytes.NewReader([]byte(c.content)))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: expected %#v, got %#v, %v", name, c.want, got, err)
		}
	}
}

// TestNothingRuns: a pickle that would call a function is an error that names it.
func TestNothingRuns(t *testing.T) {
	for name, content := range map[string]string{
		"os.system":       "cos\nsystem\n(S'true'\ntR.",
		"builtins.eval":   "\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.",
		"posix, stack":    "\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",
		"instance":        "\x80\x02cos\nsystem\n)\x81.",
		"reduce, no call": "\x80\x02K\x01K\x02R.",
	} {
		if v, err := refusing.Read(bytes.NewReader([]byte(content))); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: expected ErrFormat, got %v, %v", name, v, err)
		}
	}
}

// TestBounds: a length beyond the input is refused before memory is taken, and
// so is a stack without end.
func TestBounds(t *testing.T) {
	for name, content := range map[string]string{
		"text":         "\x80\x02X\xff\xff\xff\x7fabc.",
		"text of 8":    "\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
		"bytes":        "\x80\x03B\xff\xff\xff\x7fabc.",
		"stack":        "\x80\x02" + strings.Repeat("N", 1<<21) + ".",
		"no end":       "\x80\x02N",
		"nothing":      "",
		"empty stack":  "\x80\x02.",
		"tuple of two": "\x80\x02N\x86.",
		"memo":         "\x80\x02h\x07.",
	} {
		if v, err := refusing.Read(bytes.NewReader([]byte(content))); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: expected ErrFormat, got %v, %v", name, v, err)
		}
	}
}

// FuzzRead: any content is an error or a value.
func FuzzRead(f *testing.F) {
	for _, content := range []string{
		"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x01X\x01\x00\x00\x00bq\x02]q\x03(K\x01K\x02eu.",
		"\x80\x04\x95\x06\x00\x00\x00\x00\x00\x00\x00\x8c\x02ab\x94.",
		"(dp0\nS'a'\np1\nI1\nsS'b'\np2\n(lp3\nI1\naI2\nas.", "cos\nsystem\n(S'true'\ntR.",
	} {
		f.Add([]byte(content))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if _, err := refusing.Read(bytes.NewReader(content)); err != nil && !errors.Is(err, ErrFormat) {
			t.Errorf("expected ErrFormat, got %v", err)
		}
	})
}
