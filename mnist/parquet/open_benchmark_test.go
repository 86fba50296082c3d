package parquet_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kernelet/kernelet/mnist"
	_ "github.com/kernelet/kernelet/mnist/inflate"
	_ "github.com/kernelet/kernelet/mnist/parquet"
	_ "github.com/kernelet/kernelet/mnist/pictures"
)

// BenchmarkOpen opens each data set in the folder MNIST_SETS, as
// .ci/data.d/datasets.py writes them; .ci/data.d/loading.py compares with Python.
func BenchmarkOpen(b *testing.B) {
	folder := os.Getenv("MNIST_SETS")
	if folder == "" {
		b.Skip("MNIST_SETS names no folder of data sets")
	}
	for _, name := range []string{"mnist.npz", "kaggle", "parquet", "png"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := mnist.Open(b.Context(), filepath.Join(folder, name)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
