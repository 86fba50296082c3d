package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/bench/report"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/mnist"
)

type benchCommand struct {
	All     benchAllCommand     `cmd:"" default:"withargs" help:"Measure machine, kernels, training and inference, and give a score (the default)."`
	Train   benchTrainCommand   `cmd:"" help:"Measure training only."`
	Infer   benchInferCommand   `cmd:"" help:"Measure inference only."`
	Stress  benchStressCommand  `cmd:"" help:"Keep every thread busy for minutes and watch rate, clock, temperature and power."`
	Compare benchCompareCommand `cmd:"" help:"Compare reports that --save wrote or --json printed."`
}

// benchFlags are those of every command that measures.
type benchFlags struct {
	ISA      string `name:"isa" help:"Instruction set of training and inference: auto, generic, avx2 or avx512." default:"auto"`
	Quick    bool   `help:"Fewer and shorter samples: ten seconds instead of two minutes for everything."`
	JSON     bool   `name:"json" help:"Print the report as one JSON object." xor:"form"`
	BenchFmt bool   `name:"benchfmt" help:"Print every sample in Go's benchmark format, for benchstat." xor:"form"`
	HTML     string `name:"html" help:"Also write the report as a page." placeholder:"FILE"`
	Save     string `help:"Also write the report as JSON, for bench compare." placeholder:"FILE"`
	Wait     bool   `help:"Begin when nothing else has used the processors for two seconds."`
}

// errNoResult says that a run measured what else ran rather than the machine.
var errNoResult = errors.New("not a result")

// quiet reports whether standard output is for programs.
func (f *benchFlags) quiet() bool { return f.JSON || f.BenchFmt }

// check refuses, before anything is loaded or measured, what would fail after
// it.
func (f *benchFlags) check() error {
	if _, err := kernels.Select(f.ISA); err != nil {
		return usageError{err}
	}
	return errors.Join(roomFor("--html", f.HTML), roomFor("--save", f.Save))
}

// await waits for a quiet machine, if it is to, and says meanwhile what it sees.
func (f *benchFlags) await(e *environment) error {
	if !f.Wait {
		return nil
	}
	line := newProgress(e.stderr, f.quiet(), "")
	defer line.clear()
	return bench.WaitForQuiet(e.ctx, runtime.GOMAXPROCS(0), waiting(line))
}

// waiting says on a line of progress or, where there is none, once a minute, what
// is waited for.
func waiting(line *progress) func(share float64) {
	said := time.Time{}
	return func(share float64) {
		text := fmt.Sprintf("waiting for a quiet machine: something else takes %.0f %% of the processors", 100*share)
		switch {
		case line.width != nil:
			line.write(text)
		case share > 0 && time.Since(said) > time.Minute: // for a log
			said = time.Now()
			fmt.Fprintln(line.w, text)
		}
	}
}

// run measures, and writes the report in the forms that the flags ask for. A run
// that was too disturbed is written too, and is errNoResult.
func (f *benchFlags) run(e *environment, options bench.Options) error {
	if err := f.await(e); err != nil {
		return err
	}
	var line *progress
	part := ""
	options.ISA, options.Quick = f.ISA, f.Quick
	options.Progress = func(name string, done, total int) {
		if name != part {
			if line != nil {
				line.clear()
			}
			part, line = name, newProgress(e.stdout, f.quiet(), name)
		}
		line.update(done, total)
	}
	measured, err := bench.Run(e.ctx, options)
	if line != nil {
		line.clear()
	}
	if err != nil {
		return err
	}
	if err := writeRendered(f.HTML, func(w io.Writer) error { return report.WriteHTML(w, measured) }); err != nil {
		return err
	}
	if err := writeRendered(f.Save, func(w io.Writer) error { return report.WriteJSON(w, measured) }); err != nil {
		return err
	}
	if err := f.write(e.stdout, measured); err != nil {
		return err
	}
	if measured.Score.Disturbed != "" {
		return fmt.Errorf("%w: %s (--wait begins when the machine is quiet)", errNoResult, measured.Score.Disturbed)
	}
	return nil
}

func (f *benchFlags) write(w io.Writer, measured *bench.Report) error {
	switch {
	case f.JSON:
		return report.WriteJSON(w, measured)
	case f.BenchFmt:
		return report.WriteBenchmarks(w, measured)
	}
	return report.WriteText(w, measured)
}

type benchAllCommand struct {
	benchFlags
	Data    string `help:"Folder with MNIST's four IDX files, for the time of the tutorial; else MNIST_DIR, then the cache." placeholder:"DIR"`
	PerCore bool   `help:"Also measure each processor alone, and those that share a core together."`
}

// Run measures everything.
func (c *benchAllCommand) Run(e *environment) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.run(e, bench.Options{Data: mnist.Options{Dir: c.Data}, PerCore: c.PerCore})
}

type benchTrainCommand struct {
	benchFlags
	Data string `help:"Train on images of this folder instead of drawn digits." placeholder:"DIR"`
}

// benchImages is the number of images of a folder that are trained on.
const benchImages = 10_000

// Run measures training.
func (c *benchTrainCommand) Run(e *environment) error {
	if err := c.check(); err != nil {
		return err
	}
	options := bench.Options{Parts: []string{bench.Train}}
	if c.Data != "" {
		data, err := loadReal(e, mnist.Options{Dir: c.Data}, c.quiet())
		if err != nil {
			return err
		}
		n := min(benchImages, data.Train.Len())
		options.Images = &mnist.Set{Images: data.Train.Images[:n*mnist.ImageBytes], Labels: data.Train.Labels[:n]}
	}
	return c.run(e, options)
}

type benchInferCommand struct {
	benchFlags
	Data  string `help:"Classify the test images of this folder instead of drawn digits." placeholder:"DIR"`
	Model string `help:"Model to classify with, or \"pretrained\"; random weights if not given." placeholder:"FILE"`
}

// Run measures inference.
func (c *benchInferCommand) Run(e *environment) error {
	if err := c.check(); err != nil {
		return err
	}
	options := bench.Options{Parts: []string{bench.Infer}}
	if c.Model != "" {
		path := c.Model
		if path == "pretrained" {
			path = ""
		}
		var err error
		if options.Model, err = loadModel(e, path); err != nil {
			return err
		}
	}
	if c.Data != "" {
		data, err := loadReal(e, mnist.Options{Dir: c.Data, TestOnly: true}, c.quiet())
		if err != nil {
			return err
		}
		options.Images = &data.Test
	}
	return c.run(e, options)
}
