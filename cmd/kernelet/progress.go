package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// progress is a line on a terminal that is written over and over; on anything
// else it stays silent.
type progress struct {
	w      io.Writer
	width  func() int // of the terminal; nil: no terminal
	label  string
	figure func() string // shown behind the share that is done; nil: none
	before int           // work of earlier parts
	after  int           // work of later parts, which the time left includes
	first  int           // work that was done at the first update
	start  time.Time
	last   time.Time
	shown  bool
}

// refresh is the time between two updates of the line.
const refresh = 100 * time.Millisecond

func newProgress(w io.Writer, quiet bool, label string) *progress {
	p := &progress{w: w, label: label}
	if width, terminal := terminalWidth(w); terminal && !quiet {
		p.width = func() int {
			width, _ = terminalWidth(w)
			return width
		}
	}
	return p
}

// terminalWidth is the number of a terminal's columns.
func terminalWidth(w io.Writer) (columns int, terminal bool) {
	file := file(w)
	if file == nil || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
		return columns, true
	}
	return 80, true
}

// update says that done of total are done of the part that runs.
func (p *progress) update(done, total int) {
	now := time.Now()
	if p.start.IsZero() {
		p.start, p.first = now, p.before+done
	}
	if p.width == nil || now.Sub(p.last) < refresh {
		return
	}
	p.last = now
	p.shown = true
	s := status{label: p.label, done: done, total: total}
	if p.figure != nil {
		s.figure = p.figure()
	}
	if all := p.before + done - p.first; all > 0 {
		s.rate = float64(all) / max(now.Sub(p.start).Seconds(), 1e-9)
		s.left = time.Duration(float64(total-done+p.after) / s.rate * float64(time.Second))
	}
	fmt.Fprintf(p.w, "\r%s\x1b[K", s.line(p.width()))
}

// write shows a text in the line's place, as much of it as fits.
func (p *progress) write(text string) {
	if p.width == nil {
		return
	}
	shown := []rune(text)
	fmt.Fprintf(p.w, "\r%s\x1b[K", string(shown[:min(len(shown), max(0, p.width()-1))]))
	p.shown = true
}

// clear removes the line.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// status is what a line of progress says.
type status struct {
	label, figure string
	done, total   int
	rate          float64 // a second; 0: not known yet
	left          time.Duration
}

// line says how far something is, how fast, and how long it still takes, in
// fewer than width columns: the last one makes terminals wrap. What is least
// important goes first where they are few; where they are many, there is a bar.
func (s status) line(width int) string {
	room := width - 1
	label, share, rate, left := s.label, fmt.Sprint(s.done), "", ""
	if s.total > 0 {
		share = fmt.Sprintf("%3d %%", 100*s.done/s.total)
	}
	if s.rate > 0 && s.total > 0 {
		rate = fmt.Sprintf("%.0f/s", s.rate)
		precision := time.Second
		if s.left < 10*time.Second {
			precision = 100 * time.Millisecond
		}
		left = s.left.Round(precision).String() + " left"
	}
	var line string
	for _, parts := range [][]string{{label, share, s.figure, rate, left}, {label, share, s.figure, left}, {label, share, left}, {label, share}} {
		line = strings.Join(nonEmpty(parts), "  ")
		if utf8.RuneCountInString(line) <= room {
			break
		}
	}
	if columns := utf8.RuneCountInString(line); columns > room {
		return string([]rune(line)[:max(0, room)])
	} else if bar := min(40, room-columns-2); s.total > 0 && bar >= 10 {
		full := bar * s.done / s.total
		line = s.label + "  " + strings.Repeat("█", full) + strings.Repeat("░", bar-full) + strings.TrimPrefix(line, s.label)
	}
	return line
}

func nonEmpty(parts []string) (list []string) {
	for _, part := range parts {
		if part != "" {
			list = append(list, part)
		}
	}
	return list
}

// count writes a number of things, "1 thread" or "2 threads".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
