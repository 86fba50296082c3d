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
