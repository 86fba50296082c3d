package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kernelet/kernelet/internal/wholefile"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/lenet/weights"
)

// loadModel reads a model file of any kind, or kernelet's own model if there is
// no path.
func loadModel(e *environment, path string) (*lenet.Model, error) {
	if path == "" {
		return pretrained.Model()
	}
	model, notes, err := weights.Load(path)
	e.note(false, notes...)
	return model, err
}

// newClassifier packs a model for the instruction set of --isa; one that the
// machine lacks is wrong usage.
func newClassifier(model *lenet.Model, isa string) (*lenet.Classifier, error) {
	classifier, err := lenet.NewClassifier(model, lenet.Options{ISA: isa})
	if errors.Is(err, lenet.ErrISA) {
		return nil, usageError{err}
	}
	return classifier, err
}

// roomFor refuses a path, given by a flag, where no page or report could be
// written. An empty one needs no room, nor does what is no file but a pipe, a
// terminal or a device.
func roomFor(flag, path string) error {
	if path == "" {
		return nil
	}
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s: %s: expected a file, got a folder", flag, path)
	case err == nil && !info.Mode().IsRegular():
		return nil
	}
	room, err := makeRoom(filepath.Dir(path), pageBytes)
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	room.release()
	return nil
}

// writeRendered writes what render writes to a file, unless its path is empty.
func writeRendered(path string, render func(w io.Writer) error) error {
	if path == "" {
		return nil
	}
	var content bytes.Buffer
	if err := render(&content); err != nil {
		return err
	}
	return writeWhole(path, content.Bytes())
}

// writeWhole writes a file that a killed command leaves as it was or whole.
func writeWhole(path string, content []byte) error { return wholefile.Write(path, content) }
