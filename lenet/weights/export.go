package weights

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/kernelet/kernelet/internal/half"
	"github.com/kernelet/kernelet/internal/npy"
	"github.com/kernelet/kernelet/internal/safetensors"
	"github.com/kernelet/kernelet/lenet"
)

// Type is how weights are stored.
type Type int

const (
	Float32 Type = iota
	Float16      // IEEE 754's binary16, rounded to the nearest; what is beyond 65504 is an error
)

// encode returns values, little-endian.
func (t Type) encode(values []float32) []byte {
	var encoded []byte
	for _, v := range values {
		if t == Float16 {
			encoded = binary.LittleEndian.AppendUint16(encoded, half.ToFloat16(v))
		} else {
			encoded = binary.LittleEndian.AppendUint32(encoded, math.Float32bits(v))
		}
	}
	return encoded
}

// check refuses values that t cannot hold.
func (t Type) check(m *lenet.Model) error {
	for _, tensor := range m.Tensors() {
		for i, v := range tensor.Values {
			if t == Float16 && math.Abs(float64(v)) >= 65520 || math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return fmt.Errorf("%w: tensor %q: element %d: expected a value that the type holds, got %v", lenet.ErrModel, tensor.Name, i, v)
			}
		}
	}
	return nil
}

// WriteSafetensors writes a model with PyTorch's names and shapes.
func WriteSafetensors(w io.Writer, m *lenet.Model, t Type) error {
	if err := t.check(m); err != nil {
		return err
	}
	var tensors []safetensors.Tensor
	for _, tensor := range m.Tensors() {
		kind := safetensors.Float32
		if t == Float16 {
			kind = safetensors.Float16
		}
		tensors = append(tensors, safetensors.Tensor{Name: tensor.Name, Type: kind, Shape: tensor.Shape, Data: t.encode(tensor.Values)})
	}
	return safetensors.Write(w, map[string]string{"format": "pt"}, tensors)
}

// WriteNPZ writes a model as NumPy's arrays, with PyTorch's names and shapes.
func WriteNPZ(w io.Writer, m *lenet.Model, t Type) error {
	if err := t.check(m); err != nil {
		return err
	}
	kind := "<f4"
	if t == Float16 {
		kind = "<f2"
	}
	archive := zip.NewWriter(w)
	for _, tensor := range m.Tensors() {
		member, err := archive.CreateHeader(&zip.FileHeader{Name: tensor.Name + ".npy", Method: zip.Store})
		if err == nil {
			err = npy.Write(member, kind, tensor.Shape, t.encode(tensor.Values))
		}
		if err != nil {
			return err
		}
	}
	return archive.Close()
}
