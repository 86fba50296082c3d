package main

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/csv"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/kernelet/kernelet/mnist"
)

// dataFolder writes drawn digits as IDX files.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, set := range map[string]mnist.Set{"train": mnist.Synthetic(700, 1), "t10k": mnist.Synthetic(100, 2)} {
		for suffix, content := range map[string][]byte{
			"-images-idx3-ubyte": append(words(0x803, uint32(set.Len()), 28, 28), set.Images...),
			"-labels-idx1-ubyte": append(words(0x801, uint32(set.Len())), set.Labels...),
		} {
			file, err := os.Create(filepath.Join(dir, name+suffix+".gz"))
			if err != nil {
				t.Fatal(err)
			}
			z := gzip.NewWriter(file)
			z.Write(content)
			z.Close()
			file.Close()
		}
	}
	return dir
}

func words(values ...uint32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

func readCSV(path string) ([][]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return csv.NewReader(file).ReadAll()
}

func writePNG(t *testing.T, path string, pixels []byte) {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 28, 28))
	copy(m.Pix, pixels)
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := png.Encode(file, m); err != nil {
		t.Fatal(err)
	}
}
