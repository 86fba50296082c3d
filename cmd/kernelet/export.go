package main

import (
	"bytes"
	"fmt"

	"github.com/kernelet/kernelet/internal/onnx"
)

type exportCommand struct {
	Model string `help:"Model to write; kernelet's own if not given." placeholder:"FILE"`
	ONNX  string `name:"onnx" help:"ONNX file to write: images [batch][1][28][28] as byte/255·2 − 1 to logits [batch][10]." required:"" placeholder:"FILE.onnx"`
}

// Run writes the model in another format. The file appears whole or not at all.
func (c *exportCommand) Run(e *environment) error {
	model, err := loadModel(c.Model)
	if err != nil {
		return err
	}
	var content bytes.Buffer
	if err := onnx.Write(&content, model); err != nil {
		return err
	}
	if err := writeWhole(c.ONNX, content.Bytes()); err != nil {
		return err
	}
	// Not to standard output, which may be the file.
	_, err = fmt.Fprintf(e.stderr, "%s: ONNX, %d bytes\n", c.ONNX, content.Len())
	return err
}
