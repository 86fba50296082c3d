package main

import (
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/kernelet/kernelet/beam/internal/storage"
	"github.com/kernelet/kernelet/beam/internal/sweeps"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/sweep"
)

type sweepCommand struct {
	Seeds   string   `help:"Seeds and ranges of them, both ends included: 1..100 or 1,2,5..8." default:"1..10" placeholder:"LIST"`
	Vary    []string `help:"Try several values of a setting, such as lr=1e-4,3e-4; given again, every combination." sep:"none" placeholder:"NAME=V,V"`
	Recipe  string   `help:"Settings to start from: tutorial, fast (99 %), one-epoch (99.3 %) or best (99.6 %: augmented images, many epochs)." enum:"tutorial,fast,one-epoch,best" default:"tutorial"`
	Data    string   `help:"Data set on every worker's machine: folder, IDX, .npz, CSV, Parquet, pictures by class, a zip or tar of these; MNIST, fetched by each, if not given." placeholder:"PATH"`
	Epochs  string   `help:"Passes over the training images (tutorial: 12)." placeholder:"N"`
	Batch   string   `help:"Images a step (tutorial: 100)." placeholder:"N"`
	LR      string   `name:"lr" help:"Learning rate of Adam (tutorial: 1e-4)." placeholder:"RATE"`
	Dropout string   `help:"Share of fc1's outputs that are dropped, 0 to below 1 (tutorial: 0.5)." placeholder:"SHARE"`
	ISA     string   `name:"isa" help:"Instruction set: auto, generic, avx2 or avx512." default:"auto"`
	Output  string   `help:"Folder, or prefix as s3://bucket/name, for results, tables, plots and a page; a run whose result is there is not run again." required:"" placeholder:"DIR"`
	Init    string   `help:"Start every run from this model instead of random weights." placeholder:"FILE"`
	Limit   int      `help:"Use the first N training images only." placeholder:"N"`
	HoldOut int      `help:"Validate on the last N training images, which are not trained on, instead of the test images." placeholder:"N"`

	NoShuffle bool `help:"Take the training images in their order."`

	runnerFlags
}

// runs are the settings of every run.
func (c *sweepCommand) runs() ([]lenet.Settings, error) {
	base := map[string]func() lenet.Settings{"tutorial": lenet.Tutorial, "fast": lenet.Fast, "one-epoch": lenet.OneEpoch, "best": lenet.Best}[c.Recipe]()
	base.NoShuffle = c.NoShuffle
	plan := sweep.Plan{Base: base}
	var err error
	if plan.Seeds, err = sweep.ParseSeeds(c.Seeds); err != nil {
		return nil, fmt.Errorf("--seeds: %w", err)
	}
	for _, flag := range []struct{ name, value string }{{"epochs", c.Epochs}, {"batch", c.Batch}, {"lr", c.LR}, {"dropout", c.Dropout}} {
		if flag.value == "" {
			continue
		}
		axis, err := sweep.ParseAxis(flag.name + "=" + flag.value)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", flag.name, err)
		}
		plan.Axes = append(plan.Axes, axis)
	}
	for _, text := range c.Vary {
		axis, err := sweep.ParseAxis(text)
		if err != nil {
			return nil, fmt.Errorf("--vary: %w", err)
		}
		plan.Axes = append(plan.Axes, axis)
	}
	if c.Limit < 0 || c.HoldOut < 0 {
		return nil, fmt.Errorf("expected --limit and --hold-out of at least 0")
	}
	if _, err := kernels.Select(c.ISA); err != nil {
		return nil, err
	}
	return plan.Runs()
}

// Run trains every run whose result is not in the output.
func (c *sweepCommand) Run(e *environment) error {
	runs, err := c.runs()
	if err != nil {
		return usageError{fmt.Errorf("sweep: %w", err)}
	}
	options := sweeps.Options{Output: storage.Folder(c.Output), Data: c.Data, Init: c.Init, Limit: c.Limit, HoldOut: c.HoldOut, ISA: c.ISA}
	if err := c.execute(e, func(s beam.Scope) { sweeps.Build(s, options, runs) }); err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "%d runs; tables, plots and %s are in %s\n", len(runs), sweep.PageFile, c.Output)
	return err
}
