package bench

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// Names of rows of many networks at once.
const (
	TrainRate = "train rate"
	InferRate = "infer rate"
)

const rateBatch = 100

// rates measures the rate of a machine: as many networks as threads, each on
// one thread that is bound to its processor, with its own weights, data and
// memory. Nothing is shared but what the hardware shares, so that it says what
// the machine can do, where one network on all threads says what its phases
// allow.
type rates struct {
	threads     *pinned
	trainers    []*lenet.Trainer
	classifiers []*lenet.Classifier
	data        []batches
	predictions [][]lenet.Prediction
}

// newRates makes the networks, each on the thread that will use it. They are
// trained for an epoch, because a trained network has other zeros than a random
// one.
func newRates(ctx context.Context, set *kernels.Set, on []processor, data *mnist.Set, model *lenet.Model) (*rates, error) {
	n := len(on)
	r := &rates{newPinned(numbersOf(on)), make([]*lenet.Trainer, n), make([]*lenet.Classifier, n), make([]batches, n), make([][]lenet.Prediction, n)}
	failures := make([]error, n)
	r.threads.together(first(n), func(thread int) {
		settings := lenet.Tutorial()
		settings.Batch, settings.Threads, settings.ISA = rateBatch, 1, set.Name()
		trainer, err := lenet.NewTrainer(lenet.NewModel(wholeSeed), settings)
		if err != nil {
			failures[thread] = err
			return
		}
		r.trainers[thread] = trainer
		r.data[thread] = batches{images: append([]byte(nil), data.Images...), labels: append([]byte(nil), data.Labels...), size: rateBatch}
		r.predictions[thread] = make([]lenet.Prediction, rateBatch)
		if r.classifiers[thread], err = lenet.NewClassifier(model, lenet.Options{ISA: set.Name(), Threads: 1}); err == nil {
			_, err = trainer.Epoch(ctx, r.data[thread].images, r.data[thread].labels)
		}
		failures[thread] = err
	})
	return r, errors.Join(failures...)
}

// close ends the trainers and the threads.
func (r *rates) close() {
	for _, t := range r.trainers {
		if t != nil {
			t.Close()
		}
	}
	r.threads.close()
}

// step trains a thread's network on its next batch.
func (r *rates) step(thread int) error {
	_, err := r.trainers[thread].Step(r.data[thread].next())
	return err
}

// classify classifies a thread's next batch.
func (r *rates) classify(thread int) error {
	images, _ := r.data[thread].next()
	return r.classifiers[thread].ClassifyBatch(r.predictions[thread], images)
}

// first are the numbers of the first n threads.
func first(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// measurement is a row of some of the threads.
func (r *rates) measurement(group, name, isa string, threads []int) *measurement {
	work, dense := r.step, float64(TrainFLOPs)
	if strings.HasPrefix(name, InferRate) {
		work, dense = r.classify, InferFLOPs
	}
	return &measurement{
		row:   Row{Group: group, Name: name, ISA: isa, Threads: len(threads), Batch: rateBatch, Unit: imagesPerSecond},
		dense: dense,
		rate: func(target time.Duration) (perSecond, lost float64, err error) {
			return r.threads.rate(threads, target, rateBatch, work)
		},
	}
}

// rate does a work of so many images again and again on some of the threads,
// and returns the sum of their images a second, and the share of the time in which
// they had no processor: they never sleep, so it is what they did not run. No
// thread ends before all have worked for the target's time, so that all are measured
// beside all the others; what it does after that does not count.
func (p *pinned) rate(threads []int, target time.Duration, images int, work func(thread int) error) (perSecond, lost float64, err error) {
	rates, losses, failures := make([]float64, len(p.threads)), make([]float64, len(p.threads)), make([]error, len(p.threads))
	var working atomic.Int64
	working.Store(int64(len(threads)))
	p.together(threads, func(thread int) {
		start, ran, measured := time.Now(), threadTime(), false
		for done := 1; ; done++ {
			if failures[thread] = work(thread); failures[thread] != nil {
				if !measured {
					working.Add(-1)
				}
				return
			}
			if took := time.Since(start); !measured && took >= target {
				rates[thread], measured = float64(done*images)/took.Seconds(), true
				if ran > 0 {
					losses[thread] = max(0, 1-(threadTime()-ran).Seconds()/took.Seconds())
				}
				working.Add(-1)
			}
			if measured && working.Load() <= 0 {
				return
			}
		}
	})
	for _, thread := range threads {
		perSecond += rates[thread]
		lost += losses[thread] / float64(len(threads))
	}
	return perSecond, lost, errors.Join(failures...)
}
