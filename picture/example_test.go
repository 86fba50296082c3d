package picture_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
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
