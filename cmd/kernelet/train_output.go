package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kernelet/kernelet/internal/wholefile"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// Files that train leaves in --out.
const (
	modelFile       = "model.safetensors"
	checkpointFile  = "checkpoint.safetensors"
	historyFile     = "history.csv"
	lossFile        = "loss.png"
	accuracyFile    = "accuracy.png"
	predictionsFile = "predictions.png"
	kaggleFile      = "predictions.csv"                // of test images without labels
	earlierFile     = "earlier-checkpoint.safetensors" // of a run before the last
	probeFile       = "probe"                          // never more than a temporary file
)

// sweep removes what a run that was killed while it wrote left in --out: all of
// it if the folder is locked, and else what is old.
func (c *trainCommand) sweep(locked bool) error {
	age := wholefile.AbandonedAfter
	if locked {
		age = 0
	}
	for _, name := range []string{modelFile, checkpointFile, checkpointFile + lenet.PreviousSuffix, historyFile, lossFile, accuracyFile, predictionsFile, kaggleFile, probeFile} {
		if err := wholefile.Sweep(filepath.Join(c.Out, name), age); err != nil {
			return err
		}
	}
	return nil
}

// setAside keeps a new run apart from an earlier one in the same folder: it says
// what will be replaced, and moves the earlier run's checkpoint, which a later
// --resume would go on from.
func (c *trainCommand) setAside(e *environment) error {
	if c.Resume {
		return nil
	}
	var found []string
	for _, name := range []string{modelFile, historyFile, lossFile, accuracyFile, predictionsFile, kaggleFile} {
		if _, err := os.Stat(filepath.Join(c.Out, name)); err == nil {
			found = append(found, name)
		}
	}
	note := ""
	if len(found) > 0 {
		note = "replaces " + strings.Join(found, ", ")
	}
	checkpoint, earlier := filepath.Join(c.Out, checkpointFile), filepath.Join(c.Out, earlierFile)
	switch err := os.Rename(checkpoint, earlier); {
	case err == nil:
		// It is older than the one that was moved.
		if err := os.Remove(checkpoint + lenet.PreviousSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if note != "" {
			note += " and "
		}
		note += "moves the earlier run's checkpoint to " + earlierFile
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if note == "" || c.Quiet {
		return nil
	}
	_, err := fmt.Fprintf(e.stderr, "train: %s: %s\n", quoted(c.Out), note)
	return err
}

func (c *trainCommand) write(model *lenet.Model, history []epoch, validation mnist.Set, dataset string) error {
	if err := model.SaveWith(filepath.Join(c.Out, modelFile), map[string]string{"dataset": dataset}); err != nil {
		return err
	}
	if err := writeHistory(filepath.Join(c.Out, historyFile), c.validation(), history); err != nil {
		return err
	}
	if len(history) > 0 {
		if err := plotHistory(c.Out, history); err != nil {
			return err
		}
	}
	return drawPredictions(filepath.Join(c.Out, predictionsFile), model, validation)
}
