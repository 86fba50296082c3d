package kernels

import (
	"math"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/kernelet/kernelet/internal/aligned"
)

// TestNames holds the names of Set's methods against the package's grammar.
func TestNames(t *testing.T) {
	const layer = `(Conv1|Conv2|FC1|FC2)`
	grammar := regexp.MustCompile(`^(` +
		layer + `(Forward|InputGrad|WeightGrad|BiasGrad|OutputGrad|Direct)(Products|Transform)?(ReLU)?(Dropout)?(Pool)?(Mask)?(Loss)?(Adam)?|` +
		layer + `(Input|Weight)Transform|` +
		`FC1(PackInput|UnpackInputGrad|ImageLists|OutputLists)|` +
		`Single` + layer + `(InputTransform|(ReLU)?(Pool)?)|` +
		`Gather|SingleInput|LineSums|Adam)$`)
	methods := reflect.TypeFor[*Set]()
	for i := range methods.NumMethod() {
		if name := methods.Method(i).Name; name != "Name" && !slices.Contains(ceilings, name) && !grammar.MatchString(name) {
			t.Errorf("%s is no name by the grammar in doc.go", name)
		}
	}
}

// TestOverlap: arguments that a kernel only reads may overlap. Those that are
// both read and written are single arguments, which the other tests fill.
func TestOverlap(t *testing.T) {
	for _, r := range table() {
		longest, count := 0, 0
		shared := func(a argument) bool { return a.floats > 0 && !a.output && !a.work && a.fill == nil }
		for _, a := range r.arguments {
			if shared(a) {
				longest = max(longest, a.floats)
				count++
			}
		}
		if count < 2 {
			continue
		}
		for _, s := range sets(t) {
			apart, together := filled(r, 9, false, aligned.Bytes), filled(r, 9, false, aligned.Bytes)
			common := memory(aligned.Bytes).floats(longest)
			for i := range common {
				common[i] = float32(i%97)/97 - 0.5
			}
			for i, a := range r.arguments {
				if shared(a) {
					copy(apart.floats[i], common)
					together.floats[i] = common[:a.floats]
				}
			}
			runRow(t, s, r, apart)
			runRow(t, s, r, together)
			for i, a := range r.arguments {
				if !a.output {
					continue
				}
				for j, v := range apart.floats[i] {
					if a.isDefined(apart, j) && math.Float32bits(v) != math.Float32bits(together.floats[i][j]) {
						t.Fatalf("%s/%s: %s[%d]: expected %v, with overlapping inputs %v", r.name(), s.Name(), a.name, j, v, together.floats[i][j])
					}
				}
				if !slices.Equal(apart.bytes[i], together.bytes[i]) {
					t.Fatalf("%s/%s: %s: differs with overlapping inputs", r.name(), s.Name(), a.name)
				}
			}
		}
	}
}
