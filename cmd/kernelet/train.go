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
	Recipe string `help:"Settings to start from: tutorial, fast (99 %), one-epoch (99.3 %) or best (99.6 %: augmented images, many epochs)." enum:"tutorial,fast,one-epoch,best" default:"tutorial"`
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
	Trace     string   `help:"Write a Go execution trace, with a region for every phase of a step on every worker (go tool trace)." placeholder:"FILE"`
	Profile   string   `name:"cpuprofile" help:"Write a CPU profile (go tool pprof)." placeholder:"FILE"`
	JSON      bool     `name:"json" help:"Print one JSON object a line."`
	Quiet     bool     `help:"Print nothing but errors."`
}

// Run trains. When it is interrupted, or cannot write its output or a checkpoint,
// what is done so far is written as if it had ended, and the error says so.
func (c *trainCommand) Run(e *environment) error {
	settings, err := c.settings()
	if err != nil {
		return usageError{fmt.Errorf("train: %w", err)}
	}
	model := lenet.NewModel(c.Seed)
	if c.Init != "" {
		if model, err = loadModel(e, c.Init); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	locked, unlock, err := lock(c.Out)
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	defer unlock()
	if err := c.sweep(locked); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	room, err := makeRoom(c.Out, resultBytes)
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	defer room.release()
	data, err := loadData(e, &c.dataFlags, c.JSON || c.Quiet)
	if err != nil {
		return err
	}
	if err := e.remark(data, c.Quiet); err != nil {
		return err
	}
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
	if err := c.setAside(e); err != nil {
		return fmt.Errorf("--out: %w", err)
	}

	stop, err := c.record()
	if err != nil {
		return err
	}
	first, start := trainer.EpochsDone()+1, time.Now()
	history, trainErr := c.loop(e, trainer, settings, history, train, validation, data.Name)
	seconds := time.Since(start).Seconds()
	traceErr := stop()
	if trainErr != nil && !errors.Is(trainErr, context.Canceled) && !errors.Is(trainErr, errOutput) && !errors.Is(trainErr, errSaving) {
		return trainErr
	}
	room.release()
	model = trainer.Model()
	if err := c.write(context.WithoutCancel(e.ctx), trainer, settings, history, validation, data.Name); err != nil {
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
	checkpoint := filepath.Join(c.Out, checkpointFile)
	if _, err := os.Stat(checkpoint); trainErr != nil || err == nil && c.Every == 0 {
		// One that this run was resumed from would go back to the middle of it.
		if err := trainer.Checkpoint(checkpoint); err != nil {
			return err
		}
	}
	if traceErr != nil {
		return errors.Join(traceErr, trainErr)
	}
	if trainErr != nil {
		stopped := fmt.Errorf("%w after %s; --resume goes on from %s", errInterrupted, count(trainer.EpochsDone(), "complete epoch"), quoted(checkpoint))
		if !errors.Is(trainErr, context.Canceled) {
			return fmt.Errorf("%w: %w", stopped, trainErr)
		}
		return stopped
	}
	switch {
	case c.JSON:
		return json.NewEncoder(e.stdout).Encode(done{"done", model.SHA256(), trainer.ISA(), trainer.Threads(), seconds, data.Name})
	case !c.Quiet:
		trained := count(settings.Epochs, "epoch")
		if first > 1 {
			trained = fmt.Sprintf("epochs %d to %d", first, settings.Epochs)
		}
		_, err := fmt.Fprintf(e.stdout, "%s\n%s of %s in %.1f s (%s, %s)\nmodel, history and pictures: %s\n",
			ruler(e.stdout), trained, quoted(data.Name), seconds, trainer.ISA(), count(trainer.Threads(), "thread"), quoted(c.Out))
		return err
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
