package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

// errOutput is wrapped by the error of standard output that cannot be written to.
var errOutput = errors.New("standard output")

// output is standard output. It remembers that something was lost, so that no
// command can end as if all was well.
type output struct {
	w   io.Writer
	err error // the first; nothing is written after it
}

func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(p)
	if err != nil {
		o.err = fmt.Errorf("%w: %w", errOutput, err)
	}
	return n, o.err
}

// close reports what only shows when a file is closed, as on a network's disk.
func (o *output) close() error {
	if file, ok := o.w.(*os.File); ok && o.err == nil {
		if err := file.Close(); err != nil {
			o.err = fmt.Errorf("%w: %w", errOutput, err)
		}
	}
	return o.err
}

// file returns the file that w writes to, or nil.
func file(w io.Writer) *os.File {
	if o, ok := w.(*output); ok {
		w = o.w
	}
	f, _ := w.(*os.File)
	return f
}

// quoted returns a file's name as it can be printed: quoted as in Go if it has
// control characters, which a terminal would obey, or is not UTF-8.
func quoted(name string) string {
	if utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return name
	}
	return strconv.Quote(name)
}

// inJSON returns a file's name as it stands in JSON, which holds UTF-8 only: other
// names are quoted, so that no two names become one.
func inJSON(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	return strconv.Quote(name)
}

// oneLine returns a message with its lines joined and its control characters
// written out.
func oneLine(message string) string {
	var b strings.Builder
	for len(message) > 0 {
		r, size := utf8.DecodeRuneInString(message)
		switch {
		case r == '\n':
			b.WriteString("; ")
		case r == utf8.RuneError && size == 1, !strconv.IsPrint(r):
			b.WriteString(strings.Trim(strconv.Quote(message[:size]), `"`))
		default:
			b.WriteString(message[:size])
		}
		message = message[size:]
	}
	return b.String()
}
