package mnist_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"

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

// Drawn digits: image i is the same for every count.
func ExampleSynthetic() {
	drawn := mnist.Synthetic(100, 1)
	fmt.Println(drawn.Len(), len(drawn.Images), string(drawn.Images[:784]) == string(mnist.Synthetic(1, 1).Images))
	// Output: 100 78400 true
}
