package kernels_test

import (
	"fmt"
	"log"

	"github.com/kernelet/kernelet/kernels"
)

// One step of Adam on eight weights, with the kernels that suit this machine. With
// the first gradient, each weight moves by the learning rate.
func ExampleSet_Adam() {
	set, err := kernels.Select("")
	if err != nil {
		log.Fatal(err)
	}
	w, m, v := make([]float32, 8), make([]float32, 8), make([]float32, 8)
	gradient := []float32{1, -1, 2, -2, 3, -3, 4, -4}
	step := kernels.NewAdamStep(0.5, 0.9, 0.999, 1e-8, 1)
	if err := set.Adam(w, m, v, gradient, &step); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.3f\n", w)
	// Output: [-0.500 0.500 -0.500 0.500 -0.500 0.500 -0.500 0.500]
}
