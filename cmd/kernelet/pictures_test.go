package main

import (
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gonum.org/v1/plot/plotter"

	"github.com/kernelet/kernelet/internal/colourblind"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// checkPicture: the file is a PNG of the size that it is drawn with, on a
// background of its own, and its colours are there.
func checkPicture(t *testing.T, path string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, err := png.Decode(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	// In points of 1/72 inch, at vgimg's 96 dots an inch.
	wide, high := 6*72, 4*72
	if filepath.Base(path) == predictionsFile {
		wide, high = predictionColumns*cell, predictionRows*(cell+titleHeight)
	}
	if size := m.Bounds().Size(); size.X != wide*96/72 || size.Y != high*96/72 {
		t.Errorf("%s: expected %d×%d pixels, got %v", path, wide*96/72, high*96/72, size)
	}
	seen := map[color.Color]int{}
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			r, g, b, a := m.At(x, y).RGBA()
			if a != 0xffff {
				t.Fatalf("%s: expected a background of its own, for dark pages, got alpha %d at %d, %d", path, a, x, y)
			}
			seen[color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}]++
		}
	}
	wanted := []color.RGBA{blue, orange}
	if filepath.Base(path) == predictionsFile {
		wanted = []color.RGBA{rightBlue}
		if seen[rightBlue] == 0 {
			wanted = []color.RGBA{wrongBrick}
		}
	}
	for _, c := range wanted {
		if seen[c] < 20 {
			t.Errorf("%s: %d pixels of %v", path, seen[c], c)
		}
	}
}

// TestColours: everybody tells the colours of the pictures and of the report
// apart, on light and on dark screens.
func TestColours(t *testing.T) {
	light, dark, err := colourblind.Themes(reportPage, "ink", "first", "second", "card")
	if err != nil {
		t.Fatal(err)
	}
	of := func(c color.RGBA) colourblind.Colour { return colourblind.Colour{c.R, c.G, c.B} }
	white, black := color.RGBA{255, 255, 255, 255}, color.RGBA{0, 0, 0, 255}
	for name, colours := range map[string][]colourblind.Colour{
		"report, light": light, "report, dark": dark,
		"curves":      {of(blue), of(orange), of(white), of(black)},
		"predictions": {of(rightBlue), of(wrongBrick), of(white), of(black)},
		"filters":     {of(filterAbove), of(filterBelow), of(white), of(black)},
	} {
		for _, pair := range colourblind.Close([]string{"first", "second", "third", "fourth"}, colours) {
			t.Errorf("%s: %s", name, pair)
		}
	}
}

// TestTitles: what stands over the digits, in which colour.
func TestTitles(t *testing.T) {
	got := titles([]lenet.Prediction{{Digit: 7}, {Digit: 1}, {Digit: 0}}, []byte{7, 2, 0, 9})
	want := []title{{"7 (7)", rightBlue}, {"1 (2)", wrongBrick}, {"0 (0)", rightBlue}}
	if !slices.Equal(got, want) {
		t.Errorf("expected %v, got %v", want, got)
	}
}

// TestPicturesOfDigits: the first 20 digits are drawn, each in its cell, fewer
// if there are fewer.
func TestPicturesOfDigits(t *testing.T) {
	path := filepath.Join(t.TempDir(), predictionsFile)
	for _, n := range []int{3, 20, 30} {
		set := mnist.Synthetic(n, 4)
		for i := range set.Images {
			set.Images[i] = 255 // full of ink, to be found again
		}
		if err := drawPredictions(path, lenet.NewModel(1), set); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := png.Decode(file)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		const dots = 96.0 / 72
		for i := range predictionColumns * predictionRows {
			x := (float64(i%predictionColumns) + 0.5) * cell
			y := float64(i/predictionColumns)*(cell+titleHeight) + titleHeight + cell/2
			r, _, _, _ := m.At(int(x*dots), int(y*dots)).RGBA()
			if ink := r == 0; ink != (i < n) {
				t.Errorf("%d digits: digit %d is drawn: %v", n, i, ink)
			}
		}
	}
}

// TestCurves: each picture has its own figures, training in blue, validation in
// orange, the larger one above the smaller.
func TestCurves(t *testing.T) {
	history := []epoch{
		{Epoch: 1, TrainLoss: 0.5, ValLoss: 0.9, TrainAccuracy: 90, ValAccuracy: 60},
		{Epoch: 2, TrainLoss: 0.4, ValLoss: 0.8, TrainAccuracy: 91, ValAccuracy: 61},
		{Epoch: 3, TrainLoss: 0.3, ValLoss: 0.7, TrainAccuracy: 92, ValAccuracy: 62},
	}
	values := func(points plotter.XYs) (all []float64) {
		for i, p := range points {
			if p.X != float64(i+1) {
				t.Errorf("point %d is at epoch %v", i, p.X)
			}
			all = append(all, p.Y)
		}
		return all
	}
	loss, accuracy := lossCurves(history), accuracyCurves(history)
	for _, c := range []struct {
		name   string
		points plotter.XYs
		want   []float64
	}{
		{"training loss", loss.training, []float64{0.5, 0.4, 0.3}}, {"validation loss", loss.validation, []float64{0.9, 0.8, 0.7}},
		{"training accuracy", accuracy.training, []float64{90, 91, 92}}, {"validation accuracy", accuracy.validation, []float64{60, 61, 62}},
	} {
		if got := values(c.points); !slices.Equal(got, c.want) {
			t.Errorf("%s: expected %v, got %v", c.name, c.want, got)
		}
	}
	folder := t.TempDir()
	if err := plotHistory(folder, history); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		upper color.RGBA
	}{{lossFile, orange}, {accuracyFile, blue}} {
		heights := map[color.RGBA]float64{}
		for of, rows := range rowsOf(t, filepath.Join(folder, c.name), blue, orange) {
			// The curve's points are most of the colour in the left half, where the legend is not.
			for _, y := range rows {
				heights[of] += float64(y) / float64(len(rows))
			}
		}
		upper := blue
		if heights[orange] < heights[blue] {
			upper = orange
		}
		if upper != c.upper {
			t.Errorf("%s: the upper curve has the other's colour: mean rows %v", c.name, heights)
		}
	}
}

// rowsOf returns the rows of the pixels of some colours in the left half of a picture.
func rowsOf(t *testing.T, path string, colours ...color.RGBA) map[color.RGBA][]int {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[color.RGBA][]int{}
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() / 2 {
			r, g, b, a := m.At(x, y).RGBA()
			if a != 0xffff {
				t.Fatalf("%s: expected a background of its own, for dark pages, got alpha %d at %d, %d", path, a, x, y)
			}
			if c := (color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}); slices.Contains(colours, c) {
				rows[c] = append(rows[c], y)
			}
		}
	}
	for _, c := range colours {
		if len(rows[c]) < 10 {
			t.Fatalf("%s: %d pixels of %v", path, len(rows[c]), c)
		}
	}
	return rows
}
