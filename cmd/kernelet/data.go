package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/kernelet/kernelet/mnist"
)

// Sizes and seed of what --synthetic draws.
const (
	syntheticTrain = 60_000
	syntheticTest  = 10_000
	syntheticSeed  = 2024
)

// loadReal returns the data at a path, or MNIST, never drawn digits: a model's
// accuracy on those would say nothing.
func loadReal(e *environment, options mnist.Options, quiet bool) (*mnist.Dataset, error) {
	bar := newProgress(e.stdout, quiet, "")
	options.Progress = func(file string, done, total int64) {
		bar.label = "fetching " + file
		bar.update(int(done), int(total))
	}
	data, err := mnist.Load(e.ctx, options)
	bar.clear()
	if options.Dir != "" && errors.Is(err, fs.ErrNotExist) {
		data, err = mnist.Open(e.ctx, options.Dir) // not the four files: any other form
	}
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	return data, nil
}

// loadData returns the data that the flags name, MNIST, or drawn digits.
func loadData(e *environment, flags *dataFlags, quiet bool) (*mnist.Dataset, error) {
	if flags.Synthetic {
		n := syntheticTrain
		if flags.Limit > 0 && flags.LimitPerClass == 0 && flags.HoldOut == 0 && flags.Validate == "" {
			n = min(n, flags.Limit) // the others would not be used
		}
		drawn := make(chan *mnist.Dataset, 1)
		go func() {
			drawn <- &mnist.Dataset{
				Train: mnist.Synthetic(n, syntheticSeed),
				Test:  mnist.Synthetic(syntheticTest, syntheticSeed+1),
				Name:  "synthetic", Source: "drawn",
			}
		}()
		select {
		case data := <-drawn:
			return data, nil
		case <-e.ctx.Done():
			return nil, e.ctx.Err()
		}
	}
	data, err := loadReal(e, mnist.Options{Dir: flags.Data}, quiet)
	if errors.Is(err, mnist.ErrUnavailable) {
		err = fmt.Errorf("%w; --data or MNIST_DIR names the files, MNIST_MIRROR another mirror, and --synthetic draws digits instead", err)
	}
	return data, err
}

type dataCommand struct {
	Fetch   dataFetchCommand   `cmd:"" default:"withargs" help:"Fetch and verify MNIST, and say where it is (the default)."`
	Convert dataConvertCommand `cmd:"" help:"Write a data set of any form as IDX files."`
	Look    dataLookCommand    `cmd:"" help:"Show what a data set has, and what looks wrong with it."`
}

type dataFetchCommand struct {
	Data string `help:"Folder to verify instead of the cache." placeholder:"DIR"`
}

// Run fetches what is missing and says where the files are.
func (c *dataFetchCommand) Run(e *environment) error {
	data, err := loadReal(e, mnist.Options{Dir: c.Data}, false)
	if err != nil {
		return err
	}
	_, locations, err := mnist.Locate(mnist.Options{Dir: c.Data})
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	notKept := false
	for _, l := range locations {
		state := "verified"
		switch {
		case l.Path == "": // the user has no cache, or none that can be written to
			notKept = true
			fmt.Fprintf(e.stdout, "%-24s                   verified, not kept\n", l.Name)
			continue
		case !l.Original:
			state = "not MNIST's original"
		}
		fmt.Fprintf(e.stdout, "%-24s %10d bytes  %s  %s\n", l.Name, l.Bytes, state, quoted(l.Path))
	}
	if notKept {
		fmt.Fprintln(e.stdout, data.Source)
	}
	fmt.Fprintf(e.stdout, "%s: %d training and %d test images\n", data.Name, data.Train.Len(), data.Test.Len())
	return nil
}
