package mnist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// Format is a form of files that Open reads besides its own.
type Format struct {
	Name  string // such as Parquet
	Magic string // the first bytes of every file of this form, 4 to 8
	// Read returns a file's images, n×784 bytes, and labels, n, each below 10, or
	// nil if there are none.
	Read func(ctx context.Context, r io.ReaderAt, size int64) (Set, error)
}

var (
	formatsMutex sync.Mutex
	formats      []Format
)

// RegisterFormat makes Open read another form of files. Packages that import it
// call it from init.
func RegisterFormat(f Format) {
	formatsMutex.Lock()
	defer formatsMutex.Unlock()
	formats = append(formats, f)
}

// ErrImage is wrapped by every error about a picture that cannot be used.
var ErrImage = errors.New("not a usable image")

// pictures reads a picture's file; nil if no package that does is imported.
var pictures func(r io.Reader) (pixels [ImageBytes]byte, prepared bool, err error)

// RegisterPictures makes Open read pictures, and ReadPicture; mnist/pictures
// calls it from init. What read returns is as ReadPicture says.
func RegisterPictures(read func(r io.Reader) (pixels [ImageBytes]byte, prepared bool, err error)) {
	formatsMutex.Lock()
	defer formatsMutex.Unlock()
	pictures = read
}

// ReadPicture reads a picture's file by what RegisterPictures was given: one of
// 28×28 pixels as it is, its brightness from 0 to 255, any other brought to that
// form, which is reported. Errors about the content wrap ErrImage; those of r are
// passed on.
func ReadPicture(r io.Reader) (pixels [ImageBytes]byte, prepared bool, err error) {
	formatsMutex.Lock()
	read := pictures
	formatsMutex.Unlock()
	if read == nil {
		return pixels, false, fmt.Errorf("%w: a program that reads pictures imports mnist/pictures", ErrImage)
	}
	return read(r)
}

func registeredFormat(start []byte) (Format, bool) {
	formatsMutex.Lock()
	defer formatsMutex.Unlock()
	i := slices.IndexFunc(formats, func(f Format) bool { return bytes.HasPrefix(start, []byte(f.Magic)) })
	if i < 0 {
		return Format{}, false
	}
	return formats[i], true
}

// registeredNames lists the formats' names, each after a comma.
func registeredNames() (names string) {
	formatsMutex.Lock()
	defer formatsMutex.Unlock()
	for _, f := range formats {
		names += ", " + f.Name
	}
	return names
}
