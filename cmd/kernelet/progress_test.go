package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestProgressLine(t *testing.T) {
	full := progressLine("epoch 1/12", 15_000, 60_000, 500*time.Millisecond, 200)
	if full != "epoch 1/12   25 %  30000/s  1.5s left" {
		t.Errorf("got %q", full)
	}
	for width := range 200 {
		if got := progressLine("epoch 1/12", 15_000, 60_000, 500*time.Millisecond, width); utf8.RuneCountInString(got) > max(0, width-1) || !strings.HasPrefix(full, got) {
			t.Errorf("width %d: got %q", width, got)
		}
	}
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
}
