package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

//go:embed report.html
var reportPage string

var reportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"percent": func(share float64) string { return strconv.FormatFloat(100*share, 'f', 2, 64) + "\u00a0%" },
	"add":     func(a, b int) int { return a + b },
}).Parse(reportPage))

// mostMisread is how many misread digits a report shows; a model that has
// learned nothing misreads nearly all.
const mostMisread = 1000

// modelReport is what a page says about a model on labelled images.
type modelReport struct {
	Title, Date, Validation string
	Images                  int
	Accuracy, Loss          float64
	Seconds                 float64 // of all epochs; 0: nothing was trained
	History                 []epoch
	Curves                  []template.HTML
	Confusion               [10][10]confusionCell // by label, by what was read
	Classes                 [10]classAccuracy
	Bins                    []calibrationBin
	CalibrationError        float64 // percentage points
	Filters                 []template.URL
	Misread                 []misreadDigit
	Omitted                 int // misread digits that are not shown
	Settings, Machine       [][2]string
}

type confusionCell struct {
	Count int
	Class string
	Share float64 // of the most frequent mistake
}

type classAccuracy struct {
	Digit, Images, Wrong int
	Accuracy             float64 // share of 1
}

// calibrationBin are the images whose digit was given a probability of at least
// from.
type calibrationBin struct {
	Name        string
	from        float64
	Images      int
	Said, Right float64 // shares of 1
}

type misreadDigit struct {
	Index, Label, Read int
	Image              template.URL
	Probabilities      []digitProbability
	certainty          float32
}

type digitProbability struct {
	Digit int
	Value float64
}

// newReport measures a model on labelled images; validation says what they are.
func newReport(ctx context.Context, title, validation string, model *lenet.Model, classifier *lenet.Classifier, set mnist.Set) (*modelReport, error) {
	stats, err := classifier.Evaluate(ctx, set.Images, set.Labels)
	if err != nil {
		return nil, err
	}
	predictions := make([]lenet.Prediction, set.Len())
	if err := classifier.ClassifyBatch(predictions, set.Images); err != nil {
		return nil, err
	}
	r := &modelReport{Title: title, Date: time.Now().Format(time.DateOnly), Validation: validation,
		Images: stats.Images, Accuracy: stats.Accuracy() / 100, Loss: stats.Loss}
	r.count(predictions, set.Labels)
	r.calibrate(predictions, set.Labels)
	for i, p := range predictions {
		if label := int(set.Labels[i]); p.Digit != label {
			r.Misread = append(r.Misread, misreadDigit{Index: i, Label: label, Read: p.Digit, certainty: p.Probability})
		}
	}
	slices.SortStableFunc(r.Misread, func(a, b misreadDigit) int {
		switch {
		case a.certainty > b.certainty:
			return -1
		case a.certainty < b.certainty:
			return 1
		}
		return 0
	})
	if n := len(r.Misread); n > mostMisread {
		r.Misread, r.Omitted = r.Misread[:mostMisread], n-mostMisread
	}
	for i := range r.Misread {
		d := &r.Misread[i]
		if d.Image, err = digitURL(set.Images[d.Index*mnist.ImageBytes:][:mnist.ImageBytes]); err != nil {
			return nil, err
		}
		d.Probabilities = likely(predictions[d.Index])
	}
	if r.Filters, err = filterURLs(model); err != nil {
		return nil, err
	}
	chosen, err := kernels.Select(classifier.ISA())
	if err != nil {
		return nil, err
	}
	machine := bench.Inspect(chosen)
	r.Machine = [][2]string{
		{"weights, SHA-256", model.SHA256()},
		{"CPU", fmt.Sprintf("%s (family %d, model %d)", machine.CPU, machine.Family, machine.Model)},
		{"processors in use", strconv.Itoa(runtime.GOMAXPROCS(0))},
		{"kernels", classifier.ISA()},
		{"system, Go", machine.OS + ", " + machine.Go},
		{"kernelet", machine.Kernelet},
	}
	return r, nil
}

// count fills in the confusion matrix and the accuracy of every class.
func (r *modelReport) count(predictions []lenet.Prediction, labels []byte) {
	most := 0
	for i, p := range predictions {
		label := labels[i]
		r.Confusion[label][p.Digit].Count++
		r.Classes[label].Images++
		if p.Digit != int(label) {
			r.Classes[label].Wrong++
			most = max(most, r.Confusion[label][p.Digit].Count)
		}
	}
	for label := range r.Confusion {
		for read := range r.Confusion[label] {
			cell := &r.Confusion[label][read]
			switch {
			case label == read:
				cell.Class = "right"
			case cell.Count == 0:
				cell.Class = "none"
			default:
				cell.Class, cell.Share = "wrong", float64(cell.Count)/float64(most)
			}
		}
		c := &r.Classes[label]
		c.Digit = label
		if c.Images > 0 {
			c.Accuracy = 1 - float64(c.Wrong)/float64(c.Images)
		}
	}
}

// calibrate compares probabilities with how often they are right. The error is
// the mean over all images of the difference in the image's bin.
func (r *modelReport) calibrate(predictions []lenet.Prediction, labels []byte) {
	r.Bins = []calibrationBin{
		{Name: "below 50 %"}, {Name: "50 to 80 %", from: .5}, {Name: "80 to 90 %", from: .8}, {Name: "90 to 95 %", from: .9},
		{Name: "95 to 99 %", from: .95}, {Name: "99 to 99.9 %", from: .99}, {Name: "99.9 % and more", from: .999},
	}
	for i, p := range predictions {
		bin := len(r.Bins) - 1
		for bin > 0 && !(float64(p.Probability) >= r.Bins[bin].from) {
			bin--
		}
		b := &r.Bins[bin]
		b.Images++
		b.Said += float64(p.Probability)
		if p.Digit == int(labels[i]) {
			b.Right++
		}
	}
	for i := range r.Bins {
		b := &r.Bins[i]
		if b.Images == 0 {
			continue
		}
		difference := b.Said - b.Right
		r.CalibrationError += 100 * max(difference, -difference) / float64(len(predictions))
		b.Said /= float64(b.Images)
		b.Right /= float64(b.Images)
	}
}

// likely are the digits with a probability of at least 1 %, the largest first.
func likely(p lenet.Prediction) []digitProbability {
	var all []digitProbability
	for digit, probability := range p.Probabilities {
		if probability >= .01 {
			all = append(all, digitProbability{digit, float64(probability)})
		}
	}
	slices.SortStableFunc(all, func(a, b digitProbability) int {
		if a.Value > b.Value {
			return -1
		}
		if a.Value < b.Value {
			return 1
		}
		return 0
	})
	return all
}

// write writes the page.
func (r *modelReport) write(path string) error {
	var page bytes.Buffer
	if err := reportTemplate.Execute(&page, r); err != nil {
		return err
	}
	return writeWhole(path, page.Bytes())
}
