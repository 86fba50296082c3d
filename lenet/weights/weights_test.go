package weights

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/internal/half"
	"github.com/kernelet/kernelet/internal/onnx"
	"github.com/kernelet/kernelet/internal/safetensors"
	"github.com/kernelet/kernelet/lenet"
)

func written(t testing.TB, write func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// files are a model in every kind that this package writes.
func files(t testing.TB, m *lenet.Model, kind Type) map[string][]byte {
	return map[string][]byte{
		"safetensors": written(t, func(w io.Writer) error { return WriteSafetensors(w, m, kind) }),
		"npz":         written(t, func(w io.Writer) error { return WriteNPZ(w, m, kind) }),
		"onnx":        written(t, func(w io.Writer) error { return onnx.Write(w, m, kind == Float16) }),
	}
}

// TestRoundTrip: what is written is read back, the same or rounded to the
// nearest binary16.
func TestRoundTrip(t *testing.T) {
	m := lenet.NewModel(3)
	rounded := lenet.NewModel(3)
	for _, tensor := range rounded.Tensors() {
		for i, v := range tensor.Values {
			tensor.Values[i] = half.FromFloat16(half.ToFloat16(v))
			// Half a unit in the last of 11 places, or of the subnormal numbers.
			if bound := max(math.Abs(float64(v))/2048, 1.0/(1<<25)); math.Abs(float64(tensor.Values[i]-v)) > bound {
				t.Fatalf("%s[%d]: %v became %v", tensor.Name, i, v, tensor.Values[i])
			}
		}
	}
	for kind, want := range map[Type]*lenet.Model{Float32: m, Float16: rounded} {
		for name, content := range files(t, m, kind) {
			got, notes, err := Read(content)
			if err != nil || len(notes) != 0 {
				t.Errorf("%s: %v, %v", name, notes, err)
			} else if got.SHA256() != want.SHA256() {
				t.Errorf("%s: other weights", name)
			}
		}
	}
}

// TestNames: prefixes are left out, other names are told by shapes, and both
// are said; Keras's layouts are turned.
func TestNames(t *testing.T) {
	m := lenet.NewModel(5)
	for name, c := range map[string]struct {
		change func(*tensor, lenet.Tensor)
		says   string
	}{
		"prefix": {func(t *tensor, _ lenet.Tensor) { t.name = "_orig_mod.module." + t.name }, notePrefixes},
		"numbers": {func(t *tensor, _ lenet.Tensor) {
			t.name = strings.NewReplacer("conv1", "0", "fc2", "10").Replace(t.name)
		}, "0.weight → conv1.weight"},
		"layouts":  {func(t *tensor, w lenet.Tensor) { toKeras(t, w, false) }, ""},
		"channels": {func(t *tensor, w lenet.Tensor) { toKeras(t, w, true) }, ""},
	} {
		var tensors []tensor
		for _, w := range m.Tensors() {
			x := tensor{name: w.Name, shape: w.Shape, values: w.Values}
			c.change(&x, w)
			tensors = append(tensors, x)
		}
		got, notes, err := assign(append(tensors, tensor{name: "batches", shape: nil}))
		if err != nil || got.SHA256() != m.SHA256() || !strings.Contains(strings.Join(notes, "\n"), c.says) {
			t.Errorf("%s: notes %q, %v, or other weights", name, notes, err)
		}
	}
}

// toKeras writes a parameter as Keras does: rows, columns, inputs, outputs; or
// inputs, outputs, fc1's inputs by row, column, channel.
func toKeras(t *tensor, w lenet.Tensor, channelsLast bool) {
	t.channelsLast = channelsLast
	t.shape = transposed(w.Shape)
	if len(w.Shape) == 1 {
		return
	}
	t.values = make([]float32, len(w.Values))
	at := 0
	if len(w.Shape) == 4 {
		for y := range 5 {
			for x := range 5 {
				for i := range w.Shape[1] {
					for o := range w.Shape[0] {
						t.values[at] = w.Values[((o*w.Shape[1]+i)*5+y)*5+x]
						at++
					}
				}
			}
		}
		return
	}
	for i := range w.Shape[1] {
		input := i
		if channelsLast && w.Shape[1] == 800 { // (row·4 + column)·50 + channel
			input = i%50*16 + i/50
		}
		for o := range w.Shape[0] {
			t.values[at] = w.Values[o*w.Shape[1]+input]
			at++
		}
	}
}

func zipOf(name string, content []byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, _ := z.Create(name)
	w.Write(content)
	z.Close()
	return b.Bytes()
}

func TestRefused(t *testing.T) {
	wide := written(t, func(w io.Writer) error {
		return safetensors.Write(w, nil, []safetensors.Tensor{{Name: "conv1.weight", Type: "F32", Shape: []int{2, 1, 3, 3}, Data: make([]byte, 72)}})
	})
	evil := []byte("\x80\x02}q\x00X\x01\x00\x00\x00aq\x01cposix\nsystem\nq\x02X\x04\x00\x00\x00trueq\x03\x85q\x04Rq\x05s.")
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"empty":         {nil, "an empty file"},
		"lfs":           {[]byte("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"},
		"text":          {[]byte("hello, world"), "expected safetensors, PyTorch's .pt"},
		"architecture":  {wide, "conv1.weight [20 1 5 5] is missing"},
		"code":          {zipOf("m/data.pkl", evil), `"posix"."system" is named, which is code`},
		"other zip":     {zipOf("a.txt", nil), "a zip without"},
		"pickle cut":    {zipOf("m/data.pkl", evil[:9]), "not a pickle of tensors"},
		"no dictionary": {zipOf("m/data.pkl", []byte("\x80\x02K\x01.")), "expected a state dictionary"},
		"HDF5 cut":      {[]byte("\x89HDF\r\n\x1a\n\x00"), "not a readable HDF5 file"},
		"ONNX cut":      {[]byte{8, 4, 0x3a, 9}, "not an ONNX model"},
		"not finite":    {bytes.Clone(files(t, lenet.NewModel(1), Float32)["safetensors"]), ""},
	} {
		if c.says == "" {
			copy(c.content[len(c.content)-4:], []byte{0, 0, 0xc0, 0x7f}) // NaN
			c.says = "expected a finite value, got NaN"
		}
		if _, _, err := Read(c.content); !errors.Is(err, lenet.ErrModel) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: expected ErrModel that says %q, got %v", name, c.says, err)
		}
	}
	m := lenet.NewModel(1)
	m.FC2Bias[3] = 70000
	if err := WriteNPZ(io.Discard, m, Float16); !errors.Is(err, lenet.ErrModel) || !strings.Contains(err.Error(), "fc2.bias") {
		t.Errorf("too large for float16: got %v", err)
	}
}

// TestFloat16Overflow: a weight that rounds beyond the largest binary16 is an
// error, one that rounds to it is not.
func TestFloat16Overflow(t *testing.T) {
	for v, fits := range map[float32]bool{65504: true, 65519: true, 65520: false, -65530: false, 1e9: false} {
		m := lenet.NewModel(1)
		m.FC2Bias[3] = v
		if err := WriteSafetensors(io.Discard, m, Float16); (err == nil) != fits || err != nil && !errors.Is(err, lenet.ErrModel) {
			t.Errorf("%v: fits is %v, got %v", v, fits, err)
		}
	}
}

// TestSource: the C header and the Go file have all weights; .ci/data compiles
// and runs them.
func TestSource(t *testing.T) {
	m := lenet.NewModel(7)
	for name, write := range map[string]func(io.Writer, *lenet.Model, Type) error{"c": WriteC, "go": WriteGo} {
		for _, kind := range []Type{Float32, Float16} {
			text := string(written(t, func(w io.Writer) error { return write(w, m, kind) }))
			if !strings.Contains(text, m.SHA256()) || strings.Count(text, ",\n")+strings.Count(text, ", ") < 431_080-9000 {
				t.Errorf("%s: the weights are not all there", name)
			}
		}
	}
}

// FuzzRead: any content gives an error or a model, in bounded memory.
func FuzzRead(f *testing.F) {
	f.Add([]byte("\x80\x02}q\x00X\x01\x00\x00\x00aq\x01cposix\nsystem\nq\x02X\x04\x00\x00\x00trueq\x03\x85q\x04Rq\x05s."), byte(0))
	f.Add(dataPickle, byte(0))
	f.Add(bytes.Clone(legacyFile(lenet.NewModel(1))[:1500]), byte(1))
	f.Add([]byte("\x89HDF\r\n\x1a\n\x00\x00\x00\x00\x00\x08\x08\x00"), byte(1))
	f.Add([]byte{8, 4, 0x3a, 4, 0x0a, 2, 0x22, 0}, byte(1))
	f.Add([]byte("{}      "), byte(2))
	f.Fuzz(func(t *testing.T, content []byte, as byte) {
		switch as % 3 {
		case 0:
			content = zipOf("m/data.pkl", content)
		case 2:
			content = append([]byte{byte(len(content)), 0, 0, 0, 0, 0, 0, 0}, content...)
		}
		if model, _, err := Read(content); (model == nil) == (err == nil) {
			t.Error("expected a model or an error")
		}
	})
}
