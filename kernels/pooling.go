package kernels

// poolReLU returns max(0, max(window) + bias) and which position carries the
// gradient, or -1. The comparisons are those of VMAXPS, which returns its
// second source when a value is NaN.
func poolReLU(window *[4]float32, bias float32) (y float32, position int) {
	top, bottom := max2(window[0], window[1]), max2(window[2], window[3])
	y = max2(top, bottom) + bias
	if y < 0 {
		y = 0
	}
	if !(y > 0) {
		return y, -1
	}
	if bottom > top {
		position = 2
	}
	if window[position+1] > window[position] {
		position++
	}
	return y, position
}

func max2(x, y float32) float32 {
	if x > y {
		return x
	}
	return y
}

// setMask sets the bits of the window's mask for one image: position, or none
// if it is -1.
func setMask(mask []byte, image, images, position int) {
	bit := byte(1) << (image % 8)
	for p := range 4 {
		at := p*images/8 + image/8
		mask[at] &^= bit
		if p == position {
			mask[at] |= bit
		}
	}
}

// unpool returns the gradient of one position of a window for one image.
func unpool(gradient float32, mask []byte, image, images, position int) float32 {
	if mask[position*images/8+image/8]>>(image%8)&1 == 0 {
		return 0
	}
	return gradient
}

// addLanes adds the 16 lanes of a row: l and l+8, l and l+4, l and l+2, l and
// l+1, the order in which the generated kernels do it.
func addLanes(row *[Block]float32) float32 {
	for n := Block / 2; n > 0; n /= 2 {
		for l := range n {
			row[l] += row[l+n]
		}
	}
	return row[0]
}
