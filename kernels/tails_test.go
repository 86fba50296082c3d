package kernels

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// The counts from 0 or 1 to 17 that kernels may be asked for, so that every
// vector, pair and remainder of their loops is run. Buffers lie between
// forbidden pages.

const tails = 17

// checkTail holds what a kernel left against the answer of its row where it was
// asked for; the other elements have to be as before.
func checkTail(t *testing.T, s *Set, name string, a answer, before, after []float32, asked func(at int) bool) {
	t.Helper()
	numbers := slices.Clone(a.numbers)
	for at := range numbers {
		if !asked(at) {
			numbers[at] = number{value: float64(before[at])}
		}
	}
	compareExactly(t, s, name, answer{numbers: numbers, roundings: a.roundings}, after, nil, 0)
}

func everything(int) bool { return true }

func TestLineSumsTails(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 11))
	for _, s := range sets(t) {
		for features := 1; features <= tails; features++ {
			for _, batch := range []int{HalfBlock, Block, Block + HalfBlock} {
				b := &buffers{floats: [][]float32{between(t, true).floats(features), between(t, true).floats(features * batch)}}
				copy(b.floats[1], uniform(r, features*batch))
				if err := s.LineSums(batch, b.floats[0], b.floats[1], features); err != nil {
					t.Fatal(err)
				}
				checkTail(t, s, fmt.Sprintf("sums of %d features, %d images", features, batch), exact["LineSums"](batch, b)[0], nil, b.floats[0], everything)
			}
		}
	}
}

// listsWith returns lists of 40 images in which those from 17 on have 0 to 17
// entries, and so have the outputs from 401 on.
func listsWith(batch int) *lists {
	dy := make([]float32, FC1Outputs*batch)
	for image := range batch {
		block := image / Block * Block
		width := min(Block, batch-block)
		for o := range FC1Outputs {
			if o < image%(tails+1) || o > 400 && image < o%(tails+1) {
				dy[block*FC1Outputs+o*width+image-block] = float32(o%7-3) + 0.5
			}
		}
	}
	return listsOf(dy, batch)
}

func TestFC1Tails(t *testing.T) {
	const batch, slice = 2*Block + HalfBlock, 3
	l := listsWith(batch)
	r := rand.New(rand.NewPCG(1, 12))
	w, packed := uniform(r, FC1W), uniform(r, FC1Inputs*batch)
	inputGrad := &buffers{floats: [][]float32{nil, w, l.imageValues}, ints: [][]int32{nil, nil, nil, l.outputs, l.ends}}
	inputGrad.floats[0] = make([]float32, FC1Inputs*batch)
	wantInputGrad := exact["FC1InputGrad"](batch, inputGrad)[0]
	weightGrad := &buffers{floats: [][]float32{w, packed, l.outputValues}, ints: [][]int32{nil, nil, nil, l.images, l.counts}}
	wantWeightGrad := exact["FC1WeightGrad"](0, weightGrad)[0]
	for _, s := range sets(t) {
		guarded := between(t, true)
		values, outputs, ends := guarded.floats(len(l.imageValues)), guarded.ints(len(l.outputs)), guarded.ints(len(l.ends))
		copy(values, l.imageValues)
		copy(outputs, l.outputs)
		copy(ends, l.ends)
		got := guarded.floats(FC1Inputs * batch)
		for half := range FC1Slices / 2 {
			if err := s.FC1InputGrad(batch, got, w, values, outputs, ends, half, 0, batch); err != nil {
				t.Fatal(err)
			}
		}
		checkTail(t, s, "input gradients", wantInputGrad, nil, got, everything)

		for count := 1; count <= tails; count++ {
			for _, first := range []int{0, 405, FC1Outputs - count} {
				asked := func(o int) bool { return o >= first && o < first+count }
				listValues, images, counts := guarded.floats(len(l.outputValues)), guarded.ints(len(l.images)), guarded.ints(len(l.counts))
				if err := s.FC1OutputLists(batch, listValues, images, counts, l.dy, first, count); err != nil {
					t.Fatal(err)
				}
				for o, n := range l.counts {
					row, length := o*LiveColumn, int(n)
					switch {
					case !asked(o) && counts[o] != 0:
						t.Fatalf("%s: lists of %d outputs from %d: writes the count of %d", s.Name(), count, first, o)
					case asked(o) && (counts[o] != n || !slices.Equal(images[row:][:length], l.images[row:][:length]) || !slices.Equal(listValues[row:][:length], l.outputValues[row:][:length])):
						t.Fatalf("%s: lists of %d outputs from %d: output %d: expected %d entries %v, got %d: %v", s.Name(), count, first, o,
							n, l.images[row:][:length], counts[o], images[row:][:length])
					}
				}
				dw := slices.Clone(w)
				if err := s.FC1WeightGrad(dw, packed, l.outputValues, l.images, l.counts, slice, first, count, batch); err != nil {
					t.Fatal(err)
				}
				rows := func(at int) bool { return at/(FC1Slice*FC1Outputs) == slice && asked(at/FC1Slice%FC1Outputs) }
				checkTail(t, s, fmt.Sprintf("weight gradients of %d outputs from %d", count, first), wantWeightGrad, w, dw, rows)
			}
		}
	}
}

// TestDropoutTails: thresholds that keep all outputs, hardly any and hardly all,
// so that of 16 outputs any number is kept.
func TestDropoutTails(t *testing.T) {
	const batch = Block + HalfBlock
	r := rand.New(rand.NewPCG(1, 14))
	b := &buffers{floats: [][]float32{nil, uniform(r, FC1Inputs*batch), uniform(r, FC1W), uniform(r, FC1Outputs)}}
	for _, threshold := range []uint32{0, 1 << 28, 7 << 29, 15 << 28, 1<<32 - 1} {
		dropout := &Dropout{Threshold: threshold, Scale: 1.25}
		want := fc1DropoutAnswer(batch, b, dropout)
		for _, s := range sets(t) {
			y := between(t, true).floats(FC1Outputs * batch)
			for first := 0; first < FC1Outputs; first += FC1Kept {
				if err := s.FC1ForwardReLUDropout(batch, y, b.floats[1], b.floats[2], b.floats[3], testKeys[:batch], dropout, first, batch); err != nil {
					t.Fatal(err)
				}
			}
			checkTail(t, s, fmt.Sprintf("threshold %#x", threshold), want, nil, y, everything)
		}
	}
}

// TestSingleTails: fully connected layers of one image with few inputs that are
// not 0.
func TestSingleTails(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 13))
	for _, layer := range []struct {
		kernel               string
		inputs, outputs, all int
		run                  func(s *Set, y, x, w, bias, values []float32, places []int32) error
	}{
		{"SingleFC1ReLU", FC1Inputs, SingleH, SingleW1, func(s *Set, y, x, w, bias, values []float32, places []int32) error {
			return s.SingleFC1ReLU(y, x, w, bias, values, places, false)
		}},
		{"SingleFC2", SingleH, SingleLogits, SingleW2, (*Set).SingleFC2},
	} {
		w, bias := uniform(r, layer.all), uniform(r, layer.outputs)
		for live := range tails + 1 {
			x := make([]float32, layer.inputs)
			for _, at := range r.Perm(layer.inputs)[:live] {
				x[at] = r.Float32() + 0.5
			}
			want := exact[layer.kernel](0, &buffers{floats: [][]float32{nil, x, w, bias}})[0]
			for _, s := range sets(t) {
				guarded := between(t, true)
				y := guarded.floats(layer.outputs)
				if err := layer.run(s, y, x, w, bias, guarded.floats(SingleList), guarded.ints(SingleList)); err != nil {
					t.Fatal(err)
				}
				checkTail(t, s, fmt.Sprintf("%s with %d inputs", layer.kernel, live), want, nil, y, everything)
			}
		}
	}
}
