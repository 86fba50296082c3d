package mnist_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"log"
	"os"
	"os/signal"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/mnist"
)

// Training and test set, fetched if they are nowhere on this machine.
func ExampleLoad() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	data, err := mnist.Load(ctx, mnist.Options{Progress: func(file string, done, total int64) {
		log.Printf("%s: %d bytes", file, done)
	}})
	if errors.Is(err, mnist.ErrUnavailable) {
		log.Print(err) // what was tried
		data = &mnist.Dataset{Train: mnist.Synthetic(60_000, 1), Test: mnist.Synthetic(10_000, 2), Name: "synthetic"}
	} else if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %d training images, the first of a %d, %d test images\n",
		data.Name, data.Train.Len(), data.Train.Labels[0], data.Test.Len())
}

// A picture as it may come from anywhere, here a red seven on grey paper, read
// by kernelet's own model.
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

	picture, err := mnist.DecodeImage(&file)
	if err != nil {
		log.Fatal(err)
	}
	prepared, err := mnist.Prepare(picture)
	if errors.Is(err, mnist.ErrBlank) {
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

// Drawn digits: image i is the same for every count.
func ExampleSynthetic() {
	drawn := mnist.Synthetic(100, 1)
	fmt.Println(drawn.Len(), len(drawn.Images), string(drawn.Images[:784]) == string(mnist.Synthetic(1, 1).Images))
	// Output: 100 78400 true
}
