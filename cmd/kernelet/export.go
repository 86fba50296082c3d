package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/kernelet/kernelet/internal/onnx"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/weights"
)

type exportCommand struct {
	Model       string `help:"Model to write: safetensors, PyTorch's .pt, Keras's .keras or .h5, ONNX, .npz; kernelet's own if not given." placeholder:"FILE"`
	ONNX        string `name:"onnx" help:"ONNX file to write: images [batch][1][28][28] as byte/255·2 − 1 to logits [batch][10]." placeholder:"FILE.onnx"`
	Safetensors string `help:"Safetensors file to write, with PyTorch's names." placeholder:"FILE.safetensors"`
	NPZ         string `name:"npz" help:"NumPy archive to write, with PyTorch's names." placeholder:"FILE.npz"`
	C           string `name:"c" help:"C header to write: weights and a function that reads a digit, for microcontrollers." placeholder:"FILE.h"`
	Go          string `name:"go" help:"Go file to write, of a package that imports nothing of kernelet, for TinyGo." placeholder:"FILE.go"`
	Float16     bool   `name:"float16" help:"Store weights in 16 bits, rounded: half the size."`
}

// Run writes the model in other formats. Each file appears whole or not at all.
func (c *exportCommand) Run(e *environment) error {
	kind := weights.Float32
	if c.Float16 {
		kind = weights.Float16
	}
	as := func(write func(io.Writer, *lenet.Model, weights.Type) error) func(io.Writer, *lenet.Model) error {
		return func(w io.Writer, m *lenet.Model) error { return write(w, m, kind) }
	}
	targets := []struct {
		kind, path string
		write      func(io.Writer, *lenet.Model) error
	}{
		{"ONNX", c.ONNX, func(w io.Writer, m *lenet.Model) error { return onnx.Write(w, m, c.Float16) }},
		{"safetensors", c.Safetensors, as(weights.WriteSafetensors)},
		{"npz", c.NPZ, as(weights.WriteNPZ)},
		{"C", c.C, as(weights.WriteC)},
		{"Go", c.Go, as(weights.WriteGo)},
	}
	if c.ONNX == "" && c.Safetensors == "" && c.NPZ == "" && c.C == "" && c.Go == "" {
		return usageError{errors.New("export: expected one of --onnx, --safetensors, --npz, --c or --go")}
	}
	model, err := loadModel(e, c.Model)
	if err != nil {
		return err
	}
	for _, target := range targets {
		if target.path == "" {
			continue
		}
		var content bytes.Buffer
		if err := target.write(&content, model); err != nil {
			return fmt.Errorf("export: %s: %w", target.path, err)
		}
		if err := writeWhole(target.path, content.Bytes()); err != nil {
			return err
		}
		// Not to standard output, which may be the file.
		if _, err := fmt.Fprintf(e.stderr, "%s: %s, %d bytes\n", quoted(target.path), target.kind, content.Len()); err != nil {
			return err
		}
	}
	return nil
}
