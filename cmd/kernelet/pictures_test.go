package main

import (
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// checkPicture: the file is a PNG of the size that it is drawn with, and its
// colours are there.
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
			r, g, b, _ := m.At(x, y).RGBA()
			seen[color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}]++
		}
	}
	wanted := []color.RGBA{blue, orange}
	if filepath.Base(path) == predictionsFile {
		wanted = []color.RGBA{green}
		if seen[green] == 0 {
			wanted = []color.RGBA{red}
		}
	}
	for _, c := range wanted {
		if seen[c] < 20 {
			t.Errorf("%s: %d pixels of %v", path, seen[c], c)
		}
	}
}

// TestTitles: what stands over the digits, in which colour.
func TestTitles(t *testing.T) {
	got := titles([]lenet.Prediction{{Digit: 7}, {Digit: 1}, {Digit: 0}}, []byte{7, 2, 0, 9})
	want := []title{{"7 (7)", green}, {"1 (2)", red}, {"0 (0)", green}}
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
