package mnist

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"math"
	"testing"
)

func idx(magic uint32, content []byte, sizes ...uint32) []byte {
	var b []byte
	for _, word := range append([]uint32{magic}, sizes...) {
		b = binary.BigEndian.AppendUint32(b, word)
	}
	return append(b, content...)
}

func compressed(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

func TestReadImages(t *testing.T) {
	content := make([]byte, 2*ImageBytes)
	content[ImageBytes] = 7
	file := idx(imagesMagic, content, 2, Rows, Columns)
	for name, b := range map[string][]byte{"plain": file, "gzip": compressed(file)} {
		got, err := ReadImages(bytes.NewReader(b), 10)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: got %d bytes, error %v", name, len(got), err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	image := make([]byte, ImageBytes)
	good := idx(imagesMagic, image, 1, Rows, Columns)
	labels := func(b []byte) error { _, err := ReadLabels(bytes.NewReader(b), 10); return err }
	images := func(b []byte) error { _, err := ReadImages(bytes.NewReader(b), 10); return err }
	z := compressed(good)
	damaged := bytes.Clone(z)
	damaged[len(damaged)-6] ^= 1
	for _, c := range []struct {
		name string
		read func([]byte) error
		file []byte
	}{
		{"empty", images, nil},
		{"short header", images, good[:10]},
		{"magic", images, idx(labelsMagic, image, 1, Rows, Columns)},
		{"dimension", images, idx(imagesMagic, image, 1, Rows, Columns-1)},
		{"lying count", images, idx(imagesMagic, image, 2, Rows, Columns)},
		{"huge count", images, idx(imagesMagic, image, 1<<32-1, Rows, Columns)},
		{"truncated", images, good[:len(good)-1]},
		{"trailing", images, append(bytes.Clone(good), 0)},
		{"truncated gzip", images, z[:len(z)-9]},
		{"checksum", images, damaged},
		{"trailing after gzip", images, append(bytes.Clone(z), 'x')},
		{"label", labels, idx(labelsMagic, []byte{10}, 1)},
		{"too many labels", labels, idx(labelsMagic, make([]byte, 11), 11)},
	} {
		if err := c.read(c.file); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: expected ErrFormat, got %v", c.name, err)
		}
	}
}

// TestSizeOf: the largest int of 32 bits refuses sizes that would not fit it,
// on every platform.
func TestSizeOf(t *testing.T) {
	const fits = math.MaxInt32 / ImageBytes
	if got, err := sizeOf(fits, ImageBytes, math.MaxInt32); err != nil || got != fits*ImageBytes {
		t.Errorf("%d images: expected %d bytes, got %d, error %v", fits, fits*ImageBytes, got, err)
	}
	// 3,000,000 images have 2,352,000,000 bytes, negative in 32 bits; 5,478,275
	// have 4,294,967,600, which 32 bits would take for 304.
	for _, n := range []uint32{fits + 1, 3_000_000, 5_478_275, math.MaxUint32} {
		if got, err := sizeOf(n, ImageBytes, math.MaxInt32); !errors.Is(err, ErrFormat) {
			t.Errorf("%d images: expected ErrFormat, got %d bytes, error %v", n, got, err)
		}
	}
	// The same through the reader: an error on every platform, too many bytes
	// for an int or too few in the file.
	for _, n := range []uint32{3_000_000, 5_478_275} {
		if _, err := ReadImages(bytes.NewReader(idx(imagesMagic, nil, n, Rows, Columns)), math.MaxInt32); !errors.Is(err, ErrFormat) {
			t.Errorf("a file of %d images without content: expected ErrFormat, got %v", n, err)
		}
	}
	if _, err := ReadLabels(bytes.NewReader(idx(labelsMagic, []byte{1}, 1)), -1); !errors.Is(err, ErrFormat) {
		t.Errorf("a negative limit: expected ErrFormat, got %v", err)
	}
}

func FuzzReadImages(f *testing.F) {
	f.Add(idx(imagesMagic, make([]byte, ImageBytes), 1, Rows, Columns))
	f.Add(compressed(idx(imagesMagic, make([]byte, ImageBytes), 1, Rows, Columns)))
	f.Add(idx(imagesMagic, nil, 1<<31, Rows, Columns))
	f.Fuzz(func(t *testing.T, b []byte) {
		images, err := ReadImages(bytes.NewReader(b), 100000)
		if err == nil && len(images)%ImageBytes != 0 {
			t.Fatalf("%d bytes are not whole images", len(images))
		}
	})
}

func FuzzReadLabels(f *testing.F) {
	f.Add(idx(labelsMagic, []byte{1, 2, 3}, 3))
	f.Add(compressed(idx(labelsMagic, []byte{9}, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		labels, err := ReadLabels(bytes.NewReader(b), 100000)
		for _, label := range labels {
			if err == nil && label >= Classes {
				t.Fatalf("label %d", label)
			}
		}
	})
}
