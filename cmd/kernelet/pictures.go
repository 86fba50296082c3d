package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// Colours that people with any colour vision tell apart, which TestColours
// checks. What is right and what is wrong stands on white or on paper.
var (
	blue       = color.RGBA{0x1f, 0x77, 0xb4, 0xff}
	orange     = color.RGBA{0xff, 0x7f, 0x0e, 0xff}
	rightBlue  = color.RGBA{0x0b, 0x6e, 0x99, 0xff}
	wrongBrick = color.RGBA{0xb8, 0x3d, 0x0b, 0xff}
)

// curvePair are the two curves of a picture, over the epochs.
type curvePair struct{ training, validation plotter.XYs }

// lossCurves and accuracyCurves take the curves from a history.
func lossCurves(history []epoch) curvePair {
	return curvePair{series(history, func(h epoch) float64 { return h.TrainLoss }), series(history, func(h epoch) float64 { return h.ValLoss })}
}

func accuracyCurves(history []epoch) curvePair {
	return curvePair{series(history, func(h epoch) float64 { return h.TrainAccuracy }), series(history, func(h epoch) float64 { return h.ValAccuracy })}
}

func series(history []epoch, value func(epoch) float64) plotter.XYs {
	points := make(plotter.XYs, len(history))
	for i, h := range history {
		points[i] = plotter.XY{X: float64(h.Epoch), Y: value(h)}
	}
	return points
}

// plotHistory draws the curves of loss and accuracy over the epochs.
func plotHistory(folder string, history []epoch) error {
	validation := "validation"
	if name := history[0].Validation; name != "" {
		validation = name
	}
	if err := plotCurves(filepath.Join(folder, lossFile), "Loss", "cross-entropy", validation, true, lossCurves(history)); err != nil {
		return err
	}
	return plotCurves(filepath.Join(folder, accuracyFile), "Accuracy", "per cent", validation, false, accuracyCurves(history))
}

func plotCurves(path, title, unit, validationName string, legendTop bool, c curvePair) error {
	p := plot.New()
	p.Title.Text = title
	p.X.Label.Text = "epoch"
	p.Y.Label.Text = unit
	p.X.Tick.Marker = wholeNumbers{}
	p.X.Min, p.X.Max = c.training[0].X-.2, c.training[len(c.training)-1].X+.2
	p.Legend.Top = legendTop
	p.Legend.XOffs = vg.Points(-8)
	p.Title.Padding = vg.Points(6)
	p.Legend.Padding = vg.Points(3)
	p.Add(plotter.NewGrid())
	for _, one := range []struct {
		name   string
		points plotter.XYs
		color  color.Color
	}{{"training", c.training, blue}, {validationName, c.validation, orange}} {
		line, points, err := plotter.NewLinePoints(one.points)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		line.Color, line.Width = one.color, vg.Points(1.8)
		points.Color, points.Shape, points.Radius = one.color, draw.CircleGlyph{}, vg.Points(2.5)
		p.Add(line, points)
		p.Legend.Add(one.name, line, points)
	}
	if legendTop { // a curve that falls towards 0
		p.Y.Min = 0
	}
	picture, err := p.WriterTo(6*vg.Inch, 4*vg.Inch, "png")
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return writePicture(path, picture)
}

// wholeNumbers are ticks at epochs, at most about a dozen.
type wholeNumbers struct{}

// Ticks implements plot.Ticker.
func (wholeNumbers) Ticks(low, high float64) []plot.Tick {
	step := max(1, math.Ceil((high-low)/12))
	var ticks []plot.Tick
	for v := math.Ceil(low); v <= high; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.Itoa(int(v))})
	}
	return ticks
}

// Layout of the picture of predictions, in points.
const (
	predictionColumns = 5
	predictionRows    = 4
	cell              = 96
	titleHeight       = 18
)

// title stands over a digit of the picture of predictions.
type title struct {
	text  string
	color color.Color
}

// titles says of each of the first validation digits "predicted (label)", blue
// where that is right.
func titles(predictions []lenet.Prediction, labels []byte) []title {
	list := make([]title, len(predictions))
	for i, p := range predictions {
		list[i] = title{fmt.Sprintf("%d (%d)", p.Digit, labels[i]), wrongBrick}
		if p.Digit == int(labels[i]) {
			list[i].color = rightBlue
		}
	}
	return list
}

// drawPredictions draws the first 20 validation digits with their titles.
func drawPredictions(path string, model *lenet.Model, validation mnist.Set) error {
	n := min(predictionColumns*predictionRows, validation.Len())
	classifier, err := lenet.NewClassifier(model, lenet.Options{})
	if err != nil {
		return err
	}
	predictions := make([]lenet.Prediction, n)
	if err := classifier.ClassifyBatch(predictions, validation.Images[:n*mnist.ImageBytes]); err != nil {
		return err
	}
	canvas := vgimg.New(vg.Length(predictionColumns*cell), vg.Length(predictionRows*(cell+titleHeight)))
	d := draw.New(canvas)
	style := text.Style{
		Font: font.From(plot.DefaultFont, 12), XAlign: draw.XCenter, YAlign: draw.YCenter, Handler: plot.DefaultTextHandler,
	}
	for i, title := range titles(predictions, validation.Labels) {
		x := vg.Length(i % predictionColumns * cell)
		top := d.Max.Y - vg.Length(i/predictionColumns*(cell+titleHeight))
		style.Color = title.color
		d.FillText(style, vg.Point{X: x + cell/2, Y: top - titleHeight/2}, title.text)
		const margin = 5
		digit := enlarged(validation.Images[i*mnist.ImageBytes:][:mnist.ImageBytes], 8)
		d.DrawImage(vg.Rectangle{
			Min: vg.Point{X: x + margin, Y: top - titleHeight - cell + 2*margin},
			Max: vg.Point{X: x + cell - margin, Y: top - titleHeight},
		}, digit)
	}
	return writePicture(path, vgimg.PngCanvas{Canvas: canvas})
}

func writePicture(path string, picture io.WriterTo) error {
	var encoded bytes.Buffer
	if _, err := picture.WriteTo(&encoded); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return writeWhole(path, encoded.Bytes())
}

// enlarged returns an image, ink black on white, every pixel as a square, so
// that no interpolation blurs it.
func enlarged(pixels []byte, factor int) image.Image {
	m := image.NewGray(image.Rect(0, 0, mnist.Columns*factor, mnist.Rows*factor))
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			m.SetGray(x, y, color.Gray{Y: 255 - pixels[y/factor*mnist.Columns+x/factor]})
		}
	}
	return m
}
