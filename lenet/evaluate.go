package lenet

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
)

// judgement is what an evaluation says about an image.
type judgement struct {
	loss    float64
	correct bool
}

// judge compares an image's logits with its label.
func judge(logits *[shape.Classes]float32, label byte) judgement {
	digit := largest(logits)
	_, sum := softmax(logits, logits[digit])
	return judgement{crossEntropy(logits, digit, int(label), sum, &kernels.Loss{Label: 1}), digit == int(label)}
}

// summary adds up judgements, in their order.
func summary(judgements []judgement, start time.Time) (Stats, error) {
	stats := Stats{Images: len(judgements)}
	for _, j := range judgements {
		stats.Loss += j.loss
		if j.correct {
			stats.Correct++
		}
	}
	stats.Loss /= float64(len(judgements))
	stats.Duration = time.Since(start)
	if math.IsNaN(stats.Loss) || math.IsInf(stats.Loss, 0) {
		return Stats{}, ErrNotFinite
	}
	return stats, nil
}

// Evaluate measures the weights that Model returns on images (n×784 bytes) and
// labels (n bytes below 10), without dropout. A loss that is not finite is an
// error that wraps ErrNotFinite.
func (t *Trainer) Evaluate(ctx context.Context, images, labels []byte) (Stats, error) {
	start := time.Now()
	if err := t.open(); err != nil {
		return Stats{}, err
	}
	n, err := checkData(images, labels)
	if err != nil {
		return Stats{}, err
	}
	e, weights := t.engine, &t.engine.packed
	if t.averaged() > 0 {
		weights = &t.average.packed
	} else if err := weights.transform(e.set, e.weights); err != nil {
		return Stats{}, err
	}
	judgements := make([]judgement, n)
	e.evaluation = evaluation{weights: weights, images: images, labels: labels, judgements: judgements}
	defer func() { e.evaluation = evaluation{} }()
	const stride = 256 * inferenceImages // images between two looks at ctx
	for from := 0; from < n; from += stride {
		if err := ctx.Err(); err != nil {
			return Stats{}, err
		}
		e.evaluation.from, e.evaluation.to = from, min(from+stride, n)
		if err := e.run(e.evaluate); err != nil {
			return Stats{}, err
		}
	}
	stats, err := summary(judgements, start)
	if err != nil {
		return Stats{}, fmt.Errorf("evaluation after epoch %d: %w", t.EpochsDone(), err)
	}
	return stats, nil
}

// evaluation is what an engine evaluates: images from … to−1.
type evaluation struct {
	weights        *packed
	images, labels []byte
	judgements     []judgement
	from, to       int
}

func (v *evaluation) tasks() int { return (v.to - v.from + inferenceImages - 1) / inferenceImages }

// evaluateImages is the task of an evaluation.
func (e *engine) evaluateImages(worker, task int) error {
	v := &e.evaluation
	first := v.from + task*inferenceImages
	last := min(first+inferenceImages, v.to)
	return e.own[worker].inference.evaluate(v.weights, v.images, v.labels, first, v.judgements[first:last])
}

// evaluate judges the images that begin at first.
func (f *inference) evaluate(p *packed, images, labels []byte, first int, judgements []judgement) error {
	if err := f.forward(p, nil, pixels{bytes: images}, first, len(judgements)); err != nil {
		return err
	}
	for i := range judgements {
		logits := f.logitsOf(i)
		judgements[i] = judge(&logits, labels[first+i])
	}
	return nil
}

// Evaluate measures the Classifier on images (n×784 bytes) and labels (n bytes
// below 10), with the figures of Trainer.Evaluate. A loss that is not finite is
// an error that wraps ErrNotFinite.
func (c *Classifier) Evaluate(ctx context.Context, images, labels []byte) (Stats, error) {
	start := time.Now()
	n, err := checkData(images, labels)
	if err != nil {
		return Stats{}, err
	}
	const stride = 1 << 14 // images between two looks at ctx
	judgements := make([]judgement, n)
	logits := make([]float32, shape.Classes*min(stride, n))
	for first := 0; first < n; first += stride {
		if err := ctx.Err(); err != nil {
			return Stats{}, err
		}
		count := min(stride, n-first)
		part := logits[:shape.Classes*count]
		if err := c.Logits(part, images[shape.ImagePixels*first:][:shape.ImagePixels*count]); err != nil {
			return Stats{}, err
		}
		for i := range count {
			judgements[first+i] = judge((*[shape.Classes]float32)(part[shape.Classes*i:]), labels[first+i])
		}
	}
	stats, err := summary(judgements, start)
	if err != nil {
		return Stats{}, fmt.Errorf("evaluation: %w", err)
	}
	return stats, nil
}
