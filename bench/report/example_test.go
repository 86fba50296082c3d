package report_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/bench/report"
)

// measured is what bench.Run returns, with two rows.
func measured(train, infer float64) *bench.Report {
	r := &bench.Report{Schema: bench.Schema}
	row := func(name string, value float64) {
		r.Rows = append(r.Rows, bench.Row{Group: "whole", Name: name, ISA: "avx2", Threads: 1, Batch: 100,
			Unit: "µs/image", Value: value, Low: 0.99 * value, High: 1.01 * value, Samples: 31})
	}
	row(bench.Train, train)
	row(bench.Infer, infer)
	return r
}

// Two runs, of the code before and after a change. Training became faster; the
// intervals of inference overlap, so that its ratio may be chance.
func ExampleCompare() {
	before, after := measured(60, 15), measured(50, 14.9)
	var table strings.Builder
	if err := report.Compare(&table, []string{"old", "new"}, []*bench.Report{before, after}); err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(table.String()) {
		if strings.Contains(line, "batch") {
			fmt.Println(strings.TrimSpace(line))
		}
	}
	// Output:
	// train, batch 100    avx2  1        60.00 µs/image  1.200
	// infer, batch 100    avx2  1        15.00 µs/image  1.007 ~
}

// A report in a file, for later.
func ExampleRead() {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "before.json")
	file, err := os.Create(path)
	if err != nil {
		log.Fatal(err)
	}
	if err := report.WriteJSON(file, measured(60, 15)); err != nil {
		log.Fatal(err)
	}
	if err := file.Close(); err != nil {
		log.Fatal(err)
	}
	read, err := report.Read(path)
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range read.Rows {
		fmt.Printf("%s: %.0f %s\n", row.Key(), row.Value, row.Unit)
	}
	// Output:
	// Whole/train/isa=avx2/batch=100/threads=1: 60 µs/image
	// Whole/infer/isa=avx2/batch=100/threads=1: 15 µs/image
}
