package kernels

import (
	"math"
	"testing"

	"github.com/kernelet/kernelet/internal/shape"
)

// roundings are those of a transform over both dimensions, at most eight in one.
const roundings = 2 * 8

// answer is what an output of a case has to be.
type answer struct {
	numbers   []number
	roundings float64                         // that a value passes through
	windows   []window                        // of masks, in place of numbers
	following func(after *arguments) []number // of what follows from another output, in place of numbers
}

// answers are by the place of the output among the row's arguments. n is the
// number of images of rows that have one, b the arguments before the call.
type answers func(n int, b *arguments) map[string]answer

// of returns the numbers of an answer to a kernel that left after.
func (a answer) of(after *arguments) []number {
	if a.following != nil {
		return a.following(after)
	}
	return a.numbers
}

// pooledAnswers are those of a forward kernel whose outputs begin the row.
func pooledAnswers(windows []window, roundings float64, mask bool) map[string]answer {
	a := map[string]answer{"y": {numbers: pooledAll(windows), roundings: roundings}}
	if mask {
		a["mask"] = answer{windows: windows, roundings: roundings}
	}
	return a
}

// laneSum is the number of roundings of a sum over images, whose lanes are
// added up in four steps: additions a lane, and the product.
func laneSum(additions int) float64 { return float64(additions + 4 + 1) }

// blocks are the beginnings and widths of a batch's blocks.
func blocks(batch int, fn func(first, width int)) {
	for first := 0; first < batch; first += shape.Block {
		fn(first, min(shape.Block, batch-first))
	}
}

// TestExact holds every kernel of every set, the twins too, against float64.
func TestExact(t *testing.T) {
	eachCase(t, func(t *testing.T, c Case) {
		find := exact(c.Kernel)
		if find == nil && c.Kernel != "FC1InputLists" && c.Kernel != "FC1ImageLists" && c.Kernel != "FC1OutputLists" {
			t.Fatal("has no answers in float64")
		}
		if find == nil {
			return
		}
		before := c.filled(7, false, nil)
		want := find(c.Images, before)
		for _, argument := range c.arguments {
			if _, found := want[argument.Name]; argument.Output && !found {
				t.Fatalf("%s has no answer in float64", argument.Name)
			}
		}
		for _, s := range sets(t) {
			after := before.clone()
			c.run(t, s, after)
			for _, argument := range c.arguments {
				if a, found := want[argument.Name]; found {
					a.numbers = a.of(after)
					compareExactly(t, s, argument, a, after, c.Images)
				}
			}
		}
	})
}

// exact returns the answers of a kernel, or nil.
func exact(kernel string) answers {
	if find := conv2TrainAnswers[kernel]; find != nil {
		return find
	}
	if find := exactConvolutions[kernel]; find != nil {
		return find
	}
	return exactOthers[kernel]
}

// compareExactly holds an output against its answer.
func compareExactly(t *testing.T, s *Set, argument argument, a answer, after *arguments, images int) {
	t.Helper()
	floats, mask := after.Floats[argument.Name], after.Bytes[argument.Name]
	if len(a.numbers) != len(floats) {
		t.Fatalf("%s: %s: %d answers for %d values", s.Name(), argument.Name, len(a.numbers), len(floats))
	}
	m := mistakes{t: t, where: s.Name()}
	for i, want := range a.numbers {
		tolerance := gamma(a.roundings) * want.magnitude
		if difference := math.Abs(float64(floats[i]) - want.value); !(difference <= tolerance) {
			m.report(argument, i, "expected %v ± %g, got %v", want.value, tolerance, floats[i])
		}
	}
	m.end()
	for i, w := range a.windows {
		at, image := i/images, i%images
		highest, tolerance := math.Inf(-1), 0.0
		for _, v := range w {
			highest, tolerance = max(highest, v.value), max(tolerance, gamma(a.roundings)*v.magnitude)
		}
		// A rounded value may win, or be positive, that is as close as this.
		set := 0
		for p, v := range w {
			if unpool(1, mask[shape.MaskBytes(at, images):], image, images, p) == 0 {
				continue
			}
			if set++; v.value < highest-2*tolerance || v.value < -tolerance {
				t.Fatalf("%s: %s: window %d, image %d: chooses %v of %v", s.Name(), argument.Name, at, image, v.value, w)
			}
		}
		if set > 1 || set == 0 && highest > tolerance {
			t.Fatalf("%s: %s: window %d, image %d: %d positions chosen of %v", s.Name(), argument.Name, at, image, set, w)
		}
	}
}
