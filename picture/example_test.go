package picture_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"log"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/picture"
)

// Reading the digit in a picture file of any size, dark ink on light paper.
func ExampleReader_Digit() {
	paper := image.NewGray(image.Rect(0, 0, 200, 300))
	for i := range paper.Pix {
		paper.Pix[i] = 230
	}
	for y := 60; y < 240; y++ {
		for x := 92; x < 110; x++ {
			paper.SetGray(x, y, color.Gray{30})
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, paper); err != nil {
		log.Fatal(err)
	}

	model, err := pretrained.Model()
	if err != nil {
		log.Fatal(err)
	}
	classifier, err := lenet.NewClassifier(model, lenet.Options{})
	if err != nil {
		log.Fatal(err)
	}
	decoded, err := picture.Decode(&file, picture.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	digit, err := picture.NewReader(classifier).Digit(decoded)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(digit.Digit)
	// Output: 1
}

// The digit in a picture as an image of MNIST's form, for any model: here a red
// seven on grey paper.
func ExamplePrepare() {
	drawn := image.NewRGBA(image.Rect(0, 0, 320, 240))
	fill := func(r image.Rectangle, c color.Color) {
		draw.Draw(drawn, r, image.NewUniform(c), image.Point{}, draw.Src)
	}
	fill(drawn.Rect, color.Gray{Y: 200})
	red := color.RGBA{R: 150, G: 20, B: 30, A: 255}
	fill(image.Rect(60, 40, 140, 54), red)
	for y := 54; y < 160; y++ {
		fill(image.Rect(126-y/2+27, y, 140-y/2+27, y+1), red)
	}
	var file bytes.Buffer
	if err := png.Encode(&file, drawn); err != nil {
		log.Fatal(err)
	}

	decoded, err := picture.Decode(&file, picture.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	prepared, err := picture.Prepare(decoded)
	if errors.Is(err, picture.ErrBlank) {
		fmt.Println("there is no digit in the picture")
		return
	} else if err != nil {
		log.Fatal(err)
	}
	model, err := pretrained.Model()
	if err != nil {
		log.Fatal(err)
	}
	classifier, err := lenet.NewClassifier(model, lenet.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(classifier.Classify(&prepared).Digit)
	// Output: 7
}
