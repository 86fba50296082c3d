package lenet

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/kernelet/kernelet/internal/random"
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
)

// ErrNotFinite is wrapped by the error of a step or an evaluation whose loss is
// NaN or infinite; the error says epoch and step, or how many epochs were done.
var ErrNotFinite = errors.New("loss is not finite")

// ErrClosed is wrapped by the error of a Trainer's methods after Close.
var ErrClosed = errors.New("closed")

// ErrData is wrapped by the error of images and labels that do not fit each
// other or the network.
var ErrData = errors.New("not valid training data")

// Stats are the figures of a step, an epoch or an evaluation.
type Stats struct {
	Images   int
	Correct  int
	Loss     float64 // mean cross-entropy, natural logarithm
	Duration time.Duration
}

// Accuracy is the share of images classified right, in per cent.
func (s Stats) Accuracy() float64 { return 100 * float64(s.Correct) / float64(max(1, s.Images)) }

// ImagesPerSecond is the rate at which the images went through, finite even if
// the clock did not move.
func (s Stats) ImagesPerSecond() float64 {
	return float64(s.Images) / max(s.Duration, time.Nanosecond).Seconds()
}

// Trainer trains one Model. Its methods may not be called concurrently.
//
// Settings and data fix the weights to the last bit: neither the number of
// threads, nor AVX2 or AVX-512, nor an interruption changes them.
type Trainer struct {
	settings Settings
	engine   *engine
	position position
	order    []int32  // of the running epoch
	average  *average // of the settings that ask for it
	choice   threadChoice

	// Progress, if not nil, is called after every step of Epoch with the
	// number of images done and their total.
	Progress func(done, total int)
}

// position says how far training has come.
type position struct {
	epoch   uint64 // complete epochs
	done    uint64 // images done in the running epoch
	steps   uint64 // steps in all
	correct uint64 // in the running epoch
	loss    float64
	images  uint64 // of the running epoch's data; 0 between epochs
}

// NewTrainer returns a Trainer that starts from a copy of model. Close ends
// its workers and frees its memory.
func NewTrainer(model *Model, settings Settings) (*Trainer, error) {
	if model == nil {
		return nil, fmt.Errorf("trainer: %w: expected a model, got nil", ErrModel)
	}
	t, err := blankTrainer(settings)
	if err != nil {
		return nil, err
	}
	if err = t.engine.setWeights(model); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// blankTrainer returns a Trainer whose weights are 0.
func blankTrainer(settings Settings) (*Trainer, error) {
	settings = settings.withDefaults()
	if err := settings.Check(); err != nil {
		return nil, err
	}
	set, err := kernels.Select(settings.ISA)
	if err != nil {
		return nil, err
	}
	threads := min(settings.Threads, processors())
	if threads == 0 {
		threads = processors()
	}
	e, err := newEngine(set, threads)
	if err != nil {
		return nil, err
	}
	t := &Trainer{settings: settings, engine: e, choice: newThreadChoice(threads)}
	if settings.AverageEpochs > 0 {
		if t.average, err = newAverage(); err != nil {
			e.close()
			return nil, err
		}
	}
	return t, nil
}

// Close ends the workers and frees the memory. Methods that compute or write
// then return an error that wraps ErrClosed; ISA is "", Threads 0, Model nil.
func (t *Trainer) Close() {
	if t.engine == nil {
		return
	}
	t.engine.close()
	t.engine = nil
	if t.average != nil {
		t.average.release()
		t.average = nil
	}
}

// open returns an error after Close.
func (t *Trainer) open() error {
	if t.engine == nil {
		return fmt.Errorf("trainer: %w", ErrClosed)
	}
	return nil
}

// ISA names the instruction set in use.
func (t *Trainer) ISA() string {
	if t.engine == nil {
		return ""
	}
	return t.engine.set.Name()
}

// Threads is the number of workers in use. It may change from step to step if
// Settings.Threads is 0.
func (t *Trainer) Threads() int {
	if t.engine == nil {
		return 0
	}
	if t.settings.Threads == 0 {
		return t.choice.now
	}
	return t.engine.threads
}

// MeasurePhases makes the steps from now on add up the time of their phases,
// from 0.
func (t *Trainer) MeasurePhases() {
	if t.engine != nil {
		t.engine.measurePhases()
	}
}

// PhaseTimes returns the times of the steps' phases since MeasurePhases, of all
// workers together, in the order of the phases. More than four workers have
// other phases than few, and more than eight have others for batches of more
// than 128 images; the phases are those of the last step.
func (t *Trainer) PhaseTimes() []PhaseTime {
	if t.engine == nil {
		return nil
	}
	return t.engine.used.sums()
}

// EpochsDone is the number of epochs that are complete.
func (t *Trainer) EpochsDone() int { return int(t.position.epoch) }

// Model returns a copy of the current weights, or of their mean since the first
// of Settings.AverageEpochs is complete.
func (t *Trainer) Model() *Model {
	if t.engine == nil {
		return nil
	}
	m := new(Model)
	if t.averaged() > 0 {
		t.average.mean.store(m)
	} else {
		t.engine.weights.store(m)
	}
	return m
}

// averaged is the number of epochs whose weights are in the average.
func (t *Trainer) averaged() int {
	if t.average == nil {
		return 0
	}
	return max(0, t.EpochsDone()-(t.settings.Epochs-t.settings.AverageEpochs))
}

// checkData returns the number of images.
func checkData(images, labels []byte) (int, error) {
	n := len(labels)
	if n == 0 || len(images) != n*shape.ImagePixels {
		return 0, fmt.Errorf("%w: images: expected %d bytes for %d labels, at least one, got %d", ErrData, n*shape.ImagePixels, n, len(images))
	}
	if n > math.MaxInt32 {
		return 0, fmt.Errorf("%w: expected at most %d images, got %d", ErrData, math.MaxInt32, n)
	}
	for i, label := range labels {
		if label >= shape.Classes {
			return 0, fmt.Errorf("%w: label %d: expected a value below %d, got %d", ErrData, i, shape.Classes, label)
		}
	}
	return n, nil
}

// Epoch trains once on all images (n×784 bytes) and labels (n bytes below
// 10), the last batch being what is left over. When ctx ends it returns after
// the current step with ctx's error; the next call of Epoch, with the same
// data, goes on from there. Duration is the time of this call alone.
func (t *Trainer) Epoch(ctx context.Context, images, labels []byte) (Stats, error) {
	start := time.Now()
	if err := t.open(); err != nil {
		return Stats{}, err
	}
	n, err := checkData(images, labels)
	if err != nil {
		return Stats{}, err
	}
	p := &t.position
	if p.images != 0 && p.images != uint64(n) {
		return Stats{}, fmt.Errorf("%w: expected the %d images of the interrupted epoch, got %d", ErrData, p.images, n)
	}
	t.limitThreads()
	t.shuffle(n)
	p.images = uint64(n)
	count := t.epochImages(n)
	key := random.Key(random.Dropout, t.settings.Seed, p.epoch)
	for int(p.done) < count {
		if err := ctx.Err(); err != nil {
			return t.stats(start), err
		}
		batch := t.order[p.done:min(int(p.done)+t.settings.Batch, count)]
		loss, correct, err := t.step(images, labels, batch, key, t.rate(count))
		if err != nil {
			return t.stats(start), fmt.Errorf("epoch %d, step %d: %w", p.epoch+1, int(p.done)/t.settings.Batch+1, err)
		}
		p.done += uint64(len(batch))
		p.loss += loss
		p.correct += uint64(correct)
		if t.Progress != nil {
			t.Progress(int(p.done), count)
		}
	}
	stats := t.stats(start)
	*p = position{epoch: p.epoch + 1, steps: p.steps}
	if count := t.averaged(); count > 0 {
		err = t.average.add(t.engine.set, t.engine.weights, count)
	}
	return stats, err
}

// Epochs trains epoch by epoch up to Settings.Epochs and yields the figures of
// each; it ends after the first error, which it yields.
func (t *Trainer) Epochs(ctx context.Context, images, labels []byte) iter.Seq2[Stats, error] {
	return func(yield func(Stats, error) bool) {
		for t.EpochsDone() < t.settings.Epochs {
			stats, err := t.Epoch(ctx, images, labels)
			if !yield(stats, err) || err != nil {
				return
			}
		}
	}
}

// Running returns the figures of the running epoch so far, without its duration:
// those of no image between two epochs.
func (t *Trainer) Running() Stats {
	s := t.stats(time.Now())
	s.Duration = 0
	return s
}

// stats are those of the running epoch so far.
func (t *Trainer) stats(start time.Time) Stats {
	p := &t.position
	return Stats{Images: int(p.done), Correct: int(p.correct), Loss: p.loss / max(1, float64(p.done)), Duration: time.Since(start)}
}

// epochImages is the number of images of an epoch where there are n.
func (t *Trainer) epochImages(n int) int {
	if count := t.settings.EpochImages; count > 0 {
		return min(count, n)
	}
	return n
}

func (t *Trainer) shuffle(n int) {
	if len(t.order) != n {
		t.order = make([]int32, n)
	}
	if t.settings.NoShuffle {
		for i := range t.order {
			t.order[i] = int32(i)
		}
		return
	}
	random.Permutation(random.Key(random.Shuffle, t.settings.Seed, t.position.epoch), t.order)
}

// rate is the learning rate of the next step in an epoch of n images.
func (t *Trainer) rate(n int) float64 {
	s := &t.settings
	perEpoch := (n + s.Batch - 1) / s.Batch
	total := float64(s.Epochs * perEpoch)
	// Products are converted so that no machine fuses them with sums.
	step := float64(float64(t.position.epoch)*float64(perEpoch)) + float64(t.position.done)/float64(s.Batch)
	rate := s.LearningRate
	if warmUp := float64(s.Schedule.WarmUp * total); step < warmUp {
		return rate * (step + 1) / (warmUp + 1)
	} else if s.Schedule.Decay {
		return rate * max(0, (total-step)/(total-warmUp))
	}
	return rate
}

// Step trains on one batch, n×784 bytes and n labels, with the constant
// learning rate of the settings. Stats are those of the batch before the step.
func (t *Trainer) Step(images, labels []byte) (Stats, error) {
	start := time.Now()
	if err := t.open(); err != nil {
		return Stats{}, err
	}
	n, err := checkData(images, labels)
	if err != nil {
		return Stats{}, err
	}
	if t.position.images != 0 {
		return Stats{}, fmt.Errorf("%w: an interrupted epoch has to be finished first", ErrData)
	}
	if len(t.order) != n {
		t.order = make([]int32, n)
	}
	for i := range t.order {
		t.order[i] = int32(i)
	}
	key := random.Key(random.Dropout, t.settings.Seed, 1<<63|t.position.steps)
	loss, correct, err := t.step(images, labels, t.order, key, t.settings.LearningRate)
	if err != nil {
		return Stats{}, fmt.Errorf("step %d: %w", t.position.steps+1, err)
	}
	return Stats{Images: n, Correct: correct, Loss: loss / float64(n), Duration: time.Since(start)}, nil
}

// step trains on the images that batch names and returns the sum of their
// losses and the number classified right.
func (t *Trainer) step(images, labels []byte, batch []int32, epochKey uint64, rate float64) (loss float64, correct int, err error) {
	if t.settings.Threads == 0 {
		t.engine.threads = t.choice.workers()
		start := time.Now()
		defer func() { t.choice.took(time.Since(start), len(batch)) }()
	}
	t.prepare(len(batch), rate)
	for from := 0; from < len(batch); {
		chunks, err := t.engine.chunksOf((len(batch) - from + maxImages - 1) / maxImages)
		if err != nil {
			return 0, 0, err
		}
		to := min(from+maxImages*len(chunks), len(batch))
		if err := t.chunks(chunks, images, labels, batch[from:to], epochKey, from == 0, to == len(batch)); err != nil {
			return 0, 0, err
		}
		for _, e := range chunks {
			chunkLoss, chunkCorrect := e.job.results()
			loss += chunkLoss
			correct += chunkCorrect
		}
		from = to
	}
	t.position.steps++
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return 0, 0, ErrNotFinite
	}
	return loss, correct, nil
}

// limitThreads keeps the number of workers within what the process may use now.
func (t *Trainer) limitThreads() {
	most := min(len(t.engine.own), processors())
	t.choice.limit(most)
	if t.engine.threads = most; t.settings.Threads == 0 {
		t.engine.threads = t.choice.now
	}
}

// prepare sets what all chunks of a batch of n images share.
func (t *Trainer) prepare(n int, rate float64) {
	j, s := &t.engine.job, &t.settings
	j.loss = kernels.Loss{
		Scale: float32(1 / float64(n)),
		Label: float32(1 - s.LabelSmoothing),
		Other: float32(s.LabelSmoothing / shape.Classes),
	}
	j.adam = kernels.NewAdamStep(rate, s.Beta1, s.Beta2, s.Epsilon, int(t.position.steps)+1)
	j.dropout = kernels.Dropout{Threshold: uint32(math.Round(s.Dropout * (1 << 32))), Scale: float32(1 / (1 - s.Dropout))}
}

// chunks runs a part of a batch, as much as there are chunks, forward and back;
// the last part updates the weights. first and last say which part it is.
func (t *Trainer) chunks(chunks []*engine, images, labels []byte, batch []int32, epochKey uint64, first, last bool) error {
	for i, e := range chunks {
		chunk := batch[i*maxImages : min((i+1)*maxImages, len(batch))]
		t.fill(e, images, labels, chunk, epochKey, first && i == 0, last && i == len(chunks)-1)
	}
	return t.engine.train(chunks)
}

// fill tells e which chunk it is to compute, and how.
func (t *Trainer) fill(e *engine, images, labels []byte, chunk []int32, epochKey uint64, first, last bool) {
	j, c, common := &e.job, &e.chunk, &t.engine.job
	j.loss, j.adam, j.dropout = common.loss, common.adam, common.dropout
	j.images, j.count = images, len(chunk)
	j.augment = t.settings.Augment
	j.lanes = (len(chunk) + shape.HalfBlock - 1) / shape.HalfBlock * shape.HalfBlock
	j.first, j.last, j.single = first, last, first && last
	for lane := range j.lanes {
		if lane >= len(chunk) {
			// An unused lane repeats the first image; its label −1 makes its gradient 0.
			c.index[lane], c.labels[lane] = chunk[0], -1
			continue
		}
		image := chunk[lane]
		c.index[lane], c.labels[lane] = image, int32(labels[image])
		bits := random.Bits(epochKey, uint64(image))
		c.keys[lane], c.augmentKeys[lane] = uint32(bits), random.Key(random.Augmentation, bits)
	}
}
