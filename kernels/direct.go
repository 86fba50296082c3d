package kernels

// directSet holds both convolutions by the plain algorithm.
type directSet struct {
	conv1DirectReLUPool byWidth[func(y, x, w, bias []float32, row int)]
	conv2DirectReLUPool byWidth[func(y, x, w, bias []float32, window int)]
}

// Conv1DirectReLUPool computes row (0 … 11) of y [20][12][12] = max(0,
// maxpool(conv1(x)) + bias) by direct sums from x [28][28] and w [25][24].
func (s *Set) Conv1DirectReLUPool(images int, y, x, w, bias []float32, row int) error {
	if err := check("Conv1DirectReLUPool", images, length{"y", len(y), Conv1Y * images},
		length{"x", len(x), ImagePixels * images}, length{"w", len(w), Conv1W}, length{"bias", len(bias), Conv1Row}); err != nil {
		return err
	}
	if err := checkRange("Conv1DirectReLUPool", row, 1, 1, Pool1Size); err != nil {
		return err
	}
	s.conv1DirectReLUPool.of(images)(y, x, w, bias, row)
	return nil
}

// Conv2DirectReLUPool computes window (0 … 15) of y [50][4][4] = max(0,
// maxpool(conv2(x)) + bias) by direct sums from x [20][12][12] and w [25][50][20].
func (s *Set) Conv2DirectReLUPool(images int, y, x, w, bias []float32, window int) error {
	if err := check("Conv2DirectReLUPool", images, length{"y", len(y), Conv2Y * images},
		length{"x", len(x), Conv2X * images}, length{"w", len(w), Conv2W}, length{"bias", len(bias), Conv2Outputs}); err != nil {
		return err
	}
	if err := checkRange("Conv2DirectReLUPool", window, 1, 1, Pool2Pixels); err != nil {
		return err
	}
	s.conv2DirectReLUPool.of(images)(y, x, w, bias, window)
	return nil
}

var directGeneric = directSet{
	conv1DirectReLUPool: byWidth[func(y, x, w, bias []float32, row int)]{
		func(y, x, w, bias []float32, row int) { conv1Direct(HalfBlock, y, x, w, bias, row) },
		func(y, x, w, bias []float32, row int) { conv1Direct(Block, y, x, w, bias, row) },
	},
	conv2DirectReLUPool: byWidth[func(y, x, w, bias []float32, window int)]{
		func(y, x, w, bias []float32, window int) { conv2Direct(HalfBlock, y, x, w, bias, window) },
		func(y, x, w, bias []float32, window int) { conv2Direct(Block, y, x, w, bias, window) },
	},
}

func conv1Direct(images int, y, x, w, bias []float32, row int) {
	for window := row * Pool1Size; window < (row+1)*Pool1Size; window++ {
		directWindow(images, y, x, w, bias, window, 1, Conv1Outputs, ImageSize, Pool1Size, Conv1Row, 1, 0)
	}
}

func conv2Direct(images int, y, x, w, bias []float32, window int) {
	directWindow(images, y, x, w, bias, window, Conv2Inputs, Conv2Outputs, Pool1Size, Pool2Size, Conv2Outputs*Conv2Inputs, Conv2Inputs, 1)
}

// directWindow computes all outputs of one pooling window; the steps say how
// the weights of taps, outputs and inputs lie.
func directWindow(images int, y, x, w, bias []float32, window, inputs, outputs, inputSize, pooledSize, tapStep, outputStep, inputStep int) {
	corner := 2*(window/pooledSize)*inputSize + 2*(window%pooledSize)
	for o := range outputs {
		for image := range images {
			var sums [4]float32
			for c := range inputs {
				for tap := range Taps {
					weight := w[tap*tapStep+o*outputStep+c*inputStep]
					for p := range sums {
						at := c*inputSize*inputSize + corner + (tap/Window+p/2)*inputSize + tap%Window + p%2
						sums[p] += float32(weight * x[at*images+image])
					}
				}
			}
			y[(o*pooledSize*pooledSize+window)*images+image], _, _ = poolReLU(&sums, bias[o])
		}
	}
}
