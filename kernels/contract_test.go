package kernels

import (
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/kernelet/kernelet/internal/aligned"
)

// TestNames holds the names of Set's methods against the package's grammar.
func TestNames(t *testing.T) {
	const layer = `(Conv1|Conv2|Conv2Train|FC1|FC2)`
	grammar := regexp.MustCompile(`^(` +
		layer + `(Forward|InputGrad|WeightGrad|BiasGrad|OutputGrad|Direct)(Products|Transform)?(ReLU)?(Dropout)?(Pool)?(Mask)?(Loss)?(Adam)?|` +
		layer + `(Input|Weight)Transform|` +
		`FC1(PackInput|UnpackInputGrad|InputLists|ListForwardReLU|ImageLists|OutputLists)|` +
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
	for _, c := range Cases() {
		longest, count := 0, 0
		shared := func(a argument) bool { return a.Kind == floatsKind && !a.Output && !a.Work && a.fill == nil }
		for _, a := range c.arguments {
			if shared(a) {
				longest = max(longest, a.length())
				count++
			}
		}
		if count < 2 {
			continue
		}
		for _, s := range sets(t) {
			apart, together := c.filled(9, false, nil), c.filled(9, false, nil)
			common := memory(aligned.Bytes).floats(longest)
			for i := range common {
				common[i] = float32(i%97)/97 - 0.5
			}
			for _, a := range c.arguments {
				if shared(a) {
					copy(apart.Floats[a.Name], common)
					together.Floats[a.Name] = common[:a.length()]
				}
			}
			c.run(t, s, apart)
			c.run(t, s, together)
			for _, a := range c.arguments {
				if at := difference(a, apart, together); a.Output && at >= 0 {
					t.Fatalf("%s/%s: %s%s: expected %v, with overlapping inputs %v", c.Name(), s.Name(), a.Name, a.layout.At(at),
						element(a, apart, at), element(a, together, at))
				}
			}
		}
	}
}
