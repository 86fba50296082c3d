package classify

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/mnist/parquet"
)

// maxParquet bounds a Parquet file, which is read whole.
const maxParquet = 256 << 20 // bytes

// parquetImages reads a Parquet file whole; r has its bytes from the start.
func parquetImages(ctx context.Context, r io.Reader, file io.Reader) (*source, []byte, error) {
	at, ok := file.(io.ReaderAt)
	seeker, seekable := file.(io.Seeker)
	var size int64
	if ok && seekable {
		var err error
		if size, err = seeker.Seek(0, io.SeekEnd); err != nil {
			return nil, nil, err
		}
	} else {
		content, err := io.ReadAll(io.LimitReader(r, maxParquet+1))
		if err != nil {
			return nil, nil, err
		}
		at, size = bytes.NewReader(content), int64(len(content))
	}
	if size > maxParquet {
		return nil, nil, fmt.Errorf("%w: Parquet: expected at most %d bytes, got more", mnist.ErrFormat, maxParquet)
	}
	set, err := parquet.Read(ctx, at, size)
	if err != nil {
		return nil, nil, err
	}
	return &source{Reader: bytes.NewReader(set.Images), count: int64(len(set.Images) / mnist.ImageBytes)}, set.Labels, nil
}
