package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
)

// loadModel reads a model file, or kernelet's own model if there is no path.
func loadModel(path string) (*lenet.Model, error) {
	if path == "" {
		return pretrained.Model()
	}
	return lenet.Load(path)
}

// writeWhole replaces a file at once, so that a killed command never leaves
// half of it.
func writeWhole(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(content)
	if err == nil {
		err = temporary.Chmod(0o644)
	}
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
