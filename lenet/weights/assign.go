package weights

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kernelet/kernelet/lenet"
)

// prefixes are what PyTorch's wrappers put before names.
var prefixes = []string{"module.", "_orig_mod.", "model."}

func withoutPrefixes(name string) string {
	for again := true; again; {
		again = false
		for _, prefix := range prefixes {
			if rest, ok := strings.CutPrefix(name, prefix); ok {
				name, again = rest, true
			}
		}
	}
	return name
}

// transposed returns the shape that Keras, or a product from the left, has for
// a weight of the given shape.
func transposed(shape []int) []int {
	switch len(shape) {
	case 4:
		return []int{shape[2], shape[3], shape[1], shape[0]}
	case 2:
		return []int{shape[1], shape[0]}
	}
	return shape
}

// assign makes a model of tensors.
func assign(tensors []tensor) (*lenet.Model, []string, error) {
	// Integers, such as counts of batches, are no weights.
	tensors = slices.DeleteFunc(slices.Clone(tensors), func(t tensor) bool { return t.values == nil })
	model := new(lenet.Model)
	wanted := model.Tensors()
	var notes, renamed []string
	used := make([]bool, len(tensors))
	for _, w := range wanted {
		at, ok := find(tensors, used, w)
		if !ok {
			return nil, nil, different(wanted, tensors)
		}
		t := tensors[at]
		used[at] = true
		if name := withoutPrefixes(t.name); name != w.Name {
			renamed = append(renamed, t.name+" → "+w.Name)
		} else if name != t.name && !slices.Contains(notes, notePrefixes) {
			notes = append(notes, notePrefixes)
		}
		copyWeights(w, t)
		for i, v := range w.Values {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return nil, nil, fmt.Errorf("tensor %q: element %d: expected a finite value, got %v", t.name, i, v)
			}
		}
	}
	if slices.Contains(used, false) {
		return nil, nil, different(wanted, tensors)
	}
	if renamed != nil {
		notes = append(notes, "tensors are told by their shapes: "+strings.Join(renamed, ", "))
	}
	return model, notes, nil
}

const notePrefixes = "prefixes of names were left out"

// find returns the tensor of a name, or else the only one of its shape.
func find(tensors []tensor, used []bool, w lenet.Tensor) (at int, ok bool) {
	at = -1
	for i, t := range tensors {
		if used[i] || !slices.Equal(t.shape, w.Shape) && !slices.Equal(t.shape, transposed(w.Shape)) {
			continue
		}
		if withoutPrefixes(t.name) == w.Name {
			return i, true
		}
		if at >= 0 {
			return -1, false
		}
		at = i
	}
	return at, at >= 0
}

// different says which layers of a file are not this network's: expected and
// found shapes, in order.
func different(wanted []lenet.Tensor, tensors []tensor) error {
	var differences []string
	left := slices.Clone(tensors)
	var missing []lenet.Tensor
	for _, w := range wanted {
		fits := func(t tensor) bool {
			return slices.Equal(t.shape, w.Shape) || slices.Equal(t.shape, transposed(w.Shape))
		}
		if at := slices.IndexFunc(left, fits); at >= 0 {
			left = slices.Delete(left, at, at+1)
		} else {
			missing = append(missing, w)
		}
	}
	for i, w := range missing {
		if len(left) == len(missing) {
			differences = append(differences, fmt.Sprintf("%s: expected %v, got %v (%s)", w.Name, w.Shape, left[i].shape, left[i].name))
		} else {
			differences = append(differences, fmt.Sprintf("%s %v is missing", w.Name, w.Shape))
		}
	}
	if len(left) != len(missing) {
		for _, t := range left {
			differences = append(differences, fmt.Sprintf("%s %v is not part of it", t.name, t.shape))
		}
	}
	const most = 10
	if len(differences) > most {
		differences = append(differences[:most], "…")
	}
	return fmt.Errorf("%w: %d tensors: %s", lenet.ErrModel, len(tensors), strings.Join(differences, "; "))
}

// copyWeights copies a tensor to a parameter, from whichever of the two layouts
// it has.
func copyWeights(w lenet.Tensor, t tensor) {
	if slices.Equal(t.shape, w.Shape) {
		copy(w.Values, t.values)
		if len(w.Shape) == 2 && t.channelsLast {
			for row := range w.Shape[0] {
				for column := range w.Shape[1] {
					w.Values[row*w.Shape[1]+column] = t.values[row*w.Shape[1]+t.input(w, column)]
				}
			}
		}
		return
	}
	outputs, inputs := w.Shape[0], len(w.Values)/w.Shape[0]
	for output := range outputs {
		for input := range inputs {
			w.Values[output*inputs+input] = t.values[t.input(w, input)*outputs+output]
		}
	}
}

// input returns where, among the inputs in the file, PyTorch's input stands.
func (t tensor) input(w lenet.Tensor, input int) int {
	if len(w.Shape) == 4 { // channel, row, column → row, column, channel
		taps := w.Shape[2] * w.Shape[3]
		return input%taps*w.Shape[1] + input/taps
	}
	if t.channelsLast && w.Shape[1] == fc1Inputs {
		return input%pooled*conv2Channels + input/pooled
	}
	return input
}

// Sizes of what enters fc1: channels of so many pixels.
const (
	conv2Channels = 50
	pooled        = 4 * 4
	fc1Inputs     = conv2Channels * pooled
)
