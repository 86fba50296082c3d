package main

import (
	"github.com/kernelet/kernelet/docs/tour/internal/network"
	"github.com/kernelet/kernelet/internal/aligned"
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
)

// levels are amounts of memory that fit L1, L2, L3 and no cache of most machines.
var levels = []struct {
	name  string
	bytes int
}{
	{"16 KB", 16 << 10},
	{"256 KB", 256 << 10},
	{"8 MB", 8 << 20},
	{"128 MB", 128 << 20},
}

// bytesStep counts what a step of training touches and measures how fast bytes
// come from where they lie: alone, and for kernels whose data lies there.
func bytesStep(set *kernels.Set) ([]figure, error) {
	var reads []func() error
	for _, level := range levels {
		memory := aligned.Floats(level.bytes / 4)
		for i := range memory {
			memory[i] = 1 // pages that were never written are all the same page of zeros
		}
		reads = append(reads, func() error { _, err := set.Read(memory, 1); return err })
	}
	seconds, err := medians(reads...)
	if err != nil {
		return nil, err
	}
	var figures []figure
	for i, level := range levels {
		figures = append(figures, figure{"reading " + level.name + " again and again", float64(level.bytes) / seconds[i] / 1e9, "GB/s"})
	}
	for _, name := range []string{"Conv1ForwardReLUPoolMask", "Conv2TrainInputTransform", "Conv2TrainForwardReLUPoolMask", "Conv2OutputGrad", "Conv2InputGrad"} {
		c, _, err := kernel(set, name, shape.Block)
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{name + ", a block", c.Touched() / 1e3, "KB"})
	}
	for _, name := range []string{"Conv2TrainInputTransform", "Conv2OutputGrad", "Conv2TrainForwardReLUPoolMask"} {
		c, call, err := kernel(set, name, shape.Block)
		if err != nil {
			return nil, err
		}
		seconds, err := fastestAfter(call, call, reads[2], reads[3])
		if err != nil {
			return nil, err
		}
		for i, after := range []string{"itself", levels[2].name, levels[3].name} {
			figures = append(figures, figure{name + " after " + after, c.Touched() / seconds[i] / 1e9, "GB/s"})
		}
	}
	bytes, err := stepBytes(set)
	if err != nil {
		return nil, err
	}
	step, end, err := stepOf100()
	if err != nil {
		return nil, err
	}
	defer end()
	steps, err := fastestAfter(step, step, reads[3])
	if err != nil {
		return nil, err
	}
	return append(figures,
		figure{"all kernels of a step of 100 images", bytes / 1e6, "MB"},
		figure{"a step after another, one thread", steps[0] * 1e6, "µs"},
		figure{"a step after 128 MB, one thread", steps[1] * 1e6, "µs"}), nil
}

// stepOf100 is a step of training on 100 images, on one thread.
func stepOf100() (step func() error, end func(), err error) {
	settings := lenet.Tutorial()
	settings.Threads = 1
	trainer, err := lenet.NewTrainer(lenet.NewModel(1), settings)
	if err != nil {
		return nil, nil, err
	}
	data := network.Digits(settings.Batch)
	return func() error { _, err := trainer.Step(data.Images, data.Labels); return err }, trainer.Close, nil
}

// stepBytes is the number of bytes that the kernels of a training step on 100
// images, in 104 lanes, read and write: the sum of the calls'.
func stepBytes(set *kernels.Set) (sum float64, err error) {
	const lanes = 104
	for _, part := range []struct {
		images  int // of a call
		kernels []string
	}{
		{shape.Block, []string{"Gather", "Conv1ForwardReLUPoolMask", "Conv2TrainInputTransform", "Conv2TrainForwardReLUPoolMask", "FC1PackInput",
			"FC2ForwardLoss", "FC2InputGrad", "FC1ImageLists", "FC1UnpackInputGrad", "Conv2OutputGrad", "Conv2InputGrad", "Conv1WeightGrad"}},
		{lanes, []string{"FC1ForwardReLUDropout", "FC1OutputLists", "FC1InputGrad", "FC1WeightGradAdam", "Conv2WeightGrad", "FC2WeightGrad"}},
		{0, []string{"Conv2WeightGradTransform", "Conv2TrainWeightTransform"}},
	} {
		for _, name := range part.kernels {
			c, _, err := kernel(set, name, part.images)
			if err != nil {
				return 0, err
			}
			calls := 1.0
			if part.images == shape.Block {
				calls = lanes / float64(shape.Block)
			}
			sum += calls * c.Touched()
		}
	}
	return sum, nil
}
