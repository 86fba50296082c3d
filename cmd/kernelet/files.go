package main

import (
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/lenet/wholefile"
)

// loadModel reads a model file, or kernelet's own model if there is no path.
func loadModel(path string) (*lenet.Model, error) {
	if path == "" {
		return pretrained.Model()
	}
	return lenet.Load(path)
}

// writeWhole writes a file that a killed command leaves as it was or whole.
func writeWhole(path string, content []byte) error { return wholefile.Write(path, content) }
