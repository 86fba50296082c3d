package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/kernelet/kernelet/internal/aligned"
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
)

// bytesStep counts what a step of training touches and measures how fast bytes
// come from where they lie.
func bytesStep(set *kernels.Set) ([]figure, error) {
	sizes := []struct {
		name  string
		bytes int
	}{
		{"16 KB", 16 << 10},
		{"256 KB", 256 << 10},
		{"8 MB", 8 << 20},
		{"128 MB", 128 << 20},
	}
	var calls []func() error
	for _, size := range sizes {
		data := aligned.Floats(size.bytes / 4)
		for i := range data {
			data[i] = 1
		}
		calls = append(calls, func() error { _, err := set.Read(data, 1); return err })
	}
	seconds, err := medians(calls...)
	if err != nil {
		return nil, err
	}
	var figures []figure
	for i, size := range sizes {
		figures = append(figures, figure{"reading " + size.name + " again and again", float64(size.bytes) / seconds[i] / 1e9, "GB/s"})
	}
	for _, name := range []string{"Conv1ForwardReLUPoolMask", "Conv2TrainInputTransform", "Conv2TrainForwardReLUPoolMask", "Conv2OutputGrad", "Conv2InputGrad"} {
		c, _, err := kernel(set, name, shape.Block)
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{name + ", a block", c.Touched() / 1e3, "KB"})
	}
	bytes, err := stepBytes(set)
	if err != nil {
		return nil, err
	}
	return append(figures, figure{"all kernels of a step of 100 images", bytes / 1e6, "MB"}), nil
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

// assemblyStep counts instructions of the direct convolution's inner loop.
func assemblyStep(set *kernels.Set) ([]figure, error) {
	name := set.Name()
	if name == "generic" {
		name = "avx2"
	}
	content, err := os.ReadFile("asm/" + name + "/direct_amd64.s")
	if err != nil {
		return nil, err
	}
	_, function, _ := strings.Cut(string(content), "TEXT ·Conv2DirectReLUPool16(SB)")
	_, loop, found := strings.Cut(function, "\ninput2:\n")
	loop, _, ended := strings.Cut(loop, "\n\tJNZ ")
	if !found || !ended {
		return nil, fmt.Errorf("asm/%s/direct_amd64.s: expected the loop input2 in Conv2DirectReLUPool16, got none", name)
	}
	products, loads, all := 0, 0, 0
	for line := range strings.Lines(loop) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "//" {
			continue
		}
		all++
		switch fields[0] {
		case "VFMADD231PS", "VFMADD231PS.BCST":
			products++
		case "VMOVUPS", "VBROADCASTSS":
			loads++
		}
	}
	return []figure{
		{"instructions of the inner loop, all 25 taps", float64(all), ""},
		{"of them fused multiply-adds", float64(products), ""},
		{"of them loads and broadcasts", float64(loads), ""},
		{"share of multiply-adds", 100 * float64(products) / float64(all), "%"},
	}, nil
}

// dispatchStep says what this CPU offers, and how fast each set computes.
func dispatchStep(*kernels.Set) ([]figure, error) {
	fmt.Printf("  sets that can run: %s\n  features: %s\n", strings.Join(kernels.Available(), ", "), strings.Join(kernels.Features(), ", "))
	var figures []figure
	for _, name := range kernels.Available() {
		set, err := kernels.Select(name)
		if err != nil {
			return nil, err
		}
		us, err := kernelTimes(set, "Conv2DirectReLUPool")
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{"conv2 by direct sums, " + name, us[0], "µs/image"})
	}
	return figures, nil
}

// testsStep counts what the tests range over, and shows that a missing
// instruction set is an error.
func testsStep(*kernels.Set) ([]figure, error) {
	names := map[string]bool{}
	for _, c := range kernels.Cases() {
		names[c.Kernel] = true
	}
	if _, err := kernels.Select("sse9"); err == nil {
		return nil, fmt.Errorf("an instruction set that does not exist was selected")
	}
	return []figure{
		{"kernels with a case", float64(len(names)), ""},
		{"cases", float64(len(kernels.Cases())), ""},
		{"cases on every instruction set of this machine", float64(len(kernels.Cases()) * len(kernels.Available())), ""},
	}, nil
}
