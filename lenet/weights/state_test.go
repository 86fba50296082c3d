package weights

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/internal/npy"
	"github.com/kernelet/kernelet/internal/pickle"
	"github.com/kernelet/kernelet/internal/safetensors"
	"github.com/kernelet/kernelet/lenet"
)

// TestStateDict: a state dictionary is found where training programs keep it, two
// deep at most; whatever else was saved is an error that says what it is.
func TestStateDict(t *testing.T) {
	dict := func(items ...any) *pickle.Dict {
		d := &pickle.Dict{}
		for i := 0; i < len(items); i += 2 {
			d.Keys, d.Values = append(d.Keys, items[i]), append(d.Values, items[i+1])
		}
		return d
	}
	one := dict("w", tensor{}, int64(3), tensor{}, "epoch", int64(9))
	for name, c := range map[string]struct {
		value any
		says  string // of the note, or of the error
		found bool
	}{
		"itself":           {one, "[]", true},
		"under model":      {dict("epoch", int64(1), "model", one), `under "model"`, true},
		"two deep":         {dict("state_dict", dict("net", one)), `"net"`, true},
		"three deep":       {dict("state_dict", dict("net", dict("model", one))), "got keys model", false},
		"model is text":    {dict("model", "lenet", "weights", one), `under "weights"`, true},
		"other keys":       {dict("epoch", int64(1), int64(7), nil), "got keys epoch, 7", false},
		"nothing":          {dict(), "got keys ", false},
		"a tensor":         {tensor{}, "torch.save(model.state_dict(), path), got a tensor", false},
		"a list":           {&pickle.List{Items: []any{tensor{}}}, "got a list", false},
		"a tuple":          {pickle.Tuple{tensor{}}, "got a list", false},
		"a number":         {int64(7), "got int64", false},
		"a name":           {pickle.Global{}, "got pickle.Global", false},
		"names of numbers": {dict(int64(1), tensor{}), "got keys 1", false},
	} {
		tensors, notes, err := stateDict(c.value, 2)
		said := fmt.Sprint(notes)
		if err != nil {
			said = err.Error()
		}
		if (err == nil) != c.found || !strings.Contains(said, c.says) || c.found && (len(tensors) != 1 || tensors[0].name != "w") {
			t.Errorf("%s: expected it to be found: %v, and %q, got %v, %q, %v", name, c.found, c.says, tensors, notes, err)
		}
	}
	many := dict()
	for i := range 30 {
		many.Keys, many.Values = append(many.Keys, fmt.Sprint("key", i, strings.Repeat("x", 100))), append(many.Values, nil)
	}
	if _, _, err := stateDict(many, 2); len(err.Error()) > 1000 {
		t.Errorf("the error has %d bytes: %v", len(err.Error()), err)
	}
}

// TestCheckpoint: of kernelet's checkpoints the weights are taken, or their mean
// where they have one, and never Adam's moments, which have the same shapes.
func TestCheckpoint(t *testing.T) {
	weights, mean, moments := lenet.NewModel(1), lenet.NewModel(2), lenet.NewModel(3)
	checkpoint := func(format string, models map[string]*lenet.Model) []byte {
		var list []safetensors.Tensor
		for prefix, m := range models {
			for _, w := range m.Tensors() {
				list = append(list, safetensors.Tensor{Name: prefix + w.Name, Type: safetensors.Float32, Shape: w.Shape, Data: storageBytes(w)})
			}
		}
		return written(t, func(w io.Writer) error {
			return safetensors.Write(w, map[string]string{"format": format}, list)
		})
	}
	all := map[string]*lenet.Model{"": weights, "adam.m.": moments, "adam.v.": moments}
	for name, c := range map[string]struct {
		format  string
		average *lenet.Model
		want    *lenet.Model
	}{
		"weights": {"kernelet checkpoint 2", nil, weights}, "mean": {"kernelet checkpoint 2", mean, mean}, "another program's": {"pt", nil, nil},
	} {
		if delete(all, "average."); c.average != nil {
			all["average."] = c.average
		}
		got, notes, err := Read(checkpoint(c.format, all))
		switch {
		case c.want == nil:
			if !errors.Is(err, lenet.ErrModel) || !strings.Contains(err.Error(), "24 tensors") {
				t.Errorf("%s: expected ErrModel of 24 tensors, got %v", name, err)
			}
		case err != nil || got.SHA256() != c.want.SHA256() || !strings.Contains(fmt.Sprint(notes), "a checkpoint of kernelet"):
			t.Errorf("%s: notes %q, error %v, or other weights", name, notes, err)
		}
	}
}

// TestArraysRefused: arrays that do not fit this network are errors that name
// the array, its field, what was expected and what was found.
func TestArraysRefused(t *testing.T) {
	array := func(kind string, shape []int, n int) []byte {
		return written(t, func(w io.Writer) error { return npy.Write(w, kind, shape, make([]byte, n)) })
	}
	fortran := bytes.Replace(array("<f4", []int{2, 3}, 24), []byte("'fortran_order': False"), []byte("'fortran_order': True "), 1)
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"Fortran":  {fortran, "expected an array in C order: numpy.ascontiguousarray"},
		"short":    {array("<f4", []int{2, 3}, 20), "content: expected 24 bytes, got 20"},
		"long":     {array("<f2", []int{2, 3}, 14), "content: expected 12 bytes, got 14"},
		"huge":     {array("<f4", []int{1 << 20, 1 << 20}, 4), "shape: expected at most 67108864 elements, got [1048576 1048576]"},
		"texts":    {array("<U5", []int{1}, 20), `got "<U5"`},
		"objects":  {array("|O", []int{1}, 8), "may run code"},
		"no array": {[]byte("hello"), "magic: unexpected EOF"},
	} {
		_, _, err := Read(zipOf("conv1.bias.npy", c.content))
		if !errors.Is(err, lenet.ErrModel) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "conv1.bias.npy: ") {
			t.Errorf("%s: expected ErrModel of conv1.bias.npy that says %q, got %v", name, c.says, err)
		}
	}
}

// TestTensorRefused: a tensor that lies outside its storage, by any arithmetic, is
// an error.
func TestTensorRefused(t *testing.T) {
	of := &storage{kind: "F32", data: make([]byte, 4*6)}
	for name, c := range map[string]struct {
		offset        int64
		shape, stride pickle.Tuple
	}{
		"an offset":                    {6, pickle.Tuple{int64(1)}, pickle.Tuple{int64(1)}},
		"strides":                      {0, pickle.Tuple{int64(2), int64(2)}, pickle.Tuple{int64(5), int64(1)}},
		"a sum beyond 64 bits":         {math.MaxInt64, pickle.Tuple{int64(2)}, pickle.Tuple{int64(1)}},
		"an offset beyond 32 bits":     {1 << 32, pickle.Tuple{int64(2)}, pickle.Tuple{int64(1)}},
		"elements beyond 32 bits":      {0, pickle.Tuple{int64(1 << 20), int64(1 << 20)}, pickle.Tuple{int64(0), int64(0)}},
		"more elements than there are": {0, pickle.Tuple{int64(7)}, pickle.Tuple{int64(0)}},
	} {
		if got, err := rebuildTensor(pickle.Tuple{of, c.offset, c.shape, c.stride}); err == nil {
			t.Errorf("%s: expected an error, got %v", name, got)
		}
	}
	got, err := rebuildTensor(pickle.Tuple{of, int64(1), pickle.Tuple{int64(2), int64(2)}, pickle.Tuple{int64(1), int64(3)}})
	if err != nil || len(got.values) != 4 {
		t.Errorf("within its storage: got %v, error %v", got, err)
	}
}
