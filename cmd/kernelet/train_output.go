package main

import (
	"errors"
	"os"
	"path/filepath"

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
	kaggleFile      = "predictions.csv" // of test images without labels
	probeFile       = "probe"           // never more than a temporary file
)

// sweep removes what a run that was killed while it wrote left in --out.
func (c *trainCommand) sweep() error {
	for _, name := range []string{modelFile, checkpointFile, checkpointFile + lenet.PreviousSuffix, historyFile, lossFile, accuracyFile, predictionsFile, kaggleFile, probeFile} {
		if err := wholefile.Sweep(filepath.Join(c.Out, name)); err != nil {
			return err
		}
	}
	return nil
}

// writable reports why nothing can be written to a folder, before hours of
// training end with it.
func writable(folder string) error {
	probe, err := os.CreateTemp(folder, "."+probeFile+".*.tmp") // a name that sweep knows
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

func (c *trainCommand) write(model *lenet.Model, history []epoch, validation mnist.Set) error {
	if err := model.Save(filepath.Join(c.Out, modelFile)); err != nil {
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
