// Package bench measures what this CPU can do and what kernelet reaches on it.
package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// Work of the dense algorithm, floating-point operations an image.
const (
	TrainFLOPs = 2 * 6_591_000
	InferFLOPs = 2 * 2_293_000
)

// FMAPeak measures the rate of fused multiply-adds of one thread, in GFLOP/s:
// the median of runs of 2 ms.
func FMAPeak(set *kernels.Set) (float64, error) {
	const runs, target = 25, 2e-3
	var sink [16]float32
	iterations := 1000
	var rates []float64
	for i := range runs {
		start := time.Now()
		flops, err := set.FMAPeak(sink[:], iterations)
		if err != nil {
			return 0, err
		}
		seconds := time.Since(start).Seconds()
		if i == 0 {
			iterations = max(1, int(float64(iterations)*target/seconds))
			continue // warms up
		}
		rates = append(rates, flops/seconds/1e9)
	}
	return median(rates), nil
}

// TrainRow is a measurement of training. Dense-equivalent counts the
// operations of the dense algorithm, whatever was executed; the peak is that
// of all threads.
type TrainRow struct {
	Threads      int     `json:"threads"`
	ISA          string  `json:"isa"`
	Batch        int     `json:"batch"`
	Microseconds float64 `json:"us_per_image"`
	GFLOPs       float64 `json:"dense_equivalent_gflops"`
	Peak         float64 `json:"fma_peak_gflops"`
	TimesPeak    float64 `json:"x_peak"`
}

// Train measures steps of the tutorial's training, forward, backward and Adam
// on shuffled images: the median over windows of a tenth of a second or more,
// after an epoch of warm-up, for each number of threads in turn, rounds times.
func Train(ctx context.Context, data mnist.Set, isa string, batch int, threads []int, rounds int) ([]TrainRow, error) {
	set, err := kernels.Select(isa)
	if err != nil {
		return nil, err
	}
	times := make([][]float64, len(threads))
	peaks := []float64{}
	trainers := make([]*lenet.Trainer, len(threads))
	for i, n := range threads {
		settings := lenet.Tutorial()
		settings.Batch, settings.Threads, settings.ISA = batch, n, isa
		if trainers[i], err = lenet.NewTrainer(lenet.NewModel(1), settings); err != nil {
			return nil, err
		}
		defer trainers[i].Close()
		// A trained network has other zeros than a random one.
		if _, err := trainers[i].Epoch(ctx, data.Images, data.Labels); err != nil {
			return nil, err
		}
	}
	for range rounds {
		peak, err := FMAPeak(set)
		if err != nil {
			return nil, err
		}
		peaks = append(peaks, peak)
		for i, trainer := range trainers {
			from, at := 0, time.Now()
			trainer.Progress = func(done, _ int) {
				if now := time.Now(); now.Sub(at) >= 100*time.Millisecond {
					times[i] = append(times[i], now.Sub(at).Seconds()/float64(done-from))
					from, at = done, now
				}
			}
			if _, err := trainer.Epoch(ctx, data.Images, data.Labels); err != nil {
				return nil, err
			}
		}
	}
	var rows []TrainRow
	for i, n := range threads {
		if len(times[i]) == 0 {
			return nil, errors.New("bench: too few images to measure")
		}
		seconds := median(times[i])
		row := TrainRow{Threads: n, ISA: trainers[i].ISA(), Batch: batch, Microseconds: seconds * 1e6,
			GFLOPs: TrainFLOPs / seconds / 1e9, Peak: median(peaks) * float64(n)}
		row.TimesPeak = row.GFLOPs / row.Peak
		rows = append(rows, row)
	}
	return rows, nil
}

// InferRow is a measurement of inference; percentiles are over calls of a whole
// batch.
type InferRow struct {
	Batch        int     `json:"batch"`
	Threads      int     `json:"threads"`
	ISA          string  `json:"isa"`
	Microseconds float64 `json:"us_per_image"`
	P50          float64 `json:"p50_us"`
	P99          float64 `json:"p99_us"`
	TimesPeak    float64 `json:"x_peak"`
}

// Infer measures a classifier of so many threads on batches of the images: the
// median time of calls, and percentiles over calls.
func Infer(ctx context.Context, classifier *lenet.Classifier, images []byte, batch, threads, calls int) (InferRow, error) {
	n := len(images) / mnist.ImageBytes
	if batch > n {
		return InferRow{}, fmt.Errorf("bench: expected at least %d images, got %d", batch, n)
	}
	set, err := kernels.Select(classifier.ISA())
	if err != nil {
		return InferRow{}, err
	}
	peak, err := FMAPeak(set)
	if err != nil {
		return InferRow{}, err
	}
	predictions := make([]lenet.Prediction, batch)
	times := make([]float64, calls)
	for i := range min(100, calls) + calls {
		if err := ctx.Err(); err != nil {
			return InferRow{}, err
		}
		first := i * batch % (n - batch + 1)
		part := images[first*mnist.ImageBytes:][:batch*mnist.ImageBytes]
		start := time.Now()
		if batch == 1 {
			predictions[0] = classifier.Classify((*[mnist.ImageBytes]byte)(part))
		} else if err := classifier.ClassifyBatch(predictions, part); err != nil {
			return InferRow{}, err
		}
		times[i%calls] = time.Since(start).Seconds() * 1e6
	}
	p50 := percentile(times, .50)
	row := InferRow{Batch: batch, Threads: threads, ISA: classifier.ISA(), Microseconds: p50 / float64(batch),
		P50: p50, P99: percentile(times, .99)}
	row.TimesPeak = InferFLOPs / (row.Microseconds * 1e3) / (peak * float64(threads))
	return row, nil
}
