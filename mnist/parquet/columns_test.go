package parquet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/kernelet/kernelet/mnist"
)

// wide writes a file of a label and 784 columns of one number each, as data
// frames have them. leaf is the pixels' type, value the one of a byte; change may
// replace a row's values.
func wide(t *testing.T, set mnist.Set, leaf, label parquet.Node, value func(byte) any, change func(row int, values []any)) []byte {
	t.Helper()
	group := parquet.Group{"label": label, "id": parquet.Leaf(parquet.Int64Type)} // columns follow one another by name
	for i := range mnist.ImageBytes {
		group[fmt.Sprintf("p%03d", i)] = leaf
	}
	var b bytes.Buffer
	w := parquet.NewWriter(&b, parquet.NewSchema("digits", group))
	for i, digit := range set.Labels {
		values := []any{int64(i), value(digit)}
		if label.Type().Kind() == parquet.Int64 {
			values[1] = int64(digit)
		}
		for _, pixel := range set.Images[i*mnist.ImageBytes:][:mnist.ImageBytes] {
			values = append(values, value(pixel))
		}
		change(i, values)
		row := make(parquet.Row, len(values))
		for column, v := range values {
			defined := 0
			if v != nil && (column > 1 && leaf.Optional() || column == 1 && label.Optional()) {
				defined = 1
			}
			row[column] = parquet.ValueOf(v).Level(0, defined, column)
		}
		if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unchanged(int, []any) {}

func asInt64(b byte) any { return int64(b) }

// TestColumns: columns of one number, of every type that numbers have, give the
// same images; a column of indices is passed over.
func TestColumns(t *testing.T) {
	want := mnist.Synthetic(4, 9)
	for name, c := range map[string]struct {
		kind  parquet.Type
		value func(byte) any
	}{
		"int64":  {parquet.Int64Type, asInt64},
		"int32":  {parquet.Int32Type, func(b byte) any { return int32(b) }},
		"float":  {parquet.FloatType, func(b byte) any { return float32(b) }},
		"double": {parquet.DoubleType, func(b byte) any { return float64(b) }},
		"unit":   {parquet.FloatType, func(b byte) any { return float32(b) / 255 }},
	} {
		label := parquet.Leaf(c.kind)
		if name == "unit" {
			label = parquet.Leaf(parquet.Int64Type)
		}
		content := wide(t, want, parquet.Leaf(c.kind), label, c.value, unchanged)
		got, err := Read(t.Context(), bytes.NewReader(content), int64(len(content)))
		if err != nil || !bytes.Equal(got.Images, want.Images) || !bytes.Equal(got.Labels, want.Labels) {
			t.Errorf("%s: other images or labels, or %v", name, err)
		}
	}
}

// TestColumnsRefused: a value that is missing or out of range is an error that
// names the column, what was expected and what was found.
func TestColumnsRefused(t *testing.T) {
	set := mnist.Synthetic(3, 9)
	leaf := parquet.Leaf(parquet.Int64Type)
	for name, c := range map[string]struct {
		change func(row int, values []any)
		says   string
	}{
		"no pixel":    {func(row int, values []any) { clearAt(values, row == 1, 2+17) }, "column p017: expected a value, got null"},
		"no label":    {func(row int, values []any) { clearAt(values, row == 2, 1) }, "column label: expected a value, got null"},
		"bright":      {func(row int, values []any) { set256(values, row == 1) }, "column p005: "},
		"eleven":      {func(row int, values []any) { values[1] = int64(11) }, "column label: not valid image data: labels: expected the 10 classes 0 to 9, got 1 classes, 11"},
		"minus a lot": {func(row int, values []any) { values[1] = int64(-1) << 40 }, "column label: not valid image data: label 0: expected a whole number"},
	} {
		content := wide(t, set, parquet.Optional(leaf), parquet.Optional(leaf), asInt64, c.change)
		got, err := Read(t.Context(), bytes.NewReader(content), int64(len(content)))
		if !errors.Is(err, mnist.ErrFormat) || !strings.Contains(err.Error(), c.says) || got.Images != nil || got.Labels != nil {
			t.Errorf("%s: expected ErrFormat that says %q and no set, got %v", name, c.says, err)
		}
	}
	content := wide(t, set, leaf, leaf, asInt64, unchanged)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, bytes.NewReader(content), int64(len(content))); err != context.Canceled {
		t.Errorf("expected context.Canceled, got %v", err)
	}
}

func clearAt(values []any, now bool, at int) {
	if now {
		values[at] = nil
	}
}

func set256(values []any, now bool) {
	if now {
		values[2+5] = int64(256)
	}
}
