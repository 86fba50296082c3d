package main

import (
	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/docs/tour/internal/network"
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
)

// networkStep counts the network's operations and times the fastest dense
// implementation that this core could have.
func networkStep(set *kernels.Set) ([]figure, error) {
	call, operations, err := peakCall(set)
	if err != nil {
		return nil, err
	}
	seconds, err := medians(call)
	if err != nil {
		return nil, err
	}
	peak := operations / seconds[0]
	return []figure{
		{"parameters", shape.Parameters, ""},
		{"conv1, forward", shape.Conv1FLOPs / 1e6, "MFLOP"},
		{"conv2, forward", shape.Conv2FLOPs / 1e6, "MFLOP"},
		{"fc1, forward", shape.FC1FLOPs / 1e6, "MFLOP"},
		{"fc2, forward", shape.FC2FLOPs / 1e6, "MFLOP"},
		{"to classify an image", bench.InferFLOPs / 1e6, "MFLOP"},
		{"to train on an image", bench.TrainFLOPs / 1e6, "MFLOP"},
		{"peak of fused multiply-adds, one thread", peak / 1e9, "GFLOP/s"},
		{"to classify an image at that peak", bench.InferFLOPs / peak * 1e6, "µs"},
		{"to train on an image at that peak", bench.TrainFLOPs / peak * 1e6, "µs"},
	}, nil
}

// rooflineStep sets the direct convolution against the peak.
func rooflineStep(set *kernels.Set) ([]figure, error) {
	peak, operations, err := peakCall(set)
	if err != nil {
		return nil, err
	}
	c, direct, err := kernel(set, "Conv2DirectReLUPool", shape.Block)
	if err != nil {
		return nil, err
	}
	seconds, err := medians(peak, direct)
	if err != nil {
		return nil, err
	}
	rate, reached := operations/seconds[0], c.Dense*c.Work/seconds[1]
	return []figure{
		{"peak of fused multiply-adds", rate / 1e9, "GFLOP/s"},
		{"conv2 by direct sums", reached / 1e9, "GFLOP/s"},
		{"conv2 by direct sums, share of the peak", reached / rate, "× peak"},
		{"conv2 by direct sums", seconds[1] / c.Work * 1e6, "µs/image"},
		{"bytes that a call touches", c.Touched() / 1e3, "KB"},
		{"operations for each of these bytes", c.Dense * c.Work / c.Touched(), ""},
	}, nil
}

// lanesStep measures a block, half a block, and one image by lanes that are
// channels.
func lanesStep(set *kernels.Set) ([]figure, error) {
	whole, block, err := kernel(set, "Conv2DirectReLUPool", shape.Block)
	if err != nil {
		return nil, err
	}
	_, half, err := kernel(set, "Conv2DirectReLUPool", shape.HalfBlock)
	if err != nil {
		return nil, err
	}
	seconds, err := medians(block, half)
	if err != nil {
		return nil, err
	}
	round := func(channels int) float64 {
		return float64(channels) / float64((channels+shape.Block-1)/shape.Block*shape.Block) * 100
	}
	return []figure{
		{"lanes in use with 20 channels in lanes of 16", round(shape.Conv1Outputs), "%"},
		{"lanes in use with 50 channels in lanes of 16", round(shape.Conv2Outputs), "%"},
		{"lanes in use with 16 images in lanes of 16", round(shape.Block), "%"},
		{"conv2 by direct sums, a block of 16 images", seconds[0] / whole.Work * 1e6, "µs/image"},
		{"conv2 by direct sums, a half-block of 8 images", seconds[1] / shape.HalfBlock * 1e6, "µs/image"},
	}, nil
}

// winogradStep sets F(4×4, 5×5) against the direct algorithm.
func winogradStep(set *kernels.Set) ([]figure, error) {
	us, err := kernelTimes(set, "Conv2DirectReLUPool", "Conv2ForwardReLUPool", "Conv2InputTransform")
	if err != nil {
		return nil, err
	}
	return []figure{
		{"multiplications of a pair of channels, direct", shape.Taps * shape.Conv2Size * shape.Conv2Size, ""},
		{"multiplications of a pair of channels, F(4×4, 5×5)", shape.Frequencies * shape.Conv2Tiles, ""},
		{"conv2 by direct sums", us[0], "µs/image"},
		{"conv2 by F(4×4, 5×5), products and output", us[1], "µs/image"},
		{"conv2 by F(4×4, 5×5), input transform", us[2], "µs/image"},
		{"times as fast, all in all", us[0] / (us[1] + us[2]), ""},
	}, nil
}

// gradientsStep measures errors on a trained network's activations.
func gradientsStep(set *kernels.Set) ([]figure, error) {
	direct, four, twelve, err := network.Conv2(set)
	if err != nil {
		return nil, err
	}
	return []figure{
		{"relative error of conv2, direct", direct, ""},
		{"relative error of conv2, F(4×4, 5×5)", four, ""},
		{"relative error of conv2, F(8×8, 5×5)", twelve, ""},
	}, nil
}

// twelveStep sets the two tilings of conv2's forward pass against each other.
func twelveStep(set *kernels.Set) ([]figure, error) {
	us, err := kernelTimes(set, "Conv2InputTransform", "Conv2ForwardReLUPool", "Conv2TrainInputTransform", "Conv2TrainForwardReLUPoolMask")
	if err != nil {
		return nil, err
	}
	return []figure{
		{"products of a pair of channels, F(4×4, 5×5)", shape.Frequencies * shape.Conv2Tiles, ""},
		{"products of a pair of channels, F(8×8, 5×5)", shape.ToomProducts, ""},
		{"stored values of a channel, F(4×4, 5×5)", shape.Frequencies * shape.Conv2Tiles, ""},
		{"stored values of a channel, F(8×8, 5×5)", shape.ToomFrequencies, ""},
		{"input transform, F(4×4, 5×5)", us[0], "µs/image"},
		{"products and output, F(4×4, 5×5)", us[1], "µs/image"},
		{"input transform, F(8×8, 5×5)", us[2], "µs/image"},
		{"products, output and masks, F(8×8, 5×5)", us[3], "µs/image"},
	}, nil
}
