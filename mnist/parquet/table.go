package parquet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/parquet-go/parquet-go"

	"github.com/kernelet/kernelet/mnist"
)

// table is a file that is being read.
type table struct {
	columns
	rows int
}

func (t *table) read(ctx context.Context, file *parquet.File) (set mnist.Set, err error) {
	wrong := func(column *parquet.Column, err error) (mnist.Set, error) {
		if errors.Is(err, mnist.ErrImage) || ctx.Err() != nil {
			return mnist.Set{}, err
		}
		return mnist.Set{}, fmt.Errorf("%w: Parquet: column %s: %w", mnist.ErrFormat, column.Name(), err)
	}
	if t.label != nil {
		if set.Labels, err = t.readLabels(ctx, file); err != nil {
			return wrong(t.label, err)
		}
	}
	switch {
	case t.pictures != nil:
		if set.Images, err = t.readPictures(ctx, file); err != nil {
			return wrong(t.pictures, err)
		}
	case t.lists != nil:
		if set.Images, err = t.readLists(ctx, file); err != nil {
			return wrong(t.lists, err)
		}
	default:
		var pixels mnist.Pixels
		columns := make([][]float64, len(t.pixels))
		for i, column := range t.pixels {
			if columns[i], err = t.readNumbers(ctx, file, column, t.rows); err != nil {
				return wrong(column, err)
			}
		}
		pixels.Floats(isFloat(t.pixels[0]))
		for row := range t.rows {
			for i := range columns {
				if err := pixels.Add(columns[i][row]); err != nil {
					return wrong(t.pixels[i], err)
				}
			}
		}
		set.Images = pixels.Bytes()
	}
	return set, nil
}

func isFloat(column *parquet.Column) bool {
	kind := column.Type().Kind()
	return kind == parquet.Float || kind == parquet.Double
}

// values calls use with every value of a column, row after row.
func (t *table) values(ctx context.Context, file *parquet.File, column *parquet.Column, use func(parquet.Value) error) error {
	buffer := make([]parquet.Value, 1024)
	for _, group := range file.RowGroups() {
		pages := group.ColumnChunks()[column.Index()].Pages()
		err := func() error {
			defer pages.Close()
			for {
				if err := ctx.Err(); err != nil {
					return err
				}
				page, err := pages.ReadPage()
				if err == io.EOF {
					return nil
				}
				if err != nil {
					return err
				}
				err = pageValues(page, buffer, use)
				parquet.Release(page)
				if err != nil {
					return err
				}
			}
		}()
		if err != nil {
			return err
		}
	}
	return nil
}

func pageValues(page parquet.Page, buffer []parquet.Value, use func(parquet.Value) error) error {
	for values := page.Values(); ; {
		n, err := values.ReadValues(buffer)
		for _, v := range buffer[:n] {
			if v.IsNull() {
				return errNull
			}
			if err := use(v); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrNoProgress
		}
	}
}

// number returns a value as a float64, which holds pixels and labels exactly.
func number(v parquet.Value) float64 {
	switch v.Kind() {
	case parquet.Int32:
		return float64(v.Int32())
	case parquet.Int64:
		return float64(v.Int64())
	case parquet.Float:
		return float64(v.Float())
	case parquet.Double:
		return v.Double()
	}
	return math.NaN()
}

// readNumbers reads a column of exactly n numbers.
func (t *table) readNumbers(ctx context.Context, file *parquet.File, column *parquet.Column, n int) (numbers []float64, err error) {
	err = t.values(ctx, file, column, func(v parquet.Value) error {
		if len(numbers) == n {
			return fmt.Errorf("expected %d values, got more", n)
		}
		numbers = append(numbers, number(v))
		return nil
	})
	if err == nil && len(numbers) != n {
		err = fmt.Errorf("expected %d values, got %d", n, len(numbers))
	}
	return numbers, err
}

func (t *table) readLabels(ctx context.Context, file *parquet.File) ([]byte, error) {
	numbers, err := t.readNumbers(ctx, file, t.label, t.rows)
	if err != nil {
		return nil, err
	}
	return mnist.Labels(numbers)
}

// readLists reads a column of lists, of one or more dimensions, of as many
// numbers a row as an image has pixels.
func (t *table) readLists(ctx context.Context, file *parquet.File) ([]byte, error) {
	var pixels mnist.Pixels
	pixels.Floats(isFloat(t.lists))
	count, rows := 0, 0
	err := t.values(ctx, file, t.lists, func(v parquet.Value) error {
		if v.RepetitionLevel() == 0 {
			if count%mnist.ImageBytes != 0 || rows == t.rows {
				return fmt.Errorf("row %d: expected lists of %d numbers, got %d", rows, mnist.ImageBytes, count%mnist.ImageBytes)
			}
			rows++
		}
		if count++; count > rows*mnist.ImageBytes {
			return fmt.Errorf("row %d: expected lists of %d numbers, got more", rows-1, mnist.ImageBytes)
		}
		return pixels.Add(number(v))
	})
	if err == nil && count != t.rows*mnist.ImageBytes {
		err = fmt.Errorf("expected %d lists of %d numbers, got %d numbers", t.rows, mnist.ImageBytes, count)
	}
	return pixels.Bytes(), err
}

// pictureBatch is the number of pictures that are decoded at a time.
const pictureBatch = 4096

// readPictures reads a column of encoded pictures, decoding on all processors.
func (t *table) readPictures(ctx context.Context, file *parquet.File) (images []byte, err error) {
	var encoded [][]byte
	decode := func() error {
		first := len(images) / mnist.ImageBytes
		images = append(images, make([]byte, len(encoded)*mnist.ImageBytes)...)
		err := decodeAll(encoded, images[first*mnist.ImageBytes:], first)
		encoded = encoded[:0]
		return err
	}
	rows := 0
	err = t.values(ctx, file, t.pictures, func(v parquet.Value) error {
		if rows++; rows > t.rows {
			return fmt.Errorf("expected %d values, got more", t.rows)
		}
		encoded = append(encoded, bytes.Clone(v.ByteArray()))
		if len(encoded) == pictureBatch {
			return decode()
		}
		return nil
	})
	if err == nil {
		err = decode()
	}
	if err == nil && rows != t.rows {
		err = fmt.Errorf("expected %d values, got %d", t.rows, rows)
	}
	return images, err
}

// decodeAll decodes pictures to images, [n][784]; first is the first one's row.
func decodeAll(encoded [][]byte, images []byte, first int) error {
	failures := make([]error, len(encoded))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(encoded); i = int(next.Add(1)) - 1 {
				var pixels [mnist.ImageBytes]byte
				if pixels, _, failures[i] = mnist.ReadPicture(bytes.NewReader(encoded[i])); failures[i] != nil {
					failures[i] = fmt.Errorf("row %d: %w", first+i, failures[i])
				}
				copy(images[i*mnist.ImageBytes:], pixels[:])
			}
		})
	}
	workers.Wait()
	for _, err := range failures {
		if err != nil {
			return err
		}
	}
	return nil
}
