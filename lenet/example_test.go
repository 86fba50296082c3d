package lenet_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"time"

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

// Going on with a training that ended early: a program that does this at its
// start may be stopped at any moment.
func ExampleResume() {
	data := mnist.Synthetic(300, 1) // or mnist.Load
	folder, err := os.MkdirTemp("", "kernelet-example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	checkpoint := filepath.Join(folder, "checkpoint.safetensors")
	initial, settings := lenet.NewModel(1), lenet.Fast()
	settings.Epochs = 2
	// A checkpoint of other data or weights is refused, like one of other settings.
	settings.Origin = lenet.NewOrigin(initial, data.Images, data.Labels)

	train := func(ctx context.Context) *lenet.Model {
		trainer, err := lenet.Resume(checkpoint, settings)
		if errors.Is(err, fs.ErrNotExist) {
			trainer, err = lenet.NewTrainer(initial, settings)
		}
		if err != nil {
			log.Fatal(err)
		}
		defer trainer.Close()
		for _, err := range trainer.Epochs(ctx, data.Images, data.Labels) {
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				log.Fatal(err)
			}
		}
		if err := trainer.Checkpoint(checkpoint); err != nil {
			log.Fatal(err)
		}
		return trainer.Model()
	}
	soon, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	train(soon) // ends somewhere on the way
	resumed := train(context.Background())

	os.RemoveAll(folder)
	if err := os.Mkdir(folder, 0o777); err != nil {
		log.Fatal(err)
	}
	undisturbed := train(context.Background())
	fmt.Println("the same weights:", resumed.SHA256() == undisturbed.SHA256())
	// Output: the same weights: true
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
	classifier, err := lenet.NewClassifier(trainer.Model(), lenet.Options{})
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
