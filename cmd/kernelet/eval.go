package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

type evalCommand struct {
	Model       string `help:"Model to measure; kernelet's own if not given." placeholder:"FILE"`
	Data        string `help:"Folder with the four IDX files; fetched if not given." placeholder:"DIR"`
	ISA         string `name:"isa" help:"Instruction set: auto, generic, avx2 or avx512." default:"auto"`
	JSON        bool   `name:"json" help:"Print one JSON object."`
	Predictions string `help:"Write every image's logits to this CSV file." placeholder:"FILE.csv"`
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
	model, err := loadModel(c.Model)
	if err != nil {
		return err
	}
	classifier, err := newClassifier(model, c.ISA)
	if err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	data, err := loadReal(e, c.Data, c.JSON)
	if err != nil {
		return err
	}
	logits := make([]float32, 10*data.Test.Len())
	if err := classifier.Logits(logits, data.Test.Images); err != nil {
		return err
	}
	result, predicted := judge(logits, data.Test)
	result.Dataset = data.Name
	if math.IsNaN(result.Loss) || math.IsInf(result.Loss, 0) {
		return fmt.Errorf("eval: %w: the model's logits are too large", lenet.ErrNotFinite)
	}
	if c.Predictions != "" {
		if err := writePredictions(c.Predictions, logits, predicted, data.Test); err != nil {
			return err
		}
	}
	if c.JSON {
		return json.NewEncoder(e.stdout).Encode(result)
	}
	_, err = fmt.Fprintf(e.stdout, "%s: %d of %d images right, accuracy %.2f %%, loss %.5f\n", result.Dataset, result.Correct, result.Images, result.Accuracy, result.Loss)
	return err
}

// judge compares logits [n][10] with the labels.
func judge(logits []float32, set mnist.Set) (evaluation, []int) {
	result := evaluation{Images: set.Len()}
	predicted := make([]int, set.Len())
	for i, label := range set.Labels {
		row := logits[10*i:][:10]
		for class, logit := range row {
			if logit > row[predicted[i]] {
				predicted[i] = class
			}
		}
		if predicted[i] == int(label) {
			result.Correct++
		}
		sum, highest := 0.0, float64(row[predicted[i]])
		for _, logit := range row {
			sum += math.Exp(float64(logit) - highest)
		}
		result.Loss += math.Log(sum) + highest - float64(row[label])
	}
	result.Accuracy = 100 * float64(result.Correct) / float64(result.Images)
	result.Loss /= float64(result.Images)
	return result, predicted
}

func writePredictions(path string, logits []float32, predicted []int, set mnist.Set) error {
	var content bytes.Buffer
	w := csv.NewWriter(&content)
	header := []string{"index", "label", "predicted"}
	for class := range 10 {
		header = append(header, "logit"+strconv.Itoa(class))
	}
	w.Write(header)
	for i, label := range set.Labels {
		line := []string{strconv.Itoa(i), strconv.Itoa(int(label)), strconv.Itoa(predicted[i])}
		for _, logit := range logits[10*i:][:10] {
			line = append(line, strconv.FormatFloat(float64(logit), 'g', -1, 32))
		}
		w.Write(line)
	}
	w.Flush()
	return writeWhole(path, content.Bytes())
}
