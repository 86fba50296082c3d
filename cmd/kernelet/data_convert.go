package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kernelet/kernelet/mnist"
)

type dataConvertCommand struct {
	From string `arg:"" help:"Data set, as of train --data."`
	To   string `arg:"" help:"Folder for the IDX files."`
}

// Run writes a data set as the IDX files that every reader of MNIST knows.
func (c *dataConvertCommand) Run(e *environment) error {
	data, err := mnist.Open(e.ctx, c.From)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	e.note(false, data.Notes...)
	if err := os.MkdirAll(c.To, 0o755); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	for _, s := range []struct {
		prefix string
		mnist.Set
	}{{"train", data.Train}, {"t10k", data.Test}} {
		if s.Len() == 0 {
			continue
		}
		var images, labels bytes.Buffer
		mnist.WriteImages(&images, s.Images) // into memory, where nothing fails
		files := map[string][]byte{s.prefix + "-images-idx3-ubyte": images.Bytes()}
		if s.Labels != nil {
			mnist.WriteLabels(&labels, s.Labels)
			files[s.prefix+"-labels-idx1-ubyte"] = labels.Bytes()
		}
		for name, content := range files {
			if err := writeWhole(filepath.Join(c.To, name), content); err != nil {
				return err
			}
		}
	}
	_, err = fmt.Fprintf(e.stdout, "%s: %s are in %s\n", data.Name, describeSets(data), quoted(c.To))
	return err
}
