package pretrained_test

import (
	"fmt"
	"log"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/mnist"
)

// Reading digits without training first.
func ExampleModel() {
	model, err := pretrained.Model()
	if err != nil {
		log.Fatal(err)
	}
	classifier, err := lenet.NewClassifier(model, lenet.Options{})
	if err != nil {
		log.Fatal(err)
	}
	// A one, drawn with a broad pen.
	var image [mnist.ImageBytes]byte
	for row := 4; row < 24; row++ {
		for column := 13; column < 16; column++ {
			image[row*mnist.Columns+column] = 255
		}
	}
	fmt.Println(classifier.Classify(&image).Digit)
	// Output: 1
}
