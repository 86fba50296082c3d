package main

import (
	"errors"
	"fmt"

	"github.com/kernelet/kernelet/internal/wholefile"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/mnist"
)

// loadModel reads a model file, or kernelet's own model if there is no path.
func loadModel(path string) (*lenet.Model, error) {
	if path == "" {
		return pretrained.Model()
	}
	return lenet.Load(path)
}

// newClassifier packs a model for the instruction set of --isa; one that the
// machine lacks is wrong usage.
func newClassifier(model *lenet.Model, isa string) (*lenet.Classifier, error) {
	classifier, err := lenet.NewClassifierFor(model, isa)
	if errors.Is(err, kernels.ErrISA) {
		return nil, usageError{err}
	}
	return classifier, err
}

// loadReal returns the data of a folder, or MNIST, and unlike loadData never
// drawn digits: a model's accuracy on those would say nothing.
func loadReal(e *environment, folder string, quiet bool) (*mnist.Dataset, error) {
	bar := newProgress(e.stdout, quiet, "")
	data, err := mnist.Load(e.ctx, mnist.Options{Dir: folder, Progress: func(file string, done, total int64) {
		bar.label = "fetching " + file
		bar.update(int(done), int(total))
	}})
	bar.clear()
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	return data, nil
}

// writeWhole writes a file that a killed command leaves as it was or whole.
func writeWhole(path string, content []byte) error { return wholefile.Write(path, content) }
