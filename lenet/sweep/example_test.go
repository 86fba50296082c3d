package sweep_test

import (
	"context"
	"fmt"
	"log"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/sweep"
	"github.com/kernelet/kernelet/mnist"
)

func Example() {
	train, validation := mnist.Synthetic(200, 1), mnist.Synthetic(50, 2)
	plan := sweep.Plan{Base: lenet.Settings{Epochs: 1}, Seeds: []uint64{1, 2, 3}, Axes: []sweep.Axis{{Name: "dropout", Values: []string{"0", "0.5"}}}}
	runs, err := plan.Runs()
	if err != nil {
		log.Fatal(err)
	}
	results, err := sweep.Run(context.Background(), runs, sweep.NewTask("drawn", train, validation), sweep.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, group := range sweep.Summarise(results).Groups {
		fmt.Printf("%s: %d runs\n", group.Label, group.Count)
	}
	// Output:
	// dropout 0: 3 runs
	// dropout 0.5: 3 runs
}
