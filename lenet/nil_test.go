package lenet

import (
	"errors"
	"testing"
)

// TestNilModel: no model is an error, never a panic.
func TestNilModel(t *testing.T) {
	var none *Model
	_, classifierErr := NewClassifier(nil, Options{})
	_, trainerErr := NewTrainer(nil, Settings{Threads: 1})
	for name, err := range map[string]error{
		"NewClassifier": classifierErr, "NewTrainer": trainerErr,
		"Write": none.Write(nil), "Save": none.Save(t.TempDir() + "/none"),
	} {
		if !errors.Is(err, ErrModel) {
			t.Errorf("%s: expected ErrModel, got %v", name, err)
		}
	}
	if none.Tensors() != nil || NewOrigin(nil, nil, nil).Images != 0 {
		t.Error("nil has tensors or images")
	}
}

// TestShortenedRecipe: a recipe whose Epochs are changed needs no other change.
func TestShortenedRecipe(t *testing.T) {
	for epochs := 1; epochs <= 40; epochs += 13 {
		settings := Best()
		settings.Epochs, settings.Threads = epochs, 1
		trainer, err := NewTrainer(NewModel(1), settings)
		if err != nil {
			t.Fatalf("%d epochs: %v", epochs, err)
		}
		if got, want := trainer.settings.AverageEpochs, min(epochs, Best().AverageEpochs); got != want {
			t.Errorf("%d epochs: expected the mean of %d, got %d", epochs, want, got)
		}
		trainer.Close()
	}
}
