package lenet

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"

	"github.com/kernelet/kernelet/internal/foreign"
	"github.com/kernelet/kernelet/internal/random"
	"github.com/kernelet/kernelet/internal/safetensors"
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/internal/wholefile"
)

// ErrModel is wrapped by every error about the content of a model file.
var ErrModel = errors.New("not a model of this network")

// Model holds the network's parameters in PyTorch's order and layout.
type Model struct {
	Conv1Weight [shape.Conv1Outputs * shape.Taps]float32                     // conv1.weight (20, 1, 5, 5)
	Conv1Bias   [shape.Conv1Outputs]float32                                  // conv1.bias (20)
	Conv2Weight [shape.Conv2Outputs * shape.Conv2Inputs * shape.Taps]float32 // conv2.weight (50, 20, 5, 5)
	Conv2Bias   [shape.Conv2Outputs]float32                                  // conv2.bias (50)
	FC1Weight   [shape.FC1Outputs * shape.FC1Inputs]float32                  // fc1.weight (500, 800)
	FC1Bias     [shape.FC1Outputs]float32                                    // fc1.bias (500)
	FC2Weight   [shape.Classes * shape.FC2Inputs]float32                     // fc2.weight (10, 500)
	FC2Bias     [shape.Classes]float32                                       // fc2.bias (10)

	// Calibration makes probabilities of logits; nil: softmax alone. Files do
	// not hold it.
	Calibration *Calibration
}

// Tensor is one parameter of a Model.
type Tensor struct {
	Name   string
	Shape  []int
	Values []float32 // the model's own memory
}

// Tensors lists the parameters in state-dict order; nil has none.
func (m *Model) Tensors() []Tensor {
	if m == nil {
		return nil
	}
	return []Tensor{
		{"conv1.weight", []int{shape.Conv1Outputs, 1, shape.FilterSize, shape.FilterSize}, m.Conv1Weight[:]},
		{"conv1.bias", []int{shape.Conv1Outputs}, m.Conv1Bias[:]},
		{"conv2.weight", []int{shape.Conv2Outputs, shape.Conv2Inputs, shape.FilterSize, shape.FilterSize}, m.Conv2Weight[:]},
		{"conv2.bias", []int{shape.Conv2Outputs}, m.Conv2Bias[:]},
		{"fc1.weight", []int{shape.FC1Outputs, shape.FC1Inputs}, m.FC1Weight[:]},
		{"fc1.bias", []int{shape.FC1Outputs}, m.FC1Bias[:]},
		{"fc2.weight", []int{shape.Classes, shape.FC2Inputs}, m.FC2Weight[:]},
		{"fc2.bias", []int{shape.Classes}, m.FC2Bias[:]},
	}
}

// NewModel returns a model with PyTorch's default initialisation: weights and
// biases uniform in ±1/√(inputs of the unit).
func NewModel(seed uint64) *Model {
	m := new(Model)
	for i, t := range m.Tensors() {
		inputs := []float64{shape.Taps, shape.Conv2Inputs * shape.Taps, shape.FC1Inputs, shape.FC2Inputs}[i/2]
		bound := 1 / math.Sqrt(inputs)
		key := random.Key(random.Initialisation, seed, uint64(i))
		for j := range t.Values {
			t.Values[j] = float32((float64(2*random.Uniform(key, uint64(j))) - 1) * bound)
		}
	}
	return m
}

// SHA256 is the hash, in hexadecimal, over all parameters as little-endian
// float32 in state-dict order.
func (m *Model) SHA256() string {
	hash := sha256.New()
	for _, t := range m.Tensors() {
		hash.Write(encodeFloats(t.Values))
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// Write writes the model to w in the safetensors format, with PyTorch's names
// and shapes. A model with values that are not finite is refused.
func (m *Model) Write(w io.Writer) error { return m.write(w, nil) }

// write writes the model with more metadata than PyTorch's own.
func (m *Model) write(w io.Writer, more map[string]string) error {
	if err := m.checkFinite(); err != nil {
		return err
	}
	var tensors []safetensors.Tensor
	for _, t := range m.Tensors() {
		tensors = append(tensors, safetensors.Tensor{Name: t.Name, Type: safetensors.Float32, Shape: t.Shape, Data: encodeFloats(t.Values)})
	}
	metadata := map[string]string{}
	maps.Copy(metadata, more)
	metadata["format"] = "pt"
	return safetensors.Write(w, metadata, tensors)
}

// Save writes the model to a file as Write does, at once: at every moment path
// is what it was before or the whole model, even if the machine stops. Symbolic
// links are followed, a file that is replaced keeps its mode, and a device or a
// pipe is written to as it is.
func (m *Model) Save(path string) error { return m.SaveWith(path, nil) }

// SaveWith saves as Save does, with metadata in the file's header, such as
// "dataset" for the name of what the model was trained on. "format" is always
// "pt". Load passes over them.
func (m *Model) SaveWith(path string, metadata map[string]string) error {
	var content bytes.Buffer
	if err := m.write(&content, metadata); err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	return wholefile.Write(path, content.Bytes())
}

// maxModelFile bounds what Load reads: the parameters and the largest header
// that the format allows.
const maxModelFile = 4*shape.Parameters + 8 + 100_000_000

// Load reads a model from a safetensors file with exactly this network's
// names, shapes and finite float32 values.
func Load(path string) (*Model, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	defer file.Close()
	m, err := Read(file)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", path, err)
	}
	return m, nil
}

// Read reads a model as Load does.
func Read(r io.Reader) (*Model, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxModelFile+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxModelFile {
		return nil, fmt.Errorf("%w: expected at most %d bytes", ErrModel, maxModelFile)
	}
	metadata, tensors, err := safetensors.Read(content)
	if err != nil {
		if what := foreign.Describe(content); what != "" {
			return nil, fmt.Errorf("%w: expected safetensors%s", ErrModel, what)
		}
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	if metadata["format"] == checkpointFormat {
		return nil, fmt.Errorf("%w: expected a model, got a checkpoint: lenet.Resume and kernelet train --resume go on from it, lenet/weights.Load takes its weights, and the model is written beside it when a run ends", ErrModel)
	}
	m := new(Model)
	if err := fill(m.Tensors(), tensors); err != nil {
		return nil, err
	}
	return m, nil
}

// fill copies tensors of a file to those wanted; names, shapes and types must
// be the same, and values finite.
func fill(wanted []Tensor, tensors []safetensors.Tensor) error {
	for _, t := range tensors {
		if !slices.ContainsFunc(wanted, func(w Tensor) bool { return w.Name == t.Name }) {
			return fmt.Errorf("%w: tensor %q is not part of it", ErrModel, t.Name)
		}
	}
	for _, w := range wanted {
		at := slices.IndexFunc(tensors, func(t safetensors.Tensor) bool { return t.Name == w.Name })
		if at < 0 {
			return fmt.Errorf("%w: tensor %q is missing", ErrModel, w.Name)
		}
		t := tensors[at]
		if !slices.Equal(t.Shape, w.Shape) {
			return fmt.Errorf("%w: tensor %q: shape: expected %v, got %v", ErrModel, t.Name, w.Shape, t.Shape)
		}
		if t.Type != safetensors.Float32 {
			return fmt.Errorf("%w: tensor %q: dtype: expected %s, got %s, which lenet/weights.Load reads", ErrModel, t.Name, safetensors.Float32, t.Type)
		}
		for i := range w.Values {
			value := math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
			if err := finite(t.Name, i, value); err != nil {
				return err
			}
			w.Values[i] = value
		}
	}
	return nil
}

// checkFinite returns an error that names the first weight that is NaN or
// infinite.
func (m *Model) checkFinite() error {
	if m == nil {
		return fmt.Errorf("%w: expected a model, got nil", ErrModel)
	}
	for _, t := range m.Tensors() {
		if err := t.checkFinite(); err != nil {
			return err
		}
	}
	return nil
}

func (t Tensor) checkFinite() error {
	for i, value := range t.Values {
		if err := finite(t.Name, i, value); err != nil {
			return err
		}
	}
	return nil
}

func finite(tensor string, i int, value float32) error {
	if math.IsNaN(float64(value)) || math.IsInf(float64(value), 0) {
		return fmt.Errorf("%w: tensor %q: element %d: expected a finite value, got %v", ErrModel, tensor, i, value)
	}
	return nil
}

func encodeFloats(values []float32) []byte {
	encoded := make([]byte, 4*len(values))
	binary.Encode(encoded, binary.LittleEndian, values) // fails only where there is too little room
	return encoded
}
