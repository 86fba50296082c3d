package mnist

import (
	"bytes"
	"context"
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
