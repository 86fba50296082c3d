package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kernelet/kernelet/mnist"
)

// terminal returns both ends of a pseudo-terminal: what is written to the
// second can be read from the first.
func terminal(t *testing.T) (seen, written *os.File) {
	t.Helper()
	seen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { seen.Close() })
	if err := unix.IoctlSetPointerInt(int(seen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(seen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	written, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { written.Close() })
	return seen, written
}

// TestPictureProgress: a line of progress shows on a terminal only, and only
// where the answers go elsewhere, and it is not cleared for every answer.
func TestPictureProgress(t *testing.T) {
	folder := t.TempDir()
	const pictures = 3 * worthProgress
	for i := range pictures {
		writePNG(t, filepath.Join(folder, fmt.Sprintf("%03d.png", i)), mnist.Synthetic(1, 2).Images)
	}
	if err := os.WriteFile(filepath.Join(folder, "100.png"), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, answersOnTerminal := range []bool{false, true} {
		seen, written := terminal(t)
		lines := make(chan string)
		go func() {
			content, _ := io.ReadAll(seen) // ends with an error when the other end is closed
			lines <- string(content)
		}()
		e := environment{ctx: context.Background(), stdout: new(bytes.Buffer), stderr: written}
		if answersOnTerminal {
			e.stdout = written
		}
		if code := run(e.ctx, []string{"predict", "--json", folder}, e.stdout, e.stderr); code != exitFailure {
			t.Errorf("expected exit code %d, got %d", exitFailure, code)
		}
		written.Close()
		got := <-lines
		if shown := strings.Contains(got, "pictures  "); shown == answersOnTerminal {
			t.Errorf("answers on the terminal: %v, progress: %v, in %q", answersOnTerminal, shown, got)
		}
		// For the picture that fails and at the end; the rest is one line a tenth
		// of a second.
		if cleared := strings.Count(got, "\r\x1b[K"); cleared > 2 {
			t.Errorf("the line is cleared %d times", cleared)
		}
	}
	// Nothing but the failures without a terminal.
	_, stderr := execute(t, exitFailure, "predict", "--json", folder)
	if strings.Count(stderr, "\n") != 2 || strings.Contains(stderr, "\x1b") {
		t.Errorf("without a terminal: %q", stderr)
	}
}
