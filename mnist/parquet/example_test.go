package parquet_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	writer "github.com/parquet-go/parquet-go"

	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/mnist/parquet"
)

// digit is a row as data frames write it: a list of 784 pixels and a label.
type digit struct {
	Pixels []int32 `parquet:"pixels,list"`
	Label  int64   `parquet:"label"`
}

// rows are drawn digits as rows of a Parquet file.
func rows(n int) (all []digit) {
	set := mnist.Synthetic(n, 1)
	for i, label := range set.Labels {
		d := digit{Label: int64(label)}
		for _, pixel := range set.Images[i*mnist.ImageBytes:][:mnist.ImageBytes] {
			d.Pixels = append(d.Pixels, int32(pixel))
		}
		all = append(all, d)
	}
	return all
}

// With the package imported, mnist.Open reads a folder as a dataset hub has it.
// A set in several files comes together by their names.
func Example() {
	folder, err := os.MkdirTemp("", "digits")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	all := rows(50)
	for name, part := range map[string][]digit{
		"train-00000-of-00002.parquet": all[:20],
		"train-00001-of-00002.parquet": all[20:40],
		"test-00000-of-00001.parquet":  all[40:],
	} {
		if err := writer.WriteFile(filepath.Join(folder, name), part); err != nil {
			log.Fatal(err)
		}
	}
	data, err := mnist.Open(context.Background(), folder)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(data.Train.Len(), "training images,", data.Test.Len(), "test images")
	// Output: 40 training images, 10 test images
}

// A file that is in memory.
func ExampleRead() {
	var file bytes.Buffer
	if err := writer.Write(&file, rows(3)); err != nil {
		log.Fatal(err)
	}
	set, err := parquet.Read(context.Background(), bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(set.Len(), "images, labels", set.Labels)
	// Output: 3 images, labels [7 0 3]
}
