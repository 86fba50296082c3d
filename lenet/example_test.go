package lenet_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// Training by epochs, with a checkpoint after each.
func ExampleTrainer_Epochs() {
	train, test := mnist.Synthetic(2000, 1), mnist.Synthetic(500, 2) // or mnist.Load
	settings := lenet.Tutorial()
	settings.Epochs, settings.LearningRate = 3, 1e-3
	trainer, err := lenet.NewTrainer(lenet.NewModel(1), settings)
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Close()
	checkpoint := filepath.Join(os.TempDir(), "kernelet-example.safetensors")
	defer os.Remove(checkpoint)
	defer os.Remove(checkpoint + lenet.PreviousSuffix)
	ctx := context.Background()
	for _, err := range trainer.Epochs(ctx, train.Images, train.Labels) {
		if err != nil {
			log.Fatal(err)
		}
		if err := trainer.Checkpoint(checkpoint); err != nil {
			log.Fatal(err)
		}
	}
	validation, err := trainer.Evaluate(ctx, test.Images, test.Labels)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("more than nine of ten right:", validation.Accuracy() > 90)
	// Output: more than nine of ten right: true
}

// A training loop of one's own: any source of images, one step after another.
func ExampleTrainer_Step() {
	trainer, err := lenet.NewTrainer(lenet.NewModel(1), lenet.Settings{LearningRate: 1e-3})
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Close()
	var first, last lenet.Stats
	for step := range uint64(60) {
		batch := mnist.Synthetic(64, step) // never the same images twice
		last, err = trainer.Step(batch.Images, batch.Labels)
		if err != nil {
			log.Fatal(err)
		}
		if step == 0 {
			first = last
		}
	}
	fmt.Println("the loss falls:", last.Loss < first.Loss/2)
	// Output: the loss falls: true
}

// Reading digits.
func ExampleClassifier() {
	data := mnist.Synthetic(1000, 1)
	trainer, err := lenet.NewTrainer(lenet.NewModel(1), lenet.Settings{LearningRate: 2e-3})
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Close()
	for range 4 {
		if _, err := trainer.Epoch(context.Background(), data.Images, data.Labels); err != nil {
			log.Fatal(err)
		}
	}
	classifier, err := lenet.NewClassifier(trainer.Model())
	if err != nil {
		log.Fatal(err)
	}
	predictions := make([]lenet.Prediction, data.Len())
	if err := classifier.ClassifyBatch(predictions, data.Images); err != nil {
		log.Fatal(err)
	}
	one := classifier.Classify((*[mnist.ImageBytes]byte)(data.Images))
	fmt.Println("alone as in a batch:", one == predictions[0])
	// Output: alone as in a batch: true
}
