package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/sweep"
)

// TestSweep: runs have the weights that train gives, tables and page are there,
// and a second call trains nothing.
func TestSweep(t *testing.T) {
	data, out, trained := dataFolder(t), filepath.Join(t.TempDir(), "new", "sweep"), t.TempDir()
	arguments := []string{"sweep", "--data", data, "--seeds", "3..4", "--vary", "lr=1e-3,2e-3", "--epochs", "1", "--limit", "300", "--out", out}
	stdout, stderr := execute(t, 0, arguments...)
	if stderr != "" || strings.Count(stdout, "\nlr ") != 2 || !strings.Contains(stdout, "best: seed ") || !strings.Contains(stdout, "run 4/4: seed ") {
		t.Errorf("sweep printed %q and %q", stdout, stderr)
	}
	execute(t, 0, "train", "--data", data, "--seed", "4", "--lr", "2e-3", "--epochs", "1", "--limit", "300", "--out", trained)
	model, err := lenet.Load(filepath.Join(trained, modelFile))
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(filepath.Join(out, sweep.RunsFile))
	if err != nil || !strings.Contains(string(table), ",4,1,100,0.002,") || !strings.Contains(string(table), model.SHA256()) {
		t.Errorf("no run with train's weights %s in\n%s, error %v", model.SHA256(), table, err)
	}
	for _, name := range []string{sweep.LinesFile, sweep.EpochsFile, sweep.SummaryFile, sweep.DistributionFile, sweep.CurvesFile, sweep.PageFile} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	stdout, _ = execute(t, 0, append(arguments, "--json")...)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if len(lines) != 5 {
		t.Fatalf("--json printed %q", stdout)
	}
	for i, line := range lines {
		var event struct {
			Event  string
			Groups []struct {
				Runs int
			}
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if want := map[bool]string{false: "run", true: "done"}[i == 4]; event.Event != want || i == 4 && (len(event.Groups) != 2 || event.Groups[0].Runs != 2) {
			t.Errorf("line %d: %q", i+1, line)
		}
	}
	if stdout, stderr := execute(t, 0, append(arguments, "--quiet")...); stdout != "" || stderr != "" {
		t.Errorf("--quiet printed %q and %q", stdout, stderr)
	}
}

// TestSweepInterrupted: results that are there are written, and the same command
// goes on to the same tables.
func TestSweepInterrupted(t *testing.T) {
	data, out := dataFolder(t), t.TempDir()
	command := &sweepCommand{Seeds: "1..3", Recipe: "tutorial", dataFlags: dataFlags{Data: data, Limit: 200}, ISA: "auto", Out: out, Threads: 1, Epochs: new(int)}
	*command.Epochs = 1
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var stdout, stderr bytes.Buffer
	err := command.Run(&environment{ctx: ctx, stdout: &stdout, stderr: &stderr, stepped: func(done, _ int) {
		if done > 200 { // in the second run
			cancel()
		}
	}})
	if err == nil || !strings.Contains(err.Error(), "interrupted after 1 of 3 runs") {
		t.Fatalf("expected an interruption, got %v", err)
	}
	if lines, err := readCSV(filepath.Join(out, sweep.RunsFile)); err != nil || len(lines) != 2 {
		t.Errorf("the table has %d lines, error %v", len(lines), err)
	}
	if err := command.Run(&environment{ctx: context.Background(), stdout: &stdout, stderr: &stderr}); err != nil {
		t.Fatal(err)
	}
	if lines, err := readCSV(filepath.Join(out, sweep.RunsFile)); err != nil || len(lines) != 4 {
		t.Errorf("the table has %d lines, error %v", len(lines), err)
	}
}

// TestSweepUsage: one line for each mistake.
func TestSweepUsage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	data := dataFolder(t)
	for _, c := range []struct {
		code      int
		says      string
		arguments []string
	}{
		{2, "--seeds", []string{"--seeds", "5..1"}},
		{2, "seed 1 is given twice", []string{"--seeds", "1,1"}},
		{2, "--vary", []string{"--vary", "speed=1"}},
		{2, "expected one of epochs, batch, lr", []string{"--vary", "speed=1"}},
		{2, "given twice", []string{"--vary", "lr=1e-4,0.0001"}},
		{2, "dropout", []string{"--vary", "dropout=0.5,1"}},
		{2, "epochs", []string{"--vary", "epochs=0"}},
		{2, "instruction set not available", []string{"--isa", "neon"}},
		{2, "--threads", []string{"--threads", "-1"}},
		{2, "--hold-out", []string{"--data", data, "--hold-out", "700", "--out", t.TempDir()}},
		{1, "--out", []string{"--out", file}},
		{1, "no such file", []string{"--data", data, "--init", "missing", "--out", t.TempDir()}},
	} {
		_, stderr := execute(t, c.code, append([]string{"sweep"}, c.arguments...)...)
		if strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: expected one line that says %q, got %q", c.arguments, c.says, stderr)
		}
	}
}
