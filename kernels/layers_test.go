package kernels

import (
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
			},
			integers: true, // the twin rounds as the kernels do
			call: func(s *Set, n int, b *buffers) error {
				return s.Gather(n, b.floats[0], b.bytes[1], gatherIndex[:min(n, Block)])
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
				arguments: []argument{out(y), x, u, bias}, magnitude: growthB * growthAT, terms: 2 * roundings, integers: true,
				call: func(s *Set, n int, b *buffers) error {
					return s.Conv1ForwardReLUPool(n, b.floats[0], b.floats[1], b.floats[2], b.floats[3])
				}},
			row{kernel: "Conv1ForwardReLUPoolMask", images: n, perCall: float64(n), flops: conv1FLOPs,
				arguments: []argument{out(y), out(mask), x, u, bias}, magnitude: growthB * growthAT, terms: 2 * roundings, integers: true,
				call: func(s *Set, n int, b *buffers) error {
					return s.Conv1ForwardReLUPoolMask(n, b.floats[0], b.bytes[1], b.floats[2], b.floats[3], b.floats[4])
				}},
			row{kernel: "Conv1WeightGrad", images: n, perCall: float64(n), flops: conv1FLOPs,
				arguments: []argument{{name: "dw", floats: Conv1WB, output: true}, x, y, filledBy(mask, randomMasks(n))},
				magnitude: float64(Pool1Pixels * n), terms: Pool1Pixels + 4, integers: true,
				call: func(s *Set, n int, b *buffers) error {
					return s.Conv1WeightGrad(n, b.floats[0], b.floats[1], b.floats[2], b.bytes[3])
				}},
		)
	}
	return append(rows, row{kernel: "Conv1WeightTransform", perCall: 100,
		arguments: []argument{{name: "u", floats: Conv1U, output: true}, {name: "w", floats: Conv1W}}, magnitude: growthG, terms: roundings,
		call: func(s *Set, _ int, b *buffers) error { return s.Conv1WeightTransform(b.floats[0], b.floats[1]) }})
}

// positive fills with values of [0, 1), as second moments are.
func positive(r *rand.Rand, values []float32, _ []byte) {
	for i := range values {
		values[i] = r.Float32()
	}
}

func adamRows() []row {
	step := NewAdamStep(1e-3, 0.9, 0.999, 1e-8, 3)
	var rows []row
	for _, n := range []int{8, 16, 24, FC1W / 10} {
		rows = append(rows, row{kernel: "Adam", perCall: float64(n) / 431080 * 100,
			arguments: []argument{{name: "w", floats: n, output: true}, {name: "m", floats: n, output: true},
				{name: "v", floats: n, output: true, fill: positive}, {name: "dw", floats: n}},
			// A step divides by √v/√(1−β₂³) ≥ √(0.001·dw²)·18.
			magnitude: 4, terms: 8,
			call: func(s *Set, _ int, b *buffers) error {
				return s.Adam(b.floats[0], b.floats[1], b.floats[2], b.floats[3], &step)
			}})
	}
	for _, n := range []int{8, 16, 40, 104} {
		rows = append(rows, row{kernel: "LineSums", images: n, perCall: float64(n),
			arguments: []argument{{name: "sums", floats: FC1Outputs, output: true}, {name: "lines", floats: FC1Outputs * n}},
			magnitude: float64(n), terms: float64(n), integers: true,
			call: func(s *Set, n int, b *buffers) error { return s.LineSums(n, b.floats[0], b.floats[1], FC1Outputs) }})
	}
	return rows
}

var gatherIndex = [Block]int32{19, 0, 3, 7, 7, 1, 18, 2, 4, 5, 6, 8, 9, 10, 11, 12}
