package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/kernels"
)

// sample is a report with some of everything; faster scales its speed.
func sample(faster float64) *bench.Report {
	plain, err := kernels.Select("generic")
	if err != nil {
		panic(err)
	}
	r := &bench.Report{Schema: bench.Schema, Date: "2026-11-24T00:00:00Z", Machine: bench.Inspect(plain), Notes: []string{"a note"}}
	r.Machine.CPU, r.Machine.Sets, r.Machine.ISA = "CPU <script>", []string{"generic", "avx2"}, "avx2"
	row := func(group, name, isa string, threads, batch int, unit string, value float64) {
		r.Rows = append(r.Rows, bench.Row{Group: group, Name: name, ISA: isa, Threads: threads, Batch: batch, Unit: unit, Value: value, Low: value * .99, High: value * 1.01, Samples: 31, Outliers: 2})
	}
	row("ceiling", bench.PeakName, "avx2", 1, 0, "GFLOP/s", 100*faster)
	row("ceiling", bench.ReadingPrefix+"L1", "avx2", 1, 0, "GB/s", 200*faster)
	row("kernel", "Conv2ForwardReLUPool", "avx2", 1, 0, "µs/image", 6/faster)
	k := &r.Rows[len(r.Rows)-1]
	k.DenseGFLOPs, k.ExecutedGFLOPs, k.Bytes, k.TimesPeak, k.Bound, k.OfBound = 500, 100, 40000, 5, "FMA", 1
	for _, threads := range []int{1, 2} {
		row("whole", bench.Train, "avx2", threads, 100, "µs/image", 25/faster)
		row("whole", bench.Infer, "avx2", threads, 100, "µs/image", 8/faster)
	}
	row("whole", bench.Infer, "avx2", 1, 1, "µs/image", 19.9/faster)
	score := 1000 * faster
	r.Score = bench.Score{Version: bench.ScoreVersion, OneThread: score, OneThreadLow: 0.99 * score, OneThreadHigh: 1.01 * score,
		AllThreads: score, AllThreadsLow: 0.99 * score, AllThreadsHigh: 1.01 * score}
	return r
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
	if err := WriteJSON(&b, want); err != nil {
		t.Fatal(err)
	}
	write(b.Bytes())
	got, err := Read(path)
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
		"no rows":   []byte(`{"schema":"` + bench.Schema + `"}`),
		"text":      []byte("hello"),
		"schema":    encoded(t, other),
		"negative":  encoded(t, negative),
		"trailing":  append(slices.Clone(b.Bytes()), "{}"...),
		"large":     append(slices.Clone(b.Bytes()), bytes.Repeat([]byte(" "), maxReport)...),
	} {
		write(content)
		if _, err := Read(path); !errors.Is(err, ErrReport) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: expected ErrReport that names the file, got %v", name, err)
		}
	}
}

func encoded(t *testing.T, r *bench.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCompare(t *testing.T) {
	a, same, fast := sample(1), sample(1.001), sample(2)
	var b strings.Builder
	if err := Compare(&b, []string{"a", "same", "fast"}, []*bench.Report{a, same, fast}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"score, one thread", "1.001 ~", "2.000  \n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("expected %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "differ in") {
		t.Errorf("the same machine differs:\n%s", b.String())
	}
	fast.Machine.CPU, fast.Machine.ISA, fast.Machine.Kernelet = "another", "avx512", "v9"
	b.Reset()
	if err := Compare(&b, []string{"a", "same", "fast"}, []*bench.Report{a, same, fast}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a and fast differ in CPU: CPU <script>", "instruction set: avx2, avx512", "kernelet's version: "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("expected %q in\n%s", want, b.String())
		}
	}
	fast.Score.Version++
	b.Reset()
	if err := Compare(&b, []string{"a", "fast"}, []*bench.Report{a, fast}); err != nil || strings.Contains(b.String(), "score, one") || !strings.Contains(b.String(), "cannot be compared") {
		t.Errorf("other score version: %v\n%s", err, b.String())
	}
	if err := Compare(&b, []string{"a"}, []*bench.Report{a}); err == nil {
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
		if err := Compare(&out, []string{"a", "b"}, []*bench.Report{a, b}); err != nil {
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
	a.Rows = slices.DeleteFunc(a.Rows, func(r bench.Row) bool { return r.Name == "infer" })
	b.Rows = slices.DeleteFunc(b.Rows, func(r bench.Row) bool { return r.Group == "kernel" })
	a.Score = bench.Score{Version: bench.ScoreVersion} // could not be made
	var out strings.Builder
	if err := Compare(&out, []string{"a", "b"}, []*bench.Report{a, b}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Conv2ForwardReLUPool": "Conv2ForwardReLUPool avx2 1 6.000 µs/image –",
		"infer, batch 1 ":      "infer, batch 1 avx2 1 – 9.950 µs/image",
		"score, one thread":    "score, one thread – 2000",
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

func TestForms(t *testing.T) {
	r := sample(1)
	r.Machine.Governor, r.Machine.Sockets, r.Machine.SMT, r.Machine.HugePages, r.Machine.L3Count, r.Machine.LoadAfter = "powersave", 2, true, "madvise", 2, 1.25
	var text, page, benchmarks strings.Builder
	for _, err := range []error{WriteText(&text, r), WriteHTML(&page, r), WriteBenchmarks(&benchmarks, r)} {
		if err != nil {
			t.Fatal(err)
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

// TestBar: in eighths of a column, rounded, never beyond the width.
func TestBar(t *testing.T) {
	for share, want := range map[float64]string{-1: "", 0: "", 1. / 16: "▏", 0.5: "█", 9. / 16: "█▏", 15. / 16: "█▉", 1: "██", 7: "██"} {
		if got := bar(share, 2); got != want {
			t.Errorf("%v of two columns: expected %q, got %q", share, want, got)
		}
	}
}
