package classify

import (
	"context"
	"fmt"
	"io"

	"github.com/kernelet/kernelet/mnist"
)

func parquetImages(context.Context, io.Reader, io.Reader) (*source, []byte, error) {
	return nil, nil, fmt.Errorf("%w: Parquet", mnist.ErrFormat)
}
