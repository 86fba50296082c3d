package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/bench/report"
)

// TestPage: the page that is there is what its reports say.
func TestPage(t *testing.T) {
	if err := run(filepath.Join("..", "..", "..", folder), true); err != nil {
		t.Error(err)
	}
}

// TestMakePage: the fastest first; a report that is no result, or of another
// score's version, has no place.
func TestMakePage(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, score float64, change func(r *bench.Report)) {
		t.Helper()
		r := &bench.Report{Schema: bench.Schema, Date: "2026-11-30T12:00:00Z"}
		r.Machine.CPU, r.Machine.ISA, r.Machine.Used, r.Machine.Cores = "A CPU "+name, "avx2", 2, 2
		r.Score = bench.Score{Version: bench.ScoreVersion, OneThread: score, AllThreads: score}
		r.Rows = []bench.Row{{Group: "whole", Name: bench.Train, ISA: "avx2", Threads: 1, Batch: 100, Unit: "µs/image", Value: 30, Low: 29, High: 31, Best: 28.25}}
		change(r)
		file, err := os.Create(filepath.Join(dir, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if err := report.WriteJSON(file, r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := makePage(dir); err == nil {
		t.Error("no reports: expected an error")
	}
	same := func(*bench.Report) {}
	write("slow", 500, same)
	write("fast", 2000, same)
	page, err := makePage(dir)
	if err != nil {
		t.Fatal(err)
	}
	fast, slow := strings.Index(string(page), "A CPU fast"), strings.Index(string(page), "A CPU slow")
	if fast < 0 || slow < fast || !strings.Contains(string(page), "| 2000 | 2000 | 28.2 | – | – | – |") {
		t.Errorf("page:\n%s", page)
	}
	for name, change := range map[string]func(r *bench.Report){
		"disturbed": func(r *bench.Report) { r.Score.Disturbed = "busy" },
		"version":   func(r *bench.Report) { r.Score.Version-- },
		"scores":    func(r *bench.Report) { r.Score.AllThreads = 0 },
	} {
		write("other", 100, change)
		if _, err := makePage(dir); err == nil || !strings.Contains(err.Error(), "other.json") {
			t.Errorf("%s: expected an error that names the file, got %v", name, err)
		}
	}
}
