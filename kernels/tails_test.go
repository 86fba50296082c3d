package kernels

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kernelet/kernelet/internal/shape"
)

// The counts from 0 or 1 to 17 that kernels may be asked for, so that every
// vector, pair and remainder of their loops is run. Buffers lie between
// forbidden pages.

const tails = 17

// checkTail holds what a kernel left against the answer of its case where it was
// asked for; the other elements have to be as before.
func checkTail(t *testing.T, s *Set, argument argument, a answer, before, after []float32, asked func(at int) bool) {
	t.Helper()
	numbers := slices.Clone(a.numbers)
	for at := range numbers {
		if !asked(at) {
			numbers[at] = number{value: float64(before[at])}
		}
	}
	compareExactly(t, s, argument, answer{numbers: numbers, roundings: a.roundings}, &arguments{Floats: map[string][]float32{argument.Name: after}}, 0)
}

func everything(int) bool { return true }

func TestLineSumsTails(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 11))
	for _, s := range sets(t) {
		for features := 1; features <= tails; features++ {
			for _, batch := range []int{shape.HalfBlock, shape.Block, shape.Block + shape.HalfBlock} {
				b := &arguments{Floats: map[string][]float32{"sums": between(t, true).floats(features), "lines": between(t, true).floats(features * batch)}}
				copy(b.Floats["lines"], uniform(r, features*batch))
				if err := s.LineSums(batch, b.Floats["sums"], b.Floats["lines"], features); err != nil {
					t.Fatal(err)
				}
				sums := floats(fmt.Sprintf("sums of %d features, %d images: ", features, batch), plain(dim{Name: "feature", Size: features}))
				checkTail(t, s, sums, exact("LineSums")(batch, b)["sums"], nil, b.Floats["sums"], everything)
			}
		}
	}
}

// listsWith returns lists of 40 images in which those from 17 on have 0 to 17
// entries, and so have the outputs from 401 on.
func listsWith(batch int) lists {
	dy := make([]float32, shape.FC1Outputs*batch)
	for image := range batch {
		block := image / shape.Block * shape.Block
		width := min(shape.Block, batch-block)
		for o := range shape.FC1Outputs {
			if o < image%(tails+1) || o > 400 && image < o%(tails+1) {
				dy[block*shape.FC1Outputs+o*width+image-block] = float32(o%7-3) + 0.5
			}
		}
	}
	return newLists(dy, batch)
}

func TestFC1Tails(t *testing.T) {
	const batch, slice = 2*shape.Block + shape.HalfBlock, 3
	l := listsWith(batch)
	r := rand.New(rand.NewPCG(1, 12))
	w, packed := uniform(r, shape.FC1W), uniform(r, shape.FC1Inputs*batch)
	inputGrad := &arguments{Floats: map[string][]float32{"dx": make([]float32, shape.FC1Inputs*batch), "w": w, "values": l.images.Values},
		Integers: map[string][]int32{"outputs": l.images.Outputs, "ends": l.images.Ends}}
	wantInputGrad := exact("FC1InputGrad")(batch, inputGrad)["dx"]
	weightGrad := &arguments{Floats: map[string][]float32{"dw": w, "x": packed, "values": l.outputs.Values},
		Integers: map[string][]int32{"images": l.outputs.Images, "counts": l.outputs.Counts}}
	wantWeightGrad := exact("FC1WeightGrad")(0, weightGrad)["dw"]
	for _, s := range sets(t) {
		guarded := between(t, true)
		lists := ImageLists{guarded.floats(len(l.images.Values)), guarded.ints(len(l.images.Outputs)), guarded.ints(len(l.images.Ends))}
		copy(lists.Values, l.images.Values)
		copy(lists.Outputs, l.images.Outputs)
		copy(lists.Ends, l.images.Ends)
		got := guarded.floats(shape.FC1Inputs * batch)
		for pair := range shape.FC1SlicePairs {
			if err := s.FC1InputGrad(batch, Rows{got, batch}, w, lists, pair, 0); err != nil {
				t.Fatal(err)
			}
		}
		checkTail(t, s, floats("input gradients: ", rowsLayout(batch)), wantInputGrad, nil, got, everything)

		for count := 1; count <= tails; count++ {
			for _, first := range []int{0, 405, shape.FC1Outputs - count} {
				asked := func(o int) bool { return o >= first && o < first+count }
				made := OutputLists{guarded.floats(len(l.outputs.Values)), guarded.ints(len(l.outputs.Images)), guarded.ints(len(l.outputs.Counts))}
				if err := s.FC1OutputLists(batch, made, l.dy, first, count); err != nil {
					t.Fatal(err)
				}
				for o, n := range l.outputs.Counts {
					row, length := o*shape.FC1OutputList, int(n)
					images, values := l.outputs.Images[row:][:length], l.outputs.Values[row:][:length]
					switch {
					case !asked(o) && made.Counts[o] != 0:
						t.Fatalf("%s: lists of %d outputs from %d: writes the count of %d", s.Name(), count, first, o)
					case asked(o) && (made.Counts[o] != n || !slices.Equal(made.Images[row:][:length], images) || !slices.Equal(made.Values[row:][:length], values)):
						t.Fatalf("%s: lists of %d outputs from %d: output %d: expected %d entries %v, got %d: %v", s.Name(), count, first, o,
							n, images, made.Counts[o], made.Images[row:][:length])
					}
				}
				dw := slices.Clone(w)
				if err := s.FC1WeightGrad(dw, Rows{packed, batch}, l.outputs, slice, first, count); err != nil {
					t.Fatal(err)
				}
				rows := func(at int) bool {
					return at/(shape.FC1Slice*shape.FC1Outputs) == slice && asked(at/shape.FC1Slice%shape.FC1Outputs)
				}
				checkTail(t, s, floats(fmt.Sprintf("weight gradients of %d outputs from %d: ", count, first), plain(dimFC1W...)), wantWeightGrad, w, dw, rows)
			}
		}
	}
}

// TestDropoutTails: thresholds that keep all outputs, hardly any and hardly all,
// so that of 16 outputs any number is kept.
func TestDropoutTails(t *testing.T) {
	const batch = shape.Block + shape.HalfBlock
	r := rand.New(rand.NewPCG(1, 14))
	keys := make([]uint32, batch)
	for i := range keys {
		keys[i] = r.Uint32()
	}
	b := &arguments{Floats: map[string][]float32{"x": uniform(r, shape.FC1Inputs*batch), "w": uniform(r, shape.FC1W), "bias": uniform(r, shape.FC1Outputs)},
		Words: map[string][]uint32{"keys": keys}}
	for _, threshold := range []uint32{0, 1 << 28, 7 << 29, 15 << 28, 1<<32 - 1} {
		dropout := &Dropout{Threshold: threshold, Scale: 1.25}
		want := fc1DropoutAnswer(batch, b, dropout)
		for _, s := range sets(t) {
			y := between(t, true).floats(shape.FC1Outputs * batch)
			for group := range shape.FC1DropoutGroups {
				if err := s.FC1ForwardReLUDropout(batch, group, y, Rows{b.Floats["x"], batch}, b.Floats["w"], b.Floats["bias"], keys, dropout); err != nil {
					t.Fatal(err)
				}
			}
			checkTail(t, s, floats(fmt.Sprintf("threshold %#x: ", threshold), lines(batch, dimFC1Y...)), want, nil, y, everything)
		}
	}
}

// TestSingleTails: fully connected layers of one image with few inputs that are
// not 0.
func TestSingleTails(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 13))
	for _, layer := range []struct {
		kernel, output       string
		inputs, outputs, all int
		run                  func(s *Set, y, x, w, bias []float32, list List) error
	}{
		{"SingleFC1ReLU", "h", shape.FC1Inputs, shape.SingleFC1Y, shape.SingleFC1W, func(s *Set, y, x, w, bias []float32, list List) error {
			return s.SingleFC1ReLU(y, x, w, bias, list, false)
		}},
		{"SingleFC2", "logits", shape.SingleFC1Y, shape.SingleLogits, shape.SingleFC2W, (*Set).SingleFC2},
	} {
		w, bias := uniform(r, layer.all), uniform(r, layer.outputs)
		for live := range tails + 1 {
			x := make([]float32, layer.inputs)
			for _, at := range r.Perm(layer.inputs)[:live] {
				x[at] = r.Float32() + 0.5
			}
			want := exact(layer.kernel)(0, &arguments{Floats: map[string][]float32{"x": x, "w": w, "bias": bias}})[layer.output]
			for _, s := range sets(t) {
				guarded := between(t, true)
				y := guarded.floats(layer.outputs)
				if err := layer.run(s, y, x, w, bias, List{guarded.floats(shape.SingleList), guarded.ints(shape.SingleList)}); err != nil {
					t.Fatal(err)
				}
				checkTail(t, s, floats(fmt.Sprintf("%s with %d inputs: ", layer.kernel, live), plain(dim{Name: "output", Size: layer.outputs})), want, nil, y, everything)
			}
		}
	}
}
