package bench_test

import (
	"fmt"

	"github.com/kernelet/kernelet/bench"
)

// What the network costs by the dense algorithm, whatever is executed.
func Example() {
	fmt.Printf("%.3f MFLOP to classify an image, %.3f to train on one\n", bench.InferFLOPs/1e6, bench.TrainFLOPs/1e6)
	// Output: 4.586 MFLOP to classify an image, 13.182 to train on one
}
