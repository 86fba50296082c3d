package weights

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/lenet"
)

// What torch.save writes of this network's state dictionary beside the elements:
// pickles of protocol 2 with storages "0" to "7", in a zip file, and before
// PyTorch 1.6. They were written by Python's pickle with the names and arguments
// of PyTorch; .ci/data reads files of PyTorch itself.
var (
	//go:embed testdata/data.pkl
	dataPickle []byte
	//go:embed testdata/legacy.pkl
	legacyPickle []byte
)

func storageBytes(w lenet.Tensor) (b []byte) {
	for _, v := range w.Values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// torchFile is a model as PyTorch's zip file, with change made to its members.
func torchFile(t testing.TB, m *lenet.Model, change func(members map[string][]byte)) []byte {
	t.Helper()
	members := map[string][]byte{"m/data.pkl": dataPickle, "m/byteorder": []byte("little"), "m/version": []byte("3\n")}
	for i, w := range m.Tensors() {
		members[fmt.Sprintf("m/data/%d", i)] = storageBytes(w)
	}
	change(members)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range members {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// legacyFile is a model as PyTorch wrote it before 1.6.
func legacyFile(m *lenet.Model) []byte {
	b := bytes.Clone(legacyMagic)
	b = append(b, "\x80\x02M\xe9\x03."...) // 1001
	b = append(b, "\x80\x02}q\x00."...)    // nothing about the machine
	b = append(b, legacyPickle...)
	b = append(b, "\x80\x02]q\x00("...)
	for i := range m.Tensors() {
		b = append(b, 'X', 1, 0, 0, 0, '0'+byte(i))
	}
	b = append(b, "e."...)
	for _, w := range m.Tensors() {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(w.Values)))
		b = append(b, storageBytes(w)...)
	}
	return b
}

// TestTorch: both forms give the weights.
func TestTorch(t *testing.T) {
	m := lenet.NewModel(11)
	for name, content := range map[string][]byte{
		"zip":    torchFile(t, m, func(map[string][]byte) {}),
		"legacy": legacyFile(m),
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		got, notes, err := Load(path)
		if err != nil || len(notes) != 0 {
			t.Errorf("%s: %v, %v", name, notes, err)
		} else if got.SHA256() != m.SHA256() {
			t.Errorf("%s: other weights", name)
		}
	}
}

// TestTorchRefused: storages that are missing, short or of another byte order, and
// calls of what no tensor needs, are errors that say so.
func TestTorchRefused(t *testing.T) {
	m := lenet.NewModel(11)
	legacy := legacyFile(m)
	// The number of elements of the first storage is behind the list of keys.
	count := bytes.Index(legacy, []byte("7e.")) + 3
	long := bytes.Clone(legacy)
	binary.LittleEndian.PutUint64(long[count:], 1<<62)
	calls := func(pickled []byte) []byte {
		return bytes.Replace(pickled, []byte("_rebuild_tensor_v2"), []byte("_rebuild_anything_"), 1)
	}
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"missing":       {torchFile(t, m, func(f map[string][]byte) { delete(f, "m/data/3") }), `"3" is missing`},
		"short":         {torchFile(t, m, func(f map[string][]byte) { f["m/data/4"] = f["m/data/4"][:400] }), "expected"},
		"half elements": {torchFile(t, m, func(f map[string][]byte) { f["m/data/4"] = f["m/data/4"][1:] }), "expected"},
		"big-endian":    {torchFile(t, m, func(f map[string][]byte) { f["m/byteorder"] = []byte("big") }), "byteorder"},
		"a call":        {torchFile(t, m, func(f map[string][]byte) { f["m/data.pkl"] = calls(dataPickle) }), "_rebuild_anything_"},
		"legacy, cut":   {legacy[:len(legacy)-1], "expected its elements"},
		"legacy, long":  {long, "expected its elements"},
		"legacy, call":  {bytes.Replace(legacy, []byte("_rebuild_tensor_v2"), []byte("_rebuild_anything_"), 1), "_rebuild_anything_"},
		"legacy, keys":  {bytes.Replace(legacy, []byte("\x01\x00\x00\x007e."), []byte("\x01\x00\x00\x008e."), 1), `"8"`},
	} {
		got, _, err := Read(c.content)
		if got != nil || !errors.Is(err, lenet.ErrModel) || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: expected ErrModel and %q, got %v", name, c.says, err)
		}
	}
}
