package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

type predictCommand struct {
	Model  string   `help:"Model to read with; kernelet's own if not given." placeholder:"FILE"`
	ISA    string   `name:"isa" help:"Instruction set: auto, generic, avx2 or avx512." default:"auto"`
	JSON   bool     `name:"json" help:"Print one JSON object a picture."`
	Images []string `arg:"" name:"image" help:"PNG, JPEG or GIF, any size, dark on light or light on dark."`
}

type reading struct {
	Image string `json:"image"`
	lenet.Prediction
}

// Run reads every picture.
func (c *predictCommand) Run(e *environment) error {
	model, err := loadModel(c.Model)
	if err != nil {
		return err
	}
	classifier, err := newClassifier(model, c.ISA)
	if err != nil {
		return fmt.Errorf("predict: %w", err)
	}
	for _, path := range c.Images {
		if err := e.ctx.Err(); err != nil {
			return err
		}
		image, err := prepareFile(path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		p := classifier.Classify(&image)
		if math.IsNaN(float64(p.Probability)) {
			return fmt.Errorf("%s: the model's logits are too large: their probabilities are not finite", path)
		}
		if c.JSON {
			if err := json.NewEncoder(e.stdout).Encode(reading{path, p}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(e.stdout, "%s: %d (%.2f %%)\n", filepath.Base(path), p.Digit, 100*p.Probability)
		for digit, probability := range p.Probabilities {
			fmt.Fprintf(e.stdout, "  %d %7.3f %%\n", digit, 100*probability)
		}
	}
	return nil
}

func prepareFile(path string) (image [mnist.ImageBytes]byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return image, err
	}
	defer file.Close()
	picture, err := mnist.DecodeImage(file)
	if err != nil {
		return image, err
	}
	return mnist.Prepare(picture)
}
