package kernels

// poolReLU returns max(0, max(window) + bias), whether it is more than 0, and
// the position of the first maximum: the lower row where its maximum is
// greater, in that row the right value where it is greater. The comparisons are
// those of VMAXPS, which returns its second source when a value is NaN.
func poolReLU(window *[4]float32, bias float32) (y float32, alive bool, position int) {
	top, bottom := max2(window[0], window[1]), max2(window[2], window[3])
	y = max2(top, bottom) + bias
	if y < 0 {
		y = 0
	}
	if bottom > top {
		position = 2
	}
	if window[position+1] > window[position] {
		position++
	}
	return y, y > 0, position
}

func max2(x, y float32) float32 {
	if x > y {
		return x
	}
	return y
}

// setMask sets the bits of the window's mask for one image.
func setMask(mask []byte, image, images int, alive bool, position int) {
	bit := byte(1) << (image % 8)
	for i, set := range [...]bool{alive, position&1 != 0, position&2 != 0} {
		at := i*images/8 + image/8
		mask[at] &^= bit
		if set {
			mask[at] |= bit
		}
	}
}

// chosen reads the bits of the window's mask for one image.
func chosen(mask []byte, image, images int) (alive bool, position int) {
	bit := func(i int) int { return int(mask[i*images/8+image/8] >> (image % 8) & 1) }
	return bit(0) == 1, bit(1) + 2*bit(2)
}

// unpool returns the gradient of one position of a window for one image.
func unpool(gradient float32, mask []byte, image, images, position int) float32 {
	if alive, p := chosen(mask, image, images); alive && p == position {
		return gradient
	}
	return 0
}
