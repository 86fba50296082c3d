package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"runtime"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

type benchCommand struct {
	All     benchAllCommand     `cmd:"" default:"withargs" help:"Measure machine, kernels, training and inference, and give a score (the default)."`
	Compare benchCompareCommand `cmd:"" help:"Compare reports that --json printed."`
	Train   benchTrainCommand   `cmd:"" help:"Time an image takes to train on, with one thread and with all."`
	Infer   benchInferCommand   `cmd:"" help:"Time an image takes to classify, alone and in batches."`
}

type benchAllCommand struct {
	ISA      string `name:"isa" help:"Instruction set of training and inference: auto, generic, avx2 or avx512." default:"auto"`
	Quick    bool   `help:"Ten seconds instead of two minutes."`
	JSON     bool   `name:"json" help:"Print the report as one JSON object." xor:"form"`
	BenchFmt bool   `name:"benchfmt" help:"Print every sample in Go's benchmark format, for benchstat." xor:"form"`
	HTML     string `name:"html" help:"Also write the report as a page." placeholder:"FILE"`
	Data     string `help:"Folder with MNIST's four IDX files, for the time of the tutorial." placeholder:"DIR"`
}

// Run measures everything.
func (c *benchAllCommand) Run(e *environment) error {
	if err := checkISA(c.ISA); err != nil {
		return err
	}
	if c.HTML != "" {
		// Rather now than after two minutes.
		if err := writable(filepath.Dir(c.HTML)); err != nil {
			return fmt.Errorf("--html: %w", err)
		}
	}
	var line *progress
	part := ""
	report, err := bench.Run(e.ctx, bench.Options{ISA: c.ISA, Quick: c.Quick, Data: mnist.Options{Dir: c.Data}, Progress: func(name string, done, total int) {
		if name != part {
			if line != nil {
				line.clear()
			}
			part, line = name, newProgress(e.stdout, c.JSON || c.BenchFmt, name)
		}
		line.update(done, total)
	}})
	if line != nil {
		line.clear()
	}
	if err != nil {
		return err
	}
	if c.HTML != "" {
		var page bytes.Buffer
		if err := report.WriteHTML(&page); err != nil {
			return err
		}
		if err := writeWhole(c.HTML, page.Bytes()); err != nil {
			return err
		}
	}
	switch {
	case c.JSON:
		return report.Write(e.stdout)
	case c.BenchFmt:
		return report.WriteBenchmarks(e.stdout)
	}
	return report.WriteText(e.stdout)
}

type benchCompareCommand struct {
	Reports []string `arg:"" name:"report" help:"Files; the first is what the others are compared with."`
}

// Run compares reports.
func (c *benchCompareCommand) Run(e *environment) error {
	if len(c.Reports) < 2 {
		return usageError{fmt.Errorf("bench compare: expected at least two reports, got %d", len(c.Reports))}
	}
	var reports []*bench.Report
	var names []string
	for _, path := range c.Reports {
		r, err := bench.ReadReport(path)
		if err != nil {
			return err
		}
		reports = append(reports, r)
		names = append(names, filepath.Base(path))
	}
	return bench.Compare(e.stdout, names, reports)
}

type benchTrainCommand struct {
	Data   string `help:"Folder with the four IDX files; fetched if not given." placeholder:"DIR"`
	Batch  int    `help:"Images a step." default:"100"`
	ISA    string `name:"isa" help:"Instruction set: auto, generic, avx2 or avx512." default:"auto"`
	Rounds int    `help:"Epochs to measure for every number of threads." default:"3"`
	JSON   bool   `name:"json" help:"Print one JSON object a line."`
}

// Run measures training.
func (c *benchTrainCommand) Run(e *environment) error {
	if c.Batch < 1 || c.Rounds < 1 {
		return usageError{fmt.Errorf("bench train: expected --batch and --rounds of at least 1")}
	}
	if err := checkISA(c.ISA); err != nil {
		return err
	}
	data, err := loadData(e, c.Data, c.JSON)
	if err != nil {
		return err
	}
	rows, err := bench.Train(e.ctx, data.Train, c.ISA, c.Batch, threadCounts(), c.Rounds)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if c.JSON {
			err = json.NewEncoder(e.stdout).Encode(r)
		} else {
			_, err = fmt.Fprintf(e.stdout, "train  batch %-5d %2d threads  %-7s %7.2f µs/image  %7.1f dense-equivalent GFLOP/s  %.2f × peak of %.0f\n",
				r.Batch, r.Threads, r.ISA, r.Microseconds, r.GFLOPs, r.TimesPeak, r.Peak)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkISA reports an instruction set that is not there before anything is
// loaded or measured.
func checkISA(isa string) error {
	if _, err := kernels.Select(isa); err != nil {
		return usageError{err}
	}
	return nil
}

// threadCounts are one and all.
func threadCounts() []int {
	if all := runtime.GOMAXPROCS(0); all > 1 {
		return []int{1, all}
	}
	return []int{1}
}

type benchInferCommand struct {
	Data  string `help:"Folder with the four IDX files; fetched if not given." placeholder:"DIR"`
	Model string `help:"Model to classify with; the pretrained one if not given." placeholder:"FILE"`
	ISA   string `name:"isa" help:"Instruction set: auto, generic, avx2 or avx512." default:"auto"`
	JSON  bool   `name:"json" help:"Print one JSON object a line."`
}

// Run measures inference.
func (c *benchInferCommand) Run(e *environment) error {
	model, err := loadModel(c.Model)
	if err != nil {
		return err
	}
	if err := checkISA(c.ISA); err != nil {
		return err
	}
	data, err := loadData(e, c.Data, c.JSON)
	if err != nil {
		return err
	}
	for _, threads := range threadCounts() {
		classifier, err := lenet.NewClassifier(model, lenet.Options{ISA: c.ISA, Threads: threads})
		if err != nil {
			return err
		}
		for _, batch := range []int{1, 100, 1000} {
			if batch == 1 && threads > 1 {
				continue
			}
			row, err := bench.Infer(e.ctx, classifier, data.Test.Images, batch, threads, 100_000/batch)
			if err != nil {
				return err
			}
			if err := printInfer(e.stdout, row, c.JSON); err != nil {
				return err
			}
		}
	}
	return nil
}

func printInfer(w io.Writer, r bench.InferRow, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	_, err := fmt.Fprintf(w, "infer  batch %-5d %2d threads  %-7s %7.2f µs/image  p50 %.1f µs  p99 %.1f µs  %.2f × peak\n",
		r.Batch, r.Threads, r.ISA, r.Microseconds, r.P50, r.P99, r.TimesPeak)
	return err
}
