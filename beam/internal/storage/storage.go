// Package storage reads and writes files on Beam's filesystems: local paths,
// s3:// and gs://.
package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/gcs"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/local"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/s3"
)

// Glob lists the files that match a pattern.
func Glob(ctx context.Context, pattern string) ([]string, error) {
	fs, err := filesystem.New(ctx, pattern)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pattern, err)
	}
	defer fs.Close()
	paths, err := fs.List(ctx, pattern)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pattern, err)
	}
	return paths, nil
}

// Open opens a file for reading. A local one is an io.Seeker and io.ReaderAt
// too.
func Open(ctx context.Context, path string) (io.ReadCloser, error) {
	fs, err := filesystem.New(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	file, err := fs.OpenRead(ctx, path)
	if err != nil {
		return nil, errors.Join(named(path, err), fs.Close())
	}
	if _, local := file.(io.ReaderAt); local {
		return file, fs.Close()
	}
	return &remote{file, fs}, nil
}

// remote keeps its filesystem's client open while a file is read.
type remote struct {
	io.ReadCloser
	fs filesystem.Interface
}

// Close implements io.Closer.
func (r *remote) Close() error { return errors.Join(r.ReadCloser.Close(), r.fs.Close()) }

// named puts the path before errors that lack it.
func named(path string, err error) error {
	if strings.Contains(err.Error(), path) {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// Read returns a file's content.
func Read(ctx context.Context, path string) ([]byte, error) {
	file, err := Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, named(path, err)
	}
	return content, nil
}

// Size is a file's size in bytes; the error of one that is not there is not nil.
func Size(ctx context.Context, path string) (int64, error) {
	fs, err := filesystem.New(ctx, path)
	if err != nil {
		return 0, err
	}
	defer fs.Close()
	return fs.Size(ctx, path)
}

// Exists reports whether a file is there.
func Exists(ctx context.Context, path string) bool {
	_, err := Size(ctx, path)
	return err == nil
}

// makeFolder makes the folder of a local path.
func makeFolder(path string) error {
	if strings.Contains(path, "://") {
		return nil
	}
	return os.MkdirAll(filepath.Dir(path), 0o755)
}
