// Package weights reads and writes the network's weights in other programs'
// files. What kernelet itself keeps, lenet.Load and Model.Save read and write.
//
// Load reads, told by content:
//
//   - safetensors in F32, F16, BF16 and F64
//   - PyTorch's state dictionaries, .pt and .pth; the pickle in them is read by a
//     machine that knows tensors and nothing else, so that no code runs
//   - Keras's .keras, .weights.h5 and .h5
//   - ONNX models of the same graph
//   - NumPy's .npz
//
// Names need not be kernelet's: prefixes such as module. are left out, and where
// names differ the shapes, of which no two are the same, say which tensor is
// which.
package weights

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/kernelet/kernelet/internal/foreign"
	"github.com/kernelet/kernelet/internal/npy"
	"github.com/kernelet/kernelet/internal/safetensors"
	"github.com/kernelet/kernelet/lenet"
)

// maxFile bounds what is read: a model with Adam's moments in float64, twice.
const maxFile = 64 << 20

// Load reads a model from a file of any kind that the package knows. Notes say
// what was not as kernelet writes it, a sentence each. Errors about the content
// wrap lenet.ErrModel and name the layer, what was expected and what was found.
func Load(path string) (model *lenet.Model, notes []string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("model: %w", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("model: %w", err)
	}
	if model, notes, err = Read(content); err != nil {
		return nil, nil, fmt.Errorf("model %s: %w", path, err)
	}
	return model, notes, nil
}

// Read reads a model as Load does.
func Read(content []byte) (*lenet.Model, []string, error) {
	if len(content) > maxFile {
		return nil, nil, fmt.Errorf("%w: expected at most %d bytes", lenet.ErrModel, maxFile)
	}
	tensors, notes, err := read(content)
	if err == nil {
		var more []string
		var model *lenet.Model
		if model, more, err = assign(tensors); err == nil {
			return model, append(notes, more...), nil
		}
	}
	if !errors.Is(err, lenet.ErrModel) {
		err = fmt.Errorf("%w: %w", lenet.ErrModel, err)
	}
	return nil, nil, err
}

// tensor is an array of a file.
type tensor struct {
	name   string
	shape  []int
	values []float32
	// channelsLast: a layer after pooling counts its inputs row, column, channel,
	// where PyTorch counts channel, row, column.
	channelsLast bool
}

func read(content []byte) (tensors []tensor, notes []string, err error) {
	switch {
	case bytes.HasPrefix(content, []byte("PK\x03\x04")):
		return readZip(content)
	case bytes.HasPrefix(content, hdf5Magic):
		return readHDF5(content, content)
	case bytes.HasPrefix(content, legacyMagic):
		return readLegacyTorch(content)
	case len(content) > 0 && content[0] == 0x08:
		return readONNX(content)
	case len(content) > 8 && content[8] == '{':
		return readSafetensors(content)
	}
	return nil, nil, fmt.Errorf("expected safetensors, PyTorch's .pt, Keras's .keras or .h5, ONNX or .npz%s", foreign.Describe(content))
}

// readZip reads what PyTorch, Keras and NumPy put into zip archives.
func readZip(content []byte) ([]tensor, []string, error) {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, nil, fmt.Errorf("zip: %w", err)
	}
	var arrays []*zip.File
	for _, f := range archive.File {
		switch {
		case path.Base(f.Name) == "data.pkl":
			return readTorch(archive, path.Dir(f.Name))
		case f.Name == kerasWeights:
			return readKeras(archive)
		case strings.HasSuffix(f.Name, ".npy"):
			arrays = append(arrays, f)
		}
	}
	if arrays == nil {
		return nil, nil, errors.New("a zip without PyTorch's data.pkl, Keras's model.weights.h5 or NumPy's arrays")
	}
	var tensors []tensor
	for _, f := range arrays {
		content, err := member(f)
		if err != nil {
			return nil, nil, err
		}
		t, err := readArray(strings.TrimSuffix(f.Name, ".npy"), content)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		tensors = append(tensors, t)
	}
	return tensors, nil, nil
}

// member reads a file of a zip archive.
func member(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("expected at most %d bytes", maxFile)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return content, nil
}

func readArray(name string, content []byte) (tensor, error) {
	r := bytes.NewReader(content)
	h, err := npy.ReadHeader(r)
	if err != nil {
		return tensor{}, err
	}
	if h.Fortran && len(h.Shape) > 1 {
		return tensor{}, errors.New("expected an array in C order: numpy.ascontiguousarray")
	}
	size, decode, _, err := h.Elements()
	if err != nil {
		return tensor{}, err
	}
	rest := content[len(content)-r.Len():]
	n, err := elements(h.Shape)
	if err == nil && n*size != len(rest) {
		err = fmt.Errorf("content: expected %d bytes, got %d", n*size, len(rest))
	}
	if err != nil {
		return tensor{}, err
	}
	t := tensor{name: name, shape: h.Shape, values: make([]float32, n)}
	for i := range t.values {
		t.values[i] = float32(decode(rest[i*size:]))
	}
	return t, nil
}

// elements returns the number of a shape's elements, which must fit a file.
func elements(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > maxFile/d { // n·d can be more than an int of 32 bits holds
			return 0, fmt.Errorf("shape: expected at most %d elements, got %v", maxFile, shape)
		}
		n *= d
	}
	return n, nil
}

func readSafetensors(content []byte) (tensors []tensor, notes []string, err error) {
	metadata, entries, err := safetensors.Read(content)
	if err != nil {
		return nil, nil, err
	}
	checkpoint := strings.HasPrefix(metadata["format"], "kernelet checkpoint")
	for _, e := range entries {
		if checkpoint && (strings.HasPrefix(e.Name, "adam.") || e.Name == "position") {
			continue
		}
		t := tensor{name: e.Name, shape: e.Shape}
		if t.values, err = decodeFloats(e.Type, e.Data); err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", e.Name, err)
		}
		tensors = append(tensors, t)
	}
	if checkpoint {
		tensors = averages(tensors)
		notes = append(notes, "a checkpoint of kernelet: its weights were taken, without Adam's moments")
	}
	return tensors, notes, nil
}

// averages takes, of a checkpoint that has the mean of the last weights, that.
func averages(tensors []tensor) []tensor {
	var mean []tensor
	for _, t := range tensors {
		if name, ok := strings.CutPrefix(t.name, "average."); ok {
			t.name = name
			mean = append(mean, t)
		}
	}
	if mean == nil {
		return tensors
	}
	return mean
}
