package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
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
	reportFile      = "report.html"
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
	for _, name := range []string{modelFile, checkpointFile, checkpointFile + lenet.PreviousSuffix, historyFile, lossFile, accuracyFile, predictionsFile, reportFile, kaggleFile, probeFile} {
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
	for _, name := range []string{modelFile, historyFile, lossFile, accuracyFile, predictionsFile, reportFile, kaggleFile} {
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

func (c *trainCommand) write(ctx context.Context, trainer *lenet.Trainer, settings lenet.Settings, history []epoch, validation mnist.Set, dataset string) error {
	model := trainer.Model()
	if err := model.SaveWith(filepath.Join(c.Out, modelFile), map[string]string{"dataset": dataset}); err != nil {
		return err
	}
	if err := writeHistory(filepath.Join(c.Out, historyFile), c.validation(), dataset, history); err != nil {
		return err
	}
	if len(history) > 0 {
		if err := plotHistory(c.Out, history); err != nil {
			return err
		}
	}
	if err := drawPredictions(filepath.Join(c.Out, predictionsFile), model, validation); err != nil {
		return err
	}
	classifier, err := newClassifier(model, c.ISA)
	if err != nil {
		return err
	}
	images := "test images"
	if name := c.validation(); name != "" {
		images = name + " images"
	}
	r, err := newReport(ctx, "Training on "+dataset, images, model, classifier, validation)
	if err != nil {
		return err
	}
	if len(history) > 0 {
		r.History, r.Curves = history, curves(history)
	}
	for _, h := range history {
		r.Seconds += h.Seconds
	}
	r.Settings = settingsFacts(c.Recipe, settings, trainer.Threads())
	return r.write(filepath.Join(c.Out, reportFile))
}

// settingsFacts are what a report says about a training's settings.
func settingsFacts(recipe string, s lenet.Settings, threads int) [][2]string {
	yes := map[bool]string{true: "yes", false: "no"}
	facts := [][2]string{
		{"recipe", recipe},
		{"epochs", strconv.Itoa(s.Epochs)},
		{"images a step", strconv.Itoa(s.Batch)},
		{"learning rate", fmt.Sprint(s.LearningRate)},
		{"warm-up, share of the steps", fmt.Sprint(s.Schedule.WarmUp)},
		{"learning rate falls to 0", yes[s.Schedule.Decay]},
		{"dropout", fmt.Sprint(s.Dropout)},
		{"label smoothing", fmt.Sprint(s.LabelSmoothing)},
		{"augmented images", yes[s.Augment]},
		{"epochs whose weights are averaged", strconv.Itoa(s.AverageEpochs)},
		{"seed", strconv.FormatUint(s.Seed, 10)},
		{"shuffled", yes[!s.NoShuffle]},
	}
	if threads > 0 {
		facts = append(facts, [2]string{"threads at the end", strconv.Itoa(threads)})
	}
	return facts
}
