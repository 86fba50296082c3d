package sweep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// Task is what all runs of a sweep have in common.
type Task struct {
	Data              string // the data's name
	Train, Validation mnist.Set
	HeldOut           bool         // Validation are other images than the test images
	Initial           *lenet.Model // weights to start from; nil: random ones by the run's seed

	trainSHA256, validationSHA256 string
}

// NewTask returns a Task. It reads all images: MNIST takes about 40 ms.
func NewTask(data string, train, validation mnist.Set) *Task {
	return &Task{Data: data, Train: train, Validation: validation, trainSHA256: hash(train), validationSHA256: hash(validation)}
}

// hash is over images, then labels.
func hash(set mnist.Set) string {
	h := sha256.New()
	h.Write(set.Images)
	h.Write(set.Labels)
	return hex.EncodeToString(h.Sum(nil))
}

// Epoch are the figures of one epoch: mean cross-entropy, accuracy in per cent.
type Epoch struct {
	Epoch         int     `json:"epoch"`
	TrainLoss     float64 `json:"train_loss"`
	TrainAccuracy float64 `json:"train_acc"`
	ValLoss       float64 `json:"val_loss"`
	ValAccuracy   float64 `json:"val_acc"`
	Seconds       float64 `json:"seconds"` // of training alone
}

// Result is what became of a run. All but ISA and the seconds is fixed by
// settings, data and initial weights.
type Result struct {
	ID               string   `json:"id"` // names the run: the same for the same settings, data and initial weights
	Settings         Settings `json:"settings"`
	Data             string   `json:"data"`
	TrainImages      int      `json:"train_images"`
	TrainSHA256      string   `json:"train_sha256"` // of images, then labels
	ValidationImages int      `json:"validation_images"`
	ValidationSHA256 string   `json:"validation_sha256"`
	HeldOut          bool     `json:"held_out"`                 // validated on other images than the test images
	InitialSHA256    string   `json:"initial_sha256,omitempty"` // of weights that were given; empty: random ones by the seed
	ISA              string   `json:"isa"`
	Epochs           []Epoch  `json:"epochs"`
	WeightsSHA256    string   `json:"weights_sha256,omitempty"`
	Seconds          float64  `json:"seconds"`         // of training and validation
	Error            string   `json:"error,omitempty"` // why there are no weights: a loss that was not finite
}

// Last are the figures of the last epoch, or zero where there is none.
func (r *Result) Last() Epoch {
	if len(r.Epochs) == 0 {
		return Epoch{}
	}
	return r.Epochs[len(r.Epochs)-1]
}

// blank is the Result of a run that has not begun.
func (t *Task) blank(settings lenet.Settings) (Result, error) {
	set, err := kernels.Select(settings.ISA)
	if err != nil {
		return Result{}, err
	}
	r := Result{
		Settings: Settings{withDefaults(settings)}, Data: t.Data, HeldOut: t.HeldOut, ISA: set.Name(),
		TrainImages: t.Train.Len(), TrainSHA256: t.trainSHA256, ValidationImages: t.Validation.Len(), ValidationSHA256: t.validationSHA256,
	}
	if t.Initial != nil {
		r.InitialSHA256 = t.Initial.SHA256()
	}
	r.ID, err = r.id()
	return r, err
}

// id hashes what fixes the weights and the figures. Plain Go rounds differently
// from the generated kernels, so it is a run of its own.
func (r *Result) id() (string, error) {
	content, err := json.Marshal(struct {
		Settings                                     Settings
		TrainSHA256, ValidationSHA256, InitialSHA256 string
		PlainGo                                      bool
	}{r.Settings, r.TrainSHA256, r.ValidationSHA256, r.InitialSHA256, r.ISA == "generic"})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8]), nil
}

// ID names the run of these settings, as Result.ID does. The error for an
// instruction set that this machine lacks wraps kernels.ErrISA.
func (t *Task) ID(settings lenet.Settings) (string, error) {
	r, err := t.blank(settings)
	return r.ID, err
}

// Train trains one network on one thread and validates it after every epoch.
// A loss that is not finite is a result, not an error: it comes up again
// whenever the run is repeated. Progress, if not nil, is called after every step
// with the images of the epoch that are done, and their number. When ctx ends,
// its error is returned.
func Train(ctx context.Context, settings lenet.Settings, task *Task, progress func(done, total int)) (Result, error) {
	if task == nil {
		return Result{}, errors.New("sweep: expected a task, got none")
	}
	r, err := task.blank(settings)
	if err != nil {
		return r, err
	}
	model := task.Initial
	if model == nil {
		model = lenet.NewModel(settings.Seed)
	}
	settings.Threads = 1
	start := time.Now()
	trainer, err := lenet.NewTrainer(model, settings)
	if err != nil {
		return r, err
	}
	defer trainer.Close()
	trainer.Progress = progress
	r.Epochs, err = epochs(ctx, trainer, task, r.Settings.Epochs)
	r.Seconds = time.Since(start).Seconds()
	if errors.Is(err, lenet.ErrNotFinite) {
		r.Error = err.Error()
		return r, nil
	}
	if err != nil {
		return r, err
	}
	r.WeightsSHA256 = trainer.Model().SHA256()
	return r, nil
}

func epochs(ctx context.Context, trainer *lenet.Trainer, task *Task, n int) ([]Epoch, error) {
	var all []Epoch
	for i := range n {
		stats, err := trainer.Epoch(ctx, task.Train.Images, task.Train.Labels)
		if err != nil {
			return all, err
		}
		measured, err := trainer.Evaluate(ctx, task.Validation.Images, task.Validation.Labels)
		if err != nil {
			return all, err
		}
		all = append(all, Epoch{i + 1, stats.Loss, stats.Accuracy(), measured.Loss, measured.Accuracy(), stats.Duration.Seconds()})
	}
	return all, nil
}
