package kernels

import (
	"math"
	"testing"

	"github.com/kernelet/kernelet/internal/shape"
)

// class is what a special value turns other values into.
func class(x float32) string {
	switch {
	case x != x:
		return "NaN"
	case math.IsInf(float64(x), 1):
		return "+Inf"
	case math.IsInf(float64(x), -1):
		return "-Inf"
	}
	return "finite"
}

// underflow is what roundings of denormals may add up to: 10⁴ of 2⁻¹⁵⁰ each,
// grown by what follows to at most 10⁹.
const underflow = 1e-31

// TestSpecials holds the generated kernels against their twins where zeros,
// denormals, infinities and NaN are among the values. Where all that
// contributes to an output is finite, the bound is TestExact's; elsewhere the
// class has to be the twin's: the order of sums is the same, so infinities of
// both signs meet in both or in neither. Values near the largest are another
// run: a sum of theirs may pass the largest float32 in one step of the twin and
// not in the kernel, which rounds a product and a sum together, so nothing is
// said where magnitudes come near it. The transform of weights at the points
// ±5/2 divides by 14,513 at the end of either dimension.
func TestSpecials(t *testing.T) {
	generated := generatedSets(t)
	negativeZero := float32(math.Copysign(0, -1))
	infinity := float32(math.Inf(1))
	runs := []struct {
		name   string
		values []float32
	}{
		{"infinite", []float32{0, negativeZero, 1e-45, -1e-40, infinity, -infinity, float32(math.NaN())}},
		{"largest", []float32{0, negativeZero, 1e-45, -1e-40, math.MaxFloat32, -math.MaxFloat32}},
	}
	eachCase(t, func(t *testing.T, c Case) {
		find := exact(c.Kernel)
		// The gradients of conv2 in one call: a step that overflows times a 0 is NaN.
		// Their steps are cases of their own.
		if find == nil || c.Kernel == "Conv2InputGrad" || c.Kernel == "Conv2WeightGrad" {
			return
		}
		for _, run := range runs {
			t.Run(run.name, func(t *testing.T) {
				before := c.filled(8, false, nil)
				setSpecials(c, before, run.values, 2000)
				want := before.clone()
				c.run(t, &generic, want)
				answers := find(c.Images, before)
				for _, s := range generated {
					got := before.clone()
					c.run(t, s, got)
					for _, argument := range c.arguments {
						a, found := answers[argument.Name]
						if !found {
							continue
						}
						name, classes := argument.Name, run.name == "infinite"
						compareSpecials(t, s, argument, a.roundings, a.of(got), want.Floats[name], got.Floats[name], classes)
						for j, w := range a.windows {
							twin, mine := position(want.Bytes[name], j, c.Images), position(got.Bytes[name], j, c.Images)
							if classes && !(w.pooled().magnitude < math.MaxFloat32) && twin != mine {
								t.Errorf("%s: %s of %v: the twin chooses %d, got %d", s.Name(), name, w, twin, mine)
							}
						}
					}
				}
			})
		}
	})
}

// position returns which position of a window carries the gradient, or −1; at
// counts windows and images.
func position(mask []byte, at, images int) int {
	for p := range 4 {
		if unpool(1, mask[shape.MaskBytes(at/images, images):], at%images, images, p) != 0 {
			return p
		}
	}
	return -1
}

// compareSpecials holds an output against numbers where they are finite and
// small enough, elsewhere against the twin's class if classes says so.
func compareSpecials(t *testing.T, s *Set, argument argument, roundings float64, numbers []number, twin, got []float32, classes bool) {
	t.Helper()
	const largest = math.MaxFloat32 / (14514 * 14514)
	m := mistakes{t: t, where: s.Name()}
	for i, e := range numbers {
		ok := true
		switch {
		case e.magnitude < largest && !math.IsNaN(e.value) && !math.IsInf(e.value, 0):
			ok = math.Abs(float64(got[i])-e.value) <= gamma(roundings)*e.magnitude+underflow
		case classes:
			ok = class(got[i]) == class(twin[i])
		}
		if !ok {
			m.report(argument, i, "expected %v (magnitude %v), the twin gives %v, got %v", e.value, e.magnitude, twin[i], got[i])
		}
	}
	m.end()
}
