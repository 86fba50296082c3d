package classify

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/kernelet/kernelet/beam/internal/storage"
	"github.com/kernelet/kernelet/mnist"
)

// IDX magic numbers and the sizes of their headers.
const (
	imagesMagic  = 0x803
	labelsMagic  = 0x801
	imagesHeader = 16
	labelsHeader = 8
)

// errLabels is the error of a file of labels where images are expected.
var errLabels = errors.New("a file of labels")

// source is a file of images that is being read from the start.
type source struct {
	io.Reader       // images, 784 bytes each
	count     int64 // images in the file
	seekable  bool  // a piece may start anywhere
	close     func() error
}

// openImages opens an IDX file, plain or gzip-compressed, or a Parquet file, told
// by content.
func openImages(ctx context.Context, name string) (*source, []byte, error) {
	file, err := storage.Open(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	s, labels, err := images(ctx, name, file)
	if err != nil {
		file.Close() // the first error counts
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	s.close = file.Close
	return s, labels, nil
}

// images reads the start of a file. Labels are those of a Parquet file that has
// some.
func images(ctx context.Context, name string, file io.ReadCloser) (s *source, labels []byte, err error) {
	start := make([]byte, 4)
	if _, err := io.ReadFull(file, start); err != nil {
		return nil, nil, fmt.Errorf("%w: header: %w", mnist.ErrFormat, err)
	}
	var r io.Reader = io.MultiReader(bytes.NewReader(start), file)
	switch {
	case string(start) == "PAR1":
		return parquetImages(ctx, r, file)
	case start[0] == 0x1f && start[1] == 0x8b:
		z, err := gzip.NewReader(bufio.NewReaderSize(r, 1<<16))
		if err != nil {
			return nil, nil, fmt.Errorf("%w: gzip: %w", mnist.ErrFormat, err)
		}
		count, err := idxHeader(z, imagesMagic, mnist.Rows, mnist.Columns)
		return &source{Reader: z, count: count}, nil, err
	}
	count, err := idxHeader(r, imagesMagic, mnist.Rows, mnist.Columns)
	if err != nil {
		return nil, nil, err
	}
	size, err := storage.Size(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	if want := imagesHeader + count*mnist.ImageBytes; size != want {
		return nil, nil, fmt.Errorf("%w: expected %d bytes for %d images, got %d", mnist.ErrFormat, want, count, size)
	}
	_, seekable := file.(io.Seeker)
	return &source{Reader: file, count: count, seekable: seekable}, nil, nil
}

// idxHeader checks a header and returns the number of items.
func idxHeader(r io.Reader, magic uint32, sizes ...uint32) (int64, error) {
	words := make([]uint32, 2)
	if err := binary.Read(r, binary.BigEndian, words); err != nil {
		return 0, fmt.Errorf("%w: header: %w", mnist.ErrFormat, err)
	}
	if words[0] == labelsMagic && magic == imagesMagic {
		return 0, errLabels
	}
	if words[0] != magic {
		return 0, fmt.Errorf("%w: magic: expected %#08x, got %#08x", mnist.ErrFormat, magic, words[0])
	}
	for i, want := range sizes {
		var got uint32
		if err := binary.Read(r, binary.BigEndian, &got); err != nil {
			return 0, fmt.Errorf("%w: header: %w", mnist.ErrFormat, err)
		}
		if got != want {
			return 0, fmt.Errorf("%w: dimension %d: expected %d, got %d", mnist.ErrFormat, i+1, want, got)
		}
	}
	return int64(words[1]), nil
}

// labelsName is where the labels of a file of images are, or "".
func labelsName(ctx context.Context, name string) string {
	folder, base := path.Split(name)
	other := strings.Replace(strings.Replace(base, "images", "labels", 1), "idx3", "idx1", 1)
	if other == base {
		return ""
	}
	toggled, compressed := strings.CutSuffix(other, ".gz")
	if !compressed {
		toggled += ".gz"
	}
	for _, candidate := range []string{folder + other, folder + toggled} {
		if storage.Exists(ctx, candidate) {
			return candidate
		}
	}
	return ""
}

// readLabels returns the labels of images first to last of a file of count.
func readLabels(ctx context.Context, name string, first, last, count int64) ([]byte, error) {
	labels, err := func() ([]byte, error) {
		file, err := storage.Open(ctx, name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		var r io.Reader = bufio.NewReader(file)
		if start, err := r.(*bufio.Reader).Peek(2); err == nil && start[0] == 0x1f && start[1] == 0x8b {
			if r, err = gzip.NewReader(r); err != nil {
				return nil, fmt.Errorf("%w: gzip: %w", mnist.ErrFormat, err)
			}
		}
		n, err := idxHeader(r, labelsMagic)
		if err != nil {
			return nil, err
		}
		if n != count {
			return nil, fmt.Errorf("%w: expected a label for each of the %d images, got %d", mnist.ErrFormat, count, n)
		}
		if _, err := io.CopyN(io.Discard, r, first); err != nil {
			return nil, fmt.Errorf("%w: after fewer than %d labels: %w", mnist.ErrFormat, first, err)
		}
		labels := make([]byte, last-first)
		if _, err := io.ReadFull(r, labels); err != nil {
			return nil, fmt.Errorf("%w: labels %d to %d: %w", mnist.ErrFormat, first, last, err)
		}
		for i, label := range labels {
			if label >= mnist.Classes {
				return nil, fmt.Errorf("%w: label %d: expected a value below %d, got %d", mnist.ErrFormat, first+int64(i), mnist.Classes, label)
			}
		}
		return labels, nil
	}()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return labels, nil
}
