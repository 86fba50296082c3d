package kernels

import "math/rand/v2"

// Dense work of conv2, one direction, an image.
const conv2FLOPs = 2 * Conv2Outputs * Conv2Size * Conv2Size * Conv2Inputs * Taps

// roundings are those of a transform over both dimensions, at most eight in one.
const roundings = 2 * 8

func conv2Rows() []row {
	var rows []row
	for _, n := range []int{HalfBlock, Block} {
		x := argument{name: "x", floats: Conv2X * n}
		v := argument{name: "v", floats: Conv2V(n)}
		y := argument{name: "y", floats: Conv2Y * n}
		u := argument{name: "u", floats: Conv2U}
		work := argument{name: "work", floats: Conv2Work * n, work: true}
		bias := argument{name: "bias", floats: Conv2Outputs}
		dv := argument{name: "dv", floats: Conv2DV * n}
		mask := argument{name: "mask", bytes: MaskBytes(Conv2Y, n)}
		rows = append(rows,
			row{kernel: "Conv2InputTransform", images: n, perCall: float64(n),
				arguments: []argument{out(v), x}, integers: true,
				call: func(s *Set, n int, b *buffers) error { return s.Conv2InputTransform(n, b.floats[0], b.floats[1]) }},
			row{kernel: "Conv2ForwardReLUPool", images: n, perCall: float64(n), flops: conv2FLOPs,
				arguments: []argument{out(y), work, u, v, bias}, integers: true,
				call: func(s *Set, n int, b *buffers) error {
					return groups(Conv2Outputs, func(first int) error {
						return s.Conv2ForwardReLUPool(n, b.floats[0], b.floats[1], b.floats[2], b.floats[3], b.floats[4], first)
					})
				}},
			row{kernel: "Conv2ForwardReLUPoolMask", images: n, perCall: float64(n), flops: conv2FLOPs,
				arguments: []argument{out(y), out(mask), work, u, v, bias}, integers: true,
				call: func(s *Set, n int, b *buffers) error {
					return groups(Conv2Outputs, func(first int) error {
						return s.Conv2ForwardReLUPoolMask(n, b.floats[0], b.bytes[1], b.floats[2], b.floats[3], b.floats[4], b.floats[5], first)
					})
				}},
			row{kernel: "Conv2OutputGrad", images: n, perCall: float64(n),
				arguments: []argument{{name: "dm", floats: Conv2Pairs * Conv2M(n), output: true}, y, filledBy(mask, randomMasks(n))},
				integers:  true,
				call:      func(s *Set, n int, b *buffers) error { return eachGroup(s, n, b.floats[0], b.floats[1], b.bytes[2]) }},
			row{kernel: "Conv2InputGradProducts", images: n, perCall: float64(n), flops: conv2FLOPs,
				arguments: []argument{out(dv), u, {name: "dm", floats: Conv2Groups * Conv2M(n)}},
				integers:  true,
				call: func(s *Set, n int, b *buffers) error {
					for pair := range Conv2Pairs {
						if err := groups(Conv2Inputs, func(first int) error {
							return s.Conv2InputGradProducts(n, b.floats[0], b.floats[1], b.floats[2], pair, first)
						}); err != nil {
							return err
						}
					}
					return nil
				}},
			row{kernel: "Conv2InputGradTransform", images: n, perCall: float64(n),
				arguments: []argument{out(x), dv}, integers: true,
				call: func(s *Set, n int, b *buffers) error {
					return groups(Conv2Inputs, func(first int) error { return s.Conv2InputGradTransform(n, b.floats[0], b.floats[1], first) })
				}},
		)
	}
	for _, n := range []int{8, 16, 24, 32, 104} {
		du := argument{name: "du", floats: Conv2U, output: true}
		v := argument{name: "v", floats: Conv2V(n)}
		dm := argument{name: "dm", floats: Conv2M(n)}
		rows = append(rows,
			row{kernel: "Conv2WeightGrad", images: n, perCall: float64(n), flops: conv2FLOPs,
				arguments: []argument{du, dm, v}, integers: true,
				call: func(s *Set, n int, b *buffers) error {
					for pair := range Conv2Pairs {
						if err := groups(Conv2Outputs, func(first int) error {
							return s.Conv2WeightGrad(n, b.floats[0], b.floats[1], b.floats[2], pair, first)
						}); err != nil {
							return err
						}
					}
					return nil
				}},
			row{kernel: "Conv2BiasGrad", images: n, perCall: float64(n),
				arguments: []argument{{name: "db", floats: Conv2Outputs, output: true}, dm},
				integers:  true,
				call: func(s *Set, n int, b *buffers) error {
					return groups(Conv2Outputs, func(first int) error { return s.Conv2BiasGrad(n, b.floats[0], b.floats[1], first) })
				}},
		)
	}
	w := argument{name: "w", floats: Conv2W}
	u := argument{name: "u", floats: Conv2U}
	return append(rows,
		row{kernel: "Conv2WeightTransform", shape: "weights", perCall: 100, arguments: []argument{out(u), w},
			call: func(s *Set, _ int, b *buffers) error { return s.Conv2WeightTransform(b.floats[0], b.floats[1]) }},
		row{kernel: "Conv2WeightGradTransform", shape: "weights", perCall: 100, arguments: []argument{out(w), u},
			call: func(s *Set, _ int, b *buffers) error { return s.Conv2WeightGradTransform(b.floats[0], b.floats[1]) }},
	)
}

func out(a argument) argument {
	a.output = true
	return a
}

func filledBy(a argument, fill func(*rand.Rand, []float32, []byte)) argument {
	a.fill = fill
	return a
}

// randomMasks chooses one position of a window, or none, for every image.
func randomMasks(images int) func(*rand.Rand, []float32, []byte) {
	return func(r *rand.Rand, _ []float32, masks []byte) {
		window := MaskBytes(1, images)
		for at := 0; at < len(masks); at += window {
			for image := range images {
				setMask(masks[at:], image, images, r.IntN(5) > 0, r.IntN(4))
			}
		}
	}
}

// groups calls fn for every group of channels.
func groups(channels int, fn func(first int) error) error {
	for first := 0; first < channels; first += Group {
		if err := fn(first); err != nil {
			return err
		}
	}
	return nil
}

// eachGroup makes all of dM, group by group in one buffer for each pair.
func eachGroup(s *Set, n int, dm, dy []float32, mask []byte) error {
	size := len(dm) / Conv2Pairs
	for pair := range Conv2Pairs {
		if err := groups(Conv2Outputs, func(first int) error { return s.Conv2OutputGrad(n, dm[pair*size:][:size], dy, mask, pair, first) }); err != nil {
			return err
		}
	}
	return nil
}
