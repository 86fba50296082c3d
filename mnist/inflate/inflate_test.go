package inflate_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/kernelet/kernelet/internal/inflate"
	"github.com/kernelet/kernelet/mnist"
	_ "github.com/kernelet/kernelet/mnist/inflate"
)

// TestOpen reads compressed files, whole and damaged at every fiftieth byte, with
// the package and with the standard library: the same images, and an error
// about the format where the other has one.
func TestOpen(t *testing.T) {
	images := mnist.Synthetic(40, 1)
	plain := append([]byte{0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 28, 0, 0, 0, 28}, images.Images...)
	var archive bytes.Buffer
	a := zip.NewWriter(&archive)
	w, _ := a.Create("train-images-idx3-ubyte")
	w.Write(plain)
	a.Close()
	read := func(name string, content []byte) ([]byte, error) {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
		data, err := mnist.Open(context.Background(), file)
		if err != nil {
			return nil, err
		}
		return data.Train.Images, nil
	}
	fastGzip, fastDeflate := inflate.NewGzip, inflate.NewDeflate
	t.Cleanup(func() { inflate.NewGzip, inflate.NewDeflate = fastGzip, fastDeflate })
	for name, content := range map[string][]byte{"train-images-idx3-ubyte.gz": gzipOf(plain), "mnist.zip": archive.Bytes()} {
		for at := -1; at < len(content); at += 50 {
			damaged := bytes.Clone(content)
			if at >= 0 {
				damaged[at] ^= 0x40
			}
			inflate.NewGzip, inflate.NewDeflate = fastGzip, fastDeflate
			got, err := read(name, damaged)
			inflate.NewGzip = func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }
			inflate.NewDeflate = flate.NewReader
			want, wantErr := read(name, damaged)
			if at < 0 && (err != nil || !bytes.Equal(got, images.Images)) {
				t.Fatalf("%s: expected %d bytes of images, got %d and error %v", name, len(images.Images), len(got), err)
			}
			if !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) || errors.Is(err, mnist.ErrFormat) != errors.Is(wantErr, mnist.ErrFormat) {
				t.Errorf("%s, byte %d damaged: got %d bytes and error %v, the standard library %d and %v", name, at, len(got), err, len(want), wantErr)
			}
		}
	}
}

// TestUsed fails if importing the package changes nothing.
func TestUsed(t *testing.T) {
	if r := inflate.NewDeflate(bytes.NewReader(nil)); reflect.TypeOf(r) == reflect.TypeOf(flate.NewReader(bytes.NewReader(nil))) {
		t.Errorf("a stream is read by %T, the standard library's", r)
	}
	r, err := inflate.NewGzip(bytes.NewReader(gzipOf(nil)))
	if err != nil {
		t.Fatal(err)
	}
	if _, standard := r.(*gzip.Reader); standard {
		t.Errorf("a stream is read by %T, the standard library's", r)
	}
}

// BenchmarkOpen reads images as MNIST's are packed, with the package and with the
// standard library.
func BenchmarkOpen(b *testing.B) {
	content := gzipOf(mnist.Synthetic(6000, 1).Images)
	for name, open := range map[string]func(io.Reader) (io.ReadCloser, error){
		"klauspost": inflate.NewGzip,
		"standard":  func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(6000 * mnist.ImageBytes)
			for b.Loop() {
				r, err := open(bytes.NewReader(content))
				if err == nil {
					_, err = io.Copy(io.Discard, r)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func gzipOf(content []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(content)
	z.Close()
	return b.Bytes()
}
