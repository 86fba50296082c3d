package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
)

// Folder is where a job writes: a folder, or a prefix such as s3://bucket/name.
// Names in it have slashes.
type Folder string

// temporaryFolder holds files that are not complete.
const temporaryFolder = "temporary"

// Path is the path of a file in the folder.
func (f Folder) Path(name string) string { return strings.TrimRight(string(f), "/") + "/" + name }

// Exists reports whether a file is there.
func (f Folder) Exists(ctx context.Context, name string) bool { return Exists(ctx, f.Path(name)) }

// Read returns a file's content.
func (f Folder) Read(ctx context.Context, name string) ([]byte, error) {
	return Read(ctx, f.Path(name))
}

// Write writes a file that appears under its name whole or not at all.
func (f Folder) Write(ctx context.Context, name string, content []byte) error {
	return f.WriteTo(ctx, name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// WriteTo is Write for content that write makes. It goes to a temporary name, is
// made durable where the filesystem can, and renamed.
func (f Folder) WriteTo(ctx context.Context, name string, write func(io.Writer) error) error {
	err := f.writeTo(ctx, name, write)
	var path *fs.PathError
	if errors.As(err, &path) && strings.Contains(path.Path, temporaryFolder) {
		return fmt.Errorf("write %s: %w", f.Path(name), path.Err)
	}
	return err
}

func (f Folder) writeTo(ctx context.Context, name string, write func(io.Writer) error) error {
	calls := begin(ctx, f.Path(name))
	defer calls.end()
	files, err := filesystem.New(calls.ctx, string(f))
	if err != nil {
		return named(string(f), err)
	}
	defer files.Close()
	temporary := f.Path(temporaryFolder + "/" + strconv.FormatUint(rand.Uint64(), 36))
	err = fill(calls, files, temporary, write)
	if err == nil {
		err = rename(ctx, files, temporary, f.Path(name))
	}
	if remover, ok := files.(filesystem.Remover); ok && err != nil {
		// It may not even be there; the first error counts.
		_ = within(ctx, temporary, patience, func(ctx context.Context) error { return remover.Remove(ctx, temporary) })
	}
	return err
}

func fill(calls *calls, files filesystem.Interface, path string, write func(io.Writer) error) error {
	var file io.WriteCloser
	err := calls.do(func() (err error) {
		file, err = files.OpenWrite(calls.ctx, path)
		return err
	})
	if err != nil {
		return err
	}
	err = write(writer{file, calls})
	if s, ok := file.(interface{ Sync() error }); ok && err == nil {
		err = s.Sync()
	}
	if closeErr := calls.do(file.Close); err == nil {
		err = closeErr
	}
	return err
}

// writer bounds each Write.
type writer struct {
	io.Writer
	calls *calls
}

func (w writer) Write(b []byte) (n int, err error) {
	err = w.calls.do(func() (err error) {
		n, err = w.Writer.Write(b)
		return err
	})
	return n, err
}

// rename makes the folder of the new name first, where there are folders.
func rename(ctx context.Context, files filesystem.Interface, from, to string) error {
	if err := makeFolder(to); err != nil {
		return err
	}
	err := within(ctx, to, patience, func(ctx context.Context) error { return filesystem.Rename(ctx, files, from, to) })
	if err != nil {
		return fmt.Errorf("write %w", err)
	}
	return nil
}

// Remove removes a file if it is there.
func (f Folder) Remove(ctx context.Context, name string) error {
	if !f.Exists(ctx, name) {
		return nil
	}
	return remove(ctx, f.Path(name))
}

func remove(ctx context.Context, path string) error {
	return within(ctx, path, patience, func(ctx context.Context) error {
		files, err := filesystem.New(ctx, path)
		if err != nil {
			return err
		}
		defer files.Close()
		remover, ok := files.(filesystem.Remover)
		if !ok {
			return fmt.Errorf("%s: its filesystem removes nothing", path)
		}
		return remover.Remove(ctx, path)
	})
}

// Sweep removes what writers that were killed left under temporary names. No
// writer may be at work.
func (f Folder) Sweep(ctx context.Context) error {
	paths, err := Glob(ctx, f.Path(temporaryFolder+"/*"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := remove(ctx, path); err != nil {
			return err
		}
	}
	if Exists(ctx, f.Path(temporaryFolder)) { // a folder, not a prefix
		return remove(ctx, f.Path(temporaryFolder))
	}
	return nil
}
