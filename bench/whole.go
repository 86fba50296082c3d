package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// Drawn images, and weights: random ones to classify with, those of an epoch on
// to train.
const (
	drawnImages = 4000
	fewImages   = 1000 // the largest batch
	wholeSeed   = 1
)

// batches are n images to take in turn, as many at a time as a batch has.
type batches struct {
	images, labels []byte
	size, taken    int
}

// next returns the next batch.
func (b *batches) next() (images, labels []byte) {
	first := b.taken % (len(b.labels) / b.size) * b.size
	b.taken++
	return b.images[first*mnist.ImageBytes:][:b.size*mnist.ImageBytes], b.labels[first:][:b.size]
}

// wholeMeasurements are training and inference on numbers of threads, as far as
// options want them.
func wholeMeasurements(ctx context.Context, options Options, set *kernels.Set, threads int) (all []*measurement, closeAll func(), err error) {
	var trainers []*lenet.Trainer
	var many *rates
	closeAll = func() {
		for _, t := range trainers {
			t.Close()
		}
		if many != nil {
			many.close()
		}
	}
	var data mnist.Set
	if options.Images == nil {
		data = mnist.Synthetic(drawnImages, wholeSeed)
	} else if data = *options.Images; data.Len() < fewImages {
		return nil, closeAll, fmt.Errorf("bench: images: expected at least %d, got %d", fewImages, data.Len())
	}
	if options.wants(Train) {
		for _, batch := range []int{100, 1000} {
			for _, n := range threadCounts(threads) {
				settings := lenet.Tutorial()
				settings.Batch, settings.Threads, settings.ISA = batch, n, set.Name()
				trainer, err := lenet.NewTrainer(lenet.NewModel(wholeSeed), settings)
				if err != nil {
					return nil, closeAll, err
				}
				trainers = append(trainers, trainer)
				// A trained network has other zeros than a random one.
				if _, err := trainer.Epoch(ctx, data.Images, data.Labels); err != nil {
					return nil, closeAll, err
				}
				all = append(all, trainMeasurement(trainer, batches{images: data.Images, labels: data.Labels, size: batch}))
			}
		}
	}
	model := options.Model
	if model == nil {
		model = lenet.NewModel(wholeSeed)
	}
	if options.wants(Train) || options.wants(Infer) {
		on := processors()
		if many, err = newRates(ctx, set, on, &data, model); err != nil {
			return nil, closeAll, err
		}
		for _, n := range threadCounts(len(on)) {
			if options.wants(Train) {
				all = append(all, many.measurement("whole", TrainRate, set.Name(), first(n)))
			}
			if options.wants(Infer) {
				all = append(all, many.measurement("whole", InferRate, set.Name(), first(n)))
			}
		}
		if options.PerCore {
			all = append(all, many.perCore(set.Name(), on, options)...)
		}
	}
	if !options.wants(Infer) {
		return all, closeAll, nil
	}
	classifiers := map[int]*lenet.Classifier{} // by number of threads
	for _, n := range threadCounts(threads) {
		if classifiers[n], err = lenet.NewClassifier(model, lenet.Options{ISA: set.Name(), Threads: n}); err != nil {
			return nil, closeAll, err
		}
	}
	for _, batch := range []int{1, 100, 1000} {
		for _, n := range threadCounts(threads) {
			if batch == 1 && n > 1 {
				continue // one image is read by one thread
			}
			all = append(all, inferMeasurement(classifiers[n], n, batches{images: data.Images, labels: data.Labels, size: batch}))
		}
	}
	return all, closeAll, nil
}

func trainMeasurement(trainer *lenet.Trainer, source batches) *measurement {
	trainer.MeasurePhases()
	all := steps{trainer: trainer}
	return &measurement{
		row:    Row{Group: "whole", Name: Train, ISA: trainer.ISA(), Threads: trainer.Threads(), Batch: source.size, Unit: "µs/image"},
		dense:  TrainFLOPs,
		phases: all.rows,
		run: func(steps int) (float64, error) {
			start := time.Now()
			for range steps {
				if _, err := trainer.Step(source.next()); err != nil {
					return 0, err
				}
			}
			all.took += time.Since(start)
			all.images += steps * source.size
			return float64(steps * source.size), nil
		},
	}
}

func inferMeasurement(c *lenet.Classifier, threads int, source batches) *measurement {
	predictions := make([]lenet.Prediction, source.size)
	m := &measurement{row: Row{Group: "whole", Name: Infer, ISA: c.ISA(), Threads: threads, Batch: source.size, Unit: "µs/image"}, dense: InferFLOPs}
	m.run = func(calls int) (float64, error) {
		for range calls {
			images, _ := source.next()
			start := time.Now()
			if source.size == 1 {
				predictions[0] = c.Classify((*[mnist.ImageBytes]byte)(images))
			} else if err := c.ClassifyBatch(predictions, images); err != nil {
				return 0, err
			}
			m.latencies = append(m.latencies, time.Since(start).Seconds()*1e6)
		}
		return float64(calls * source.size), nil
	}
	return m
}

// onMNIST measures, once, the tutorial's 12 epochs with a validation after
// each, and the time that the fast recipe trains until it reads 99 % of the
// test images. Without MNIST on this machine, with other images in its place, and
// without generated kernels, it says so in a note.
func onMNIST(ctx context.Context, isa string, options mnist.Options, progress func(done, total int)) (rows []Row, notes []string, err error) {
	if isa == "generic" {
		return nil, []string{"plain Go trains for more than half an hour: no time for the tutorial and to 99 %"}, nil
	}
	_, locations, err := mnist.Locate(options)
	if err != nil {
		return nil, nil, err
	}
	for _, l := range locations {
		if l.Path == "" {
			return nil, []string{"MNIST is not on this machine (kernelet data fetches it): no time for the tutorial and to 99 %"}, nil
		}
	}
	data, err := mnist.Load(ctx, options)
	if err != nil {
		return nil, nil, err
	}
	if data.Name != "mnist" {
		return nil, []string{data.Name + " is not MNIST: no time for the tutorial and to 99 %"}, nil
	}
	tutorial, fast := lenet.Tutorial(), lenet.Fast()
	tutorial.Seed, fast.Seed = 1, 1
	tutorial.ISA, fast.ISA = isa, isa
	for _, one := range []struct {
		name     string
		settings lenet.Settings
		accept   float64
	}{{"12 epochs of the tutorial", tutorial, 0}, {"to 99 % by the fast recipe", fast, 99}} {
		row, note, err := timed(ctx, data, one.name, one.settings, one.accept, progress)
		switch {
		case err != nil:
			return nil, nil, err
		case note != "":
			notes = append(notes, note)
		default:
			rows = append(rows, row)
		}
	}
	return rows, notes, nil
}

// timed trains to the end of the settings' epochs, with a validation after each,
// and returns a row of how long that took or, where it ends below the accepted
// accuracy, per cent, a note that says so.
func timed(ctx context.Context, data *mnist.Dataset, name string, settings lenet.Settings, accept float64, progress func(done, total int)) (row Row, note string, err error) {
	start := time.Now()
	trainer, err := lenet.NewTrainer(lenet.NewModel(1), settings)
	if err != nil {
		return row, "", err
	}
	defer trainer.Close()
	var validation lenet.Stats
	for range settings.Epochs {
		if _, err := trainer.Epoch(ctx, data.Train.Images, data.Train.Labels); err != nil {
			return row, "", err
		}
		if validation, err = trainer.Evaluate(ctx, data.Test.Images, data.Test.Labels); err != nil {
			return row, "", err
		}
		progress(trainer.EpochsDone(), settings.Epochs)
	}
	seconds := time.Since(start).Seconds()
	if validation.Accuracy() < accept {
		return row, fmt.Sprintf("%s: not reached, %.2f %% of the test images", name, validation.Accuracy()), nil
	}
	row = Row{Group: "whole", Name: name, ISA: trainer.ISA(), Threads: trainer.Threads(), Batch: settings.Batch, Unit: "s",
		Value: seconds, Low: seconds, High: seconds, Best: seconds, Samples: 1}
	row.Benchmark = row.Key()
	return row, "", nil
}
