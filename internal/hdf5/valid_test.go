package hdf5

import (
	"bytes"
	"embed"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"
)

// files were written by h5py 3.16.0 with HDF5 2.0.0:
//
//	for libver in ("earliest", "latest"):
//	    with h5py.File(f"{libver}.h5", "w", libver=libver) as f:
//	        g = f.create_group("layers/conv")
//	        g.create_dataset("kernel", data=np.arange(6, dtype="<f4").reshape(2, 3))
//	        g.create_dataset("bias", data=np.arange(3, dtype="<f8") / 4)
//	        f.create_dataset("half", data=np.array([1.5, -2], dtype="<f2"))
//	        f.create_dataset("count", data=np.float32(7))
//
//go:embed testdata/earliest.h5 testdata/latest.h5
var files embed.FS

func written(t testing.TB) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, name := range []string{"earliest", "latest"} {
		content, err := files.ReadFile("testdata/" + name + ".h5")
		if err != nil {
			t.Fatal(err)
		}
		all[name] = content
	}
	return all
}

// TestFiles: both forms of a file, of trees and heaps and of links in headers, give
// the same data sets.
func TestFiles(t *testing.T) {
	float32s := func(values ...float32) (b []byte) {
		for _, v := range values {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		return b
	}
	var bias []byte
	for _, v := range []float64{0, 0.25, 0.5} {
		bias = binary.LittleEndian.AppendUint64(bias, math.Float64bits(v))
	}
	want := map[string]Dataset{
		"/layers/conv/kernel": {Shape: []int{2, 3}, Bytes: 4, Data: float32s(0, 1, 2, 3, 4, 5)},
		"/layers/conv/bias":   {Shape: []int{3}, Bytes: 8, Data: bias},
		"/half":               {Shape: []int{2}, Bytes: 2, Data: []byte{0x00, 0x3e, 0x00, 0xc0}},
		"/count":              {Bytes: 4, Data: float32s(7)},
	}
	for name, content := range written(t) {
		sets, err := Read(content)
		if err != nil || len(sets) != len(want) {
			t.Errorf("%s: expected %d data sets, got %v, error %v", name, len(want), sets, err)
		}
		for _, got := range sets {
			if w := want[got.Path]; !slices.Equal(got.Shape, w.Shape) || got.Bytes != w.Bytes || !bytes.Equal(got.Data, w.Data) {
				t.Errorf("%s: %s: expected %v, got %v", name, got.Path, w, got)
			}
		}
	}
}

// TestDamaged: every byte of a file changed, and every end cut off, is an error or
// data sets, costs no more memory than files do, and never a panic.
func TestDamaged(t *testing.T) {
	for name, whole := range written(t) {
		refused := 0
		try := func(what string, at int, content []byte) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Read(content)
			runtime.ReadMemStats(&after)
			if err != nil && !errors.Is(err, ErrFormat) {
				t.Errorf("%s, %s at %d: expected ErrFormat, got %v", name, what, at, err)
			}
			if err != nil {
				refused++
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
				t.Errorf("%s, %s at %d: %d bytes of memory", name, what, at, n)
			}
		}
		content := bytes.Clone(whole)
		for at := range whole {
			for _, change := range []byte{1, 0x80, 0xff} {
				content[at] ^= change
				try("a change", at, content)
				content[at] = whole[at]
			}
			try("a cut", at, slices.Clip(whole[:at]))
		}
		if refused < len(whole) {
			t.Errorf("%s: %d refused of %d", name, refused, 4*len(whole))
		}
	}
}
