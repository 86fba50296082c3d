package bench

import (
	"errors"
	"math/rand/v2"

	"github.com/kernelet/kernelet/internal/aligned"
	"github.com/kernelet/kernelet/kernels"
)

// Operations of the layers, an image, by their dense algorithms.
const (
	conv1FLOPs = 2 * kernels.Conv1Outputs * kernels.Conv1Size * kernels.Conv1Size * kernels.Taps
	conv2FLOPs = 2 * kernels.Conv2Outputs * kernels.Conv2Inputs * kernels.Conv2Size * kernels.Conv2Size * kernels.Taps
	fc1FLOPs   = 2 * kernels.FC1Inputs * kernels.FC1Outputs
	fc2FLOPs   = 2 * kernels.FC2Inputs * kernels.Classes
)

// Operations that are executed: a fused multiply-add counts two. Those of the
// one-dimensional transforms are what the functions of gen/winograd emit.
const (
	inputTransform1D, outputTransform1D = 38, 22
	outputGrad1D, inputGrad1D           = 18, 40
	weightTransform1D, weightGrad1D     = 29, 32
	pooledWindow                        = 5 // three maxima, bias, ReLU
	points                              = kernels.Points
	conv1InputTransforms                = kernels.Conv1Tiles * 2 * points * inputTransform1D
	tileOutput                          = (points+kernels.TileSize)*outputTransform1D + 4*pooledWindow
	conv1Executed                       = conv1InputTransforms + kernels.Conv1Tiles*kernels.Conv1Outputs*(kernels.Frequencies+tileOutput)
	conv2InputExecuted                  = kernels.Conv2Inputs * 2 * (kernels.Pool1Size + 2*points) * inputTransform1D
	conv2Products                       = 2 * kernels.Frequencies * kernels.Conv2Tiles * kernels.Conv2Inputs * kernels.Conv2Outputs
	conv2OutputExecuted                 = kernels.Conv2Outputs * kernels.Conv2Tiles * tileOutput
	conv2OutputGradExecuted             = kernels.Conv2Outputs * kernels.Conv2Tiles * (kernels.TileSize + points) * outputGrad1D
	conv2InputGradExecuted              = kernels.Conv2Inputs * ((4*points+2*kernels.Pool1Size)*inputGrad1D + 4*(2*points+kernels.Pool1Size))
	transforms2D                        = points + kernels.Window
	adamExecuted                        = 13 // of a weight
	batchImages, batchLanes             = 100, 104
	live                                = 0.27 // share of fc1's outputs that carry a gradient
	liveInput                           = 0.68 // share of fc1's inputs that are not zero
)

// memory makes the arguments of a kernel and counts their bytes.
type memory struct {
	random  *rand.Rand
	touched float64
}

// floats returns n values, uniform in [−1, 1).
func (m *memory) floats(n int) []float32 {
	m.touched += 4 * float64(n)
	values := aligned.Floats(n)
	for i := range values {
		values[i] = 2*m.random.Float32() - 1
	}
	return values
}

// sparse returns n values of which a share is not zero.
func (m *memory) sparse(n int, share float64) []float32 {
	values := m.floats(n)
	for i := range values {
		if m.random.Float64() >= share {
			values[i] = 0
		}
	}
	return values
}

func (m *memory) integers(n int) []int32 {
	m.touched += 4 * float64(n)
	return make([]int32, n)
}

// masks returns those of features windows of a block; every image has one
// position, or none.
func (m *memory) masks(features int) []byte {
	masks := make([]byte, kernels.MaskBytes(features, kernels.Block))
	m.touched += float64(len(masks))
	const bits = kernels.Block / 8 // bytes for one bit of every image: alive, right, down
	for window := 0; window < len(masks); window += 3 * bits {
		for image := range kernels.Block {
			if m.random.IntN(5) == 0 {
				continue
			}
			for i, set := range [...]int{1, m.random.IntN(2), m.random.IntN(2)} {
				masks[window+i*bits+image/8] |= byte(set) << (image % 8)
			}
		}
	}
	return masks
}

// kernelCase is a kernel with its arguments.
type kernelCase struct {
	name            string
	images          float64 // images' worth of the layer in a call
	dense, executed float64 // operations an image
	touched         float64 // bytes of a call
	call            func(s *kernels.Set) error
}

// kernelCases lists every kernel, on a block of 16 images, on a batch of 100,
// or on a single image.
func kernelCases() ([]kernelCase, error) {
	m := &memory{random: rand.New(rand.NewPCG(1, 1))}
	var all []kernelCase
	add := func(name string, images, dense, executed float64, call func(s *kernels.Set) error) {
		all = append(all, kernelCase{name, images, dense, executed, m.touched, call})
		m.touched = 0
	}
	addBlockKernels(m, kernels.Block, add)
	addBatchKernels(m, batchImages, add)
	if err := addFC1Backward(m, add); err != nil {
		return nil, err
	}
	addSingleKernels(m, add)
	return all, nil
}

type adder func(name string, images, dense, executed float64, call func(s *kernels.Set) error)

// each calls fn with 0, step, … below end and stops at an error.
func each(end, step int, fn func(at int) error) error {
	for at := 0; at < end; at += step {
		if err := fn(at); err != nil {
			return err
		}
	}
	return nil
}

func addBlockKernels(m *memory, n int, add adder) {
	images := float64(n)
	{
		x, data, index := m.floats(kernels.ImagePixels*n), make([]byte, n*kernels.ImagePixels), m.integers(n)
		m.touched += float64(len(data))
		add("Gather", images, 0, 0, func(s *kernels.Set) error { return s.Gather(n, x, data, index) })
	}
	{
		y, x, u, bias := m.floats(kernels.Conv1Y*n), m.floats(kernels.ImagePixels*n), m.floats(kernels.Conv1U), m.floats(kernels.Conv1Row)
		bytes := m.touched
		add("Conv1ForwardReLUPool", images, conv1FLOPs, conv1Executed, func(s *kernels.Set) error { return s.Conv1ForwardReLUPool(n, y, x, u, bias) })
		m.touched = bytes
		mask := m.masks(kernels.Conv1Y)
		add("Conv1ForwardReLUPoolMask", images, conv1FLOPs, conv1Executed, func(s *kernels.Set) error { return s.Conv1ForwardReLUPoolMask(n, y, mask, x, u, bias) })
	}
	{
		dw, x, dy, mask := m.floats(kernels.Conv1WB), m.floats(kernels.ImagePixels*n), m.floats(kernels.Conv1Y*n), m.masks(kernels.Conv1Y)
		add("Conv1WeightGrad", images, conv1FLOPs, kernels.Conv1Y*(2*kernels.Taps+1), func(s *kernels.Set) error { return s.Conv1WeightGrad(n, dw, x, dy, mask) })
	}
	{
		v, x := m.floats(kernels.Conv2V(n)), m.floats(kernels.Conv2X*n)
		add("Conv2InputTransform", images, 0, conv2InputExecuted, func(s *kernels.Set) error { return s.Conv2InputTransform(n, v, x) })
	}
	{
		y, work, u, v, bias := m.floats(kernels.Conv2Y*n), m.floats(kernels.Conv2Work*n), m.floats(kernels.Conv2U), m.floats(kernels.Conv2V(n)), m.floats(kernels.Conv2Outputs)
		bytes := m.touched
		add("Conv2ForwardReLUPool", images, conv2FLOPs, conv2Products+conv2OutputExecuted, func(s *kernels.Set) error {
			return each(kernels.Conv2Outputs, kernels.Group, func(o int) error { return s.Conv2ForwardReLUPool(n, y, work, u, v, bias, o) })
		})
		m.touched = bytes
		mask := m.masks(kernels.Conv2Y)
		add("Conv2ForwardReLUPoolMask", images, conv2FLOPs, conv2Products+conv2OutputExecuted, func(s *kernels.Set) error {
			return each(kernels.Conv2Outputs, kernels.Group, func(o int) error { return s.Conv2ForwardReLUPoolMask(n, y, mask, work, u, v, bias, o) })
		})
	}
	{
		length := kernels.Conv2M(n)
		dm, dy, mask := m.floats(kernels.Conv2Groups*length), m.floats(kernels.Conv2Y*n), m.masks(kernels.Conv2Y)
		add("Conv2OutputGrad", images, 0, conv2OutputGradExecuted, func(s *kernels.Set) error {
			return each(kernels.Conv2Pairs*kernels.Conv2Groups, 1, func(i int) error {
				pair, group := i/kernels.Conv2Groups, i%kernels.Conv2Groups
				return s.Conv2OutputGrad(n, dm[group*length:][:length], dy, mask, pair, group*kernels.Group)
			})
		})
	}
	{
		dv, u, dm := m.floats(kernels.Conv2DV*n), m.floats(kernels.Conv2U), m.floats(kernels.Conv2Groups*kernels.Conv2M(n))
		add("Conv2InputGradProducts", images, conv2FLOPs, conv2Products, func(s *kernels.Set) error {
			return each(kernels.Conv2Pairs*kernels.Conv2Inputs, kernels.Group, func(i int) error {
				return s.Conv2InputGradProducts(n, dv, u, dm, i/kernels.Conv2Inputs, i%kernels.Conv2Inputs)
			})
		})
	}
	{
		dx, dv := m.floats(kernels.Conv2X*n), m.floats(kernels.Conv2DV*n)
		add("Conv2InputGradTransform", images, 0, conv2InputGradExecuted, func(s *kernels.Set) error {
			return each(kernels.Conv2Inputs, kernels.Group, func(c int) error { return s.Conv2InputGradTransform(n, dx, dv, c) })
		})
	}
	{
		pair := 2 * n // blocks, as inference takes them
		y, x, w, bias := m.floats(kernels.FC1Outputs*pair), m.floats(kernels.FC1Inputs*pair), m.floats(kernels.FC1W), m.floats(kernels.FC1Outputs)
		add("FC1ForwardReLU", float64(pair), fc1FLOPs, fc1FLOPs+2*kernels.FC1Outputs, func(s *kernels.Set) error {
			return each(kernels.FC1Outputs, kernels.FC1Outs, func(o int) error { return s.FC1ForwardReLU(pair, y, x, w, bias, o) })
		})
	}
	{
		lines, packed := m.floats(kernels.FC1Inputs*n), m.floats(kernels.FC1Inputs*n)
		bytes := m.touched
		add("FC1PackInput", images, 0, 0, func(s *kernels.Set) error { return s.FC1PackInput(n, packed, lines, 0, n) })
		m.touched = bytes
		add("FC1UnpackInputGrad", images, 0, 0, func(s *kernels.Set) error { return s.FC1UnpackInputGrad(n, lines, packed, 0, n) })
	}
	{
		logits, x, w, bias := m.floats(kernels.Classes*n), m.sparse(kernels.FC2Inputs*n, live), m.floats(kernels.FC2W), m.floats(kernels.Classes)
		bytes := m.touched
		add("FC2Forward", images, fc2FLOPs, fc2FLOPs, func(s *kernels.Set) error { return s.FC2Forward(n, logits, x, w, bias) })
		m.touched = bytes
		dlogits, denominators, labels := m.floats(kernels.Classes*n), m.floats(n), m.integers(n)
		loss := kernels.Loss{Scale: 0.01, Label: 1}
		add("FC2ForwardLoss", images, fc2FLOPs, fc2FLOPs, func(s *kernels.Set) error {
			return s.FC2ForwardLoss(n, logits, dlogits, denominators, x, w, bias, labels, &loss)
		})
		m.touched = bytes
		dx := m.floats(kernels.FC2Inputs * n)
		add("FC2InputGrad", images, fc2FLOPs, fc2FLOPs, func(s *kernels.Set) error { return s.FC2InputGrad(n, dx, dlogits, w, x, 2) })
	}
	{
		y, x, w, bias := m.floats(kernels.Conv1Y*n), m.floats(kernels.ImagePixels*n), m.floats(kernels.Conv1W), m.floats(kernels.Conv1Row)
		add("Conv1DirectReLUPool", images, conv1FLOPs, conv1FLOPs, func(s *kernels.Set) error {
			return each(kernels.Pool1Size, 1, func(row int) error { return s.Conv1DirectReLUPool(n, y, x, w, bias, row) })
		})
	}
	{
		y, x, w, bias := m.floats(kernels.Conv2Y*n), m.floats(kernels.Conv2X*n), m.floats(kernels.Conv2W), m.floats(kernels.Conv2Outputs)
		add("Conv2DirectReLUPool", images, conv2FLOPs, conv2FLOPs, func(s *kernels.Set) error {
			return each(kernels.Pool2Pixels, 1, func(window int) error { return s.Conv2DirectReLUPool(n, y, x, w, bias, window) })
		})
	}
}

func addBatchKernels(m *memory, images float64, add adder) {
	const lanes = batchLanes
	{
		u, w := m.floats(kernels.Conv1U), m.floats(kernels.Conv1W)
		add("Conv1WeightTransform", images, 0, kernels.Conv1Row*transforms2D*weightTransform1D/images, func(s *kernels.Set) error { return s.Conv1WeightTransform(u, w) })
	}
	{
		u, w := m.floats(kernels.Conv2U), m.floats(kernels.Conv2W)
		bytes := m.touched
		add("Conv2WeightTransform", images, 0, kernels.Conv2Outputs*kernels.Conv2Inputs*transforms2D*weightTransform1D/images,
			func(s *kernels.Set) error { return s.Conv2WeightTransform(u, w) })
		m.touched = bytes
		add("Conv2WeightGradTransform", images, 0, kernels.Conv2Outputs*kernels.Conv2Inputs*transforms2D*weightGrad1D/images,
			func(s *kernels.Set) error { return s.Conv2WeightGradTransform(w, u) })
	}
	{
		du, dm, v := m.floats(kernels.Conv2U), m.floats(kernels.Conv2M(lanes)), m.floats(kernels.Conv2V(lanes))
		add("Conv2WeightGrad", images, conv2FLOPs, conv2Products, func(s *kernels.Set) error {
			return each(kernels.Conv2Pairs*kernels.Conv2Groups, 1, func(i int) error {
				return s.Conv2WeightGrad(lanes, du, dm, v, i/kernels.Conv2Groups, i%kernels.Conv2Groups*kernels.Group)
			})
		})
	}
	{
		dm := m.floats(kernels.Conv2M(lanes))
		m.touched /= 2 * kernels.Points // one frequency of sixteen
		db := m.floats(kernels.Conv2Outputs)
		add("Conv2BiasGrad", images, 0, kernels.Conv2Outputs*kernels.Conv2Tiles, func(s *kernels.Set) error {
			return each(kernels.Conv2Outputs, kernels.Group, func(o int) error { return s.Conv2BiasGrad(lanes, db, dm, o) })
		})
	}
	{
		y, packed, w, bias := m.floats(kernels.FC1Outputs*lanes), m.floats(kernels.FC1Inputs*kernels.MaxImages), m.floats(kernels.FC1W), m.floats(kernels.FC1Outputs)
		keys := make([]uint32, lanes)
		for i := range keys {
			keys[i] = m.random.Uint32()
		}
		dropout := kernels.Dropout{Threshold: 1 << 31, Scale: 2}
		add("FC1ForwardReLUDropout", images, fc1FLOPs, fc1FLOPs/2, func(s *kernels.Set) error {
			return each(kernels.FC1Outputs, kernels.FC1Kept, func(o int) error {
				return s.FC1ForwardReLUDropout(lanes, y, packed, w, bias, keys, &dropout, o, kernels.MaxImages)
			})
		})
	}
	{
		dw, dlogits, x := m.floats(kernels.FC2W), m.floats(kernels.Classes*lanes), m.sparse(kernels.FC2Inputs*lanes, live)
		add("FC2WeightGrad", images, fc2FLOPs, fc2FLOPs, func(s *kernels.Set) error { return s.FC2WeightGrad(lanes, dw, dlogits, x) })
	}
	{
		sums, lines := m.floats(kernels.FC1Outputs), m.floats(kernels.FC1Outputs*lanes)
		add("LineSums", images, 0, kernels.FC1Outputs, func(s *kernels.Set) error { return s.LineSums(lanes, sums, lines, kernels.FC1Outputs) })
	}
	{
		const weights = kernels.Parameters / 8 * 8
		w, first, second, dw := m.floats(weights), m.floats(weights), m.sparse(weights, 0), m.floats(weights)
		step := kernels.NewAdamStep(1e-4, 0.9, 0.999, 1e-8, 100)
		add("Adam", images, 0, adamExecuted*kernels.Parameters/images, func(s *kernels.Set) error { return s.Adam(w, first, second, dw, &step) })
	}
}

// addFC1Backward adds the kernels that work on lists, which others of them make.
func addFC1Backward(m *memory, add adder) error {
	const lanes, capacity = batchLanes, kernels.MaxImages
	dy := m.sparse(kernels.FC1Outputs*lanes, live)
	values, outputs, ends := m.floats(kernels.LiveRow*lanes), m.integers(kernels.LiveRow*lanes), m.integers(kernels.LiveRuns*lanes)
	imageLists := func(s *kernels.Set) error {
		return each(lanes, kernels.Block, func(at int) error {
			n := min(kernels.Block, lanes-at)
			return s.FC1ImageLists(n, values[kernels.LiveRow*at:][:kernels.LiveRow*n], outputs[kernels.LiveRow*at:][:kernels.LiveRow*n],
				ends[kernels.LiveRuns*at:][:kernels.LiveRuns*n], dy[kernels.FC1Outputs*at:][:kernels.FC1Outputs*n])
		})
	}
	add("FC1ImageLists", batchImages, 0, 0, imageLists)
	m.touched = 4 * float64(len(dy))
	columnValues, images, counts := m.floats(kernels.LiveColumn*kernels.FC1Outputs), m.integers(kernels.LiveColumn*kernels.FC1Outputs), m.integers(kernels.FC1Outputs)
	outputLists := func(s *kernels.Set) error {
		return s.FC1OutputLists(lanes, columnValues, images, counts, dy, 0, kernels.FC1Outputs)
	}
	add("FC1OutputLists", batchImages, 0, 0, outputLists)
	plain, err := kernels.Select("generic")
	if err == nil {
		err = errors.Join(imageLists(plain), outputLists(plain))
	}
	if err != nil {
		return err
	}
	// The lists' room is larger than what is in them.
	listBytes := 8 * live * kernels.FC1Outputs * lanes
	packed, w := m.floats(kernels.FC1Inputs*capacity), m.floats(kernels.FC1W)
	m.touched += listBytes
	add("FC1InputGrad", batchImages, fc1FLOPs, live*fc1FLOPs, func(s *kernels.Set) error {
		return each(kernels.FC1Slices/2, 1, func(slice int) error {
			return s.FC1InputGrad(lanes, packed, w, values, outputs, ends, slice, 0, capacity)
		})
	})
	bytes := 4*float64(len(packed)+len(w)) + listBytes
	dw := m.floats(kernels.FC1W)
	m.touched = bytes
	add("FC1WeightGrad", batchImages, fc1FLOPs, live*fc1FLOPs, func(s *kernels.Set) error {
		return each(kernels.FC1Slices, 1, func(slice int) error {
			return s.FC1WeightGrad(dw, packed, columnValues, images, counts, slice, 0, kernels.FC1Outputs, capacity)
		})
	})
	clear(dw)
	first, second := m.floats(kernels.FC1W), m.sparse(kernels.FC1W, 0)
	m.touched += bytes
	step := kernels.NewAdamStep(1e-4, 0.9, 0.999, 1e-8, 100)
	add("FC1WeightGradAdam", batchImages, fc1FLOPs, live*fc1FLOPs+adamExecuted*kernels.FC1W/batchImages, func(s *kernels.Set) error {
		return each(kernels.FC1Slices, 1, func(slice int) error {
			return s.FC1WeightGradAdam(w, first, second, packed, columnValues, images, counts, slice, 0, kernels.FC1Outputs, capacity, &step)
		})
	})
	return nil
}

func addSingleKernels(m *memory, add adder) {
	{
		x, image := m.floats(kernels.ImagePixels), make([]byte, kernels.ImagePixels)
		m.touched += kernels.ImagePixels
		add("SingleInput", 1, 0, 2*kernels.ImagePixels, func(s *kernels.Set) error { return s.SingleInput(x, image) })
	}
	{
		y, x, u, bias := m.floats(kernels.SingleY1), m.floats(kernels.ImagePixels), m.floats(kernels.Conv1U), m.floats(kernels.Conv1Row)
		add("SingleConv1ReLUPool", 1, conv1FLOPs, conv1Executed, func(s *kernels.Set) error { return s.SingleConv1ReLUPool(y, x, u, bias) })
	}
	{
		v, x := m.floats(kernels.SingleV), m.floats(kernels.SingleY1)
		add("SingleConv2InputTransform", 1, 0, conv2InputExecuted, func(s *kernels.Set) error { return s.SingleConv2InputTransform(v, x) })
	}
	{
		y, work, u, v, bias := m.floats(kernels.Conv2Y), m.floats(kernels.SingleM), m.floats(kernels.SingleU2), m.floats(kernels.SingleV), m.floats(kernels.SingleBias2)
		add("SingleConv2ReLUPool", 1, conv2FLOPs, conv2Products+conv2OutputExecuted, func(s *kernels.Set) error { return s.SingleConv2ReLUPool(y, work, u, v, bias) })
	}
	values, places := aligned.Floats(kernels.SingleList), make([]int32, kernels.SingleList)
	{
		h, x, bias := m.floats(kernels.SingleH), m.sparse(kernels.FC1Inputs, liveInput), m.floats(kernels.SingleH)
		m.touched += 4 * liveInput * kernels.SingleW1
		bytes := m.touched
		w := m.floats(kernels.SingleW1)
		m.touched = bytes
		backwards := false
		add("SingleFC1ReLU", 1, fc1FLOPs, liveInput*fc1FLOPs, func(s *kernels.Set) error {
			backwards = !backwards
			return s.SingleFC1ReLU(h, x, w, bias, values, places, backwards)
		})
	}
	{
		logits, x, bias := m.floats(kernels.SingleLogits), m.sparse(kernels.SingleH, live), m.floats(kernels.SingleLogits)
		m.touched += 4 * live * kernels.SingleW2
		bytes := m.touched
		w := m.floats(kernels.SingleW2)
		m.touched = bytes
		add("SingleFC2", 1, fc2FLOPs, live*fc2FLOPs, func(s *kernels.Set) error { return s.SingleFC2(logits, x, w, bias, values, places) })
	}
}

// kernelMeasurements are all kernels on all sets. The plain Go twins, a
// hundred times slower, are sampled less often.
func kernelMeasurements(sets []*kernels.Set) ([]*measurement, error) {
	cases, err := kernelCases()
	if err != nil {
		return nil, err
	}
	var all []*measurement
	for _, c := range cases {
		for _, s := range sets {
			m := &measurement{row: Row{Group: "kernel", Name: c.name, ISA: s.Name(), Threads: 1, Unit: "µs/image"},
				dense: c.dense, executed: c.executed, touched: c.touched, images: c.images,
				run: func(n int) (float64, error) {
					for range n {
						if err := c.call(s); err != nil {
							return 0, err
						}
					}
					return float64(n) * c.images, nil
				}}
			if s.Name() == "generic" {
				m.most = FewestSamples
			}
			all = append(all, m)
		}
	}
	return all, nil
}
