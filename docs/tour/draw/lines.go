package main

import (
	"fmt"
	"strings"
)

// stepLines are the cache lines that the tasks of a step write, as lenet's
// TestCacheLines sees them.
type stepLines struct {
	Counters []struct {
		Name          string
		Offset, Bytes int
	}
	Phases []struct {
		Name   string
		Tasks  int
		Arrays []arrayLines
	}
}

type arrayLines struct {
	Name           string
	Lines, Written int
	Runs           [][3]int // a task, the first line, one behind the last
}

// drawnLines are the arrays that the drawing shows, by phase, and what they are.
var drawnLines = []struct{ phase, array, text string }{
	{"convolutions", "v", "conv2's input, transformed"},
	{"convolutions", "packed.Values", "fc1's input"},
	{"shared blocks, conv2", "packed.Values", "fc1's input, last block"},
	{"fc1", "h", "fc1's output"},
	{"fc2, loss", "dH", "its gradient"},
	{"fc2, loss", "corrects", "which images were right"},
	{"fc1, input gradient", "dPacked.Values", "gradient of fc1's input"},
	{"fc1, input gradient", "outputLists.Counts", "lengths of lists"},
	{"convolutions, input gradient", "dM", "conv2's gradient, transformed"},
	{"convolutions, input gradient", "partials1", "conv1's sums, a block each"},
	{"fc1, weights", "weights.fc1", "fc1's weights"},
	{"conv2, weight gradient", "conv2DU", "conv2's sums, transformed"},
	{"other weights", "gradients.conv2", "conv2's gradient"},
	{"other weights", "weights.conv2", "conv2's weights"},
	{"other weights", "conv2U", "these, transformed"},
	{"other weights", "weights.fc2", "fc2's weights"},
}

// takers tells which worker took the tasks of each phase in the traced step.
func (all *data) takers() (map[string][]int, error) {
	takers := map[string][]int{}
	for _, p := range all.lines.Phases {
		workers := make([]int, p.Tasks)
		taken := 0
		for _, r := range all.regions {
			if r.Phase != p.Name {
				continue
			}
			for _, task := range r.Tasks {
				if task >= p.Tasks {
					return nil, fmt.Errorf("trace.json: %s: expected tasks below %d, got %d", p.Name, p.Tasks, task)
				}
				workers[task] = r.Worker
				taken++
			}
		}
		if taken != p.Tasks {
			return nil, fmt.Errorf("trace.json: %s: expected %d tasks, got %d", p.Name, p.Tasks, taken)
		}
		takers[p.Name] = workers
	}
	return takers, nil
}

// Who writes a line.
const (
	nobody = iota
	worker0
	worker1
	both
)

// writers tells for every line of an array who writes it.
func (a arrayLines) writers(workers []int) (writers []int, shared int) {
	writers = make([]int, a.Lines)
	for _, run := range a.Runs {
		for line := run[1]; line < run[2]; line++ {
			writers[line] |= worker0 << workers[run[0]]
		}
	}
	for _, w := range writers {
		if w == both {
			shared++
		}
	}
	return writers, shared
}

// drawLines shows which worker writes which cache line in which phase of the
// traced step.
func drawLines(all *data) (*drawing, error) {
	takers, err := all.takers()
	if err != nil {
		return nil, err
	}
	written, shared := 0, 0
	arrays := map[string]arrayLines{}
	for _, p := range all.lines.Phases {
		for _, a := range p.Arrays {
			_, both := a.writers(takers[p.Name])
			written, shared = written+a.Written, shared+both
			arrays[p.Name+a.Name] = a
		}
	}
	const left, width, row = 258, 372, 19
	d := newDrawing(760, 46+row*len(drawnLines)+14*len(all.lines.Phases)+128, "Which worker writes which cache lines in the phases of a step")
	d.text("", 10, 22, "a step writes %d lines of 64 bytes, %d of them by both in one phase", written, shared)
	d.text("small end", 694, 40, "lines")
	d.text("small end", 750, 40, "both")
	y, phase := 36.0, ""
	for _, drawn := range drawnLines {
		a, known := arrays[drawn.phase+drawn.array]
		if !known {
			return nil, fmt.Errorf("lines.json: expected %s in phase %q, got none", drawn.array, drawn.phase)
		}
		if drawn.phase != phase {
			phase = drawn.phase
			y += 14
			d.text("small muted", 10, y, "%s", phase)
			y += 5
		}
		writers, both := a.writers(takers[phase])
		d.text("small end", left-8, y+11, "%s", drawn.text)
		d.rect("faint", left, y, width, 14)
		d.strip(left, y, width, 14, writers)
		d.text("small end", 694, y+11, "%d", a.Written)
		d.text("small end", 750, y+11, "%d", both)
		y += row
	}
	y += 14
	d.text("small muted", 10, y, "the counters of every phase")
	y += 5
	d.text("small end", left-8, y+11, "a line each")
	d.counters(all, left, y, width)
	y += 34
	for _, key := range []struct {
		x           float64
		class, text string
	}{{10, "first", "worker 0"}, {100, "second", "worker 1"}, {190, "ink", "both"}, {250, "faint", "nobody; a row is an array, from its first line to its last"}} {
		d.rect(key.class, key.x, y, 12, 12)
		d.text("small", key.x+18, y+10, "%s", key.text)
	}
	return d, nil
}

// strip draws who writes the lines of an array; lines of both stand out.
func (d *drawing) strip(x, y, width, height float64, writers []int) {
	for _, kind := range []struct {
		who   int
		class string
		more  float64 // height at both ends
		least float64 // width
	}{{worker0, "first", 0, 0}, {worker1, "second", 0, 0}, {both, "ink", 2, 0.8}} {
		var path strings.Builder
		for from := 0; from < len(writers); {
			to := from + 1
			for to < len(writers) && writers[to] == writers[from] {
				to++
			}
			if writers[from] == kind.who {
				scale := width / float64(len(writers))
				fmt.Fprintf(&path, "M%.1f %.1fh%.1fv%.1fh-%.1[3]fz", x+float64(from)*scale, y-kind.more, max(kind.least, float64(to-from)*scale), height+2*kind.more)
			}
			from = to
		}
		if path.Len() > 0 {
			fmt.Fprintf(&d.body, "<path class=\"%s\" d=\"%s\"/>\n", kind.class, path.String())
		}
	}
}

// counters draws the cache lines of a phase's two counters, as far apart as its
// fields lie.
func (d *drawing) counters(all *data, x, y, width float64) {
	const line = 64
	counters := all.lines.Counters
	first, end := counters[0].Offset-line, counters[len(counters)-1].Offset
	scale := width / float64(end-first)
	d.rect("faint", x, y, width, 14)
	for _, c := range counters[:len(counters)-1] {
		at := x + float64(c.Offset-first)*scale
		d.rect("ink", at, y-2, float64(c.Bytes)*scale, 18)
		d.text("small", at+float64(c.Bytes)*scale+5, y+11, "%s", c.Name)
	}
}
