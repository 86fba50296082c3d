package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

type evalCommand struct {
	Model       string `help:"Model to measure; kernelet's own if not given." placeholder:"FILE"`
	Data        string `help:"Data set, as of train --data; MNIST, fetched, if not given." placeholder:"PATH"`
	ISA         string `name:"isa" help:"Instruction set: auto, generic, avx2 or avx512." default:"auto"`
	JSON        bool   `name:"json" help:"Print one JSON object."`
	Predictions string `help:"Write every image's logits to this CSV file; for images without labels, their digits as Kaggle wants them." placeholder:"FILE.csv"`
	HTML        string `name:"html" help:"Write a page to this file: confusion matrix, calibration, every misread digit." placeholder:"FILE"`
}

type evaluation struct {
	Images   int     `json:"images"`
	Correct  int     `json:"correct"`
	Accuracy float64 `json:"accuracy"`
	Loss     float64 `json:"loss"`
	Dataset  string  `json:"dataset"`
}

// Run measures a model on the test images.
func (c *evalCommand) Run(e *environment) error {
	model, err := loadModel(e, c.Model)
	if err != nil {
		return err
	}
	classifier, err := newClassifier(model, c.ISA)
	if err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	data, err := loadReal(e, mnist.Options{Dir: c.Data, TestOnly: true}, c.JSON)
	if err != nil {
		return err
	}
	e.note(false, data.Notes...)
	set := data.Test
	if set.Len() == 0 { // a single file
		set = data.Train
	}
	if set.Labels == nil {
		if c.HTML != "" {
			return usageError{fmt.Errorf("eval: --html: %s: the images have no labels to compare with", data.Source)}
		}
		if c.Predictions == "" {
			return usageError{fmt.Errorf("eval: %s: the images have no labels to compare with; --predictions FILE.csv writes what the model reads", data.Source)}
		}
		return predictUnlabelled(c.Predictions, classifier, set)
	}
	stats, err := classifier.Evaluate(e.ctx, set.Images, set.Labels)
	if err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	result := evaluation{stats.Images, stats.Correct, stats.Accuracy(), stats.Loss, data.Name}
	if c.Predictions != "" {
		if err := writePredictions(c.Predictions, classifier, set); err != nil {
			return err
		}
	}
	if c.HTML != "" {
		r, err := newReport(e.ctx, "Evaluation on "+data.Name, "images", model, classifier, set)
		if err != nil {
			return fmt.Errorf("eval: %w", err)
		}
		if err := r.write(c.HTML); err != nil {
			return fmt.Errorf("eval: --html: %w", err)
		}
	}
	if c.JSON {
		return json.NewEncoder(e.stdout).Encode(result)
	}
	_, err = fmt.Fprintf(e.stdout, "%s: %d of %d images right, accuracy %.2f %%, loss %.5f\n", result.Dataset, result.Correct, result.Images, result.Accuracy, result.Loss)
	return err
}

// writePredictions writes label, prediction and logits of every image.
func writePredictions(path string, classifier *lenet.Classifier, set mnist.Set) error {
	logits := make([]float32, 10*set.Len())
	if err := classifier.Logits(logits, set.Images); err != nil {
		return err
	}
	var content bytes.Buffer
	w := csv.NewWriter(&content)
	header := []string{"index", "label", "predicted"}
	for class := range 10 {
		header = append(header, "logit"+strconv.Itoa(class))
	}
	w.Write(header)
	for i, label := range set.Labels {
		row := (*[10]float32)(logits[10*i:])
		line := []string{strconv.Itoa(i), strconv.Itoa(int(label)), strconv.Itoa(lenet.Predict(row).Digit)}
		for _, logit := range row {
			line = append(line, strconv.FormatFloat(float64(logit), 'g', -1, 32))
		}
		w.Write(line)
	}
	w.Flush()
	return writeWhole(path, content.Bytes())
}

// predictUnlabelled writes what the classifier reads in images without labels as
// Kaggle's Digit Recognizer wants it: ImageId from 1, Label.
func predictUnlabelled(path string, classifier *lenet.Classifier, set mnist.Set) error {
	predictions := make([]lenet.Prediction, set.Len())
	if err := classifier.ClassifyBatch(predictions, set.Images); err != nil {
		return err
	}
	content := []byte("ImageId,Label\n")
	for i, p := range predictions {
		content = strconv.AppendInt(content, int64(i+1), 10)
		content = append(strconv.AppendInt(append(content, ','), int64(p.Digit), 10), '\n')
	}
	return writeWhole(path, content)
}
