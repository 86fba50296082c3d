package pretrained

import (
	"context"
	"math"
	"testing"

	"github.com/kernelet/kernelet/internal/testmnist"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
)

// TestRetraining trains as the documented command does, which has to give the
// same bits on every machine that has generated kernels.
func TestRetraining(t *testing.T) {
	testmnist.NeedLong(t)
	if set, err := kernels.Select(""); err != nil || set.Name() == "generic" {
		t.Skipf("plain Go rounds differently and takes hours (%v)", err)
	}
	train := testmnist.MNIST(t).Train
	settings := lenet.Best()
	settings.Seed = 8
	trainer, err := lenet.NewTrainer(lenet.NewModel(8), settings)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	for _, err := range trainer.Epochs(context.Background(), train.Images, train.Labels) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := trainer.Model().SHA256(); got != SHA256 {
		t.Errorf("weights: expected %s, got %s", SHA256, got)
	}
}

// TestModel: the weights are those that the documented command makes, and read
// as well as Accuracy says.
func TestModel(t *testing.T) {
	m, err := Model()
	if err != nil {
		t.Fatal(err)
	}
	if got := m.SHA256(); got != SHA256 {
		t.Errorf("weights: expected %s, got %s", SHA256, got)
	}
	test := testmnist.MNIST(t).Test
	classifier, err := lenet.NewClassifier(m, lenet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	predictions := make([]lenet.Prediction, test.Len())
	if err := classifier.ClassifyBatch(predictions, test.Images); err != nil {
		t.Fatal(err)
	}
	correct := 0
	for i, p := range predictions {
		if p.Digit == int(test.Labels[i]) {
			correct++
		}
	}
	// Plain Go rounds differently, which may turn an image whose two highest logits are almost the same.
	if accuracy := 100 * float64(correct) / float64(test.Len()); math.Abs(accuracy-Accuracy) > 0.0101 {
		t.Errorf("accuracy: expected %.2f %%, got %.2f %%", Accuracy, accuracy)
	}
}
