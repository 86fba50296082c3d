package main

import (
	"fmt"
	"math"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/mnist"
)

// warnedImages is the number of images, spread over a set, that are looked at.
const warnedImages = 1000

// warningsOf says what looks wrong with a data set.
func warningsOf(data *mnist.Dataset) ([]string, error) {
	if data.Name == "mnist" {
		return []string{}, nil // the original
	}
	classifier, err := pretrainedClassifier()
	if err != nil {
		return nil, err
	}
	warnings := []string{}
	for _, s := range []struct {
		name string
		mnist.Set
	}{{"training", data.Train}, {"test", data.Test}} {
		if s.Len() == 0 {
			continue
		}
		found, err := setWarnings(classifier, sample(s.Set, warnedImages))
		if err != nil {
			return nil, err
		}
		for _, w := range found {
			warnings = append(warnings, s.name+" images: "+w)
		}
		if s.Labels == nil {
			continue
		}
		for class, n := range countClasses(s.Labels) {
			if n == 0 {
				warnings = append(warnings, fmt.Sprintf("%s images: none of class %d", s.name, class))
			}
		}
	}
	return warnings, nil
}

func pretrainedClassifier() (*lenet.Classifier, error) {
	model, err := pretrained.Model()
	if err != nil {
		return nil, err
	}
	return lenet.NewClassifier(model, lenet.Options{})
}

// sample returns at most n images, evenly spread.
func sample(s mnist.Set, n int) mnist.Set {
	every := max(1, s.Len()/n)
	if s.Labels == nil {
		var picked mnist.Set
		for i := 0; i < s.Len(); i += every {
			picked.Images = append(picked.Images, s.Images[i*mnist.ImageBytes:][:mnist.ImageBytes]...)
		}
		return picked
	}
	return pick(s, func(i int) int {
		if i%every == 0 {
			return 1
		}
		return 0
	})
}

// changes are what may have been done to images, and what undoes it.
var changes = []struct {
	warning string
	undo    func(image []byte)
}{
	{"transposed? rows and columns look exchanged", func(image []byte) {
		for y := range mnist.Rows {
			for x := range y {
				a, b := y*mnist.Columns+x, x*mnist.Columns+y
				image[a], image[b] = image[b], image[a]
			}
		}
	}},
	{"inverted? digits are to be light, 255, on a dark background, 0", func(image []byte) {
		for i, v := range image {
			image[i] = 255 - v
		}
	}},
	{"mirrored?", func(image []byte) {
		for y := range mnist.Rows {
			row := image[y*mnist.Columns:][:mnist.Columns]
			for x := range mnist.Columns / 2 {
				row[x], row[mnist.Columns-1-x] = row[mnist.Columns-1-x], row[x]
			}
		}
	}},
}

// Shares of images that the pretrained model reads as labelled: what is half
// right is of MNIST's kind, and a change that gains so much undoes a fault.
const (
	ofMNISTsKind = 0.5
	gain         = 0.2
)

// setWarnings looks at a sample: at its values, and at how many images the
// pretrained model reads as their labels say, as they are and after undoing
// what is often done by mistake. Sets of other things than digits, which it
// reads by chance, get no warning of that kind.
func setWarnings(classifier *lenet.Classifier, s mnist.Set) (warnings []string, err error) {
	largest, total := byte(0), 0.0
	for _, v := range s.Images {
		largest, total = max(largest, v), total+float64(v)
	}
	switch {
	case largest == 0:
		return []string{"all pixels are 0"}, nil
	case largest == 1:
		warnings = append(warnings, "0–1 instead of 0–255? no value is above 1: multiply by 255")
	case largest <= 16:
		warnings = append(warnings, fmt.Sprintf("0–%d instead of 0–255?", largest))
	}
	if shift, ok := offCentre(s.Images); ok {
		warnings = append(warnings, shift)
	}
	if s.Labels == nil {
		if total/float64(len(s.Images)) > 128 {
			warnings = append(warnings, changes[1].warning)
		}
		return warnings, nil
	}
	scaled := append([]byte(nil), s.Images...)
	for i := range scaled {
		scaled[i] = byte(int(scaled[i]) * 255 / int(largest))
	}
	digits, err := read(classifier, scaled)
	if err != nil {
		return nil, err
	}
	asItIs := agreement(digits, s.Labels, 0)
	for _, c := range changes {
		undone := append([]byte(nil), scaled...)
		for i := 0; i < len(undone); i += mnist.ImageBytes {
			c.undo(undone[i:][:mnist.ImageBytes])
		}
		digits, err := read(classifier, undone)
		if err != nil {
			return nil, err
		}
		if share := agreement(digits, s.Labels, 0); share > ofMNISTsKind && share > asItIs+gain {
			warnings = append(warnings, fmt.Sprintf("%s (kernelet's own model reads %.0f %% of the images as labelled, and %.0f %% after undoing that)", c.warning, 100*asItIs, 100*share))
		}
	}
	for shift := 1; shift < mnist.Classes; shift++ {
		if share := agreement(digits, s.Labels, shift); share > ofMNISTsKind && share > asItIs+gain {
			warnings = append(warnings, fmt.Sprintf("labels shifted by %d? %.0f %% of the digits are read as the label plus %[1]d, modulo 10", shift, 100*share))
		}
	}
	return warnings, nil
}

func read(classifier *lenet.Classifier, images []byte) ([]int, error) {
	predictions := make([]lenet.Prediction, len(images)/mnist.ImageBytes)
	if err := classifier.ClassifyBatch(predictions, images); err != nil {
		return nil, err
	}
	digits := make([]int, len(predictions))
	for i, p := range predictions {
		digits[i] = p.Digit
	}
	return digits, nil
}

// agreement is the share of digits that are the label plus shift, modulo 10.
func agreement(digits []int, labels []byte, shift int) float64 {
	right := 0
	for i, d := range digits {
		if d == (int(labels[i])+shift)%mnist.Classes {
			right++
		}
	}
	return float64(right) / float64(len(digits))
}

// mostShift is how far, in pixels, the centre of mass of the mean image may be
// from the middle: MNIST's images are centred by it, and are within half a pixel.
const mostShift = 2

// offCentre looks for images that are not centred by their mass.
func offCentre(images []byte) (warning string, ok bool) {
	var mass, massX, massY float64
	for i, v := range images {
		x, y := float64(i%mnist.Columns)+.5, float64(i/mnist.Columns%mnist.Rows)+.5
		mass, massX, massY = mass+float64(v), massX+float64(v)*x, massY+float64(v)*y
	}
	x, y := massX/mass-mnist.Columns/2, massY/mass-mnist.Rows/2
	if math.Hypot(x, y) <= mostShift {
		return "", false
	}
	return fmt.Sprintf("not centred? the centre of mass is on average %+.1f pixels to the right and %+.1f down from the middle, where MNIST has it", x, y), true
}
