package lenet

import (
	"github.com/kernelet/kernelet/kernels"

	"github.com/kernelet/kernelet/internal/shape"
)

// average is the mean of the weights after several epochs (Izmailov et al.,
// "Averaging Weights Leads to Wider Optima and Better Generalization", 2018),
// ready for evaluations.
type average struct {
	mean    parameters
	packed  packed
	release func()
}

func newAverage() (*average, error) {
	a := new(average)
	var memory []float32
	release, err := allocate([]part{{&memory, parametersLength}, {&a.packed.conv1U, shape.Conv1U}, {&a.packed.conv2U, shape.Conv2U}})
	if err != nil {
		return nil, err
	}
	a.release = release
	a.mean = newParameters(memory)
	a.packed.use(a.mean)
	return a, nil
}

// add takes in the weights, the count-th in the mean.
func (a *average) add(set *kernels.Set, weights parameters, count int) error {
	share := 1 / float32(count)
	for i, w := range weights.all {
		// float32(…) keeps the compiler from fusing, so that every machine rounds alike.
		a.mean.all[i] += float32(share * (w - a.mean.all[i]))
	}
	return a.packed.transform(set, a.mean)
}
