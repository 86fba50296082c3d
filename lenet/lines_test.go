package lenet

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/kernelet/kernelet/mnist"
)

// linesFile is what docs/tour/draw draws page 10 from.
const linesFile = "../docs/tour/lines.json"

var writeLines = flag.Bool("write-lines", false, "write "+linesFile+" anew")

// cacheLine is the size of a cache line in bytes.
const cacheLine = 64

// stepLines is what linesFile has.
type stepLines struct {
	Counters []counterPlace `json:"counters"` // of a phase
	Phases   []phaseLines   `json:"phases"`
}

// counterPlace is a field of phase that all workers write, at so many bytes.
type counterPlace struct {
	Name   string `json:"name"`
	Offset int    `json:"offset"`
	Bytes  int    `json:"bytes"`
}

// phaseLines are the cache lines that the tasks of a phase write in a step.
type phaseLines struct {
	Name   string       `json:"name"`
	Tasks  int          `json:"tasks"`
	Arrays []arrayLines `json:"arrays"`
}

// arrayLines are those of one array. Runs are a task and the lines from the
// first to one behind the last that it writes; lines that no task of the phase
// writes may lie within a run.
type arrayLines struct {
	Name    string   `json:"name"`
	Lines   int      `json:"lines"`   // of the whole array
	Written int      `json:"written"` // by a task of the phase
	Runs    [][3]int `json:"runs"`
}

// TestCacheLines runs a step task by task and looks at what each of them writes:
// tasks of a phase never write the same number, and the lines of the cache that
// they share are those that docs/tour/lines.json knows.
func TestCacheLines(t *testing.T) {
	want, err := os.ReadFile(linesFile)
	if err != nil && !*writeLines {
		t.Fatal(err)
	}
	compared := false
	for _, isa := range ISAs() {
		if isa == "generic" { // rounds otherwise: lists of other lengths
			continue
		}
		phases := watchStep(t, isa)
		for _, p := range phases {
			t.Logf("%s:\n%v", isa, p)
		}
		got := encodeLines(t, phases)
		compared = true
		if *writeLines {
			if err := os.WriteFile(linesFile, got, 0o644); err != nil {
				t.Fatal(err)
			}
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: tasks write other cache lines than %s says; if they should, go test -run TestCacheLines ./lenet -write-lines", isa, linesFile)
		}
	}
	if !compared {
		t.Skip("no set of kernels that rounds as the recorded step did")
	}
}

// encodeLines writes a phase's array a line.
func encodeLines(t *testing.T, phases []phaseLines) []byte {
	var p phase
	content, err := json.Marshal(stepLines{Phases: phases, Counters: []counterPlace{
		{"taken", int(unsafe.Offsetof(p.taken)), int(unsafe.Sizeof(p.taken))},
		{"done", int(unsafe.Offsetof(p.done)), int(unsafe.Sizeof(p.done))},
		{"the end", int(unsafe.Sizeof(p)), 0},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.ReplaceAll(content, []byte(`{"name"`), []byte("\n{\"name\"")), '\n')
}

// watchStep trains two steps on the tutorial's settings and watches the second:
// the tasks are those for two workers, and one of them does all.
func watchStep(t *testing.T, isa string) []phaseLines {
	settings := Tutorial()
	settings.ISA, settings.Threads = isa, 2
	trainer := newTrainer(t, NewModel(1), settings)
	trainer.engine.workers = newWorkers(0)
	data := mnist.Synthetic(100, 7)
	step := func() {
		if _, err := trainer.Step(data.Images, data.Labels); err != nil {
			t.Fatal(err)
		}
	}
	step()
	e := trainer.engine
	w := &watch{t: t, arrays: arraysOf(e)}
	e.disturb()
	for _, p := range e.step.phases {
		task, at := p.task, -1
		p.task = func(worker, n int) error {
			if at < 0 {
				at = w.begin(p.name)
			}
			w.phases[at].Tasks++
			if err := task(worker, n); err != nil {
				return err
			}
			w.look(n)
			return nil
		}
	}
	step()
	w.end()
	return w.phases
}

// disturb changes what a step overwrites, so that one sees it written even where
// it becomes what it was.
func (e *engine) disturb() {
	fill := func(values []float32, value float32) {
		for i := range values {
			values[i] = value
		}
	}
	c := &e.chunk
	for _, values := range [][]float32{e.conv2DU, c.x, c.v, c.dM, c.y2, c.h, c.packed.Values, c.dPacked.Values, c.logits, c.dLogits, c.dH,
		c.denominators, c.dY2, c.partials1, c.imageLists.Values, c.outputLists.Values, e.own[0].work, e.own[0].y1} {
		fill(values, 12345)
	}
	for _, values := range [][]int32{c.imageLists.Outputs, c.imageLists.Ends, c.outputLists.Images, c.outputLists.Counts} {
		for i := range values {
			values[i] = 101 // an index of all that they name
		}
	}
	for _, values := range [][]byte{c.mask1, c.mask2} {
		for i := range values {
			values[i] = 0x5a
		}
	}
	for i := range e.job.losses {
		e.job.losses[i] = -1
	}
	clear(e.job.corrects)
	for value, p := range map[float32]*parameters{12345: &e.gradients, 1e-3: &e.firstMoments, 1e-6: &e.secondMoments} {
		for _, part := range p.parts() {
			fill(*part.target, value)
		}
	}
}

// watch compares arrays with what they were before a task.
type watch struct {
	t      *testing.T
	arrays []watched
	phases []phaseLines
}

// watched is an array of the engine, as bytes.
type watched struct {
	name    string
	element int // bytes of one
	now     []byte
	before  []byte
	writer  []int32 // of each element in this phase: its task + 1
	runs    [][3]int
	lines   []bool // that a task wrote
}

// arraysOf finds the arrays that an engine's steps write, by the names of their
// fields.
func arraysOf(e *engine) (all []watched) {
	var walk func(name string, v reflect.Value)
	walk = func(name string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				walk(strings.TrimPrefix(name+"."+v.Type().Field(i).Name, "."), v.Field(i))
			}
		case reflect.Slice:
			if v.Len() == 0 || v.Type().Elem().Kind() == reflect.Struct || strings.HasSuffix(name, ".all") {
				return
			}
			element := int(v.Type().Elem().Size())
			all = append(all, watched{name: name, element: element, now: unsafe.Slice((*byte)(v.UnsafePointer()), v.Len()*element)})
		}
	}
	value := reflect.ValueOf(e).Elem()
	for _, field := range []string{"weights", "firstMoments", "secondMoments", "gradients", "conv1U", "conv2U", "conv2DU", "chunk", "job"} {
		name := field
		if field == "chunk" || field == "job" {
			name = ""
		}
		walk(name, value.FieldByName(field))
	}
	return slices.DeleteFunc(all, func(a watched) bool { return a.name == "images" }) // of the caller
}

// begin starts a phase and returns its place.
func (w *watch) begin(name string) int {
	w.end()
	w.phases = append(w.phases, phaseLines{Name: name})
	for i := range w.arrays {
		a := &w.arrays[i]
		a.before = append(a.before[:0], a.now...)
		a.writer, a.runs, a.lines = make([]int32, len(a.now)/a.element), nil, make([]bool, (len(a.now)+cacheLine-1)/cacheLine)
	}
	return len(w.phases) - 1
}

// look notes what a task has written.
func (w *watch) look(task int) {
	for i := range w.arrays {
		a := &w.arrays[i]
		if bytes.Equal(a.now, a.before) {
			continue
		}
		if uintptr(unsafe.Pointer(&a.now[0]))%cacheLine != 0 {
			w.t.Fatalf("%s does not begin with a cache line", a.name)
		}
		for line := range a.lines {
			from, to := line*cacheLine, min((line+1)*cacheLine, len(a.now))
			if bytes.Equal(a.now[from:to], a.before[from:to]) {
				continue
			}
			for at := from; at < to; at += a.element {
				if bytes.Equal(a.now[at:at+a.element], a.before[at:at+a.element]) {
					continue
				}
				if other := a.writer[at/a.element]; other != 0 {
					w.t.Fatalf("%s: tasks %d and %d write %s[%d]", w.phases[len(w.phases)-1].Name, other-1, task, a.name, at/a.element)
				}
				a.writer[at/a.element] = int32(task + 1)
			}
			copy(a.before[from:to], a.now[from:to])
			a.lines[line] = true
			a.runs = append(a.runs, [3]int{task, line, line + 1})
		}
	}
}

// end adds what the tasks have written to the phase.
func (w *watch) end() {
	if len(w.phases) == 0 {
		return
	}
	p := &w.phases[len(w.phases)-1]
	for _, a := range w.arrays {
		if len(a.runs) == 0 {
			continue
		}
		noted := arrayLines{Name: a.name, Lines: len(a.lines), Runs: joined(a.runs, a.lines)}
		for _, written := range a.lines {
			if written {
				noted.Written++
			}
		}
		p.Arrays = append(p.Arrays, noted)
	}
}

// joined puts lines that follow one another into a run, also across lines that
// nobody writes.
func joined(lines [][3]int, written []bool) (runs [][3]int) {
	for _, l := range lines {
		if n := len(runs); n > 0 && runs[n-1][0] == l[0] && !slices.Contains(written[runs[n-1][2]:l[1]], true) {
			runs[n-1][2] = l[2]
			continue
		}
		runs = append(runs, l)
	}
	return runs
}

// String is a row of a table.
func (p phaseLines) String() string {
	var b strings.Builder
	for _, a := range p.Arrays {
		tasks := make([]int, a.Lines)
		for _, r := range a.Runs {
			for line := r[1]; line < r[2]; line++ {
				tasks[line]++
			}
		}
		fmt.Fprintf(&b, "%-30s %-22s %6d lines, %d of several tasks\n", p.Name, a.Name, a.Written, len(slices.DeleteFunc(tasks, func(n int) bool { return n < 2 })))
	}
	return b.String()
}
