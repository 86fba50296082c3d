package lenet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/internal/safetensors"
)

func TestInitialisation(t *testing.T) {
	m := NewModel(1)
	for i, tensor := range m.Tensors() {
		bound := 1 / math.Sqrt([]float64{25, 500, 800, 500}[i/2])
		sum, squares, n := 0.0, 0.0, float64(len(tensor.Values))
		for _, v := range tensor.Values {
			if math.Abs(float64(v)) > bound*(1+1e-7) {
				t.Fatalf("%s: %v lies outside ±%v", tensor.Name, v, bound)
			}
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
		// Mean 0 and variance bound²/3, within five standard errors.
		if math.Abs(sum/n) > 5*bound/math.Sqrt(3*n) {
			t.Errorf("%s: mean %v", tensor.Name, sum/n)
		}
		if d := math.Abs(squares/n/(bound*bound) - 1.0/3); d > 5*math.Sqrt(4.0/45/n) {
			t.Errorf("%s: variance off by %v", tensor.Name, d)
		}
	}
	if m.SHA256() != NewModel(1).SHA256() || m.SHA256() == NewModel(2).SHA256() {
		t.Error("the hash does not depend on the seed alone")
	}
}

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	m := NewModel(3)
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if *got != *m {
		t.Error("what was loaded differs from what was saved")
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if len(entries) != 1 {
		t.Errorf("expected the model alone, got %v", entries)
	}
}

func encoded(t testing.TB, m *Model) []byte {
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tensorsOf returns a valid file's tensors, to be damaged.
func tensorsOf(t testing.TB) []safetensors.Tensor {
	_, tensors, err := safetensors.Read(encoded(t, NewModel(1)))
	if err != nil {
		t.Fatal(err)
	}
	return tensors
}

func TestDamagedModels(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(ts []safetensors.Tensor) []safetensors.Tensor
		says   string
	}{
		"missing": {func(ts []safetensors.Tensor) []safetensors.Tensor { return ts[1:] }, `"conv1.weight" is missing`},
		"foreign": {func(ts []safetensors.Tensor) []safetensors.Tensor { ts[0].Name = "conv3.weight"; return ts }, `"conv3.weight"`},
		"shape":   {func(ts []safetensors.Tensor) []safetensors.Tensor { ts[0].Shape = []int{20, 25}; return ts }, "expected [20 1 5 5], got [20 25]"},
		"dtype":   {func(ts []safetensors.Tensor) []safetensors.Tensor { ts[0].Type = "I32"; return ts }, "expected F32, got I32"},
		"nan": {func(ts []safetensors.Tensor) []safetensors.Tensor {
			binary.LittleEndian.PutUint32(ts[3].Data[8:], 0x7fc00000)
			return ts
		}, `"conv2.bias": element 2: expected a finite value, got NaN`},
		"more than": {func(ts []safetensors.Tensor) []safetensors.Tensor {
			return append(ts, safetensors.Tensor{Name: "x", Type: "F32"})
		}, `"x"`},
	} {
		var b bytes.Buffer
		if err := safetensors.Write(&b, nil, c.damage(tensorsOf(t))); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(&b); !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: expected ErrModel that says %q, got %v", name, c.says, err)
		}
	}
	whole := encoded(t, NewModel(1))
	for _, n := range []int{0, 7, 8, 100, len(whole) / 2, len(whole) - 1} {
		if _, err := Read(bytes.NewReader(whole[:n])); !errors.Is(err, ErrModel) {
			t.Errorf("%d bytes: expected ErrModel, got %v", n, err)
		}
	}
	if _, err := Read(bytes.NewReader(append(whole, 0))); !errors.Is(err, ErrModel) {
		t.Errorf("a trailing byte: expected ErrModel, got %v", err)
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: expected ErrNotExist, got %v", err)
	}
}

// FuzzRead: any bytes are a model or an error. A whole file of 1.7 MB is slow to
// mutate, so a seed is its header, and every content is also read with as many
// zeros behind it as a model has weights. Values are TestDamagedModels'
// business. Fuzz with -fuzzminimizetime 1x: minimising stands still for minutes.
func FuzzRead(f *testing.F) {
	whole := encoded(f, NewModel(1))
	weights := make([]byte, 4*431080)
	header := whole[:len(whole)-len(weights)]
	if _, err := Read(bytes.NewReader(append(bytes.Clone(header), weights...))); err != nil {
		f.Fatalf("the seed is to be a model: %v", err)
	}
	f.Add(header)
	f.Add(whole[:3000])
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\x7f{}"))
	f.Add([]byte("\x50\x00\x00\x00\x00\x00\x00\x00{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}                           \x00\x00\x80\x3f"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, c := range [][]byte{content, append(bytes.Clone(content), weights...)} {
			if m, err := Read(bytes.NewReader(c)); (m == nil) == (err == nil) {
				t.Fatalf("model %v, error %v", m != nil, err)
			}
		}
	})
}
