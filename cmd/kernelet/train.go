package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kernelet/kernelet/internal/wholefile"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

type trainCommand struct {
	Recipe    string   `help:"Settings to start from: tutorial, fast (99 % after one epoch) or best (augmented images, many epochs)." enum:"tutorial,fast,best" default:"tutorial"`
	Data      string   `help:"Folder with the four IDX files; fetched if not given." placeholder:"DIR"`
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
	Limit     int      `help:"Use the first N training images only." placeholder:"N"`
	HoldOut   int      `help:"Validate on the last N training images, which are not trained on, instead of the test images." placeholder:"N"`
	Resume    bool     `help:"Go on from the checkpoint in --out, if there is one."`
	Every     int      `name:"checkpoint-every" help:"Write a checkpoint to --out every N steps, and after every epoch." placeholder:"N"`
	JSON      bool     `name:"json" help:"Print one JSON object a line."`
	Quiet     bool     `help:"Print nothing but errors."`
}

// settings are the recipe's, changed by what the command line says.
func (c *trainCommand) settings() (lenet.Settings, error) {
	s := map[string]func() lenet.Settings{"tutorial": lenet.Tutorial, "fast": lenet.Fast, "best": lenet.Best}[c.Recipe]()
	s.Seed, s.NoShuffle, s.Threads, s.ISA = c.Seed, c.NoShuffle, c.Threads, c.ISA
	for _, f := range []struct {
		flag   string
		given  *int
		target *int
	}{{"--epochs", c.Epochs, &s.Epochs}, {"--batch", c.Batch, &s.Batch}} {
		if f.given != nil {
			if *f.given < 1 {
				return s, fmt.Errorf("%s: expected at least 1, got %d", f.flag, *f.given)
			}
			*f.target = *f.given
		}
	}
	if c.LR != nil {
		if !(*c.LR > 0) {
			return s, fmt.Errorf("--lr: expected more than 0, got %g", *c.LR)
		}
		s.LearningRate = *c.LR
	}
	if c.Dropout != nil {
		s.Dropout = *c.Dropout
	}
	if c.Limit < 0 || c.Every < 0 || c.HoldOut < 0 {
		return s, errors.New("expected --limit, --hold-out and --checkpoint-every of at least 0")
	}
	if err := s.Check(); err != nil {
		return s, err
	}
	_, err := kernels.Select(c.ISA)
	return s, err
}

// epoch is a line of the history.
type epoch struct {
	Event           string  `json:"event"`
	Epoch           int     `json:"epoch"`
	TrainLoss       float64 `json:"train_loss"`
	TrainAccuracy   float64 `json:"train_acc"`
	ValLoss         float64 `json:"val_loss"`
	ValAccuracy     float64 `json:"val_acc"`
	Seconds         float64 `json:"seconds"`
	ImagesPerSecond float64 `json:"images_per_second"`
	Validation      string  `json:"validation,omitempty"` // heldOut, or empty: the test images
}

// heldOut names validation images that --hold-out split off the training images.
const heldOut = "held-out"

type done struct {
	Event   string  `json:"event"`
	SHA256  string  `json:"weights_sha256"`
	ISA     string  `json:"isa"`
	Threads int     `json:"threads"`
	Seconds float64 `json:"seconds"`
	Dataset string  `json:"dataset"`
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
	train, validation, err := c.split(data)
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

// split returns what to train on and what to validate on.
func (c *trainCommand) split(data *mnist.Dataset) (train, validation mnist.Set, err error) {
	part := func(s mnist.Set, from, to int) mnist.Set {
		return mnist.Set{Images: s.Images[from*mnist.ImageBytes : to*mnist.ImageBytes], Labels: s.Labels[from:to]}
	}
	train, validation = data.Train, data.Test
	if n := train.Len(); c.HoldOut >= n {
		return train, validation, usageError{fmt.Errorf("train: --hold-out: expected fewer than the %d training images, got %d", n, c.HoldOut)}
	} else if c.HoldOut > 0 {
		train, validation = part(train, 0, n-c.HoldOut), part(train, n-c.HoldOut, n)
	}
	if c.Limit > 0 && c.Limit < train.Len() {
		train = part(train, 0, c.Limit)
	}
	return train, validation, nil
}

// validation names the validation images in the history, unless they are the
// test images.
func (c *trainCommand) validation() string {
	if c.HoldOut > 0 {
		return heldOut
	}
	return ""
}

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
	history, err := readHistory(filepath.Join(c.Out, historyFile), c.validation(), trainer.EpochsDone())
	if err != nil {
		trainer.Close()
		return nil, nil, err
	}
	return trainer, history, nil
}

// loop trains and reports epoch by epoch. The history is written before the
// checkpoint that counts its last epoch, so a run that is killed between them
// finds both in step. An interruption takes effect after a step, but not
// between an epoch and its line of the history.
func (c *trainCommand) loop(e *environment, trainer *lenet.Trainer, epochs int, history []epoch, train, validation mnist.Set) ([]epoch, error) {
	checkpoint := filepath.Join(c.Out, checkpointFile)
	for n := trainer.EpochsDone() + 1; n <= epochs; n++ {
		if err := e.ctx.Err(); err != nil {
			return history, err
		}
		bar := newProgress(e.stdout, c.JSON || c.Quiet, fmt.Sprintf("epoch %d/%d", n, epochs))
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
		if checkpointErr != nil {
			return history, checkpointErr
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
			if err := writeHistory(filepath.Join(c.Out, historyFile), c.validation(), history); err != nil {
				return history, err
			}
			if err := trainer.Checkpoint(checkpoint); err != nil {
				return history, err
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

// print writes the tutorial's block.
func (h epoch) print(w io.Writer) error {
	name := "validation"
	if h.Validation != "" {
		name = h.Validation
	}
	_, err := fmt.Fprintf(w, "===================================================\nepoch:  %d\ntraining loss: %.5f, acc: %.6f\n%s loss: %.5f, acc: %.6f\n",
		h.Epoch, h.TrainLoss, h.TrainAccuracy, name, h.ValLoss, h.ValAccuracy)
	return err
}

// Files that train leaves in --out.
const (
	modelFile       = "model.safetensors"
	checkpointFile  = "checkpoint.safetensors"
	historyFile     = "history.csv"
	lossFile        = "loss.png"
	accuracyFile    = "accuracy.png"
	predictionsFile = "predictions.png"
	probeFile       = "probe" // never more than a temporary file
)

// sweep removes what a run that was killed while it wrote left in --out.
func (c *trainCommand) sweep() error {
	for _, name := range []string{modelFile, checkpointFile, checkpointFile + lenet.PreviousSuffix, historyFile, lossFile, accuracyFile, predictionsFile, probeFile} {
		if err := wholefile.Sweep(filepath.Join(c.Out, name)); err != nil {
			return err
		}
	}
	return nil
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

// historyColumns are the history's header, which says so if the validation
// images are not the test images.
func historyColumns(validation string) []string {
	name := "val"
	if validation != "" {
		name = strings.ReplaceAll(validation, "-", "_")
	}
	return []string{"epoch", "train_loss", "train_acc", name + "_loss", name + "_acc", "seconds", "images_per_second"}
}

func writeHistory(path, validation string, history []epoch) error {
	var content bytes.Buffer
	w := csv.NewWriter(&content)
	w.Write(historyColumns(validation))
	for _, h := range history {
		line := []string{strconv.Itoa(h.Epoch)}
		for _, v := range []float64{h.TrainLoss, h.TrainAccuracy, h.ValLoss, h.ValAccuracy, h.Seconds, h.ImagesPerSecond} {
			line = append(line, strconv.FormatFloat(v, 'g', -1, 64))
		}
		w.Write(line)
	}
	w.Flush()
	return writeWhole(path, content.Bytes())
}

// readHistory reads back the lines of the first epochs.
func readHistory(path, validation string, epochs int) ([]epoch, error) {
	if epochs == 0 {
		return nil, nil
	}
	columns := historyColumns(validation)
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	defer file.Close()
	reader := csv.NewReader(file)
	reader.FieldsPerRecord = len(columns)
	lines, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("history %s: %w", path, err)
	}
	if len(lines) < 1+epochs {
		return nil, fmt.Errorf("history %s: expected the %d epochs of the checkpoint, got %d", path, epochs, max(0, len(lines)-1))
	}
	if !slices.Equal(lines[0], columns) {
		return nil, fmt.Errorf("history %s: line 1: expected %q, got %q", path, columns, lines[0])
	}
	history := make([]epoch, epochs)
	for i, line := range lines[1 : 1+epochs] {
		h := &history[i]
		h.Event, h.Epoch, h.Validation = "epoch", i+1, validation
		if line[0] != strconv.Itoa(h.Epoch) {
			return nil, fmt.Errorf("history %s: line %d: epoch: expected %d, got %q", path, i+2, h.Epoch, line[0])
		}
		for column, field := range []*float64{&h.TrainLoss, &h.TrainAccuracy, &h.ValLoss, &h.ValAccuracy, &h.Seconds, &h.ImagesPerSecond} {
			if *field, err = strconv.ParseFloat(line[1+column], 64); err != nil || math.IsNaN(*field) || math.IsInf(*field, 0) {
				return nil, fmt.Errorf("history %s: line %d: %s: expected a number, got %q", path, i+2, columns[1+column], line[1+column])
			}
		}
	}
	return history, nil
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
