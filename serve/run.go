package serve

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// run is the training of one network. Its session's mutex guards the fields
// below it.
type run struct {
	recipe   string
	settings lenet.Settings

	points  []point
	epochs  []epochEnd
	filters []byte // conv1's weights, 20×5×5: 128 is 0, 1 and 255 are the largest magnitude
	version int    // of filters
	misread []misread
	wrong   int // number of all misread digits
	model   *lenet.Model
}

// point is a piece of training, of some tens of milliseconds.
type point struct {
	Images     int     `json:"images"`     // seen so far
	Seconds    float64 `json:"seconds"`    // of training so far, without validation
	Loss       float64 `json:"loss"`       // mean of the piece
	Accuracy   float64 `json:"accuracy"`   // of the piece, per cent
	Validation float64 `json:"validation"` // per cent of 1,000 images, or of all at an epoch's end; 0: not measured

	count int // images of the piece
}

// epochEnd is the validation on all images after an epoch.
type epochEnd struct {
	Epoch           int     `json:"epoch"`
	Images          int     `json:"images"`
	Seconds         float64 `json:"seconds"`
	Loss            float64 `json:"loss"` // of training
	ValidationLoss  float64 `json:"validation_loss"`
	Validation      float64 `json:"validation"` // per cent
	ImagesPerSecond float64 `json:"images_per_second"`
}

// misread is a validation digit that the network gets wrong.
type misread struct {
	Image       []byte  `json:"image"`
	Label       int     `json:"label"`
	Digit       int     `json:"digit"`
	Probability float32 `json:"probability"`
}

// maxMisread bounds the misread digits that are shown.
const maxMisread = 36

// maxPoints bounds the points of a run: pieces become longer.
const maxPoints = 2000

// Lengths of a piece: short at the beginning, where much happens.
const (
	firstPiece  = 25 * time.Millisecond
	laterPiece  = 120 * time.Millisecond
	firstPieces = 1500 * time.Millisecond
	// validateEvery pieces a part of the validation images is read.
	validateEvery = 3
	validateOn    = 1000
)

// train trains to the end of the settings' epochs.
func (r *run) train(ctx context.Context, n *session, data *mnist.Dataset) error {
	trainer, err := lenet.NewTrainer(lenet.NewModel(r.settings.Seed), r.settings)
	if err != nil {
		return err
	}
	defer trainer.Close()
	var seconds, lossBefore float64 // of this epoch's pieces so far
	var imagesBefore, correctBefore, images int
	began := time.Duration(0)
	for pieces := 1; trainer.EpochsDone() < r.settings.Epochs; pieces++ {
		if err := n.wait(ctx); err != nil {
			return err
		}
		stats, complete, err := r.piece(ctx, trainer, data, pieceLength(began, len(r.points)))
		if err != nil {
			return err
		}
		began += stats.Duration
		seconds += stats.Duration.Seconds()
		loss, done := stats.Loss*float64(stats.Images), stats.Images-imagesBefore
		images += done
		p := point{Images: images, Seconds: seconds, Loss: (loss - lossBefore) / math.Max(1, float64(done)),
			Accuracy: 100 * float64(stats.Correct-correctBefore) / math.Max(1, float64(done)), count: done}
		lossBefore, imagesBefore, correctBefore = loss, stats.Images, stats.Correct
		if complete {
			lossBefore, imagesBefore, correctBefore = 0, 0, 0
		}
		if complete || pieces%validateEvery == 1 {
			if err := r.look(ctx, n, trainer, data, &p, complete, stats); err != nil {
				return err
			}
		}
		n.change(func() { r.add(p, complete) })
	}
	return nil
}

// add appends a point. An epoch's last piece may have few images, which say
// little by themselves: it is taken together with the piece before.
func (r *run) add(p point, complete bool) {
	if n := len(r.points); complete && n > 0 {
		before := r.points[n-1]
		share := float64(p.count) / math.Max(1, float64(p.count+before.count))
		p.Loss = share*p.Loss + (1-share)*before.Loss
		p.Accuracy = share*p.Accuracy + (1-share)*before.Accuracy
	}
	r.points = append(r.points, p)
}

func pieceLength(trained time.Duration, points int) time.Duration {
	if trained < firstPieces {
		return firstPiece
	}
	return laterPiece << min(8, 4*points/maxPoints)
}

// piece trains for a while, at most to the epoch's end. Stats are the epoch's
// so far, but Duration is the piece's.
func (r *run) piece(ctx context.Context, trainer *lenet.Trainer, data *mnist.Dataset, length time.Duration) (stats lenet.Stats, complete bool, err error) {
	piece, end := context.WithCancel(ctx)
	defer end()
	start := time.Now()
	trainer.Progress = func(int, int) {
		if time.Since(start) >= length {
			end()
		}
	}
	stats, err = trainer.Epoch(piece, data.Train.Images, data.Train.Labels)
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		return stats, false, nil
	}
	return stats, err == nil, err
}

// look validates, and keeps the weights and what they look like. At an epoch's
// end it reads all validation images.
func (r *run) look(ctx context.Context, n *session, trainer *lenet.Trainer, data *mnist.Dataset, p *point, complete bool, stats lenet.Stats) error {
	weights := trainer.Model()
	set := data.Test
	if !complete {
		count := min(validateOn, set.Len())
		set = mnist.Set{Images: set.Images[:count*mnist.ImageBytes], Labels: set.Labels[:count]}
	}
	validation, err := trainer.Evaluate(ctx, set.Images, set.Labels)
	if err != nil {
		return err
	}
	p.Validation = validation.Accuracy()
	var wrong []misread
	count := 0
	if complete {
		if wrong, count, err = misreads(weights, set, r.settings.Threads); err != nil {
			return err
		}
	}
	n.change(func() {
		r.model, r.filters = weights, filterBytes(weights)
		r.version++
		if complete {
			r.misread, r.wrong = wrong, count
			rate := float64(data.Train.Len()) * float64(trainer.EpochsDone()) / math.Max(1e-9, p.Seconds)
			r.epochs = append(r.epochs, epochEnd{trainer.EpochsDone(), p.Images, p.Seconds, stats.Loss, validation.Loss, p.Validation, rate})
		}
	})
	return nil
}

// misreads lists digits that a model gets wrong, the surest first, and counts all.
func misreads(weights *lenet.Model, set mnist.Set, threads int) (list []misread, count int, err error) {
	classifier, err := lenet.NewClassifier(weights, lenet.Options{Threads: threads})
	if err != nil {
		return nil, 0, err
	}
	predictions := make([]lenet.Prediction, set.Len())
	if err := classifier.ClassifyBatch(predictions, set.Images); err != nil {
		return nil, 0, err
	}
	for i, p := range predictions {
		if label := int(set.Labels[i]); p.Digit != label {
			count++
			if len(list) < maxMisread {
				list = append(list, misread{set.Images[i*mnist.ImageBytes:][:mnist.ImageBytes], label, p.Digit, p.Probability})
			}
		}
	}
	return list, count, nil
}

// filterBytes scales conv1's weights to bytes.
func filterBytes(m *lenet.Model) []byte {
	largest := float32(1e-9)
	for _, w := range m.Conv1Weight {
		largest = max(largest, w, -w)
	}
	b := make([]byte, shape.Conv1Outputs*shape.Taps)
	for i, w := range m.Conv1Weight {
		b[i] = byte(math.Round(128 + 127*float64(w/largest)))
	}
	return b
}

// runEvent is what a page learns about a run.
type runEvent struct {
	Recipe   string     `json:"recipe"`
	Total    int        `json:"epochs_asked"`
	Batch    int        `json:"batch"`
	Rate     float64    `json:"learning_rate"`
	Seed     uint64     `json:"seed"`
	Threads  int        `json:"threads"`
	From     int        `json:"from"` // index of the first of Points
	Points   []point    `json:"points"`
	Epochs   []epochEnd `json:"epochs"` // all
	Filters  []byte     `json:"filters,omitempty"`
	Misread  []misread  `json:"misread,omitempty"`
	Wrong    int        `json:"wrong"`
	HasModel bool       `json:"has_model"`
}

// progressSent says what a page has.
type progressSent struct{ points, epochs, version int }

// event returns what is new since sent. The session's mutex is held.
func (r *run) event(sent *progressSent) runEvent {
	e := runEvent{Recipe: r.recipe, Total: r.settings.Epochs, Batch: r.settings.Batch, Rate: r.settings.LearningRate, Seed: r.settings.Seed,
		Threads: r.settings.Threads, From: sent.points, Points: append([]point{}, r.points[sent.points:]...), Epochs: append([]epochEnd{}, r.epochs...), Wrong: r.wrong, HasModel: r.model != nil}
	if sent.version != r.version {
		e.Filters = r.filters
	}
	if sent.epochs != len(r.epochs) {
		e.Misread = r.misread
	}
	*sent = progressSent{len(r.points), len(r.epochs), r.version}
	return e
}
