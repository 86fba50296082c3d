package kernels

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
	s.conv1DirectReLUPool[images/Block](y, x, w, bias, row)
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
	s.conv2DirectReLUPool[images/Block](y, x, w, bias, window)
	return nil
}
