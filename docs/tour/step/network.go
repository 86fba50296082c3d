package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/kernelet/kernelet/docs/tour/internal/network"
	"github.com/kernelet/kernelet/internal/aligned"
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/mnist"
)

// zerosStep counts zeros in a trained network, and times fc1 with all and with
// some of its products.
func zerosStep(set *kernels.Set) ([]figure, error) {
	a, err := network.Run(100)
	if err != nil {
		return nil, err
	}
	us, err := kernelTimes(set, "FC1ForwardReLU")
	if err != nil {
		return nil, err
	}
	c, call, err := kernel(set, "FC1WeightGrad", 104)
	if err != nil {
		return nil, err
	}
	seconds, err := medians(call)
	if err != nil {
		return nil, err
	}
	return []figure{
		{"values of fc1's input that are 0", zeros(a.Pool2), "%"},
		{"values of fc1's output that are 0, before dropout", zeros(a.Hidden), "%"},
		{"fc1 forward, every product", us[0], "µs/image"},
		{"fc1 weight gradient, 27 % of the products", seconds[0] / c.Work * 1e6, "µs/image"},
	}, nil
}

func zeros(values []float64) float64 {
	count := 0
	for _, v := range values {
		if v == 0 {
			count++
		}
	}
	return 100 * float64(count) / float64(len(values))
}

// bitsStep trains the same network on every instruction set with vectors and on
// one and two threads. It fails if any weight differs in any bit.
func bitsStep(*kernels.Set) ([]figure, error) {
	data := network.Digits(1000)
	hash, runs := "", 0
	for _, isa := range lenet.ISAs() {
		if isa == "generic" && len(lenet.ISAs()) > 1 { // rounds differently
			continue
		}
		for _, threads := range []int{1, 2} {
			settings := lenet.Tutorial()
			settings.ISA, settings.Threads = isa, threads
			got, err := trainedHash(settings, data)
			if err != nil {
				return nil, err
			}
			if hash != "" && got != hash {
				return nil, fmt.Errorf("weights differ: %s on %d threads gives %s, before %s", isa, threads, got, hash)
			}
			fmt.Printf("  %-8s %d threads  SHA-256 of the weights %s…\n", isa, threads, got[:16])
			hash = got
			runs++
		}
	}
	return []figure{{"runs", float64(runs), ""}, {"weights that differ in any bit", 0, ""}}, nil
}

func trainedHash(settings lenet.Settings, data mnist.Set) (string, error) {
	trainer, err := lenet.NewTrainer(lenet.NewModel(1), settings)
	if err != nil {
		return "", err
	}
	defer trainer.Close()
	if _, err := trainer.Epoch(context.Background(), data.Images, data.Labels); err != nil {
		return "", err
	}
	return trainer.Model().SHA256(), nil
}

// adamStep times Adam over all weights, and plain multiplications of usual and
// of denormal numbers.
func adamStep(set *kernels.Set) ([]figure, error) {
	c, adam, err := kernel(set, "Adam", -1)
	if err != nil {
		return nil, err
	}
	usual, denormal := aligned.Floats(1024), aligned.Floats(1024)
	for i := range usual {
		usual[i], denormal[i] = 1, 1e-40
	}
	seconds, err := medians(adam, halves(usual), halves(denormal))
	if err != nil {
		return nil, err
	}
	steps := func(floor float64) float64 { return math.Ceil(math.Log(floor) / math.Log(0.9)) }
	return []figure{
		{"Adam over all weights, once a batch of 100", seconds[0] * 1e6, "µs"},
		{"Adam, bytes read and written", c.Touched() * 7 / 4 / 1e6, "MB"},
		{"steps without gradient until m = 1 is denormal", steps(math.Ldexp(1, -126)), ""},
		{"steps without gradient until m = 1 becomes 0", steps(shape.MomentFloor), ""},
		{"half of a usual number, plain Go", seconds[1] / 1024 * 1e9, "ns"},
		{"half of a denormal number, plain Go", seconds[2] / 1024 * 1e9, "ns"},
	}, nil
}

// halves multiplies by a half and adds up, so that nothing can be left out.
func halves(values []float32) func() error {
	return func() error {
		var sum float32
		for _, v := range values {
			sum += v * 0.5
		}
		if math.IsNaN(float64(sum)) {
			return fmt.Errorf("sum is not a number")
		}
		return nil
	}
}

// engineStep times the phases of a step of training on two threads.
func engineStep(*kernels.Set) ([]figure, error) {
	settings := lenet.Tutorial()
	settings.Threads = 2
	trainer, err := lenet.NewTrainer(lenet.NewModel(1), settings)
	if err != nil {
		return nil, err
	}
	defer trainer.Close()
	data := network.Digits(10000)
	ctx := context.Background()
	if _, err := trainer.Epoch(ctx, data.Images, data.Labels); err != nil { // warm
		return nil, err
	}
	trainer.MeasurePhases()
	start := time.Now()
	const epochs = 3
	for range epochs {
		if _, err := trainer.Epoch(ctx, data.Images, data.Labels); err != nil {
			return nil, err
		}
	}
	images := float64(epochs * data.Len())
	figures := []figure{{"training, two threads", time.Since(start).Seconds() * 1e6 / images, "µs/image"}}
	var wait float64
	for _, p := range trainer.PhaseTimes() {
		figures = append(figures, figure{p.Name, p.Work.Seconds() * 1e6 / images, "µs of a thread"})
		wait += p.Wait.Seconds() * 1e6 / images
	}
	return append(figures, figure{"waiting", wait, "µs of a thread"}), nil
}

// singleStep times one image alone and among others.
func singleStep(*kernels.Set) ([]figure, error) {
	model, err := pretrained.Model()
	if err != nil {
		return nil, err
	}
	classifier, err := lenet.NewClassifier(model, lenet.Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	const n = 100
	data := network.Digits(n)
	next := 0
	logits := make([]float32, n*shape.Classes)
	seconds, err := medians(
		func() error {
			classifier.Classify((*[mnist.ImageBytes]byte)(data.Images[next*mnist.ImageBytes:]))
			next = (next + 1) % n
			return nil
		},
		func() error { return classifier.Logits(logits, data.Images) },
	)
	if err != nil {
		return nil, err
	}
	alone := make([]float32, shape.Classes)
	for image := range n {
		if err := classifier.Logits(alone, data.Images[image*mnist.ImageBytes:][:mnist.ImageBytes]); err != nil {
			return nil, err
		}
		for class, logit := range alone {
			if together := logits[image*shape.Classes+class]; logit != together {
				return nil, fmt.Errorf("image %d, class %d: alone %v, among others %v", image, class, logit, together)
			}
		}
	}
	return []figure{
		{"one image alone, one thread", seconds[0] * 1e6, "µs"},
		{"100 images together, one thread", seconds[1] * 1e6 / n, "µs/image"},
		{"logits that differ in any bit", 0, ""},
	}, nil
}
