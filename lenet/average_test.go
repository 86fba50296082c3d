package lenet

import (
	"context"
	"math"
	"testing"

	"github.com/kernelet/kernelet/mnist"
)

// TestAverage: the model is the mean of the weights after the last epochs, and
// evaluations use it.
func TestAverage(t *testing.T) {
	data := mnist.Synthetic(200, 6)
	settings := Tutorial()
	settings.Epochs = 3
	plain := newTrainer(t, NewModel(1), settings)
	defer plain.Close()
	settings.AverageEpochs = 2
	averaging := newTrainer(t, NewModel(1), settings)
	defer averaging.Close()
	var sum []float64
	for epoch := range 3 {
		for _, trainer := range []*Trainer{plain, averaging} {
			if _, err := trainer.Epoch(context.Background(), data.Images, data.Labels); err != nil {
				t.Fatal(err)
			}
		}
		if epoch == 0 {
			if plain.Model().SHA256() != averaging.Model().SHA256() {
				t.Error("before the last two epochs the weights differ")
			}
			continue
		}
		i := 0
		for _, tensor := range plain.Model().Tensors() {
			for _, w := range tensor.Values {
				if epoch == 1 {
					sum = append(sum, 0)
				}
				sum[i] += float64(w)
				i++
			}
		}
	}
	i := 0
	for _, tensor := range averaging.Model().Tensors() {
		for _, w := range tensor.Values {
			// The difference and its share are rounded once each, and their sum with the first mean.
			if want := sum[i] / 2; math.Abs(float64(w)-want) > 3*0x1p-24*(math.Abs(want)+1e-3) {
				t.Fatalf("%s: expected %v, got %v", tensor.Name, want, w)
			}
			i++
		}
	}
	stats, err := averaging.Evaluate(context.Background(), data.Images, data.Labels)
	if err != nil {
		t.Fatal(err)
	}
	model := newTrainer(t, averaging.Model(), settings)
	defer model.Close()
	want, err := model.Evaluate(context.Background(), data.Images, data.Labels)
	if err != nil {
		t.Fatal(err)
	}
	if stats.Loss != want.Loss || stats.Correct != want.Correct {
		t.Errorf("evaluation: expected that of the mean, %+v, got %+v", want, stats)
	}
}
