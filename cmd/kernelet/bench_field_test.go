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
	"testing"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/kernels"
)

// measuredFile writes a report of one row.
func measuredFile(t *testing.T, name string, microseconds float64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	content := fmt.Sprintf(`{"schema":%q,"score":{"version":3,"one_thread":1000,"all_threads":1000},
		"rows":[{"group":"whole","name":"train","threads":1,"batch":100,"unit":"µs/image","value":%[2]g,"low":%[2]g,"high":%[2]g,"best":%[2]g,"samples":45}]}`, bench.Schema, microseconds)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBenchCompareForms: every form, and the exit code for a pipeline.
func TestBenchCompareForms(t *testing.T) {
	old, slow := measuredFile(t, "old.json", 40), measuredFile(t, "slow.json", 44)
	page := filepath.Join(t.TempDir(), "page.html")
	if stdout, _ := execute(t, 0, "bench", "compare", "--markdown", "--html", page, old, slow); !strings.Contains(stdout, "| train, batch 100 |  | 1 | 40.00 µs/image | 0.909 |") {
		t.Errorf("Markdown:\n%s", stdout)
	}
	if content, err := os.ReadFile(page); err != nil || !bytes.Contains(content, []byte("slow.json")) {
		t.Errorf("page: %v", err)
	}
	if stdout, _ := execute(t, 0, "bench", "compare", "--csv", old, slow); !strings.Contains(stdout, "\nWhole/train/batch=100/threads=1,slow.json,µs/image,44,44,44,44,45,0.909091,true\n") {
		t.Errorf("CSV:\n%s", stdout)
	}
	execute(t, 0, "bench", "compare", "--fail-slower", "12%", old, slow)
	execute(t, 0, "bench", "compare", "--fail-slower", "5", slow, old)
	if _, stderr := execute(t, 1, "bench", "compare", "--fail-slower", "5%", old, slow); !strings.Contains(stderr, "Whole/train/batch=100/threads=1: slow.json is 10.0 % slower than old.json") || !strings.Contains(stderr, "1 rows are slower by more than 5%") {
		t.Errorf("slower: %q", stderr)
	}
	for _, wrong := range []string{"x", "-1%", "NaN", "9999%"} {
		if _, stderr := execute(t, 2, "bench", "compare", "--fail-slower="+wrong, old, slow); !strings.Contains(stderr, "--fail-slower") {
			t.Errorf("%s: %q", wrong, stderr)
		}
	}
	execute(t, 2, "bench", "compare", "--csv", "--markdown", old, slow)
	again := measuredFile(t, "old.json", 40)
	if stdout, _ := execute(t, 0, "bench", "compare", old, again); !strings.Contains(stdout, old) || !strings.Contains(stdout, again) {
		t.Errorf("files of the same name are not told apart:\n%s", stdout)
	}
}

// TestBenchStress: a short run, as text, JSON and a page.
func TestBenchStress(t *testing.T) {
	for _, minutes := range []string{"0", "-1", "NaN", "1e9"} {
		if _, stderr := execute(t, 2, "bench", "stress", "--minutes="+minutes); !strings.Contains(stderr, "--minutes") {
			t.Errorf("%s minutes: %q", minutes, stderr)
		}
	}
	if len(kernels.Available()) == 1 {
		t.Skip("plain Go takes minutes")
	}
	page := filepath.Join(t.TempDir(), "page.html")
	stdout, _ := execute(t, 0, "bench", "stress", "--minutes", "0.02", "--json", "--html", page)
	var seen bench.Stress
	if err := json.Unmarshal([]byte(stdout), &seen); err != nil || seen.Schema != bench.StressSchema || len(seen.Wrong) != 0 {
		t.Errorf("%v, %+v", err, seen)
	}
	if content, err := os.ReadFile(page); err != nil || !bytes.Contains(content, []byte("<svg")) {
		t.Errorf("page: %v", err)
	}
}

// TestBenchNoResult: a disturbed run has an exit code of its own.
func TestBenchNoResult(t *testing.T) {
	var stderr bytes.Buffer
	if code := finish(context.Background(), fmt.Errorf("%w: busy", errNoResult), 0, &stderr); code != exitNoResult || stderr.String() != "kernelet: not a result: busy\n" {
		t.Errorf("exit code %d, %q", code, stderr.String())
	}
}

// TestBenchWait: waiting ends with the context, and there is none without the flag.
func TestBenchWait(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e := &environment{ctx: ctx, stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	if err := (&benchFlags{Wait: true}).await(e); !errors.Is(err, context.Canceled) {
		t.Errorf("expected context.Canceled, got %v", err)
	}
	if err := (&benchFlags{}).await(e); err != nil {
		t.Errorf("without --wait: %v", err)
	}
}
