package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// alive is the share of fc1's outputs that carry a gradient after a few epochs.
const alive = 0.27

// sparse fills with values of which a share alive is not 0.
func sparse(r *rand.Rand, values []float32, _ []byte) {
	for i := range values {
		values[i] = 0
		if r.Float64() < alive {
			values[i] = float32(r.IntN(9)-4) / 4
		}
	}
}

// What the rows of fc1 and fc2 share.
var (
	testKeys    [MaxImages]uint32
	testLabels  = []int32{3, 0, 9, -1, 5, 5, 1, 2, 4, 6, 7, 8, -1, 0, 1, 2}
	testDropout = Dropout{Threshold: 1 << 31, Scale: 2}
	testLists   = map[int]*lists{}
)

func init() {
	for i := range testKeys {
		testKeys[i] = uint32(i) * 0x01234567
	}
	for _, n := range []int{8, 16, 32, 40, 104} {
		testLists[n] = newLists(n)
	}
}

// lists are those of one random gradient of fc1's outputs, by image and by output.
type lists struct {
	dy                        []float32
	imageValues, outputValues []float32
	outputs, ends             []int32
	images, counts            []int32
}

func newLists(batch int) *lists {
	dy := make([]float32, FC1Outputs*batch)
	sparse(rand.New(rand.NewPCG(1, uint64(batch))), dy, nil)
	return listsOf(dy, batch)
}

func listsOf(dy []float32, batch int) *lists {
	l := &lists{dy: dy,
		imageValues: make([]float32, LiveRow*batch), outputs: make([]int32, LiveRow*batch), ends: make([]int32, LiveRuns*batch),
		outputValues: make([]float32, LiveColumn*FC1Outputs), images: make([]int32, LiveColumn*FC1Outputs), counts: make([]int32, FC1Outputs)}
	for block := 0; block < batch; block += Block {
		n := min(Block, batch-block)
		fc1ImageLists(l.imageValues[LiveRow*block:], l.outputs[LiveRow*block:], l.ends[LiveRuns*block:], l.dy[FC1Outputs*block:][:FC1Outputs*n])
	}
	fc1OutputLists(l.outputValues, l.images, l.counts, l.dy, batch, 0, FC1Outputs)
	return l
}

func fc1Rows() []row {
	var rows []row
	w := argument{name: "w", floats: FC1W}
	bias := argument{name: "bias", floats: FC1Outputs}
	for _, n := range []int{HalfBlock, Block, 2 * Block} {
		rows = append(rows,
			row{kernel: "FC1ForwardReLU", images: n, perCall: float64(n), flops: fc1FLOPs,
				arguments: []argument{{name: "y", floats: FC1Outputs * n, output: true}, {name: "x", floats: FC1Inputs * n}, w, bias}, integers: true,
				call: func(s *Set, n int, b *buffers) error {
					for first := 0; first < FC1Outputs; first += FC1Outs {
						if err := s.FC1ForwardReLU(n, b.floats[0], b.floats[1], b.floats[2], b.floats[3], first); err != nil {
							return err
						}
					}
					return nil
				}})
	}
	for _, n := range []int{HalfBlock, Block} {
		x := argument{name: "x", floats: FC1Inputs * n}
		packed := argument{name: "packed", floats: FC1Inputs * 40}
		rows = append(rows,
			row{kernel: "FC1PackInput", images: n, perCall: float64(n), arguments: []argument{out(packed), x}, integers: true,
				call: func(s *Set, n int, b *buffers) error { return s.FC1PackInput(n, b.floats[0], b.floats[1], 24, 40) }},
			row{kernel: "FC1UnpackInputGrad", images: n, perCall: float64(n), arguments: []argument{out(x), packed}, integers: true,
				call: func(s *Set, n int, b *buffers) error {
					return s.FC1UnpackInputGrad(n, b.floats[0], b.floats[1], 24, 40)
				}},
			row{kernel: "FC1ImageLists", images: n, perCall: float64(n),
				arguments: []argument{{name: "values", floats: LiveRow * n, output: true, defined: inImageLists},
					{name: "outputs", ints: LiveRow * n, output: true, defined: inImageLists}, {name: "ends", ints: LiveRuns * n, output: true},
					{name: "dy", floats: FC1Outputs * n, fill: sparse}}, integers: true,
				call: func(s *Set, n int, b *buffers) error {
					return s.FC1ImageLists(n, b.floats[0], b.ints[1], b.ints[2], b.floats[3])
				}},
		)
	}
	for _, n := range []int{8, 16, 32, 40, 104} {
		l := testLists[n]
		listed := []argument{copyOf("values", l.outputValues), copyOfInts("images", l.images), copyOfInts("counts", l.counts)}
		packed := argument{name: "packed", floats: FC1Inputs * n}
		rows = append(rows,
			row{kernel: "FC1ForwardReLUDropout", images: n, perCall: float64(n), flops: fc1FLOPs,
				arguments: []argument{{name: "y", floats: FC1Outputs * n, output: true}, packed, w, bias},
				integers:  true,
				call: func(s *Set, n int, b *buffers) error {
					for first := 0; first < FC1Outputs; first += FC1Kept {
						if err := s.FC1ForwardReLUDropout(n, b.floats[0], b.floats[1], b.floats[2], b.floats[3], testKeys[:min(n, MaxImages)], &testDropout, first, len(b.floats[1])/FC1Inputs); err != nil {
							return err
						}
					}
					return nil
				}},
			row{kernel: "FC1OutputLists", images: n, perCall: float64(n),
				arguments: []argument{{name: "values", floats: LiveColumn * FC1Outputs, output: true, defined: inOutputLists},
					{name: "images", ints: LiveColumn * FC1Outputs, output: true, defined: inOutputLists}, {name: "counts", ints: FC1Outputs, output: true},
					{name: "dy", floats: FC1Outputs * n, fill: sparse}}, integers: true,
				call: func(s *Set, n int, b *buffers) error {
					return s.FC1OutputLists(n, b.floats[0], b.ints[1], b.ints[2], b.floats[3], 0, FC1Outputs)
				}},
			row{kernel: "FC1InputGrad", images: n, perCall: float64(n), flops: fc1FLOPs,
				arguments: []argument{out(packed), w, copyOf("values", l.imageValues), copyOfInts("outputs", l.outputs), copyOfInts("ends", l.ends)},
				integers:  true,
				call: func(s *Set, n int, b *buffers) error {
					for slice := range FC1Slices / 2 {
						if err := s.FC1InputGrad(n, b.floats[0], b.floats[1], b.floats[2], b.ints[3], b.ints[4], slice, 0, len(b.floats[0])/FC1Inputs); err != nil {
							return err
						}
					}
					return nil
				}},
			row{kernel: "FC1WeightGrad", shape: fmt.Sprintf("batch=%d", n), perCall: float64(n), flops: fc1FLOPs,
				arguments: slices.Concat([]argument{{name: "dw", floats: FC1W, output: true}, packed}, listed), integers: true,
				call: func(s *Set, _ int, b *buffers) error {
					for slice := range FC1Slices {
						if err := s.FC1WeightGrad(b.floats[0], b.floats[1], b.floats[2], b.ints[3], b.ints[4], slice, 0, FC1Outputs, n); err != nil {
							return err
						}
					}
					return nil
				}},
			row{kernel: "FC1WeightGradAdam", shape: fmt.Sprintf("batch=%d", n), perCall: float64(n), flops: fc1FLOPs,
				arguments: slices.Concat([]argument{{name: "w", floats: FC1W, output: true}, {name: "m", floats: FC1W, output: true},
					{name: "v", floats: FC1W, output: true, fill: positive}, packed}, listed),
				call: func(s *Set, _ int, b *buffers) error {
					for slice := range FC1Slices {
						if err := s.FC1WeightGradAdam(b.floats[0], b.floats[1], b.floats[2], b.floats[3], b.floats[4], b.ints[5], b.ints[6], slice, 0, FC1Outputs, n, &testStep); err != nil {
							return err
						}
					}
					return nil
				}},
		)
	}
	return rows
}

var (
	testStep = NewAdamStep(1e-3, 0.9, 0.999, 1e-8, 3)
	testLoss = Loss{Scale: 0.01, Label: 0.9, Other: 0.01}
)

func fc2Rows() []row {
	var rows []row
	w := argument{name: "w", floats: FC2W}
	bias := argument{name: "bias", floats: Classes}
	for _, n := range []int{HalfBlock, Block} {
		x := argument{name: "x", floats: FC2Inputs * n}
		logits := argument{name: "logits", floats: Classes * n, output: true}
		dlogits := argument{name: "dlogits", floats: Classes * n}
		rows = append(rows,
			row{kernel: "FC2Forward", images: n, perCall: float64(n), flops: 2 * FC2W,
				arguments: []argument{logits, x, w, bias}, integers: true,
				call: func(s *Set, n int, b *buffers) error {
					return s.FC2Forward(n, b.floats[0], b.floats[1], b.floats[2], b.floats[3])
				}},
			row{kernel: "FC2ForwardLoss", images: n, perCall: float64(n), flops: 2 * FC2W,
				arguments: []argument{logits, out(dlogits), {name: "denominators", floats: n, output: true},
					x, w, bias, copyOfInts("labels", testLabels[:n])},
				call: func(s *Set, n int, b *buffers) error {
					return s.FC2ForwardLoss(n, b.floats[0], b.floats[1], b.floats[2], b.floats[3], b.floats[4], b.floats[5], b.ints[6], &testLoss)
				}},
			row{kernel: "FC2InputGrad", images: n, perCall: float64(n), flops: 2 * FC2W,
				arguments: []argument{out(x), dlogits, w, x}, integers: true,
				call: func(s *Set, n int, b *buffers) error {
					return s.FC2InputGrad(n, b.floats[0], b.floats[1], b.floats[2], b.floats[3], 2)
				}},
		)
	}
	for _, n := range []int{8, 16, 32, 40, 104} {
		rows = append(rows, row{kernel: "FC2WeightGrad", images: n, perCall: float64(n), flops: 2 * FC2W,
			arguments: []argument{{name: "dw", floats: FC2W, output: true}, {name: "dlogits", floats: Classes * n}, {name: "x", floats: FC2Inputs * n}},
			integers:  true,
			call: func(s *Set, n int, b *buffers) error {
				return s.FC2WeightGrad(n, b.floats[0], b.floats[1], b.floats[2])
			}})
	}
	return rows
}

// inImageLists: entries behind an image's last one are undefined.
func inImageLists(b *buffers, at int) bool {
	return at%LiveRow < int(b.ints[2][at/LiveRow*LiveRuns+LiveRuns-1])
}

// inOutputLists: entries behind an output's last one are undefined.
func inOutputLists(b *buffers, at int) bool { return at%LiveColumn < int(b.ints[2][at/LiveColumn]) }

// copyOf is an argument with these values.
func copyOf(name string, from []float32) argument {
	return argument{name: name, floats: len(from), fill: func(_ *rand.Rand, values []float32, _ []byte) { copy(values, from) }}
}

func copyOfInts(name string, from []int32) argument {
	return argument{name: name, ints: len(from), fillInts: func(values []int32) { copy(values, from) }}
}

// TestLists compares the lists of whole batches, made block by block and in
// parts.
func TestLists(t *testing.T) {
	for _, s := range generatedSets(t) {
		for n, want := range testLists {
			got := &lists{imageValues: make([]float32, LiveRow*n), outputs: make([]int32, LiveRow*n), ends: make([]int32, LiveRuns*n),
				outputValues: make([]float32, LiveColumn*FC1Outputs), images: make([]int32, LiveColumn*FC1Outputs), counts: make([]int32, FC1Outputs)}
			for block := 0; block < n; block += Block {
				m := min(Block, n-block)
				if err := s.FC1ImageLists(m, got.imageValues[LiveRow*block:][:LiveRow*m], got.outputs[LiveRow*block:][:LiveRow*m],
					got.ends[LiveRuns*block:][:LiveRuns*m], want.dy[FC1Outputs*block:][:FC1Outputs*m]); err != nil {
					t.Fatal(err)
				}
			}
			for _, part := range [][2]int{{0, 123}, {123, 377}} {
				if err := s.FC1OutputLists(n, got.outputValues, got.images, got.counts, want.dy, part[0], part[1]); err != nil {
					t.Fatal(err)
				}
			}
			compare := func(what string, stride int, ends func(row int) (got, want int32), values, wantValues []float32, indices, wantIndices []int32) {
				for at := 0; at < len(values); at += stride {
					end, wantEnd := ends(at / stride)
					if end != wantEnd {
						t.Fatalf("%s: %d images: %s %d: expected %d entries, got %d", s.Name(), n, what, at/stride, wantEnd, end)
					}
					for i := at; i < at+int(end); i++ {
						if values[i] != wantValues[i] || indices[i] != wantIndices[i] {
							t.Fatalf("%s: %d images: %s %d, entry %d: expected (%v, %d), got (%v, %d)",
								s.Name(), n, what, at/stride, i-at, wantValues[i], wantIndices[i], values[i], indices[i])
						}
					}
				}
			}
			for run := range LiveRuns {
				compare("image", LiveRow, func(row int) (int32, int32) { return got.ends[row*LiveRuns+run], want.ends[row*LiveRuns+run] },
					got.imageValues, want.imageValues, got.outputs, want.outputs)
			}
			compare("output", LiveColumn, func(row int) (int32, int32) { return got.counts[row], want.counts[row] },
				got.outputValues, want.outputValues, got.images, want.images)
		}
	}
}

// exponentialError bounds the relative error of exponential: Taylor's remainder
// (ln 2/2)⁷/7! = 1.2e-7, and rounding: seven steps whose later ones dominate,
// 2·2⁻²⁴, and 2⁻²⁴·87·… of the reduction, below 1e-7.
const exponentialError = 3.5e-7

// TestExponential holds the twin's exponential, which the kernels share,
// against math.Exp.
func TestExponential(t *testing.T) {
	worst := 0.0
	for x := 0.0; x >= -87; x -= 0.00137 {
		want := math.Exp(float64(float32(x)))
		worst = max(worst, math.Abs(float64(exponential(float32(x)))-want)/want)
	}
	if worst > exponentialError {
		t.Errorf("largest relative error: expected at most %g, got %g", exponentialError, worst)
	}
	if got := exponential(-1000); got != exponential(-87) {
		t.Errorf("exp(-1000): expected exp(-87), got %v", got)
	}
}
