// Package parquet makes mnist.Open read Parquet files, as dataset hubs have
// them. Import it for that alone:
//
//	import _ "github.com/kernelet/kernelet/mnist/parquet"
//
// Images are a column of encoded pictures, as mnist/pictures reads them, a column of
// lists of 784 numbers, or 784 columns of one number each; labels a column
// named label, labels, class, target, digit or y. Several files of one set, such
// as train-00000-of-00002.parquet, follow one another by name.
package parquet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/kernelet/kernelet/mnist"
	_ "github.com/kernelet/kernelet/mnist/pictures" // a column may hold them
)

func init() { mnist.RegisterFormat(mnist.Format{Name: "Parquet", Magic: "PAR1", Read: Read}) }

// Bounds of a file.
const (
	maxImages  = 1_000_000
	maxColumns = 2000
	maxPage    = 128 << 20 // bytes of a page, decompressed
	maxValues  = 1 << 25   // of a page; writers begin another one at 20,000 rows
)

// Read reads a Parquet file of images, and labels if it has any. Errors about
// the content wrap mnist.ErrFormat or mnist.ErrImage. A page of more than 128 MiB
// is refused before it is decompressed, so are metadata of more than 16 MiB.
func Read(ctx context.Context, r io.ReaderAt, size int64) (set mnist.Set, err error) {
	// The decoder panics on some damaged files.
	defer func() {
		if p := recover(); p != nil {
			set, err = mnist.Set{}, fmt.Errorf("%w: Parquet: %v", mnist.ErrFormat, p)
		}
	}()
	if err := checkFooter(r, size); err != nil {
		return mnist.Set{}, fmt.Errorf("%w: Parquet: %w", mnist.ErrFormat, err)
	}
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return mnist.Set{}, fmt.Errorf("%w: Parquet: %w", mnist.ErrFormat, err)
	}
	if n := file.NumRows(); n < 0 || n > maxImages {
		return mnist.Set{}, fmt.Errorf("%w: Parquet: expected at most %d rows, got %d", mnist.ErrFormat, maxImages, n)
	}
	if err := checkPages(file, r, size); err != nil {
		return mnist.Set{}, fmt.Errorf("%w: Parquet: %w", mnist.ErrFormat, err)
	}
	c, err := chooseColumns(file)
	if err != nil {
		return mnist.Set{}, fmt.Errorf("%w: Parquet: %w", mnist.ErrFormat, err)
	}
	t := table{columns: c, rows: int(file.NumRows())}
	return t.read(ctx, file)
}

// checkPages reads the headers of all pages and refuses those that are too
// large.
func checkPages(file *parquet.File, r io.ReaderAt, size int64) error {
	var protocol thrift.CompactProtocol
	ahead := bufio.NewReader(nil)
	for _, group := range file.Metadata().RowGroups {
		for _, chunk := range group.Columns {
			m := chunk.MetaData
			at := m.DataPageOffset
			if m.DictionaryPageOffset > 0 && m.DictionaryPageOffset < at {
				at = m.DictionaryPageOffset
			}
			end := at + m.TotalCompressedSize
			if at < 0 || end < at || end > size {
				return fmt.Errorf("column %s: expected its pages within %d bytes, got %d to %d", strings.Join(m.PathInSchema, "."), size, at, end)
			}
			for at < end {
				section := io.NewSectionReader(r, at, end-at)
				ahead.Reset(section)
				if err := checkLengths(ahead, end-at); err != nil {
					return fmt.Errorf("column %s: page at byte %d: %w", strings.Join(m.PathInSchema, "."), at, err)
				}
				if _, err := section.Seek(0, io.SeekStart); err != nil {
					return err
				}
				var header format.PageHeader
				if err := thrift.NewDecoder(protocol.NewReader(section)).Decode(&header); err != nil {
					return fmt.Errorf("column %s: page at byte %d: %w", strings.Join(m.PathInSchema, "."), at, err)
				}
				consumed, err := section.Seek(0, io.SeekCurrent)
				if err != nil {
					return err
				}
				if n := max(header.UncompressedPageSize, header.CompressedPageSize); n > maxPage || header.CompressedPageSize < 0 {
					return fmt.Errorf("column %s: page at byte %d: expected at most %d bytes, got %d", strings.Join(m.PathInSchema, "."), at, maxPage, n)
				}
				values := max(header.DataPageHeader.V.NumValues, header.DataPageHeaderV2.V.NumValues, header.DictionaryPageHeader.V.NumValues)
				if values > maxValues {
					return fmt.Errorf("column %s: page at byte %d: expected at most %d values, got %d", strings.Join(m.PathInSchema, "."), at, maxValues, values)
				}
				at += consumed + int64(header.CompressedPageSize)
			}
		}
	}
	return nil
}

// columns are the leaves that are read.
type columns struct {
	label    *parquet.Column
	pictures *parquet.Column   // encoded pictures
	lists    *parquet.Column   // lists of 784 numbers
	pixels   []*parquet.Column // 784 of one number
}

var labelNames = []string{"label", "labels", "class", "target", "digit", "y"}

func chooseColumns(file *parquet.File) (c columns, err error) {
	var leaves []*parquet.Column
	var walk func(*parquet.Column)
	walk = func(column *parquet.Column) {
		if column.Leaf() {
			leaves = append(leaves, column)
		}
		for _, child := range column.Columns() {
			walk(child)
		}
	}
	walk(file.Root())
	if len(leaves) > maxColumns {
		return c, fmt.Errorf("expected at most %d columns, got %d", maxColumns, len(leaves))
	}
	var names []string
	for _, leaf := range leaves {
		path := leaf.Path()
		names = append(names, strings.Join(path, "."))
		kind := leaf.Type().Kind()
		number := kind == parquet.Int32 || kind == parquet.Int64 || kind == parquet.Float || kind == parquet.Double
		repeated := leaf.MaxRepetitionLevel() > 0
		switch {
		case number && !repeated && len(path) == 1 && slices.Contains(labelNames, strings.ToLower(path[0])):
			c.label = leaf
		case kind == parquet.ByteArray && !repeated && (path[len(path)-1] == "bytes" || len(path) == 1 && c.pictures == nil):
			c.pictures = leaf
		case number && repeated:
			c.lists = leaf
		case number && !strings.HasPrefix(path[0], "__") && !slices.Contains([]string{"id", "index"}, strings.ToLower(path[0])):
			c.pixels = append(c.pixels, leaf)
		}
	}
	if c.pictures == nil && c.lists == nil && len(c.pixels) != mnist.ImageBytes {
		if len(names) > 10 {
			names = append(names[:10], "…")
		}
		return c, fmt.Errorf("expected a column of pictures' bytes, of lists of %d pixels, or %[1]d columns of pixels, got %s", mnist.ImageBytes, strings.Join(names, ", "))
	}
	return c, nil
}

// errNull is the error of a row without a value.
var errNull = errors.New("expected a value, got null")
