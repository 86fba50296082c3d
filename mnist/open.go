package mnist

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// Open reads a data set in any of the forms that people keep it in, told by
// content:
//
//   - IDX files under MNIST's, EMNIST's, KMNIST's, Fashion-MNIST's or QMNIST's
//     names, with or without .gz; EMNIST's images, which are stored transposed,
//     are turned upright
//   - NumPy's .npz and .npy: x_train, y_train, x_test, y_test or other names that
//     say train or test; bytes, integers, or floats from 0 to 1 or 0 to 255
//   - CSV, a line an image: 784 pixels, as Kaggle has it, with a column of labels
//     or without, with a header or without
//   - pictures in a folder for each class, of 28×28 pixels or, found and brought to
//     that form, of any size; they follow one another by their file's name. A
//     program that reads them imports mnist/pictures
//   - a folder, zip or tar, compressed or not, of any of these
//   - what RegisterFormat added; package mnist/parquet adds Parquet
//
// A program that imports mnist/inflate decompresses sooner.
//
// Whether images are for training or testing is told by the names of files,
// folders and arrays; what no name tells is for training. A set that path does
// not hold is empty, and a test set without labels has images alone. Images of
// validation become the test set where there is none.
//
// Dataset.Notes say what was changed or left out. Errors about the content wrap
// ErrFormat or ErrImage and name file, field, what was expected and what was
// found; where nothing usable was found the error wraps fs.ErrNotExist. A set has
// at most a million images; archives within archives are read from memory, up to
// half a gigabyte.
func Open(ctx context.Context, path string) (*Dataset, error) {
	data, err := open(ctx, path)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

func open(ctx context.Context, path string) (*Dataset, error) {
	sources, closeAll, err := sourcesOf(ctx, path)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	found, err := readSources(ctx, sources)
	if err != nil {
		return nil, err
	}
	data, err := found.assemble()
	if err != nil {
		return nil, err
	}
	data.Source = path
	if data.Name, err = foreignName(path); err != nil {
		return nil, err
	}
	if data.original() {
		data.Name = "mnist"
	}
	return data, nil
}

// original reports whether both sets are MNIST's: as IDX files they would have
// the originals' hashes.
func (d *Dataset) original() bool {
	for i, content := range [][]byte{d.Train.Images, d.Train.Labels, d.Test.Images, d.Test.Labels} {
		f := files[i]
		if int64(len(content)) > f.bytes {
			return false
		}
		hash := sha256.New()
		if f.labels {
			hash.Write(idxHeader(labelsMagic, len(content)))
		} else {
			hash.Write(idxHeader(imagesMagic, len(content)/ImageBytes, Rows, Columns))
		}
		hash.Write(content)
		if hex.EncodeToString(hash.Sum(nil)) != f.sha256 {
			return false
		}
	}
	return true
}

func idxHeader(magic uint32, sizes ...int) []byte {
	header := binary.BigEndian.AppendUint32(nil, magic)
	for _, n := range sizes {
		header = binary.BigEndian.AppendUint32(header, uint32(n))
	}
	return header
}

// part is what one file or array holds.
type part struct {
	name   string // path within what was opened
	images []byte // n×784, or nil
	labels []byte // n, or nil
	notes  []string
}

// findings are what all sources hold.
type findings struct {
	parts    []part
	pictures []*pictureFile
	ignored  []string
}

// reading is what one source turned out to hold: a part, a picture or, neither
// set, nothing that is known.
type reading struct {
	part    *part
	picture *pictureFile
}

// readSources reads sources on all processors.
func readSources(ctx context.Context, sources []entry) (findings, error) {
	readings, failures := make([]reading, len(sources)), make([]error, len(sources))
	var next, images atomic.Int64
	var failed atomic.Bool
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(sources)) {
		workers.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= len(sources) {
					return
				}
				if failures[i] = ctx.Err(); failures[i] == nil {
					readings[i], failures[i] = sources[i].read(ctx)
				}
				if p := readings[i].part; p != nil && images.Add(int64(len(p.images)/ImageBytes)) > 2*maxItems {
					failures[i] = fmt.Errorf("%w: expected at most %d images in all", ErrFormat, 2*maxItems)
				}
				if failures[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	workers.Wait()
	var found findings
	for i, s := range sources {
		switch {
		case failures[i] != nil:
			return found, fmt.Errorf("%s: %w", s.name, failures[i])
		case readings[i].part != nil:
			found.parts = append(found.parts, *readings[i].part)
		case readings[i].picture != nil:
			found.pictures = append(found.pictures, readings[i].picture)
		default:
			found.ignored = append(found.ignored, s.name)
		}
	}
	return found, nil
}

// errNothing is the error of a place without data.
func (f findings) errNothing() error {
	saw := ""
	if n := len(f.ignored); n > 0 {
		saw = fmt.Sprintf(", got %d files of no known form: %s", n, listed(f.ignored))
	}
	return fmt.Errorf("expected images as IDX files (%s or %[1]s.gz, …), .npz, CSV of 784 pixels a line, or pictures in a folder for each class%s%s: %w",
		files[0].name, registeredNames(), saw, fs.ErrNotExist)
}

// listed joins the first few names.
func listed(names []string) string {
	const most = 5
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// sourcesOf lists what is at path. The function that it returns closes what the
// sources read from.
func sourcesOf(ctx context.Context, path string) ([]entry, func(), error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, errors.Unwrap(err) // whose text repeats the path
	}
	if info.IsDir() {
		sources, err := folderSources(ctx, path)
		if err != nil {
			return nil, nil, err
		}
		return expand(ctx, sources)
	}
	if !info.Mode().IsRegular() { // a pipe, which can be read once only
		content, err := readPipe(ctx, path)
		if err != nil {
			return nil, nil, err
		}
		return expand(ctx, []entry{memorySource(filepath.Base(path), content)})
	}
	// An IDX file of images comes with one of labels beside it.
	if siblings := idxSiblings(path); siblings != nil {
		return siblings, func() {}, nil
	}
	return expand(ctx, []entry{fileSource(path, filepath.Base(path))})
}
