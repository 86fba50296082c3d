package kernels

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/kernelet/kernelet/internal/shape"
)

// Cases lists every kernel. Adding one is adding it here: the tests hold it
// against its twin, against float64 (see exact_test.go) and between guard pages,
// and the benchmarks measure it.
func Cases() []Case {
	return slices.Concat(inputCases(), conv1Cases(), conv2Cases(), conv2TrainCases(), fc1Cases(), fc2Cases(), adamCases(), directCases(), singleCases())
}

// Operations that are executed: a fused multiply-add counts two. Those of the
// one-dimensional transforms are what the functions of gen/winograd emit.
const (
	inputTransform1D, outputTransform1D = 38, 22
	weightTransform1D                   = 29
	pooledWindow                        = 5 // three maxima, bias, ReLU
	conv1InputTransforms                = shape.Conv1Tiles * 2 * shape.Points * inputTransform1D
	tileOutputExecuted                  = (shape.Points+shape.TileSize)*outputTransform1D + 4*pooledWindow
	conv1Executed                       = conv1InputTransforms + shape.Conv1Tiles*shape.Conv1Outputs*(shape.Frequencies+tileOutputExecuted)
	conv2InputExecuted                  = shape.Conv2Inputs * 2 * (shape.Pool1Size + 2*shape.Points) * inputTransform1D
	conv2Products                       = 2 * shape.Frequencies * shape.Conv2Tiles * shape.Conv2Inputs * shape.Conv2Outputs
	conv2OutputExecuted                 = shape.Conv2Outputs * shape.Conv2Tiles * tileOutputExecuted
	transforms2D                        = shape.Points + shape.FilterSize
	adamExecuted                        = 13 // of a weight

	// Those of gen/toomcook.
	toomInput1D, toomOutput1D         = 112, 70
	toomOutputGrad1D, toomInputGrad1D = 66, 108
	toomWeight1D, toomWeightGrad1D    = 49, 56
	toomCorners                       = 4
	conv2TrainProducts                = 2 * shape.ToomProducts * shape.Conv2Inputs * shape.Conv2Outputs
	conv2TrainInputExecuted           = shape.Conv2Inputs * (2*shape.ToomPoints*toomInput1D + toomCorners)
	conv2TrainOutputExecuted          = shape.Conv2Outputs * ((shape.ToomPoints+shape.Conv2Size)*toomOutput1D + toomCorners + shape.Pool2Pixels*pooledWindow)
	conv2OutputGradExecuted           = shape.Conv2Outputs * ((shape.ToomPoints+shape.Conv2Size)*toomOutputGrad1D + toomCorners)
	conv2InputGradExecuted            = shape.Conv2Inputs * (2*shape.ToomPoints*toomInputGrad1D + toomCorners)
	toomTransforms2D                  = shape.ToomPoints + shape.FilterSize

	// The batch whose weight gradients and updates are measured, 100 images in 104 lanes.
	measuredBatch, measuredLanes = 100, 104

	alive     = 0.27 // share of fc1's outputs that carry a gradient after a few epochs
	liveInput = 0.68 // share of fc1's inputs that are not zero
	listed    = 0.16 // the same with the pretrained weights
)

// Sizes that the cases of blocks and of batches have.
var (
	blockSizes = []int{shape.HalfBlock, shape.Block}
	batchSizes = []int{8, 16, 32, 40, measuredLanes}
)

// batchWork is the number of images in a batch's lanes.
func batchWork(lanes int) float64 {
	if lanes == measuredLanes {
		return measuredBatch
	}
	return float64(lanes)
}

func floats(name string, l layout) argument { return argument{Name: name, Kind: floatsKind, layout: l} }

// bytesOf is an argument of n bytes.
func bytesOf(name string, n int) argument {
	return argument{Name: name, Kind: bytesKind, layout: plain(dim{Name: "byte", Size: n})}
}

func integers(name string, l layout) argument {
	return argument{Name: name, Kind: integersKind, layout: l}
}

func out(a argument) argument {
	a.Output = true
	return a
}

func working(name string, length int) argument {
	return argument{Name: name, layout: plain(dim{Name: "value", Size: length}), Work: true}
}

// filled is an argument with a fill of its own.
func (a argument) filled(fill func(r *rand.Rand, a *arguments)) argument {
	a.fill = fill
	return a
}

// touching is an argument of which a call touches a share.
func (a argument) touching(share float64) argument {
	a.touched = share
	return a
}

// copyOf fills a list of floats or integers with these.
func (a argument) copyOf(values []float32, indices []int32) argument {
	return a.filled(func(_ *rand.Rand, of *arguments) {
		copy(of.Floats[a.Name], values)
		copy(of.Integers[a.Name], indices)
	})
}

// sparse fills with values of which a share is not 0.
func (a argument) sparse(share float64) argument {
	return a.filled(func(r *rand.Rand, of *arguments) {
		values := of.Floats[a.Name]
		for i := range values {
			values[i] = 0
			if r.Float64() < share {
				values[i] = float32(r.IntN(9)-4) / 4
			}
		}
	})
}

// positive fills with values of [0, 1), as second moments are.
func (a argument) positive() argument {
	return a.filled(func(r *rand.Rand, of *arguments) {
		values := of.Floats[a.Name]
		for i := range values {
			values[i] = r.Float32()
		}
	})
}

// randomBytes fills with any bytes.
func (a argument) randomBytes() argument {
	return a.filled(func(r *rand.Rand, of *arguments) {
		data := of.Bytes[a.Name]
		for i := range data {
			data[i] = byte(r.Uint32())
		}
	})
}

// forbiddenImages are the numbers of images, up to two chunks, that a contract
// refuses.
func forbiddenImages(allowed func(n int) bool) (forbidden []int) {
	for n := -shape.Block; n <= 2*shape.MaxImages; n++ {
		if !allowed(n) {
			forbidden = append(forbidden, n)
		}
	}
	return forbidden
}

// images is the number of images side by side, or of a batch.
func images(n int) argument {
	return argument{Name: "images", Kind: numberKind, Value: n, Outside: forbiddenImages(func(n int) bool { return n == shape.HalfBlock || n == shape.Block })}
}

func batch(n int) argument {
	return argument{Name: "images", Kind: numberKind, Value: n, Outside: forbiddenImages(func(n int) bool { return n > 0 && n%shape.HalfBlock == 0 })}
}

// chunk is a batch of images that are worked on together.
func chunk(n int) argument {
	return argument{Name: "images", Kind: numberKind, Value: n,
		Outside: forbiddenImages(func(n int) bool { return n > 0 && n%shape.HalfBlock == 0 && n <= shape.MaxImages })}
}

// every is a number that takes every value below count.
func every(name string, count int) argument {
	return argument{Name: name, Kind: numberKind, Count: count, Outside: []int{-1, count}}
}

// value is a number with a value of its own.
func value(name string, n int, outside ...int) argument {
	return argument{Name: name, Kind: numberKind, Value: n, Outside: outside}
}

// groups are all of n channels or slices, which come in groups.
func groups(group, n int) []argument {
	count := value("count", n, -group, 0, 1, n-1, n+group)
	count.Group = group
	return []argument{value("first", 0, -group, 1, group, n), count}
}

// mask are the masks of features pooling windows of a block or batch; every
// image has one position, or none.
func mask(features, images int) argument {
	return bytesOf("mask", shape.MaskBytes(features, images))
}

func randomMasks(features, images int) argument {
	return mask(features, images).filled(func(r *rand.Rand, of *arguments) {
		for block := 0; block < images; block += shape.Block {
			n := min(shape.Block, images-block)
			for window := range features {
				at := of.Bytes["mask"][shape.MaskBytes(features, block)+shape.MaskBytes(window, n):]
				for image := range n {
					setMask(at, image, n, r.IntN(5) > 0, r.IntN(4))
				}
			}
		}
	})
}

// dims of the network's arrays.
var (
	dimImage  = []dim{{Name: "y", Size: shape.ImageSize}, {Name: "x", Size: shape.ImageSize}}
	dimPool1  = []dim{{Name: "channel", Size: shape.Conv1Outputs}, {Name: "y", Size: shape.Pool1Size}, {Name: "x", Size: shape.Pool1Size}}
	dimPool2  = []dim{{Name: "channel", Size: shape.Conv2Outputs}, {Name: "y", Size: shape.Pool2Size}, {Name: "x", Size: shape.Pool2Size}}
	dimFC1X   = []dim{{Name: "input", Size: shape.FC1Inputs}}
	dimFC1Y   = []dim{{Name: "output", Size: shape.FC1Outputs}}
	dimLogits = []dim{{Name: "class", Size: shape.Classes}}
	dimFC2W   = []dim{{Name: "class", Size: shape.Classes}, {Name: "input", Size: shape.FC2Inputs}}
	dimFC1W   = []dim{{Name: "slice", Size: shape.FC1Slices}, {Name: "output", Size: shape.FC1Outputs}, {Name: "input of the slice", Size: shape.FC1Slice}}
	dimConv1U = []dim{{Name: "frequency", Size: shape.Frequencies}, {Name: "output", Size: shape.Conv1Row}}
	dimConv1W = []dim{{Name: "tap", Size: shape.Taps}, {Name: "output", Size: shape.Conv1Row}}
	dimConv2U = []dim{{Name: "frequency", Size: shape.Frequencies}, {Name: "output", Size: shape.Conv2Outputs}, {Name: "channel", Size: shape.Conv2Inputs}}
	dimConv2W = []dim{{Name: "tap", Size: shape.Taps}, {Name: "output", Size: shape.Conv2Outputs}, {Name: "channel", Size: shape.Conv2Inputs}}
	dimConv2V = []dim{{Name: "frequency", Size: shape.Frequencies, Pad: shape.Conv2Padding}, {Name: "channel", Size: shape.Conv2Inputs}, {Name: "tile", Size: shape.Conv2Tiles}}
	dimTrainU = []dim{{Name: "frequency", Size: shape.ToomFrequencies}, {Name: "output", Size: shape.Conv2Outputs}, {Name: "channel", Size: shape.Conv2Inputs}}
	dimTrainV = []dim{{Name: "frequency", Size: shape.ToomFrequencies, Pad: shape.Conv2Padding}, {Name: "channel", Size: shape.Conv2Inputs}}
	dimDM     = []dim{{Name: "frequency", Size: shape.ToomFrequencies, Pad: shape.Conv2Padding}, {Name: "output", Size: shape.Conv2Outputs}}
	dimDV     = []dim{{Name: "channel", Size: shape.Conv2Inputs, Pad: shape.Conv2Padding}, {Name: "frequency", Size: shape.ToomFrequencies}}
)

// bias is one of n outputs.
func bias(n int) argument { return floats("bias", plain(dim{Name: "output", Size: n})) }

func inputCases() []Case {
	var all []Case
	for _, n := range blockSizes {
		index := integers("index", lines(n)).copyOf(nil, []int32{19, 0, 3, 7, 7, 1, 18, 2, 4, 5, 6, 8, 9, 10, 11, 12}[:n])
		data := bytesOf("data", 20*shape.ImagePixels).randomBytes().touching(float64(n) / 20)
		all = append(all, Case{Kernel: "Gather", Images: n, Work: float64(n), Measured: n == shape.Block,
			Integers:  true, // the twin rounds as the kernels do
			arguments: []argument{images(n), out(floats("x", lines(n, dimImage...))), data, index},
			bind: func(a *arguments) func(s *Set) error {
				n, x, data, index := a.Numbers["images"], a.Floats["x"], a.Bytes["data"], a.Integers["index"]
				return func(s *Set) error { return s.Gather(n, x, data, index) }
			}})
	}
	return all
}

func conv1Cases() []Case {
	var all []Case
	u, row := floats("u", plain(dimConv1U...)), bias(shape.Conv1Row)
	for _, n := range blockSizes {
		x, y := floats("x", lines(n, dimImage...)), floats("y", lines(n, dimPool1...))
		forward := Case{Images: n, Work: float64(n), Dense: shape.Conv1FLOPs, Executed: conv1Executed, Measured: n == shape.Block, Integers: true}
		plainForward, maskForward, weightGrad := forward, forward, forward
		plainForward.Kernel, plainForward.arguments = "Conv1ForwardReLUPool", []argument{images(n), out(y), x, u, row}
		plainForward.bind = func(a *arguments) func(s *Set) error {
			n, y, x, u, bias := a.Numbers["images"], a.Floats["y"], a.Floats["x"], a.Floats["u"], a.Floats["bias"]
			return func(s *Set) error { return s.Conv1ForwardReLUPool(n, y, x, u, bias) }
		}
		maskForward.Kernel, maskForward.arguments = "Conv1ForwardReLUPoolMask", []argument{images(n), out(y), out(mask(shape.Conv1Y, n)), x, u, row}
		maskForward.bind = func(a *arguments) func(s *Set) error {
			n, y, mask, x, u, bias := a.Numbers["images"], a.Floats["y"], a.Bytes["mask"], a.Floats["x"], a.Floats["u"], a.Floats["bias"]
			return func(s *Set) error { return s.Conv1ForwardReLUPoolMask(n, y, mask, x, u, bias) }
		}
		weightGrad.Kernel, weightGrad.Executed = "Conv1WeightGrad", shape.Conv1Y*(2*shape.Taps+1)
		weightGrad.arguments = []argument{images(n), out(floats("dw", plain(dim{Name: "tap or bias", Size: shape.Taps + 1}, dim{Name: "output", Size: shape.Conv1Row}))),
			x, floats("dy", lines(n, dimPool1...)), randomMasks(shape.Conv1Y, n)}
		weightGrad.arguments = append(weightGrad.arguments, groups(shape.Conv1GradGroup, shape.Conv1Outputs)...)
		weightGrad.bind = func(a *arguments) func(s *Set) error {
			n, dw, x, dy, mask := a.Numbers["images"], a.Floats["dw"], a.Floats["x"], a.Floats["dy"], a.Bytes["mask"]
			first, count := a.Numbers["first"], a.Numbers["count"]
			return func(s *Set) error { return s.Conv1WeightGrad(n, dw, x, dy, mask, first, count) }
		}
		all = append(all, plainForward, maskForward, weightGrad)
	}
	return append(all, Case{Kernel: "Conv1WeightTransform", Variant: "weights", Work: measuredBatch, Measured: true,
		Executed:  shape.Conv1Row * transforms2D * weightTransform1D / measuredBatch,
		arguments: []argument{out(u), floats("w", plain(dimConv1W...))},
		bind: func(a *arguments) func(s *Set) error {
			u, w := a.Floats["u"], a.Floats["w"]
			return func(s *Set) error { return s.Conv1WeightTransform(u, w) }
		}})
}

func adamCases() []Case {
	var all []Case
	for _, n := range []int{8, 16, 24, shape.Parameters / 8 * 8} {
		weights := func(name string) argument { return floats(name, plain(dim{Name: "weight", Size: n})) }
		all = append(all, Case{Kernel: "Adam", Variant: fmt.Sprintf("weights=%d", n), Work: float64(n) / shape.Parameters * measuredBatch,
			Executed: adamExecuted * shape.Parameters / measuredBatch, Measured: n > 24,
			arguments: []argument{out(weights("w")), out(weights("m")), out(weights("v")).positive(), weights("dw")},
			bind: func(a *arguments) func(s *Set) error {
				w, m, v, dw := a.Floats["w"], a.Floats["m"], a.Floats["v"], a.Floats["dw"]
				return func(s *Set) error { return s.Adam(w, m, v, dw, &caseStep) }
			}})
	}
	for _, n := range batchSizes {
		all = append(all, Case{Kernel: "LineSums", Images: n, Work: batchWork(n), Executed: shape.FC1Outputs, Measured: n == measuredLanes, Integers: true,
			arguments: []argument{batch(n), out(floats("sums", plain(dimFC1Y...))), floats("lines", lines(n, dimFC1Y...)),
				value("features", shape.FC1Outputs, -1, 0, shape.FC1Outputs+1)},
			bind: func(a *arguments) func(s *Set) error {
				n, sums, lines, features := a.Numbers["images"], a.Floats["sums"], a.Floats["lines"], a.Numbers["features"]
				return func(s *Set) error { return s.LineSums(n, sums, lines, features) }
			}})
	}
	return all
}

// Settings of the cases.
var (
	caseStep    = NewAdamStep(1e-3, 0.9, 0.999, 1e-8, 3)
	caseLoss    = Loss{Scale: 0.01, Label: 0.9, Other: 0.01}
	caseDropout = Dropout{Threshold: 1 << 31, Scale: 2}
)

func directCases() []Case {
	var all []Case
	for _, n := range blockSizes {
		all = append(all,
			Case{Kernel: "Conv1DirectReLUPool", Images: n, Work: float64(n), Dense: shape.Conv1FLOPs, Executed: shape.Conv1FLOPs, Measured: n == shape.Block, Integers: true,
				arguments: []argument{images(n), out(floats("y", lines(n, dimPool1...))), floats("x", lines(n, dimImage...)),
					floats("w", plain(dimConv1W...)), bias(shape.Conv1Row)},
				bind: func(a *arguments) func(s *Set) error {
					n, y, x, w, bias := a.Numbers["images"], a.Floats["y"], a.Floats["x"], a.Floats["w"], a.Floats["bias"]
					return func(s *Set) error { return s.Conv1DirectReLUPool(n, y, x, w, bias) }
				}},
			Case{Kernel: "Conv2DirectReLUPool", Images: n, Work: float64(n), Dense: shape.Conv2FLOPs, Executed: shape.Conv2FLOPs, Measured: n == shape.Block, Integers: true,
				arguments: []argument{images(n), out(floats("y", lines(n, dimPool2...))), floats("x", lines(n, dimPool1...)),
					floats("w", plain(dimConv2W...)), bias(shape.Conv2Outputs)},
				bind: func(a *arguments) func(s *Set) error {
					n, y, x, w, bias := a.Numbers["images"], a.Floats["y"], a.Floats["x"], a.Floats["w"], a.Floats["bias"]
					return func(s *Set) error { return s.Conv2DirectReLUPool(n, y, x, w, bias) }
				}},
		)
	}
	return all
}
