package lenet

import (
	"context"
	"errors"
	"testing"

	"github.com/kernelet/kernelet/mnist"
)

// TestClassifierEvaluate: a Classifier's figures are the Trainer's, to the bit,
// and what cannot be evaluated is an error that errors.Is finds.
func TestClassifierEvaluate(t *testing.T) {
	data := mnist.Synthetic(fewer(333), 5)
	model := NewModel(3)
	trainer, err := NewTrainer(model, Tutorial())
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	want, err := trainer.Evaluate(context.Background(), data.Images, data.Labels)
	if err != nil {
		t.Fatal(err)
	}
	c := newClassifier(t, model)
	got, err := c.Evaluate(context.Background(), data.Images, data.Labels)
	if err != nil || got.Images != want.Images || got.Correct != want.Correct || got.Loss != want.Loss || got.Duration <= 0 {
		t.Errorf("expected %+v, got %+v, error %v", want, got, err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	huge := *model
	for _, tensor := range huge.Tensors() {
		for i := range tensor.Values {
			tensor.Values[i] *= 1e20
		}
	}
	for _, e := range []struct {
		classifier     *Classifier
		ctx            context.Context
		images, labels []byte
		want           error
	}{
		{c, ended, data.Images, data.Labels, context.Canceled},
		{c, context.Background(), nil, nil, ErrData},
		{c, context.Background(), data.Images[1:], data.Labels, ErrData},
		{c, context.Background(), data.Images[:784], []byte{10}, ErrData},
		{newClassifier(t, &huge), context.Background(), data.Images, data.Labels, ErrNotFinite},
	} {
		if got, err := e.classifier.Evaluate(e.ctx, e.images, e.labels); !errors.Is(err, e.want) || got != (Stats{}) {
			t.Errorf("expected %v, got %+v, error %v", e.want, got, err)
		}
	}
}

// TestEvaluateMany: every image is held against its own label, also behind the
// images that are classified at a time.
func TestEvaluateMany(t *testing.T) {
	if len(ISAs()) == 1 {
		t.Skip("16,400 images take plain Go too long")
	}
	const n = 16_400
	few := mnist.Synthetic(100, 5)
	var images, labels []byte
	for len(labels) < n {
		images, labels = append(images, few.Images...), append(labels, few.Labels...)
	}
	c := newClassifier(t, NewModel(3))
	predictions := make([]Prediction, n)
	if err := c.ClassifyBatch(predictions, images[:n*mnist.ImageBytes]); err != nil {
		t.Fatal(err)
	}
	// Every label is what the model reads, but for the last ten.
	for i := range n {
		labels[i] = byte(predictions[i].Digit)
		if i >= n-10 {
			labels[i] = (labels[i] + 1) % 10
		}
	}
	stats, err := c.Evaluate(t.Context(), images[:n*mnist.ImageBytes], labels[:n])
	if err != nil || stats.Correct != n-10 {
		t.Errorf("expected %d right, got %+v, %v", n-10, stats, err)
	}
}
