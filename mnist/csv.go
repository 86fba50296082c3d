package mnist

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// maxLine bounds a line of CSV: 785 numbers of 64 bytes.
const maxLine = 64 << 10

// labelColumns and indexColumns are names of columns, in lower case, that hold
// labels, and that hold nothing of use.
var (
	labelColumns = []string{"label", "labels", "class", "target", "digit", "y"}
	indexColumns = []string{"", "id", "index", "imageid", "unnamed: 0"}
)

// separatorOf returns what separates the fields of a line, and their number.
func separatorOf(line []byte) (separator byte, fields int) {
	for _, candidate := range []byte(",;\t") {
		if n := bytes.Count(line, []byte{candidate}) + 1; n > fields {
			separator, fields = candidate, n
		}
	}
	return separator, fields
}

// isCSV reports whether a text begins with a line of as many fields as an
// image has pixels.
func isCSV(text []byte) bool {
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	if bytes.IndexByte(line, 0) >= 0 {
		return false
	}
	_, fields := separatorOf(line)
	return fields >= ImageBytes && fields <= ImageBytes+1+len(indexColumns)
}

// table is a CSV file of images.
type table struct {
	separator byte
	columns   []column
	labels    []int64
	ends      [2][]float64 // of files without a header: the first and the last column, one of which is the label's
	pixels    Pixels
	lines     int
}

type column int

const (
	pixelColumn column = iota
	labelColumn
	ignoredColumn
	firstColumn // a label or a pixel
	lastColumn  // a label or a pixel
)

// readCSV reads images, and labels if there are any.
func (p *part) readCSV(r io.Reader) error {
	t := table{}
	lines := bufio.NewReaderSize(r, maxLine)
	number := 0
	for {
		line, err := lines.ReadSlice('\n')
		number++
		if errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("%w: line %d: expected at most %d bytes", ErrFormat, number, maxLine)
		}
		if err != nil && err != io.EOF {
			return fmt.Errorf("%w: line %d: %w", ErrFormat, number, err)
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) > 0 {
			if lineErr := t.line(line); lineErr != nil {
				return fmt.Errorf("line %d: %w", number, lineErr)
			}
		}
		if err == io.EOF {
			break
		}
	}
	return t.finish(p)
}

// line reads one line; the first may be a header.
func (t *table) line(line []byte) error {
	if t.columns == nil {
		var fields int
		t.separator, fields = separatorOf(line)
		first := strings.Split(string(line), string(t.separator))
		if slices.ContainsFunc(first, func(field string) bool { _, err := number([]byte(field)); return err != nil }) {
			return t.header(first)
		}
		switch fields {
		case ImageBytes:
			t.columns = make([]column, ImageBytes)
		case ImageBytes + 1:
			t.columns = make([]column, ImageBytes+1)
			t.columns[0], t.columns[ImageBytes] = firstColumn, lastColumn
		default:
			return fmt.Errorf("%w: expected %d pixels, with or without a label, got %d fields and no header", ErrFormat, ImageBytes, fields)
		}
		t.pixels.unit = false
	}
	if t.lines == maxItems {
		return fmt.Errorf("%w: expected at most %d images", ErrFormat, maxItems)
	}
	t.lines++
	return t.row(line)
}

// header takes the columns from their names.
func (t *table) header(names []string) error {
	t.columns = make([]column, len(names))
	pixels, label := 0, -1
	for i, name := range names {
		name = strings.ToLower(strings.Trim(name, " \"'"))
		switch {
		case slices.Contains(labelColumns, name):
			if label >= 0 {
				return fmt.Errorf("%w: header: expected one column of labels, got %q and %q", ErrFormat, names[label], names[i])
			}
			t.columns[i], label = labelColumn, i
		case slices.Contains(indexColumns, name):
			t.columns[i] = ignoredColumn
		default:
			pixels++
		}
	}
	if pixels != ImageBytes {
		return fmt.Errorf("%w: header: expected %d columns of pixels, got %d", ErrFormat, ImageBytes, pixels)
	}
	return nil
}

func (t *table) row(line []byte) error {
	for i, kind := range t.columns {
		field := line
		at := bytes.IndexByte(line, t.separator)
		if at >= 0 {
			field, line = line[:at], line[at+1:]
		}
		if last := i == len(t.columns)-1; last != (at < 0) {
			return fmt.Errorf("%w: expected %d fields, got %s", ErrFormat, len(t.columns), map[bool]string{true: "more", false: strconv.Itoa(i + 1)}[last])
		}
		if kind == ignoredColumn {
			continue
		}
		if kind == pixelColumn {
			if b, ok := smallNumber(field); ok && !t.pixels.unit {
				t.pixels.bytes = append(t.pixels.bytes, b)
				continue
			}
		}
		v, err := number(field)
		if err != nil {
			return fmt.Errorf("field %d: %w", i+1, err)
		}
		switch kind {
		case labelColumn:
			label, ok := whole(v)
			if !ok {
				return fmt.Errorf("%w: field %d: label: expected a whole number, got %q", ErrFormat, i+1, field)
			}
			t.labels = append(t.labels, label)
		case firstColumn:
			t.ends[0] = append(t.ends[0], v)
		case lastColumn:
			t.ends[1] = append(t.ends[1], v)
		default:
			t.fraction(field)
			if err := t.pixels.Add(v); err != nil {
				return fmt.Errorf("field %d: %w", i+1, err)
			}
		}
	}
	return nil
}

// fraction notices the first number that is written with a point: the file's
// values may be from 0 to 1, if none before was above 1.
func (t *table) fraction(field []byte) {
	if t.pixels.unit || t.pixels.points || !bytes.ContainsAny(field, ".eE") {
		return
	}
	t.pixels.points = true
	if slices.ContainsFunc(t.pixels.bytes, func(b byte) bool { return b > 1 }) {
		return
	}
	t.pixels.unit = true
	for i, b := range t.pixels.bytes {
		t.pixels.bytes[i] = b * 255
	}
}

// finish turns what was read into a part.
func (t *table) finish(p *part) (err error) {
	images := t.pixels.bytes
	if t.ends[0] != nil {
		if images, err = t.resolveEnds(); err != nil {
			return err
		}
	}
	if t.labels != nil {
		if p.labels, err = labelBytes(t.labels); err != nil {
			return err
		}
	}
	p.images, p.notes = images, t.pixels.notes()
	return nil
}

// resolveEnds decides which end of the lines of a file without a header is the
// label: the last, if only its values are classes, or if every first value is 0,
// as corners of images are, and not every last one.
func (t *table) resolveEnds() ([]byte, error) {
	all := func(values []float64, is func(float64) bool) bool {
		return !slices.ContainsFunc(values, func(v float64) bool { return !is(v) })
	}
	class := func(v float64) bool { n, ok := whole(v); return ok && n >= 0 && n < Classes }
	zero := func(v float64) bool { return v == 0 }
	first, last := t.ends[0], t.ends[1]
	labelAt := 0
	if all(last, class) && (!all(first, class) || all(first, zero) && !all(last, zero)) {
		labelAt = 1
	}
	labels, err := wholes(t.ends[labelAt])
	if err != nil {
		return nil, err
	}
	t.labels = labels
	inner, images := t.pixels, Pixels{unit: t.pixels.unit}
	for i, corner := range t.ends[1-labelAt] {
		row := inner.bytes[i*(ImageBytes-1):][:ImageBytes-1]
		if labelAt == 0 {
			images.bytes = append(images.bytes, row...)
		}
		if images.unit && corner > 1 {
			return nil, fmt.Errorf("%w: image %d: expected values from 0 to 1, as before, got %g", ErrFormat, i, corner)
		}
		if err := images.Add(corner); err != nil {
			return nil, fmt.Errorf("image %d: %w", i, err)
		}
		if labelAt == 1 {
			images.bytes = append(images.bytes, row...)
		}
	}
	return images.bytes, nil
}

// smallNumber reads up to three digits.
func smallNumber(field []byte) (value byte, ok bool) {
	if len(field) == 0 || len(field) > 3 {
		return 0, false
	}
	n := 0
	for _, c := range field {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return byte(n), n <= 255
}

func number(field []byte) (float64, error) {
	text := strings.Trim(string(field), " \"'")
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: expected a number, got %.40q", ErrFormat, text)
	}
	return v, nil
}
