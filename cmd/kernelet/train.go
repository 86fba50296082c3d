package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

type trainCommand struct {
	Data      string  `help:"Folder with the four IDX files; fetched if not given." placeholder:"DIR"`
	Epochs    int     `help:"Passes over the training images." default:"12"`
	Batch     int     `help:"Images a step." default:"100"`
	LR        float64 `name:"lr" help:"Learning rate of Adam." default:"1e-4"`
	Dropout   float64 `help:"Share of fc1's outputs that are dropped, 0 to below 1." default:"0.5"`
	Seed      uint64  `help:"Seed of initialisation, shuffling and dropout." default:"1"`
	Threads   int     `help:"Worker threads; 0 chooses." default:"0"`
	ISA       string  `name:"isa" help:"Instruction set: auto, generic, avx2 or avx512." default:"auto"`
	Out       string  `help:"Folder for model, history and pictures." default:"lenet-run" placeholder:"DIR"`
	Init      string  `help:"Start from this model instead of random weights." placeholder:"FILE"`
	NoShuffle bool    `help:"Take the training images in their order."`
	Limit     int     `help:"Use the first N training images only." placeholder:"N"`
	JSON      bool    `name:"json" help:"Print one JSON object a line."`
	Quiet     bool    `help:"Print nothing but errors."`
}

func (c *trainCommand) settings() lenet.Settings {
	return lenet.Settings{
		Epochs: c.Epochs, Batch: c.Batch, LearningRate: c.LR, Dropout: c.Dropout,
		Seed: c.Seed, NoShuffle: c.NoShuffle, Threads: c.Threads, ISA: c.ISA,
	}
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
}

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
	if c.Epochs < 1 || c.Batch < 1 || c.LR <= 0 || c.Limit < 0 {
		return usageError{errors.New("train: expected --epochs and --batch of at least 1, --lr above 0 and --limit of at least 0")}
	}
	if err := c.settings().Check(); err != nil {
		return usageError{fmt.Errorf("train: %w", err)}
	}
	if _, err := kernels.Select(c.ISA); err != nil {
		return usageError{fmt.Errorf("train: %w", err)}
	}
	model := lenet.NewModel(c.Seed)
	if c.Init != "" {
		var err error
		if model, err = lenet.Load(c.Init); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	if err := writable(c.Out); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	data, err := loadData(e, c.Data, c.JSON || c.Quiet)
	if err != nil {
		return err
	}
	train := data.Train
	if c.Limit > 0 && c.Limit < train.Len() {
		train = mnist.Set{Images: train.Images[:c.Limit*mnist.ImageBytes], Labels: train.Labels[:c.Limit]}
	}
	trainer, err := lenet.NewTrainer(model, c.settings())
	if err != nil {
		return err
	}
	defer trainer.Close()

	start := time.Now()
	history, trainErr := c.loop(e, trainer, train, data.Test)
	seconds := time.Since(start).Seconds()
	if trainErr != nil && !errors.Is(trainErr, context.Canceled) {
		return trainErr
	}
	model = trainer.Model()
	if err := c.write(model, history, data.Test); err != nil {
		return err
	}
	if trainErr != nil {
		return fmt.Errorf("interrupted after %d complete epochs; %s holds what was learnt so far", trainer.EpochsDone(), filepath.Join(c.Out, modelFile))
	}
	switch {
	case c.JSON:
		return json.NewEncoder(e.stdout).Encode(done{"done", model.SHA256(), trainer.ISA(), trainer.Threads(), seconds, data.Name})
	case !c.Quiet:
		fmt.Fprintf(e.stdout, "===================================================\n%d epochs in %.1f s (%s, %d threads); model, history and pictures are in %s\n",
			c.Epochs, seconds, trainer.ISA(), trainer.Threads(), c.Out)
	}
	return nil
}

// loop trains and reports epoch by epoch.
func (c *trainCommand) loop(e *environment, trainer *lenet.Trainer, train, test mnist.Set) ([]epoch, error) {
	var history []epoch
	for n := 1; n <= c.Epochs; n++ {
		bar := newProgress(e.stdout, c.JSON || c.Quiet, fmt.Sprintf("epoch %d/%d", n, c.Epochs))
		trainer.Progress = bar.update
		stats, err := trainer.Epoch(e.ctx, train.Images, train.Labels)
		bar.clear()
		if err != nil {
			return history, err
		}
		validation, err := trainer.Evaluate(e.ctx, test.Images, test.Labels)
		if err != nil {
			return history, err
		}
		h := epoch{"epoch", n, stats.Loss, stats.Accuracy(), validation.Loss, validation.Accuracy(),
			stats.Duration.Seconds(), stats.ImagesPerSecond()}
		history = append(history, h)
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
	_, err := fmt.Fprintf(w, "===================================================\nepoch:  %d\ntraining loss: %.5f, acc: %.6f\nvalidation loss: %.5f, acc: %.6f\n",
		h.Epoch, h.TrainLoss, h.TrainAccuracy, h.ValLoss, h.ValAccuracy)
	return err
}

// Files that train leaves in --out.
const (
	modelFile       = "model.safetensors"
	historyFile     = "history.csv"
	lossFile        = "loss.png"
	accuracyFile    = "accuracy.png"
	predictionsFile = "predictions.png"
)

func (c *trainCommand) write(model *lenet.Model, history []epoch, test mnist.Set) error {
	if err := model.Save(filepath.Join(c.Out, modelFile)); err != nil {
		return err
	}
	if err := writeHistory(filepath.Join(c.Out, historyFile), history); err != nil {
		return err
	}
	if len(history) > 0 {
		if err := plotHistory(c.Out, history); err != nil {
			return err
		}
	}
	return drawPredictions(filepath.Join(c.Out, predictionsFile), model, test)
}

func writeHistory(path string, history []epoch) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := csv.NewWriter(file)
	w.Write([]string{"epoch", "train_loss", "train_acc", "val_loss", "val_acc", "seconds", "images_per_second"})
	for _, h := range history {
		line := []string{strconv.Itoa(h.Epoch)}
		for _, v := range []float64{h.TrainLoss, h.TrainAccuracy, h.ValLoss, h.ValAccuracy, h.Seconds, h.ImagesPerSecond} {
			line = append(line, strconv.FormatFloat(v, 'g', -1, 64))
		}
		w.Write(line)
	}
	w.Flush()
	return w.Error()
}

// writable reports why nothing can be written to a folder, before hours of
// training end with it.
func writable(folder string) error {
	probe, err := os.CreateTemp(folder, ".probe-*")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}
