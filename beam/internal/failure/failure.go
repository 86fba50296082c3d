// Package failure carries one line about what went wrong through a runner, which
// wraps a worker's errors in pages of its own.
package failure

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Marks around the line.
const (
	start = "<kernelet-beam: "
	end   = ">"
)

// Wrap returns an error whose line Line finds again, with the machine's name.
func Wrap(err error) error {
	if err == nil || strings.Contains(err.Error(), start) {
		return err
	}
	host, hostErr := os.Hostname()
	if hostErr != nil {
		host = "a worker"
	}
	text := strings.NewReplacer("\n", "; ", end, ")", start[:1], "(").Replace(err.Error())
	return errors.New(start + text + " (on " + host + ")" + end)
}

// Errorf formats an error and wraps it.
func Errorf(format string, arguments ...any) error {
	return Wrap(fmt.Errorf(format, arguments...))
}

// Line is the first line that Wrap put into a text, or "".
func Line(text string) string {
	_, rest, found := strings.Cut(text, start)
	line, _, closed := strings.Cut(rest, end)
	if !found || !closed {
		return ""
	}
	return line
}
