package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/kernelet/kernelet/mnist"
	_ "github.com/kernelet/kernelet/mnist/inflate"  // what is compressed is read sooner
	_ "github.com/kernelet/kernelet/mnist/parquet"  // a form that --data takes
	_ "github.com/kernelet/kernelet/mnist/pictures" // another
)

// dataFlags say what is trained on and what is validated on.
type dataFlags struct {
	Data          string `help:"Data set: folder, IDX, .npz, CSV, Parquet, pictures by class, a zip or tar of these; MNIST, fetched, if not given." placeholder:"PATH"`
	Synthetic     bool   `help:"Drawn digits instead of MNIST: figures say nothing about MNIST."`
	Validate      string `help:"Validate on this data set, or on the last N% of each class's training images, which are not trained on, instead of the test images." placeholder:"PATH|N%"`
	HoldOut       int    `help:"Validate on the last N training images, which are not trained on, instead of the test images." placeholder:"N"`
	Limit         int    `help:"Use the first N training images only." placeholder:"N"`
	LimitPerClass int    `help:"Use the first N training images of each class only." placeholder:"N"`
	ClassWeights  string `help:"How many times an epoch has each image, by its class: ten numbers, or balanced, as many of each class as of the largest." placeholder:"balanced|W0,…,W9"`
}

// Names of validation images in the history, where they are not the test images.
const (
	heldOut = "held-out" // split off the training images
	given   = "given"    // --validate names them
)

// defaultHoldOut is the share that is held out where there are no test images
// with labels.
const defaultHoldOut = "10%"

// check refuses flags that cannot be meant, before data are read.
func (f *dataFlags) check() error {
	if f.Limit < 0 || f.HoldOut < 0 || f.LimitPerClass < 0 {
		return errors.New("expected --limit, --limit-per-class and --hold-out of at least 0")
	}
	if f.Synthetic && f.Data != "" {
		return errors.New("expected --data or --synthetic, got both")
	}
	if f.Validate != "" && f.HoldOut > 0 {
		return errors.New("expected --validate or --hold-out, got both")
	}
	if _, _, err := f.share(); err != nil {
		return err
	}
	_, err := f.weights(mnist.Set{})
	return err
}

// share returns the share of the training images that --validate names.
func (f *dataFlags) share() (share float64, ok bool, err error) {
	text, ok := strings.CutSuffix(f.Validate, "%")
	if !ok {
		return 0, false, nil
	}
	if _, err := os.Stat(f.Validate); err == nil {
		return 0, false, nil // a file of that name
	}
	share, err = strconv.ParseFloat(text, 64)
	if err != nil || !(share > 0 && share < 100) {
		return 0, false, fmt.Errorf("--validate: expected a path or a share above 0%% and below 100%%, got %q", f.Validate)
	}
	return share / 100, true, nil
}

// validation names the validation images in the history, unless they are the
// test images.
func (f *dataFlags) validation() string {
	_, share, _ := f.share()
	switch {
	case f.HoldOut > 0 || share:
		return heldOut
	case f.Validate != "":
		return given
	}
	return ""
}

// split returns what to train on and what to validate on. Where data have no
// test images with labels it sets --validate, and says so.
func (f *dataFlags) split(e *environment, data *mnist.Dataset, quiet bool) (train, validation mnist.Set, err error) {
	if data.Train.Len() == 0 || data.Train.Labels == nil {
		return train, validation, fmt.Errorf("data: %s: expected training images with labels, got %s", data.Source, describeSets(data))
	}
	train, validation = data.Train, data.Test
	if f.Validate == "" && f.HoldOut == 0 && validation.Labels == nil {
		f.Validate = defaultHoldOut
		e.note(quiet, "there are no test images with labels: "+defaultHoldOut+" of each class's training images are held out to validate on (--validate PATH|N%)")
	}
	share, ok, err := f.share()
	switch {
	case err != nil:
		return train, validation, err
	case ok:
		train, validation = holdOut(train, share)
		if validation.Len() == 0 {
			return train, validation, usageError{fmt.Errorf("train: --validate: %s of %d training images are none", f.Validate, train.Len())}
		}
	case f.Validate != "":
		if validation, err = openValidation(e, f.Validate, quiet); err != nil {
			return train, validation, err
		}
	case f.HoldOut >= train.Len():
		return train, validation, usageError{fmt.Errorf("train: --hold-out: expected fewer than the %d training images, got %d", train.Len(), f.HoldOut)}
	case f.HoldOut > 0:
		n := train.Len() - f.HoldOut
		train, validation = part(train, 0, n), part(train, n, train.Len())
	}
	if f.Limit > 0 && f.Limit < train.Len() {
		train = part(train, 0, f.Limit)
	}
	if f.LimitPerClass > 0 {
		train = limitPerClass(train, f.LimitPerClass)
	}
	weights, err := f.weights(train)
	if err != nil || weights == nil {
		return train, validation, err
	}
	train, err = repeat(train, weights)
	return train, validation, err
}

// openValidation reads images that are given to validate on: the test images of
// a data set, or, if there are none with labels, its training images.
func openValidation(e *environment, path string, quiet bool) (mnist.Set, error) {
	data, err := mnist.Open(e.ctx, path)
	if err != nil {
		return mnist.Set{}, fmt.Errorf("--validate: %w", err)
	}
	e.note(quiet, data.Notes...)
	for _, s := range []mnist.Set{data.Test, data.Train} {
		if s.Len() > 0 && s.Labels != nil {
			return s, nil
		}
	}
	return mnist.Set{}, fmt.Errorf("--validate: %s: expected images with labels, got %s", path, describeSets(data))
}

// describeSets says what a data set has.
func describeSets(data *mnist.Dataset) string {
	one := func(s mnist.Set, name string) string {
		text := fmt.Sprintf("%d %s images", s.Len(), name)
		if s.Len() > 0 && s.Labels == nil {
			text += " without labels"
		}
		return text
	}
	return one(data.Train, "training") + " and " + one(data.Test, "test")
}

func part(s mnist.Set, from, to int) mnist.Set {
	return mnist.Set{Images: s.Images[from*mnist.ImageBytes : to*mnist.ImageBytes], Labels: s.Labels[from:to]}
}

// pick returns the images of s for which choose, called once an image, says how
// many times.
func pick(s mnist.Set, choose func(i int) int) (picked mnist.Set) {
	for i, label := range s.Labels {
		for range choose(i) {
			picked.Images = append(picked.Images, s.Images[i*mnist.ImageBytes:][:mnist.ImageBytes]...)
			picked.Labels = append(picked.Labels, label)
		}
	}
	return picked
}

func countClasses(labels []byte) (counts [mnist.Classes]int) {
	for _, label := range labels {
		counts[label]++
	}
	return counts
}

// holdOut splits off the last share of every class's images.
func holdOut(s mnist.Set, share float64) (rest, heldOut mnist.Set) {
	counts := countClasses(s.Labels)
	var first, seen [mnist.Classes]int // the first that is held out, and how many came before
	for class, n := range counts {
		first[class] = n - int(share*float64(n)+.5)
	}
	held := make([]bool, s.Len())
	for i, label := range s.Labels {
		held[i] = seen[label] >= first[label]
		seen[label]++
	}
	choose := func(want bool) func(int) int {
		return func(i int) int {
			if held[i] == want {
				return 1
			}
			return 0
		}
	}
	return pick(s, choose(false)), pick(s, choose(true))
}

// limitPerClass keeps the first n images of each class.
func limitPerClass(s mnist.Set, n int) mnist.Set {
	var seen [mnist.Classes]int
	return pick(s, func(i int) int {
		seen[s.Labels[i]]++
		if seen[s.Labels[i]] <= n {
			return 1
		}
		return 0
	})
}

const balanced = "balanced"

// weights returns what --class-weights says, or nil.
func (f *dataFlags) weights(train mnist.Set) ([]float64, error) {
	if f.ClassWeights == "" {
		return nil, nil
	}
	weights := make([]float64, mnist.Classes)
	if f.ClassWeights == balanced {
		counts := countClasses(train.Labels)
		most := 0
		for _, n := range counts {
			most = max(most, n)
		}
		for class, n := range counts {
			weights[class] = float64(most) / float64(max(1, n))
		}
		return weights, nil
	}
	texts := strings.Split(f.ClassWeights, ",")
	if len(texts) != mnist.Classes {
		return nil, fmt.Errorf("--class-weights: expected %q or %d numbers, got %d", balanced, mnist.Classes, len(texts))
	}
	for class, text := range texts {
		w, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || !(w >= 0 && w <= 1000) {
			return nil, fmt.Errorf("--class-weights: class %d: expected a number from 0 to 1000, got %q", class, text)
		}
		weights[class] = w
	}
	return weights, nil
}

// maxRepeated bounds the images that class weights may make.
const maxRepeated = 2_000_000

// repeat has every image as many times as its class's weight says: with 2.5,
// twice, and every second one a third time. In the mean over an epoch that is
// the loss with these weights.
func repeat(s mnist.Set, weights []float64) (mnist.Set, error) {
	total := 0.0
	for class, n := range countClasses(s.Labels) {
		total += float64(n) * weights[class]
	}
	if !(total >= 1 && total <= maxRepeated) {
		return s, usageError{fmt.Errorf("train: --class-weights: expected weights that make from 1 to %d images an epoch, got %.0f", maxRepeated, total)}
	}
	var seen [mnist.Classes]int
	return pick(s, func(i int) int {
		class := s.Labels[i]
		before := int(float64(seen[class]) * weights[class])
		seen[class]++
		return int(float64(seen[class])*weights[class]) - before
	}), nil
}

// note prints what a data set's reader did, a line each, where it does not mix
// with a command's output.
func (e *environment) note(quiet bool, notes ...string) {
	if quiet {
		return
	}
	for _, n := range notes {
		fmt.Fprintln(e.stderr, "kernelet: note:", n)
	}
}

// remark prints what was done to a data set, and what looks wrong with it.
func (e *environment) remark(data *mnist.Dataset, quiet bool) error {
	if quiet {
		return nil
	}
	e.note(false, data.Notes...)
	warnings, err := warningsOf(data)
	for _, w := range warnings {
		fmt.Fprintln(e.stderr, "kernelet: warning:", w)
	}
	return err
}
