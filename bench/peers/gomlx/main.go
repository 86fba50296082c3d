// Command gomlx times the network's inference in GoMLX's Go backend,
// convolutions as im2col and one matrix product, and prints a line of JSON. It
// is a module of its own, so that nothing else depends on GoMLX.
//
// Training is left out: the backend (v0.26) has no Pad and no gradient of
// reduced windows, which the gradients of im2col and of pooling need.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gomlx/gomlx/backends"
	_ "github.com/gomlx/gomlx/backends/simplego" // the backend that is measured
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// version is GoMLX's, from the build.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/gomlx/gomlx" {
				return m.Version
			}
		}
	}
	return "unknown"
}

// convolve computes max(0, maxpool(conv(x) + bias)) of x [n][size][size][channels]
// with weights [25·channels][outputs].
func convolve(x, weights, bias *Node, n, size, channels, outputs int) *Node {
	out := size - 4
	var taps []*Node
	for ky := range 5 {
		for kx := range 5 {
			taps = append(taps, Slice(x, AxisRange(), AxisRange(ky, ky+out), AxisRange(kx, kx+out), AxisRange()))
		}
	}
	columns := Reshape(Concatenate(taps, 3), n*out*out, 25*channels)
	y := Add(Dot(columns, weights), Reshape(bias, 1, outputs))
	return MaxScalar(ReduceMax(Reshape(y, n, out/2, 2, out/2, 2, outputs), 2, 4), 0)
}

func main() {
	batch, calls := flag.Int("batch", 100, "images a call"), flag.Int("calls", 60, "calls that are measured, after as many to warm up")
	flag.Parse()
	random := rand.New(rand.NewPCG(1, 1))
	tensor := func(scale float32, dimensions ...int) *tensors.Tensor {
		n := 1
		for _, d := range dimensions {
			n *= d
		}
		values := make([]float32, n)
		for i := range values {
			values[i] = (2*random.Float32() - 1) * scale
		}
		return tensors.FromFlatDataAndDimensions(values, dimensions...)
	}
	backend, err := backends.NewWithConfig("go")
	if err != nil {
		fmt.Fprintln(os.Stderr, "gomlx:", err)
		os.Exit(1)
	}
	n := *batch
	exec := MustNewExec(backend, func(p []*Node) *Node {
		x := Reshape(p[0], n, 28, 28, 1)
		x = convolve(x, p[1], p[2], n, 28, 1, 20)
		x = convolve(x, p[3], p[4], n, 12, 20, 50)
		x = MaxScalar(Add(Dot(Reshape(x, n, 800), p[5]), Reshape(p[6], 1, 500)), 0)
		return Add(Dot(x, p[7]), Reshape(p[8], 1, 10))
	})
	arguments := []any{tensor(1, n, 784), tensor(0.2, 25, 20), tensor(0.2, 20), tensor(0.04, 500, 50), tensor(0.04, 50),
		tensor(0.03, 800, 500), tensor(0.03, 500), tensor(0.04, 500, 10), tensor(0.04, 10)}
	var times []float64
	for i := range 2 * *calls {
		start := time.Now()
		logits := exec.MustExec1(arguments...)
		if err := logits.FinalizeAll(); err != nil {
			fmt.Fprintln(os.Stderr, "gomlx:", err)
			os.Exit(1)
		}
		if i >= *calls {
			times = append(times, time.Since(start).Seconds()*1e6/float64(n))
		}
	}
	slices.Sort(times)
	json.NewEncoder(os.Stdout).Encode(map[string]any{"name": "GoMLX " + version() + ", Go backend", "us_per_image": times[len(times)/2]})
}
