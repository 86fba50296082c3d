package onnx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kernelet/kernelet/internal/half"
	"github.com/kernelet/kernelet/lenet"
)

// encoded writes fields, each a number and an integer or a text.
func encoded(list ...any) (m []byte) {
	for i := 0; i < len(list); i += 2 {
		number := protowire.Number(list[i].(int))
		switch v := list[i+1].(type) {
		case int:
			m = protowire.AppendVarint(protowire.AppendTag(m, number, protowire.VarintType), uint64(v))
		case []byte:
			m = protowire.AppendBytes(protowire.AppendTag(m, number, protowire.BytesType), v)
		}
	}
	return m
}

// TestTensorForms: the forms in which ONNX's helpers keep two numbers of each
// type give the same elements: raw, packed by type, one field a number.
func TestTensorForms(t *testing.T) {
	values := []float32{1.5, -2}
	var floats, doubles, halves, packed []byte
	var one []any // dimensions and integers, not packed
	for _, v := range values {
		floats = binary.LittleEndian.AppendUint32(floats, math.Float32bits(v))
		doubles = binary.LittleEndian.AppendUint64(doubles, math.Float64bits(float64(v)))
		halves = binary.LittleEndian.AppendUint16(halves, half.ToFloat16(v))
		packed = protowire.AppendVarint(packed, uint64(half.ToFloat16(v)))
	}
	for _, n := range []int{2, 1} {
		one = append(one, tensorDimension, n)
	}
	bothDimensions := []any{tensorDimension, []byte{2, 1}}
	named := []any{tensorName, []byte("w")}
	for name, c := range map[string]struct {
		fields []any
		want   Weight
	}{
		"raw floats":     {append(one, tensorType, 1, tensorRaw, floats), Weight{"w", "F32", []int{2, 1}, floats}},
		"floats":         {append(bothDimensions, tensorType, 1, tensorFloats, floats), Weight{"w", "F32", []int{2, 1}, floats}},
		"float by float": {append(one, tensorType, 1, tensorFloats, floats[:4], tensorFloats, floats[4:]), Weight{"w", "F32", []int{2, 1}, floats}},
		"raw doubles":    {append(one, tensorType, 11, tensorRaw, doubles), Weight{"w", "F64", []int{2, 1}, doubles}},
		"doubles":        {append(one, tensorType, 11, tensorDoubles, doubles), Weight{"w", "F64", []int{2, 1}, doubles}},
		"raw halves":     {append(one, tensorType, 10, tensorRaw, halves), Weight{"w", "F16", []int{2, 1}, halves}},
		"halves":         {append(bothDimensions, tensorType, 10, tensorInts32, packed), Weight{"w", "F16", []int{2, 1}, halves}},
		"bfloat16":       {append(one, tensorType, 16, tensorInts32, packed), Weight{"w", "BF16", []int{2, 1}, halves}},
		"int64":          {append(one, tensorType, 7, tensorRaw, doubles), Weight{"w", "I64", []int{2, 1}, nil}},
		"inside":         {append(one, tensorType, 1, tensorRaw, floats, tensorLocation, 0), Weight{"w", "F32", []int{2, 1}, floats}},
	} {
		got, err := readTensor(encoded(append(c.fields, named...)...))
		if err != nil || got.Name != "w" || got.Type != c.want.Type || !slices.Equal(got.Shape, c.want.Shape) || !bytes.Equal(got.Data, c.want.Data) {
			t.Errorf("%s: expected %v, got %v, error %v", name, c.want, got, err)
		}
	}
	// Lone numbers of fixed size, not packed.
	single := protowire.AppendFixed32(protowire.AppendTag(nil, tensorFloats, protowire.Fixed32Type), math.Float32bits(1.5))
	if got, err := readTensor(append(encoded(tensorType, 1, tensorDimension, 1), single...)); err != nil || !bytes.Equal(got.Data, floats[:4]) {
		t.Errorf("a lone float: got %v, error %v", got, err)
	}
}

// TestTensorRefused: what does not fit its shape, is of another type or stands in
// another file is an error that names the initializer, and what was expected.
func TestTensorRefused(t *testing.T) {
	nine := make([]any, 0, 18)
	for range 9 {
		nine = append(nine, tensorDimension, 1)
	}
	four := make([]byte, 4)
	for name, c := range map[string]struct {
		fields []any
		says   string
	}{
		"strings":        {[]any{tensorType, 8}, "data_type: expected FLOAT, FLOAT16, BFLOAT16 or DOUBLE, got 8"},
		"no type":        {[]any{tensorRaw, four}, "got 0"},
		"short":          {[]any{tensorType, 1, tensorDimension, 2, tensorRaw, four}, "dims: expected a shape of 4 bytes, got [2] of F32"},
		"long":           {[]any{tensorType, 10, tensorDimension, 1, tensorRaw, four}, "dims: expected a shape of 4 bytes, got [1] of F16"},
		"huge":           {[]any{tensorType, 1, tensorDimension, math.MaxInt32, tensorDimension, math.MaxInt32, tensorRaw, four}, "dims: expected a shape of 4 bytes"},
		"none":           {[]any{tensorType, 1, tensorDimension, 0, tensorRaw, four}, "dims: expected a shape of 4 bytes, got [0]"},
		"negative":       {[]any{tensorType, 1, tensorDimension, -1}, "dims: expected at most 8 below 2^31"},
		"nine":           {append(nine, tensorType, 1, tensorRaw, four), "dims: expected at most 8 below 2^31"},
		"packed, cut":    {[]any{tensorType, 1, tensorDimension, []byte{0x80}}, "EOF"},
		"halves, cut":    {[]any{tensorType, 10, tensorInts32, []byte{0x80}}, "EOF"},
		"external":       {[]any{tensorType, 1, tensorExternal, []byte("x")}, "another file: export with external_data=False"},
		"external place": {[]any{tensorLocation, 1}, "another file: export with external_data=False"},
		"floats twice":   {[]any{tensorType, 1, tensorDimension, 1, tensorFloats, four, tensorFloats, four}, "dims: expected a shape of 8 bytes"},
	} {
		fields := append([]any{tensorName, []byte("fc1.weight")}, c.fields...)
		model := encoded(modelIRVersion, 4, modelGraph, encoded(graphInitializer, encoded(fields...)))
		_, err := Read(model)
		if !errors.Is(err, ErrFormat) || !strings.Contains(fmt.Sprint(err), c.says) || !strings.Contains(err.Error(), `initializer "fc1.weight"`) {
			t.Errorf("%s: expected ErrFormat and %q of fc1.weight, got %v", name, c.says, err)
		}
	}
}

// TestGraphRefused: another network's operations, and other sizes of this one's,
// are errors that name them; operations that change nothing are let through.
func TestGraphRefused(t *testing.T) {
	var whole bytes.Buffer
	if err := Write(&whole, lenet.NewModel(1), false); err != nil {
		t.Fatal(err)
	}
	graph := all(decode(t, whole.Bytes()), modelGraph)[0].content
	nodes := all(decode(t, graph), graphNode)
	ints := func(name string, values ...byte) []byte {
		return encoded(nodeAttribute, encoded(attributeName, []byte(name), attributeInts, values))
	}
	// model has the node of an operation changed, or with more in it.
	model := func(operation string, change func(node []byte) []byte) []byte {
		var m []byte
		for _, n := range nodes {
			content := n.content
			if string(all(decode(t, content), nodeType)[0].content) == operation {
				content = change(bytes.Clone(content))
			}
			m = append(m, encoded(graphNode, content)...)
		}
		return encoded(modelIRVersion, 4, modelGraph, m)
	}
	more := func(attribute []byte) func([]byte) []byte {
		return func(node []byte) []byte { return append(node, attribute...) }
	}
	renamed := func(to string) func([]byte) []byte {
		return func(node []byte) []byte { return append(node, encoded(nodeType, []byte(to))...) }
	}
	text := encoded(nodeAttribute, encoded(attributeName, []byte("auto_pad"), attributeText, []byte("SAME_UPPER")))
	lone := encoded(nodeAttribute, encoded(attributeName, []byte("group"), attributeInt, 2))
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"as it is":        {model("", nil), ""},
		"Identity":        {model("Flatten", renamed("Identity")), ""},
		"stride":          {model("Conv", more(ints("strides", 2, 2))), "Conv: strides: expected 1, got 2"},
		"padding":         {model("Conv", more(ints("pads", 2, 2, 2, 2))), "Conv: pads: expected 0, got 2"},
		"padding by name": {model("Conv", more(text)), "auto_pad of Conv: expected VALID, got SAME_UPPER"},
		"groups":          {model("Conv", more(lone)), "Conv: group: expected 1, got 2"},
		"pool":            {model("MaxPool", more(ints("kernel_shape", 3, 3))), "MaxPool: kernel_shape: expected 2, got 3"},
		"ceil":            {model("MaxPool", more(encoded(nodeAttribute, encoded(attributeName, []byte("ceil_mode"), attributeInt, 1)))), "MaxPool: ceil_mode: expected 0, got 1"},
		"packed, cut":     {model("Conv", more(ints("strides", 0x80))), "EOF"},
		"average":         {model("MaxPool", renamed("AveragePool")), "operation AveragePool is not part of it"},
		"two layers":      {model("Conv", renamed("Identity")), "operations: expected Conv"},
		"early softmax":   {model("Flatten", renamed("Softmax")), "Softmax before the last layer"},
		"no graph":        {encoded(modelIRVersion, 4), "a graph is missing"},
		"no stride": {model("MaxPool", func([]byte) []byte { return encoded(nodeType, []byte("MaxPool")) }),
			"strides of MaxPool: expected 2, got none, which is 1"},
	} {
		_, err := Read(c.content)
		if c.says == "" && err != nil || c.says != "" && (!errors.Is(err, ErrFormat) || !strings.Contains(fmt.Sprint(err), c.says)) {
			t.Errorf("%s: expected %q, got %v", name, c.says, err)
		}
	}
}
