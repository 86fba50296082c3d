package kernels

import (
	"fmt"
	"math/rand/v2"
)

const (
	conv1FLOPs = 2 * Conv1Outputs * Conv1Size * Conv1Size * Taps
	fc1FLOPs   = 2 * FC1Inputs * FC1Outputs
)

func inputRows() []row {
	var rows []row
	for _, n := range []int{HalfBlock, Block} {
		rows = append(rows, row{kernel: "Gather", images: n, perCall: float64(n),
			arguments: []argument{
				{name: "x", floats: ImagePixels * n, output: true},
				{name: "data", bytes: 20 * ImagePixels, fill: func(r *rand.Rand, _ []float32, data []byte) {
					for i := range data {
						data[i] = byte(r.Uint32())
					}
				}},
				copyOfInts("index", gatherIndex[:n]),
			},
			integers: true, // the twin rounds as the kernels do
			call: func(s *Set, n int, b *buffers) error {
				return s.Gather(n, b.floats[0], b.bytes[1], b.ints[2])
			}})
	}
	return rows
}

func conv1Rows() []row {
	var rows []row
	for _, n := range []int{HalfBlock, Block} {
		x := argument{name: "x", floats: ImagePixels * n}
		y := argument{name: "y", floats: Conv1Y * n}
		u := argument{name: "u", floats: Conv1U}
		bias := argument{name: "bias", floats: Conv1Row}
		mask := argument{name: "mask", bytes: MaskBytes(Conv1Y, n)}
		rows = append(rows,
			row{kernel: "Conv1ForwardReLUPool", images: n, perCall: float64(n), flops: conv1FLOPs,
				arguments: []argument{out(y), x, u, bias}, integers: true,
				call: func(s *Set, n int, b *buffers) error {
					return s.Conv1ForwardReLUPool(n, b.floats[0], b.floats[1], b.floats[2], b.floats[3])
				}},
			row{kernel: "Conv1ForwardReLUPoolMask", images: n, perCall: float64(n), flops: conv1FLOPs,
				arguments: []argument{out(y), out(mask), x, u, bias}, integers: true,
				call: func(s *Set, n int, b *buffers) error {
					return s.Conv1ForwardReLUPoolMask(n, b.floats[0], b.bytes[1], b.floats[2], b.floats[3], b.floats[4])
				}},
			row{kernel: "Conv1WeightGrad", images: n, perCall: float64(n), flops: conv1FLOPs,
				arguments: []argument{{name: "dw", floats: Conv1WB, output: true}, x, y, filledBy(mask, randomMasks(n))},
				integers:  true,
				call: func(s *Set, n int, b *buffers) error {
					return s.Conv1WeightGrad(n, b.floats[0], b.floats[1], b.floats[2], b.bytes[3])
				}},
		)
	}
	return append(rows, row{kernel: "Conv1WeightTransform", shape: "weights", perCall: 100,
		arguments: []argument{{name: "u", floats: Conv1U, output: true}, {name: "w", floats: Conv1W}},
		call:      func(s *Set, _ int, b *buffers) error { return s.Conv1WeightTransform(b.floats[0], b.floats[1]) }})
}

// positive fills with values of [0, 1), as second moments are.
func positive(r *rand.Rand, values []float32, _ []byte) {
	for i := range values {
		values[i] = r.Float32()
	}
}

func adamRows() []row {
	var rows []row
	for _, n := range []int{8, 16, 24, FC1W / 10} {
		rows = append(rows, row{kernel: "Adam", shape: fmt.Sprintf("weights=%d", n), perCall: float64(n) / Parameters * 100,
			arguments: []argument{{name: "w", floats: n, output: true}, {name: "m", floats: n, output: true},
				{name: "v", floats: n, output: true, fill: positive}, {name: "dw", floats: n}},
			call: func(s *Set, _ int, b *buffers) error {
				return s.Adam(b.floats[0], b.floats[1], b.floats[2], b.floats[3], &testStep)
			}})
	}
	for _, n := range []int{8, 16, 32, 40, 104} {
		rows = append(rows, row{kernel: "LineSums", images: n, perCall: float64(n),
			arguments: []argument{{name: "sums", floats: FC1Outputs, output: true}, {name: "lines", floats: FC1Outputs * n}},
			integers:  true,
			call:      func(s *Set, n int, b *buffers) error { return s.LineSums(n, b.floats[0], b.floats[1], FC1Outputs) }})
	}
	return rows
}

var gatherIndex = []int32{19, 0, 3, 7, 7, 1, 18, 2, 4, 5, 6, 8, 9, 10, 11, 12}

func directRows() []row {
	var rows []row
	for _, n := range []int{HalfBlock, Block} {
		y1, y2 := argument{name: "y", floats: Conv1Y * n, output: true}, argument{name: "y", floats: Conv2Y * n, output: true}
		rows = append(rows,
			row{kernel: "Conv1DirectReLUPool", images: n, perCall: float64(n), flops: conv1FLOPs,
				arguments: []argument{y1, {name: "x", floats: ImagePixels * n}, {name: "w", floats: Conv1W}, {name: "bias", floats: Conv1Row}},
				integers:  true,
				call: func(s *Set, n int, b *buffers) error {
					for line := range Pool1Size {
						if err := s.Conv1DirectReLUPool(n, b.floats[0], b.floats[1], b.floats[2], b.floats[3], line); err != nil {
							return err
						}
					}
					return nil
				}},
			row{kernel: "Conv2DirectReLUPool", images: n, perCall: float64(n), flops: conv2FLOPs,
				arguments: []argument{y2, {name: "x", floats: Conv2X * n}, {name: "w", floats: Conv2W}, {name: "bias", floats: Conv2Outputs}},
				integers:  true,
				call: func(s *Set, n int, b *buffers) error {
					for window := range Pool2Pixels {
						if err := s.Conv2DirectReLUPool(n, b.floats[0], b.floats[1], b.floats[2], b.floats[3], window); err != nil {
							return err
						}
					}
					return nil
				}},
		)
	}
	return rows
}
