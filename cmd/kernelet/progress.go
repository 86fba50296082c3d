package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// progress is a line on a terminal that is written over and over; on anything
// else it stays silent.
type progress struct {
	w     io.Writer
	width func() int // of the terminal; nil: no terminal
	label string
	start time.Time
	last  time.Time
	shown bool
}

// refresh is the time between two updates of the line.
const refresh = 100 * time.Millisecond

func newProgress(w io.Writer, quiet bool, label string) *progress {
	p := &progress{w: w, label: label, start: time.Now()}
	if file, ok := w.(*os.File); ok && !quiet && term.IsTerminal(int(file.Fd())) {
		p.width = func() int {
			if width, _, err := term.GetSize(int(file.Fd())); err == nil {
				return width
			}
			return 80
		}
	}
	return p
}

func (p *progress) update(done, total int) {
	now := time.Now()
	if p.width == nil || now.Sub(p.last) < refresh {
		return
	}
	p.last = now
	p.shown = true
	fmt.Fprintf(p.w, "\r%s\x1b[K", progressLine(p.label, done, total, now.Sub(p.start), p.width()))
}

// clear removes the line.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// progressLine says how far something is, how fast, and how long it still
// takes, in fewer than width columns: the last one makes terminals wrap.
func progressLine(label string, done, total int, elapsed time.Duration, width int) string {
	rate := float64(done) / max(elapsed.Seconds(), 1e-9)
	parts := []string{label}
	if total > 0 {
		left := time.Duration(float64(total-done) / max(rate, 1e-9) * float64(time.Second))
		parts = append(parts, fmt.Sprintf("%3d %%", 100*done/total), fmt.Sprintf("%.0f/s", rate), left.Round(100*time.Millisecond).String()+" left")
	} else {
		parts = append(parts, fmt.Sprintf("%d", done))
	}
	line := strings.Join(parts, "  ")
	if room := width - 1; utf8.RuneCountInString(line) > room {
		line = string([]rune(line)[:max(0, room)])
	}
	return line
}
