// Package storage reads and writes files on Beam's filesystems: local paths,
// s3:// and gs://.
package storage

import (
	"context"
	"errors"
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
func Glob(ctx context.Context, pattern string) (paths []string, err error) {
	err = within(ctx, pattern, 10*patience, func(ctx context.Context) error { // of many pages
		fs, err := filesystem.New(ctx, pattern)
		if err != nil {
			return err
		}
		defer fs.Close()
		paths, err = fs.List(ctx, pattern)
		return err
	})
	return paths, err
}

// Open opens a file for reading. A local one is an io.Seeker and io.ReaderAt
// too.
func Open(ctx context.Context, path string) (io.ReadCloser, error) {
	calls := begin(ctx, path)
	var fs filesystem.Interface
	var file io.ReadCloser
	err := calls.do(func() (err error) {
		if fs, err = filesystem.New(calls.ctx, path); err == nil {
			file, err = fs.OpenRead(calls.ctx, path)
		}
		return err
	})
	if err != nil {
		calls.end()
		if fs != nil {
			err = errors.Join(err, fs.Close())
		}
		return nil, err
	}
	if _, local := file.(io.ReaderAt); local {
		return file, fs.Close()
	}
	return &remote{file, fs, calls}, nil
}

// remote keeps its filesystem's client open while a file is read.
type remote struct {
	file  io.ReadCloser
	fs    filesystem.Interface
	calls *calls
}

// Read implements io.Reader.
func (r *remote) Read(b []byte) (n int, err error) {
	err = r.calls.do(func() (err error) {
		n, err = r.file.Read(b)
		return err
	})
	return n, err
}

// Close implements io.Closer.
func (r *remote) Close() error {
	defer r.calls.end()
	return errors.Join(r.file.Close(), r.fs.Close())
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
func Size(ctx context.Context, path string) (size int64, err error) {
	err = within(ctx, path, patience, func(ctx context.Context) error {
		fs, err := filesystem.New(ctx, path)
		if err != nil {
			return err
		}
		defer fs.Close()
		size, err = fs.Size(ctx, path)
		return err
	})
	return size, err
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
