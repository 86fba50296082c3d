package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/kernelet/kernelet/lenet"
)

type trainCommand struct {
	Recipe string `help:"Settings to start from: tutorial, fast (99 % after one epoch) or best (augmented images, many epochs)." enum:"tutorial,fast,best" default:"tutorial"`
	dataFlags
	Epochs    *int     `help:"Passes over the training images (tutorial: 12)." placeholder:"N"`
	Batch     *int     `help:"Images a step (tutorial: 100)." placeholder:"N"`
	LR        *float64 `name:"lr" help:"Learning rate of Adam (tutorial: 1e-4)." placeholder:"RATE"`
	Dropout   *float64 `help:"Share of fc1's outputs that are dropped, 0 to below 1 (tutorial: 0.5)." placeholder:"SHARE"`
	Seed      uint64   `help:"Seed of initialisation, shuffling, dropout and augmentation." default:"1"`
	Threads   int      `help:"Worker threads; 0 chooses." default:"0"`
	ISA       string   `name:"isa" help:"Instruction set: auto, generic, avx2 or avx512." default:"auto"`
	Out       string   `help:"Folder for model, history and pictures." default:"lenet-run" placeholder:"DIR"`
	Init      string   `help:"Start from this model instead of random weights." placeholder:"FILE"`
	NoShuffle bool     `help:"Take the training images in their order."`
	Resume    bool     `help:"Go on from the checkpoint in --out, if there is one."`
	Every     int      `name:"checkpoint-every" help:"Write a checkpoint to --out every N steps, and after every epoch." placeholder:"N"`
	JSON      bool     `name:"json" help:"Print one JSON object a line."`
	Quiet     bool     `help:"Print nothing but errors."`
}

// Run trains. When it is interrupted, what is done so far is written as if it
// had ended, and the error says so.
func (c *trainCommand) Run(e *environment) error {
	settings, err := c.settings()
	if err != nil {
		return usageError{fmt.Errorf("train: %w", err)}
	}
	model := lenet.NewModel(c.Seed)
	if c.Init != "" {
		if model, err = lenet.Load(c.Init); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	if err := c.sweep(); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	if err := writable(c.Out); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	data, err := loadData(e, c.Data, c.JSON || c.Quiet)
	if err != nil {
		return err
	}
	e.note(c.Quiet, data.Notes...)
	train, validation, err := c.split(e, data, c.Quiet)
	if err != nil {
		return err
	}
	settings.Origin = lenet.NewOrigin(model, train.Images, train.Labels)
	trainer, history, err := c.trainer(model, settings)
	if err != nil {
		return err
	}
	defer trainer.Close()

	start := time.Now()
	history, trainErr := c.loop(e, trainer, settings.Epochs, history, train, validation)
	seconds := time.Since(start).Seconds()
	if trainErr != nil && !errors.Is(trainErr, context.Canceled) {
		return trainErr
	}
	model = trainer.Model()
	if err := c.write(model, history, validation); err != nil {
		return err
	}
	if data.Test.Len() > 0 && data.Test.Labels == nil {
		classifier, err := newClassifier(model, c.ISA)
		if err != nil {
			return err
		}
		if err := predictUnlabelled(filepath.Join(c.Out, kaggleFile), classifier, data.Test); err != nil {
			return err
		}
	}
	if trainErr != nil {
		if err := trainer.Checkpoint(filepath.Join(c.Out, checkpointFile)); err != nil {
			return err
		}
		return fmt.Errorf("interrupted after %d complete epochs; --resume goes on from %s", trainer.EpochsDone(), filepath.Join(c.Out, checkpointFile))
	}
	switch {
	case c.JSON:
		return json.NewEncoder(e.stdout).Encode(done{"done", model.SHA256(), trainer.ISA(), trainer.Threads(), seconds, data.Name})
	case !c.Quiet:
		fmt.Fprintf(e.stdout, "===================================================\n%d epochs in %.1f s (%s, %d threads); model, history and pictures are in %s\n",
			settings.Epochs, seconds, trainer.ISA(), trainer.Threads(), c.Out)
	}
	return nil
}

type done struct {
	Event   string  `json:"event"`
	SHA256  string  `json:"weights_sha256"`
	ISA     string  `json:"isa"`
	Threads int     `json:"threads"`
	Seconds float64 `json:"seconds"`
	Dataset string  `json:"dataset"`
}
