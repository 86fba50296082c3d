package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// trainer returns one that starts from model or, with --resume, goes on from
// the checkpoint, with the history of the epochs before it.
func (c *trainCommand) trainer(model *lenet.Model, settings lenet.Settings) (*lenet.Trainer, []epoch, error) {
	path := filepath.Join(c.Out, checkpointFile)
	if _, err := os.Stat(path); !c.Resume || errors.Is(err, fs.ErrNotExist) {
		trainer, err := lenet.NewTrainer(model, settings)
		return trainer, nil, err
	}
	trainer, err := lenet.Resume(path, settings)
	if err != nil {
		return nil, nil, err
	}
	if n := trainer.EpochsDone(); n > settings.Epochs {
		trainer.Close()
		return nil, nil, usageError{fmt.Errorf("train: --epochs: expected at least the %d that %s has done, got %d", n, path, settings.Epochs)}
	}
	history, err := readHistory(filepath.Join(c.Out, historyFile), c.validation(), trainer.EpochsDone())
	if err != nil {
		trainer.Close()
		return nil, nil, err
	}
	return trainer, history, nil
}

// errSaving is wrapped by the error of a checkpoint that cannot be written.
var errSaving = errors.New("saving")

// loop trains and reports epoch by epoch. The history is written before the
// checkpoint that counts its last epoch, so a run that is killed between them
// finds both in step. An interruption takes effect after a step, but not
// between an epoch and its line of the history.
func (c *trainCommand) loop(e *environment, trainer *lenet.Trainer, settings lenet.Settings, history []epoch, train, validation mnist.Set, dataset string) ([]epoch, error) {
	checkpoint := filepath.Join(c.Out, checkpointFile)
	bar := newProgress(e.stdout, c.JSON || c.Quiet, "")
	defer bar.clear()
	bar.figure = func() string { return fmt.Sprintf("loss %.4f", trainer.Running().Loss) }
	images := train.Len() // of an epoch
	if settings.EpochImages > 0 {
		images = min(images, settings.EpochImages)
	}
	for n := trainer.EpochsDone() + 1; n <= settings.Epochs; n++ {
		if err := e.ctx.Err(); err != nil {
			return history, err
		}
		bar.label, bar.after = fmt.Sprintf("epoch %d/%d", n, settings.Epochs), (settings.Epochs-n)*images
		steps := 0
		var checkpointErr error
		ctx, stop := context.WithCancel(e.ctx)
		trainer.Progress = func(done, total int) {
			bar.update(done, total)
			if e.stepped != nil {
				e.stepped(done, total)
			}
			if steps++; c.Every > 0 && steps%c.Every == 0 && done < total {
				if checkpointErr = trainer.Checkpoint(checkpoint); checkpointErr != nil {
					stop()
				}
			}
		}
		stats, err := trainer.Epoch(ctx, train.Images, train.Labels)
		stop()
		bar.clear()
		bar.before += images
		if checkpointErr != nil {
			return history, fmt.Errorf("%w: %w", errSaving, checkpointErr)
		}
		if err != nil {
			return history, err
		}
		measured, err := trainer.Evaluate(context.WithoutCancel(e.ctx), validation.Images, validation.Labels)
		if err != nil {
			return history, err
		}
		h := epoch{"epoch", n, stats.Loss, stats.Accuracy(), measured.Loss, measured.Accuracy(),
			stats.Duration.Seconds(), stats.ImagesPerSecond(), c.validation()}
		history = append(history, h)
		if c.Every > 0 {
			if err := writeHistory(filepath.Join(c.Out, historyFile), c.validation(), dataset, history); err != nil {
				return history, fmt.Errorf("%w: %w", errSaving, err)
			}
			if err := trainer.Checkpoint(checkpoint); err != nil {
				return history, fmt.Errorf("%w: %w", errSaving, err)
			}
		}
		switch {
		case c.JSON:
			if err := json.NewEncoder(e.stdout).Encode(h); err != nil {
				return history, err
			}
		case !c.Quiet:
			if err := h.print(e.stdout); err != nil {
				return history, err
			}
		}
	}
	return history, nil
}
