package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/bench/report"
	"github.com/kernelet/kernelet/internal/testmnist"
	"github.com/kernelet/kernelet/kernels"
)

// executeBench measures and returns what it prints. On a machine that is busy it
// says that there is no result, on any other it says nothing.
func executeBench(t *testing.T, arguments ...string) string {
	t.Helper()
	var out, complaints bytes.Buffer
	switch code := run(context.Background(), append([]string{"bench"}, arguments...), &out, &complaints); {
	case code == 0 && complaints.Len() == 0:
	case code == exitNoResult && strings.Contains(complaints.String(), "not a result: "):
	default:
		t.Fatalf("bench %v: exit code %d\n%s%s", arguments, code, out.String(), complaints.String())
	}
	return out.String()
}

// TestBenchUnknownISA: an instruction set that is not there is refused, by name
// and before anything is measured, whether the flag or the variable names it.
func TestBenchUnknownISA(t *testing.T) {
	for _, command := range [][]string{{"bench", "--quick"}, {"bench", "train"}, {"bench", "infer"}} {
		t.Setenv("KERNELET_ISA", "")
		if _, stderr := execute(t, 2, append(command, "--isa", "sse9")...); !strings.Contains(stderr, `isa: expected one of generic`) || !strings.Contains(stderr, "sse9") {
			t.Errorf("%v --isa sse9: %q", command, stderr)
		}
		t.Setenv("KERNELET_ISA", "sse8")
		if _, stderr := execute(t, 2, command...); !strings.Contains(stderr, "KERNELET_ISA") || !strings.Contains(stderr, "sse8") {
			t.Errorf("KERNELET_ISA=sse8 %v: %q", command, stderr)
		}
	}
}

// TestBenchISA: the whole network runs on the set that --isa names, or else
// KERNELET_ISA, and the report says so.
func TestBenchISA(t *testing.T) {
	testmnist.NeedLong(t)
	sets := kernels.Available()[1:]
	if len(sets) == 0 {
		t.Skip("plain Go takes minutes")
	}
	for _, isa := range sets {
		for _, c := range []struct {
			variable  string
			arguments []string
		}{{isa, nil}, {"generic", []string{"--isa", isa}}} {
			t.Setenv("KERNELET_ISA", c.variable)
			stdout := executeBench(t, append([]string{"--quick", "--json"}, c.arguments...)...)
			path := filepath.Join(t.TempDir(), "report.json")
			if err := os.WriteFile(path, []byte(stdout), 0o644); err != nil {
				t.Fatal(err)
			}
			r, err := report.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			if r.Machine.ISA != isa {
				t.Errorf("KERNELET_ISA=%s %v: expected %s in use, got %s", c.variable, c.arguments, isa, r.Machine.ISA)
			}
			for _, row := range r.Rows {
				if row.Group == "whole" && (row.ISA != isa || !(row.TimesPeak > 0)) {
					t.Errorf("KERNELET_ISA=%s %v: %s, batch %d, %d threads: expected %s and its share of the peak, got %s and %v",
						c.variable, c.arguments, row.Name, row.Batch, row.Threads, isa, row.ISA, row.TimesPeak)
				}
			}
			best := sets[len(sets)-1]
			warned := slices.ContainsFunc(r.Machine.Warnings, func(w string) bool { return strings.Contains(w, "not on "+best) })
			if warned != (isa != best) {
				t.Errorf("%s: warnings %q", isa, r.Machine.Warnings)
			}
		}
	}
}

// TestBenchCompare: reports that --json printed are compared, others refused.
func TestBenchCompare(t *testing.T) {
	folder := t.TempDir()
	report := func(name, schema string, value float64) string {
		path := filepath.Join(folder, name)
		content := fmt.Sprintf(`{"schema":%q,"score":{"version":1,"one_thread":1000,"all_threads":1000},
			"rows":[{"group":"whole","name":"train","threads":1,"batch":100,"unit":"µs/image","value":%g,"low":%g,"high":%g}]}`, schema, value, value, value)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a, b, other := report("a.json", bench.Schema, 50), report("b.json", bench.Schema, 40), report("c.json", "kernelet-bench/0", 40)
	stdout, _ := execute(t, 0, "bench", "compare", a, b)
	if !regexp.MustCompile(`train, batch 100 +1 +50\.00 µs/image +1\.250 `).MatchString(stdout) {
		t.Errorf("compare printed\n%s", stdout)
	}
	if _, stderr := execute(t, 1, "bench", "compare", a, other); !strings.Contains(stderr, "c.json") || !strings.Contains(stderr, "schema") {
		t.Errorf("another schema: %q", stderr)
	}
	execute(t, 2, "bench", "compare", a)
	execute(t, 2, "bench", "--json", "--benchfmt")
}

// TestBenchInfer: a selection of the rows, on images of a folder and with a model.
func TestBenchInfer(t *testing.T) {
	if sets := kernels.Available(); len(sets) == 1 {
		t.Skip("plain Go takes minutes")
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "report.json")
	if _, stderr := execute(t, 1, "bench", "infer", "--data", dataFolder(t)); !strings.Contains(stderr, "images: expected at least 1000, got 100") {
		t.Errorf("too few images: %q", stderr)
	}
	stdout, _ := execute(t, 0, "bench", "infer", "--quick", "--json", "--model", "pretrained")
	if err := os.WriteFile(path, []byte(stdout), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := report.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range r.Rows {
		if row.Group == "kernel" || row.Group == "whole" && row.Name != bench.Infer && row.Name != bench.InferRate {
			t.Errorf("bench infer measured %s", row.Key())
		}
	}
	if r.Score.OneThread != 0 {
		t.Errorf("another model has a score: %+v", r.Score)
	}
}

// TestBench: a quick run prints a report that compares with itself.
func TestBench(t *testing.T) {
	testmnist.NeedLong(t)
	page, path := filepath.Join(t.TempDir(), "page.html"), filepath.Join(t.TempDir(), "report.json")
	executeBench(t, "--quick", "--html", page, "--save", path)
	if r, err := report.Read(path); err != nil || !(r.Score.OneThread > 0) {
		t.Errorf("the report: %+v, error %v", r, err)
	}
	if content, err := os.ReadFile(page); err != nil || !bytes.Contains(content, []byte("<svg")) {
		t.Errorf("the page: error %v", err)
	}
}
