package main

import (
	"fmt"
	"math"

	"github.com/kernelet/kernelet/docs/tour/internal/network"
	"github.com/kernelet/kernelet/internal/shape"
)

// drawNetwork shows a digit on its way through the trained network.
func drawNetwork(*data) (*drawing, error) {
	a, err := network.Run(1)
	if err != nil {
		return nil, err
	}
	d := newDrawing(760, 226, "A drawn digit, the twenty maps of conv1, the fifty of conv2, fc1's outputs and the ten logits of the trained network")
	for i, pixel := range a.Images {
		d.shade("ink", 10+float64(i%28)*4, 50+float64(i/28)*4, 4, 4, float64(pixel)/255)
	}
	maps := func(x, y float64, values []float64, size, columns int, pixel float64) {
		most := largest(values)
		step := float64(size)*pixel + 3
		for m := range len(values) / (size * size) {
			left, top := x+float64(m%columns)*step, y+float64(m/columns)*step
			d.rect("faint", left, top, float64(size)*pixel, float64(size)*pixel)
			for i, v := range values[m*size*size:][:size*size] {
				d.shade("first", left+float64(i%size)*pixel, top+float64(i/size)*pixel, pixel, pixel, v/most)
			}
		}
	}
	maps(150, 30, a.Pool1, shape.Pool1Size, 5, 3)
	maps(375, 40, a.Pool2, shape.Pool2Size, 10, 2.5)
	most := largest(a.Hidden)
	for i, v := range a.Hidden {
		x, y := 535+float64(i%20)*5, 45+float64(i/20)*5
		d.rect("faint", x, y, 4, 4)
		d.shade("first", x, y, 4, 4, v/most)
	}
	var sum float64
	for _, v := range a.Logits {
		sum += math.Exp(v - largest(a.Logits))
	}
	for class, v := range a.Logits {
		p := math.Exp(v-largest(a.Logits)) / sum
		y := 45 + float64(class)*13
		d.text("small end", 672, y+9, "%d", class)
		d.rect("faint", 678, y, 70, 10)
		d.rect("second", 678, y, 70*p, 10)
	}
	for _, t := range []struct {
		x          float64
		name, size string
	}{{10, "image", "28×28"}, {150, "conv1, pool, ReLU", "20×12×12"}, {375, "conv2, pool, ReLU", "50×4×4"}, {535, "fc1, ReLU", "500"}, {660, "fc2", "10"}} {
		d.text("", t.x, 22, "%s", t.name)
		d.text("small muted", t.x, 214, "%s", t.size)
	}
	return d, nil
}

func largest(values []float64) float64 {
	most := values[0]
	for _, v := range values {
		most = max(most, v)
	}
	return most
}

// drawZeros shows which of fc1's inputs and outputs are 0 for sixteen digits.
func drawZeros(*data) (*drawing, error) {
	a, err := network.Run(shape.Block)
	if err != nil {
		return nil, err
	}
	d := newDrawing(760, 250, "Which inputs and outputs of fc1 are not zero, for sixteen drawn digits")
	grid := func(x, y float64, title string, values []float64, features int) {
		live := 0
		for image := range shape.Block {
			for i := range 160 {
				if values[image*features+i] != 0 {
					d.rect("first", x+float64(i)*2.2, y+float64(image)*11, 1.8, 9)
				}
			}
		}
		for _, v := range values {
			if v != 0 {
				live++
			}
		}
		d.text("", x, y-10, "%s: %.0f %% are not 0", title, 100*float64(live)/float64(len(values)))
		d.line("line", x, y+178, x+352, y+178)
		d.text("small muted", x, y+194, "the first 160 of %d; a row is an image", features)
	}
	grid(10, 36, "fc1's input", a.Pool2, shape.FC1Inputs)
	grid(395, 36, "fc1's output", a.Hidden, shape.FC1Outputs)
	return d, nil
}

// drawErrors shows the relative errors of conv2's algorithms, by plain Go, which
// rounds alike on every machine.
func drawErrors(*data) (*drawing, error) {
	set, err := genericSet()
	if err != nil {
		return nil, err
	}
	direct, four, twelve, err := network.Conv2(set)
	if err != nil {
		return nil, err
	}
	d := newDrawing(760, 130, "Relative errors of conv2's three algorithms")
	d.text("", 10, 22, "conv2, relative error in plain Go, a trained network's activations")
	d.bars(160, 40, 440, []bar{
		{"direct sums", "third", fmt.Sprintf("%.2g", direct), direct},
		{"F(4×4, 5×5)", "first", fmt.Sprintf("%.2g", four), four},
		{"F(8×8, 5×5)", "second", fmt.Sprintf("%.2g", twelve), twelve},
	})
	return d, nil
}
