package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// TestSummary: the interval covers the true median in 95 of 100 cases, also of
// a skewed distribution.
func TestSummary(t *testing.T) {
	const trials = 4000
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{6, 11, 30, 31} {
		covered := 0
		for range trials {
			samples := make([]float64, n)
			for i := range samples {
				samples[i] = r.ExpFloat64() // its median is ln 2
			}
			if s := summarise(samples); s.low <= 0.6931471805599453 && 0.6931471805599453 <= s.high {
				covered++
			}
		}
		// Three standard deviations of the count below 95 %.
		if float64(covered) < trials*0.95-3*14 {
			t.Errorf("%d samples: %d of %d intervals cover the median", n, covered, trials)
		}
	}
	if s := summarise([]float64{5, 1, 2, 3, 4, 100}); s.median != 3.5 || s.low != 1 || s.high != 100 || s.outliers != 1 {
		t.Errorf("got %+v", s)
	}
	if s := summarise([]float64{7}); s.median != 7 || s.low != 7 || s.high != 7 {
		t.Errorf("one sample: got %+v", s)
	}
}

// TestMeasure: samples are taken in turn, and the end of the context ends it.
func TestMeasure(t *testing.T) {
	var order []string
	make := func(name string, most int) *measurement {
		return &measurement{row: Row{Name: name, Unit: "µs/image"}, most: most, run: func(n int) (float64, error) {
			time.Sleep(time.Duration(n) * time.Microsecond)
			order = append(order, name)
			return float64(n), nil
		}}
	}
	a, b := make("a", 0), make("b", 2)
	if err := measure(context.Background(), []*measurement{a, b}, time.Millisecond, 4, func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	if len(a.samples) != 4 || len(b.samples) != 2 {
		t.Fatalf("expected 4 and 2 samples, got %d and %d", len(a.samples), len(b.samples))
	}
	// The two samples of b are spread over the four rounds.
	if last := order[len(order)-3:]; !slices.Equal(last, []string{"a", "a", "b"}) {
		t.Errorf("samples are not taken in turn: the last are %v", last)
	}
	for _, v := range a.samples {
		if v < 1 {
			t.Errorf("a sleep of 1 µs took %v µs", v)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := measure(ctx, []*measurement{make("c", 0)}, time.Millisecond, 4, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("expected context.Canceled, got %v", err)
	}
}

// TestEveryKernel: every method of Set is measured, and runs.
func TestEveryKernel(t *testing.T) {
	cases, err := kernelCases()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range cases {
		names = append(names, c.name)
		for _, isa := range kernels.Available() {
			s, err := kernels.Select(isa)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.call(s); err != nil {
				t.Errorf("%s, %s: %v", c.name, isa, err)
			}
		}
		if c.images <= 0 || c.touched <= 0 || c.dense < 0 || c.executed < 0 {
			t.Errorf("%s: %+v", c.name, c)
		}
	}
	others := []string{"Name", "FMAPeak", "FMAPeakMemory", "FMAPeakBroadcast", "Read"}
	methods := reflect.TypeFor[*kernels.Set]()
	for i := range methods.NumMethod() {
		if name := methods.Method(i).Name; !slices.Contains(names, name) && !slices.Contains(others, name) {
			t.Errorf("%s is not measured", name)
		}
	}
}

// sample is a report with some of everything; faster scales its speed.
func sample(faster float64) *Report {
	plain, err := kernels.Select("generic")
	if err != nil {
		panic(err)
	}
	r := &Report{Schema: Schema, Date: "2026-11-24T00:00:00Z", Machine: Inspect(plain), Notes: []string{"a note"}}
	r.Machine.CPU, r.Machine.Sets, r.Machine.ISA = "CPU <script>", []string{"generic", "avx2"}, "avx2"
	row := func(group, name, isa string, threads, batch int, unit string, value float64) {
		r.Rows = append(r.Rows, Row{Group: group, Name: name, ISA: isa, Threads: threads, Batch: batch, Unit: unit, Value: value, Low: value * .99, High: value * 1.01, Samples: 31, Outliers: 2})
	}
	row("ceiling", peakName, "avx2", 1, 0, "GFLOP/s", 100*faster)
	row("ceiling", "reading L1", "avx2", 1, 0, "GB/s", 200*faster)
	row("kernel", "Conv2ForwardReLUPool", "avx2", 1, 0, "µs/image", 6/faster)
	k := &r.Rows[len(r.Rows)-1]
	k.DenseGFLOPs, k.ExecutedGFLOPs, k.Bytes, k.TimesPeak, k.Bound, k.OfBound = 500, 100, 40000, 5, "FMA", 1
	for _, reference := range oneThread {
		row("whole", reference.name, "avx2", 1, reference.batch, "µs/image", reference.microseconds/faster)
	}
	for _, reference := range allThreads {
		row("whole", reference.name, "avx2", 2, reference.batch, "µs/image", reference.microseconds/faster)
	}
	r.Score = score(r.Rows)
	return r
}

// TestScore: the reference machine has 1000, one that is twice as fast 2000.
func TestScore(t *testing.T) {
	if s := sample(1).Score; s.OneThread != 1000 || s.AllThreads != 1000 || s.OneThreadLow != 990 || s.OneThreadHigh != 1010 {
		t.Errorf("the reference: %+v", s)
	}
	if s := sample(2).Score; s.OneThread != 2000 || s.AllThreads != 2000 {
		t.Errorf("twice as fast: %+v", s)
	}
	if s := score(nil); s.OneThread != 0 {
		t.Errorf("without rows: %+v", s)
	}
}

func TestReports(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.json")
	write := func(content []byte) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := sample(1)
	var b bytes.Buffer
	if err := want.Write(&b); err != nil {
		t.Fatal(err)
	}
	write(b.Bytes())
	got, err := ReadReport(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("expected %+v, got %+v", want, got)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b.Bytes(), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"schema", "machine", "score", "rows"} {
		if fields[name] == nil {
			t.Errorf("field %q is missing", name)
		}
	}
	other, negative := sample(1), sample(1)
	other.Schema = "kernelet-bench/99"
	negative.Rows[0].Low = -1
	for name, content := range map[string][]byte{
		"truncated": b.Bytes()[:b.Len()/2],
		"empty":     nil,
		"no rows":   []byte(`{"schema":"` + Schema + `"}`),
		"text":      []byte("hello"),
		"schema":    encoded(t, other),
		"negative":  encoded(t, negative),
		"trailing":  append(slices.Clone(b.Bytes()), "{}"...),
		"large":     append(slices.Clone(b.Bytes()), bytes.Repeat([]byte(" "), maxReport)...),
	} {
		write(content)
		if _, err := ReadReport(path); !errors.Is(err, ErrReport) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: expected ErrReport that names the file, got %v", name, err)
		}
	}
}

func encoded(t *testing.T, r *Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCompare(t *testing.T) {
	a, same, fast := sample(1), sample(1.001), sample(2)
	var b strings.Builder
	if err := Compare(&b, []string{"a", "same", "fast"}, []*Report{a, same, fast}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"score, one thread", "1.001 ~", "2.000  \n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("expected %q in\n%s", want, b.String())
		}
	}
	fast.Score.Version++
	b.Reset()
	if err := Compare(&b, []string{"a", "fast"}, []*Report{a, fast}); err != nil || strings.Contains(b.String(), "score, one") || !strings.Contains(b.String(), "cannot be compared") {
		t.Errorf("other score version: %v\n%s", err, b.String())
	}
	if err := Compare(&b, []string{"a"}, []*Report{a}); err == nil {
		t.Error("one report: expected an error")
	}
}

// TestCompareFewSamples: what was measured less than six times says nothing,
// however far the intervals are apart.
func TestCompareFewSamples(t *testing.T) {
	for samples, want := range map[int]string{1: "2.000 ~", 5: "2.000 ~", 6: "2.000  "} {
		a, b := sample(1), sample(2)
		a.Rows[2].Samples = samples
		var out strings.Builder
		if err := Compare(&out, []string{"a", "b"}, []*Report{a, b}); err != nil {
			t.Fatal(err)
		}
		if line := lineWith(out.String(), a.Rows[2].Name); !strings.Contains(line+" ", want) {
			t.Errorf("%d samples: expected %q in %q", samples, want, line)
		}
	}
}

// TestCompareOtherRows: rows that only some of the reports have are listed, and
// a score that could not be made is no number.
func TestCompareOtherRows(t *testing.T) {
	a, b := sample(1), sample(2)
	a.Rows = slices.DeleteFunc(a.Rows, func(r Row) bool { return r.Name == "infer" })
	b.Rows = slices.DeleteFunc(b.Rows, func(r Row) bool { return r.Group == "kernel" })
	a.Score = score(a.Rows)
	var out strings.Builder
	if err := Compare(&out, []string{"a", "b"}, []*Report{a, b}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Conv2ForwardReLUPool": "Conv2ForwardReLUPool avx2 1 6.000 µs/image –",
		"infer, batch 1 ":      "infer, batch 1 avx2 1 – 9.950 µs/image",
		"score, one thread":    "score, one thread 0 –",
	} {
		if line := strings.Join(strings.Fields(lineWith(out.String(), name)), " "); line != want {
			t.Errorf("expected %q, got %q", want, line)
		}
	}
	if strings.Contains(out.String(), "NaN") || strings.Contains(out.String(), "Inf") {
		t.Errorf("no number:\n%s", out.String())
	}
}

// lineWith returns the first line that contains a text.
func lineWith(lines, text string) string {
	for line := range strings.Lines(lines) {
		if strings.Contains(line, text) {
			return line
		}
	}
	return ""
}

// TestSamples: every kernel is measured often enough for an interval.
func TestSamples(t *testing.T) {
	plain, err := kernels.Select("generic")
	if err != nil {
		t.Fatal(err)
	}
	all, err := kernelMeasurements([]*kernels.Set{plain})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.most < fewestSamples {
			t.Errorf("%s: %d samples", m.row.Name, m.most)
		}
	}
}

func TestForms(t *testing.T) {
	r := sample(1)
	r.Machine.Governor, r.Machine.Sockets, r.Machine.SMT, r.Machine.HugePages, r.Machine.L3Count, r.Machine.LoadAfter = "powersave", 2, true, "madvise", 2, 1.25
	var text, page, benchmarks strings.Builder
	for _, write := range []error{r.WriteText(&text), r.WriteHTML(&page), r.WriteBenchmarks(&benchmarks)} {
		if write != nil {
			t.Fatal(write)
		}
	}
	for _, want := range []string{"CPU <script>", "Conv2ForwardReLUPool", "1000 on one thread (990 to 1010)", "a note", "████"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("expected %q in\n%s", want, text.String())
		}
	}
	for _, form := range []*strings.Builder{&text, &page} {
		for _, want := range []string{"powersave", "2 sockets", "SMT", "madvise", "in 2 caches", "before, 1.25 after"} {
			if !strings.Contains(form.String(), want) {
				t.Errorf("expected %q in\n%s", want, form.String())
			}
		}
		// Those of every row.
		if got := strings.Count(form.String(), "2 of 31 far off"); got != len(r.Rows) {
			t.Errorf("outliers of %d rows, not %d, in\n%s", got, len(r.Rows), form.String())
		}
	}
	if p := page.String(); strings.Contains(p, "<script") || strings.Contains(p, "http") || strings.Contains(p, "src=") || strings.Contains(p, "NaN") || !strings.Contains(p, "<svg") {
		t.Errorf("the page is not self-contained, or not escaped:\n%s", p)
	}
	if !strings.Contains(benchmarks.String(), "\nBenchmarkKernel/Conv2ForwardReLUPool/isa=avx2/threads=1 1 6000 ns/op\n") {
		t.Errorf("benchmark lines:\n%s", benchmarks.String())
	}
}

func TestFigures(t *testing.T) {
	for v, want := range map[float64]string{0.06371: "0.0637", 1.2345: "1.234", 16.81: "16.81", 117.62: "117.6", 5432.1: "5432"} {
		if got := figure(v); got != want {
			t.Errorf("%v: expected %s, got %s", v, want, got)
		}
	}
}

// TestLoad: a load that is not the run's own is a warning.
func TestLoad(t *testing.T) {
	for load, want := range map[float64]int{0: 0, 2.4: 0, 2.6: 1} {
		m := Machine{Used: 2}
		if m.after(load); len(m.Warnings) != want || m.LoadAfter != load {
			t.Errorf("load %v: %+v", load, m)
		}
	}
}

func TestTopology(t *testing.T) {
	var m Machine
	m.topology("processor\t: 0\nphysical id\t: 0\ncore id\t: 0\n\nprocessor\t: 1\nphysical id\t: 0\ncore id\t: 0\n\nprocessor\t: 2\nphysical id\t: 1\ncore id\t: 0\n")
	if m.Cores != 2 || m.Sockets != 2 {
		t.Errorf("expected two cores on two sockets, got %+v", m)
	}
	if got := bracketed("always [madvise] never"); got != "madvise" {
		t.Errorf("huge pages: %q", got)
	}
}

// TestLevels: on any number of threads, what is read comes from the level that
// is measured.
func TestLevels(t *testing.T) {
	for _, c := range []caches{
		{32 << 10, 1 << 20, 32 << 20, 1},     // two cores of a server in a virtual machine
		{32 << 10, 1 << 20, 32 << 20, 12},    // a server of twelve dies
		{48 << 10, 2 << 20, 105 << 20, 2},    // two sockets
		{32 << 10, 1 << 20, 11 << 18, 1},     // an L3 of less than 3 MB
		{32 << 10, 256 << 10, 6 << 20, 1},    // a laptop
		{128 << 10, 4 << 20, 0, 1},           // no L3
		{32 << 10, 2 << 20, 3 << 20, 1},      // an L3 that is hardly larger than L2
		{32 << 10, 1 << 20, 1152 << 20, 100}, // larger than an int of 32 bits
	} {
		for n := 1; n <= 256; n++ {
			names := ""
			for _, l := range levels(c) {
				names += l.name + " "
				each := l.each(n)
				if each <= 0 || each%(4*kernels.ReadStep) != 0 {
					t.Errorf("%+v, %d threads, %s: %d bytes", c, n, l.name, each)
				}
				switch l.name {
				case "L1":
					if each > c.l1*3/4 {
						t.Errorf("%+v: L1 is read by %d bytes", c, each)
					}
				case "L2":
					if each < 2*c.l1 || each > c.l2*3/4 {
						t.Errorf("%+v: L2 is read by %d bytes", c, each)
					}
				case "L3":
					fits := n*c.l2*3/2 <= c.l3*3/4
					if each < c.l2*3/2 || fits && n*each > c.l3*3/4 {
						t.Errorf("%+v, %d threads: L3 is read by %d bytes each", c, n, each)
					}
				case "memory":
					if least := min(4*int64(c.l3)*int64(c.l3Count), math.MaxInt/2); each < 4*c.l2 || int64(n)*int64(each) < least-256<<10 {
						t.Errorf("%+v, %d threads: memory is read by %d bytes each", c, n, each)
					}
				}
			}
			if want := map[bool]string{true: "L1 L2 L3 memory ", false: "L1 L2 memory "}[c.l3 >= 2*c.l2]; names != want {
				t.Fatalf("%+v: expected %s, got %s", c, want, names)
			}
		}
	}
}

// TestCeilings: there is a peak of multiply-adds for every row of the whole
// network.
func TestCeilings(t *testing.T) {
	const threads = 6
	var sets []*kernels.Set
	for _, isa := range kernels.Available() {
		s, err := kernels.Select(isa)
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, s)
	}
	all := ceilings(sets, sets[0], threads)
	has := func(name, isa string, n int) bool {
		return slices.ContainsFunc(all, func(m *measurement) bool { return m.row.Name == name && m.row.ISA == isa && m.row.Threads == n })
	}
	for _, s := range sets {
		for _, n := range threadCounts(threads) {
			if !has(peakName, s.Name(), n) {
				t.Errorf("no peak of %s on %d threads", s.Name(), n)
			}
			if !has("reading L2", sets[0].Name(), n) {
				t.Errorf("no reading from L2 on %d threads", n)
			}
		}
		for _, name := range []string{"FMA, memory operand", "FMA, broadcast operand"} {
			if !has(name, s.Name(), 1) || !has(name, s.Name(), threads) {
				t.Errorf("no %s of %s", name, s.Name())
			}
		}
	}
	for _, m := range all {
		if work, err := m.run(1); err != nil || work <= 0 {
			t.Errorf("%s: %v, error %v", m.row.key(), work, err)
		}
	}
}

// TestInfer: a row says which set computed it, and has figures.
func TestInfer(t *testing.T) {
	images := mnist.Synthetic(4, 1).Images
	for _, isa := range kernels.Available() {
		classifier, err := lenet.NewClassifier(lenet.NewModel(1), lenet.Options{ISA: isa, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		row, err := Infer(context.Background(), classifier, images, 2, 1, 3)
		if err != nil || row.ISA != isa || row.Batch != 2 || !(row.Microseconds > 0 && row.P99 >= row.P50 && row.TimesPeak > 0) {
			t.Errorf("%s: got %+v, error %v", isa, row, err)
		}
	}
}

// TestOnMNIST: without MNIST, and on other images in its place, there is a note
// and no time.
func TestOnMNIST(t *testing.T) {
	dir := t.TempDir()
	note := func(isa, want string) {
		t.Helper()
		rows, notes, err := onMNIST(context.Background(), isa, mnist.Options{Dir: dir}, nil)
		if err != nil || len(rows) != 0 || len(notes) != 1 || !strings.Contains(notes[0], want) {
			t.Errorf("%s: expected a note with %q, got %v, %q, error %v", isa, want, rows, notes, err)
		}
	}
	note("generic", "plain Go")
	note("avx2", "not on this machine")
	one := mnist.Synthetic(1, 1)
	for _, set := range []string{"train", "t10k"} {
		for name, content := range map[string][]byte{
			"-images-idx3-ubyte": append([]byte{0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28}, one.Images...),
			"-labels-idx1-ubyte": append([]byte{0, 0, 8, 1, 0, 0, 0, 1}, one.Labels...),
		} {
			if err := os.WriteFile(filepath.Join(dir, set+name), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	note("avx2", "is not MNIST")
}
