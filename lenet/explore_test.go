package lenet

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/kernelet/kernelet/internal/testdata"
)

func TestExplore(t *testing.T) {
	data := testdata.MNIST(t)
	tr := data.Train
	n := 50000
	for _, c := range []struct{ ls, drop, b2, lr float64 }{{.05, .25, .99, 3e-3}, {.0, .25, .99, 3e-3}, {.05, .5, .99, 2e-3}} {
		s := Settings{Epochs: 30, Augment: true, LearningRate: c.lr, Beta2: c.b2, LabelSmoothing: c.ls, Dropout: c.drop, Batch: 64, Seed: 100, Schedule: Schedule{WarmUp: .05, Decay: true}}
		x, _ := NewTrainer(NewModel(100), s)
		t0 := time.Now()
		for x.EpochsDone() < s.Epochs {
			x.Epoch(context.Background(), tr.Images[:n*784], tr.Labels[:n])
		}
		v, _ := x.Evaluate(context.Background(), tr.Images[n*784:], tr.Labels[n:])
		fmt.Printf("%+v acc %.2f loss %.4f  %.2fs\n", c, v.Accuracy(), v.Loss, time.Since(t0).Seconds())
		x.Close()
	}
}
