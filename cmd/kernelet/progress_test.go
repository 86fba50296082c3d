package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestProgressLine: on few columns the line leaves out what matters least, on
// many it has a bar, and it never reaches the last column.
func TestProgressLine(t *testing.T) {
	s := status{label: "epoch 1/12", figure: "loss 0.1234", done: 15_000, total: 60_000, rate: 30_000, left: 95 * time.Second}
	for width, want := range map[int]string{
		80:  "epoch 1/12  ██████░░░░░░░░░░░░░░░░░░░░   25 %  loss 0.1234  30000/s  1m35s left",
		60:  "epoch 1/12   25 %  loss 0.1234  30000/s  1m35s left",
		50:  "epoch 1/12   25 %  loss 0.1234  1m35s left",
		40:  "epoch 1/12   25 %  1m35s left",
		20:  "epoch 1/12   25 %",
		11:  "epoch 1/12",
		5:   "epoc",
		200: "epoch 1/12  " + strings.Repeat("█", 10) + strings.Repeat("░", 30) + "   25 %  loss 0.1234  30000/s  1m35s left",
	} {
		if got := s.line(width); got != want {
			t.Errorf("width %d: expected %q, got %q", width, want, got)
		}
	}
	for width := range 200 {
		if got := s.line(width); utf8.RuneCountInString(got) > max(0, width-1) {
			t.Errorf("width %d: got %q", width, got)
		}
	}
	if got := (status{label: "x", done: 3}).line(80); got != "x  3" {
		t.Errorf("no total: got %q", got)
	}
	if got := (status{label: "x", done: 1, total: 2, rate: 1, left: 1250 * time.Millisecond}).line(30); got != "x   50 %  1/s  1.3s left" {
		t.Errorf("seconds: got %q", got)
	}
}

// TestProgress: nothing is written without a terminal; on one, the time left
// counts the parts that come after the one that runs.
func TestProgress(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b, false, "x")
	p.update(1, 2)
	p.clear()
	if b.Len() != 0 {
		t.Errorf("without a terminal it printed %q", b.String())
	}
	p.width = func() int { return 20 }
	p.update(1, 2)
	p.clear()
	if got := b.String(); !strings.HasPrefix(got, "\rx   50 %") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("on a terminal it printed %q", got)
	}
	b.Reset()
	p.width = func() int { return 40 }
	// 100 of 1000 took 100 s, from the 200th on, in the second of four parts.
	p.before, p.first, p.after, p.start, p.last = 1000, 1200, 2000, time.Now().Add(-100*time.Second), time.Time{}
	p.update(300, 1000)
	if got := b.String(); !strings.Contains(got, "30 %  1/s  45m0s left") {
		t.Errorf("a part of a run: %q", got)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 threads", 1: "1 thread", 2: "2 threads"} {
		if got := count(n, "thread"); got != want {
			t.Errorf("expected %q, got %q", want, got)
		}
	}
}
