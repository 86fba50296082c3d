package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/kernels"
)

// TestBenchForms: a report is printed as the flags ask, and every form says when
// it could not be written.
func TestBenchForms(t *testing.T) {
	measured := &bench.Report{Schema: bench.Schema, Rows: []bench.Row{{Benchmark: "Whole/train/batch=100/threads=1", Group: "whole", Name: bench.Train, Threads: 1, Batch: 100, Unit: "µs/image", Value: 50, Low: 49, High: 51, Best: 48, Samples: 2}}}
	for name, c := range map[string]struct {
		flags benchFlags
		says  string
	}{
		"text":     {benchFlags{}, "The whole network"},
		"JSON":     {benchFlags{JSON: true}, `"schema": "` + bench.Schema + `"`},
		"benchfmt": {benchFlags{BenchFmt: true}, "unit µs/image"},
	} {
		var b bytes.Buffer
		if err := c.flags.write(&b, measured); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		said := strings.Contains(b.String(), c.says)
		if name == "JSON" {
			var r bench.Report
			said = said && json.Unmarshal(b.Bytes(), &r) == nil
		}
		if name == "benchfmt" {
			said = strings.Contains(b.String(), "goos: ") && !strings.Contains(b.String(), "The whole network")
		}
		if !said {
			t.Errorf("%s: got\n%s", name, b.String())
		}
		if err := c.flags.write(&output{w: lost{}}, measured); !errors.Is(err, errOutput) {
			t.Errorf("%s: output that is lost: got %v", name, err)
		}
	}
	seen := &bench.Stress{Schema: bench.StressSchema, Moments: []bench.Moment{{Seconds: 1, Rate: 1000, Clock: 4}}}
	e := &environment{ctx: t.Context(), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	page := filepath.Join(t.TempDir(), "page.html")
	if err := (&benchStressCommand{HTML: page}).write(e, seen); err != nil {
		t.Fatal(err)
	}
	if text := e.stdout.(*bytes.Buffer).String(); !strings.Contains(text, "images/s") || strings.Contains(text, "{") {
		t.Errorf("stress: got\n%s", text)
	}
	if content, err := os.ReadFile(page); err != nil || !bytes.Contains(content, []byte("<svg")) {
		t.Errorf("stress, page: %v", err)
	}
	if err := (&benchStressCommand{HTML: filepath.Join(page, "x")}).write(e, seen); err == nil {
		t.Error("a page below a file: no error")
	}
}

// lost is an output whose reader is gone.
type lost struct{}

func (lost) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// TestBenchEnds: every command that measures ends when it is asked to, without a
// report and saying so; images that are too few are refused before that.
func TestBenchEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(interruption{syscall.SIGINT})
	data, path := dataFolder(t), filepath.Join(t.TempDir(), "report.json")
	for _, arguments := range [][]string{{"bench"}, {"bench", "--wait"}, {"bench", "train"}, {"bench", "train", "--data", data}, {"bench", "infer"}, {"bench", "infer", "--data", data}, {"bench", "stress"}} {
		if arguments[len(arguments)-1] != "stress" {
			arguments = append(arguments, "--quick", "--save", path)
		}
		var stdout, stderr bytes.Buffer
		if code := run(ctx, arguments, &stdout, &stderr); code != exitSignal+int(syscall.SIGINT) || stdout.Len() != 0 || stderr.String() != "kernelet: interrupted\n" {
			t.Errorf("%v: exit code %d, %q, %q", arguments, code, stdout.String(), stderr.String())
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: a report was written, or %v", arguments, err)
		}
	}
	if len(kernels.Available()) > 1 {
		if _, stderr := execute(t, 1, "bench", "train", "--quick", "--data", data); !strings.Contains(stderr, "images: expected at least 1000, got 700") {
			t.Errorf("too few images: %q", stderr)
		}
	}
	if _, stderr := execute(t, 1, "bench", "infer", "--model", path); !strings.Contains(stderr, path) {
		t.Errorf("no model: %q", stderr)
	}
	if _, stderr := execute(t, 1, "bench", "infer", "--data", t.TempDir()); !strings.Contains(stderr, "expected images as IDX files") {
		t.Errorf("no images: %q", stderr)
	}
}

// TestWaitingLine: on a terminal the line changes with what is seen, and fits; in
// a log it is said once a minute, and only if something runs.
func TestWaitingLine(t *testing.T) {
	var b bytes.Buffer
	line := newProgress(&b, false, "")
	say := waiting(line)
	for _, share := range []float64{0, 0.25, 0.5} {
		say(share)
	}
	line.clear()
	if got := b.String(); got != "waiting for a quiet machine: something else takes 25 % of the processors\n" {
		t.Errorf("in a log: %q", got)
	}
	b.Reset()
	line.width = func() int { return 30 }
	say(0)
	say(0.75)
	line.write("µµµ")
	line.clear()
	if got := b.String(); got != "\rwaiting for a quiet machine: \x1b[K\rwaiting for a quiet machine: \x1b[K\rµµµ\x1b[K\r\x1b[K" {
		t.Errorf("on a terminal: %q", got)
	}
	b.Reset()
	for _, width := range []int{0, 1, 2} {
		line.width = func() int { return width }
		line.write("ab")
	}
	if got := b.String(); got != "\r\x1b[K\r\x1b[K\ra\x1b[K" {
		t.Errorf("on few columns: %q", got)
	}
}

// TestSignalled: the exit code of a command that a signal ended is that of shells;
// other ends have their own, also where a signal came too late to matter.
func TestSignalled(t *testing.T) {
	ended, cancel := context.WithCancelCause(context.Background())
	cancel(interruption{syscall.SIGTERM})
	cancelled, cancelPlain := context.WithCancel(context.Background())
	cancelPlain()
	broken := fmt.Errorf("%w: %w", errOutput, syscall.EPIPE)
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		want int
	}{
		"interrupted":           {ended, fmt.Errorf("train: %w", errInterrupted), 143},
		"cancelled":             {ended, fmt.Errorf("x: %w", context.Canceled), 143},
		"another error":         {ended, errors.New("x"), 0},
		"done":                  {ended, nil, 0},
		"no signal":             {cancelled, context.Canceled, 0},
		"a pipe":                {context.Background(), broken, 141},
		"a pipe and a signal":   {ended, broken, 141},
		"another closed pipe":   {context.Background(), syscall.EPIPE, 0},
		"a full disk":           {context.Background(), fmt.Errorf("%w: %w", errOutput, syscall.ENOSPC), 0},
		"interrupted by a pipe": {context.Background(), fmt.Errorf("%w: %w", errInterrupted, broken), 141},
	} {
		if got := signalled(c.ctx, c.err); got != c.want {
			t.Errorf("%s: expected %d, got %d", name, c.want, got)
		}
	}
	if got := context.Cause(ended).Error(); got != "interrupted: terminated" {
		t.Errorf("got %q", got)
	}
	var stderr bytes.Buffer
	if code := finish(ended, fmt.Errorf("data: %w", context.Canceled), 0, &stderr); code != 143 || stderr.String() != "kernelet: interrupted\n" {
		t.Errorf("cancelled: exit code %d, %q", code, stderr.String())
	}
	stderr.Reset()
	if code := finish(context.Background(), broken, 0, &stderr); code != 141 || stderr.Len() != 0 {
		t.Errorf("a closed pipe: exit code %d, %q", code, stderr.String())
	}
}
