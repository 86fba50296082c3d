package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
)

func file(header string, data ...byte) []byte {
	content := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(content, header...), data...)
}

func TestRoundTrip(t *testing.T) {
	tensors := []Tensor{
		{"a", Float32, []int{1, 2}, []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		{"empty", Float32, []int{0}, nil},
		{"b \"quoted\"", Uint64, []int{1}, []byte{8, 7, 6, 5, 4, 3, 2, 1}},
	}
	var b bytes.Buffer
	if err := Write(&b, map[string]string{"x": "y"}, tensors); err != nil {
		t.Fatal(err)
	}
	metadata, got, err := Read(b.Bytes())
	if err != nil || metadata["x"] != "y" || len(got) != 3 {
		t.Fatalf("got %v, %v, %v", metadata, got, err)
	}
	for _, g := range got {
		for _, w := range tensors {
			if g.Name == w.Name && (g.Type != w.Type || !bytes.Equal(g.Data, w.Data) || len(g.Shape) != len(w.Shape)) {
				t.Errorf("expected %v, got %v", w, g)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	const one = `{"dtype":"U8","shape":[1],"data_offsets":[0,1]}`
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"empty":                {nil, "at least 8 bytes"},
		"length lies":          {binary.LittleEndian.AppendUint64(nil, 1<<62), "header length"},
		"not JSON":             {file("hello"), "header"},
		"a list":               {file("[]"), "expected an object"},
		"more":                 {file("{} {}"), "bytes follow"},
		"twice":                {file(`{"a":`+one+`,"a":`+one+`}`, 0), `"a" appears twice`},
		"gap":                  {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 0, 0), "begin at 0"},
		"overlap":              {file(`{"a":`+one+`,"b":`+one+`}`, 0), "begin at 1"},
		"beyond":               {file(`{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}`, 0), "data_offsets"},
		"backwards":            {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, 0), "data_offsets"},
		"size":                 {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1]}}`, 0), "fits 1 bytes"},
		"other size":           {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,2]}}`, 0, 0), "expected 1 bytes, got 2"},
		"overflow":             {file(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,1]}}`, 0), "shape"},
		"negative":             {file(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 0), "shape"},
		"unknown type":         {file(`{"a":{"dtype":"F7","shape":[1],"data_offsets":[0,1]}}`, 0), "dtype"},
		"negative zero":        {file(`{"a":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}`), "got -0"},
		"a fraction":           {file(`{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, 0), "got 1.0"},
		"2^64 and one":         {file(`{"a":{"dtype":"U8","shape":[18446744073709551617],"data_offsets":[0,1]}}`, 0), "got 18446744073709551617"},
		"wraps to zero":        {file(`{"a":{"dtype":"F32","shape":[65536,16384],"data_offsets":[0,0]}}`), "shape"},
		"null shape":           {file(`{"a":{"dtype":"U8","shape":null,"data_offsets":[0,1]}}`, 0), "expected a list, got <nil>"},
		"null dimension":       {file(`{"a":{"dtype":"U8","shape":[null],"data_offsets":[0,0]}}`), "expected a number, got <nil>"},
		"null dtype":           {file(`{"a":{"dtype":null,"shape":[1],"data_offsets":[0,1]}}`, 0), "expected a string, got <nil>"},
		"null tensor":          {file(`{"a":null}`), "expected an object, got <nil>"},
		"a text's digit":       {file(`{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}`, 0), "expected a number, got 1"},
		"other case":           {file(`{"a":{"DType":"U8","shape":[1],"data_offsets":[0,1]}}`, 0), `"DType": expected dtype, shape or data_offsets`},
		"unknown key":          {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}`, 0), `"x": expected dtype, shape or data_offsets`},
		"dtype twice":          {file(`{"a":{"dtype":"U8","shape":[1],"dtype":"U8","data_offsets":[0,1]}}`, 0), `"dtype" appears twice`},
		"no dtype":             {file(`{"a":{"shape":[1],"data_offsets":[0,1]}}`, 0), "dtype is missing"},
		"no shape":             {file(`{"a":{"dtype":"U8","data_offsets":[0,1]}}`, 0), "shape is missing"},
		"no offsets":           {file(`{"a":{"dtype":"U8","shape":[1]}}`, 0), "data_offsets is missing"},
		"three offsets":        {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}`, 0), "data_offsets"},
		"metadata null, twice": {file(`{"__metadata__":null,"__metadata__":{}}`), `"__metadata__" appears twice`},
		"metadata of a list":   {file(`{"__metadata__":[]}`), "expected an object or null, got ["},
		"metadata twice":       {file(`{"__metadata__":{},"__metadata__":{}}`), `"__metadata__" appears twice`},
		"metadata key twice":   {file(`{"__metadata__":{"a":"b","a":"b"}}`), `"a" appears twice`},
		"metadata of a number": {file(`{"__metadata__":{"a":1}}`), "expected a string, got 1"},
		"metadata of null":     {file(`{"__metadata__":{"a":null}}`), "expected a string, got <nil>"},
		"begins with a space":  {file(" {}"), "expected an object at once"},
		"ends with a letter":   {file("{}\nx"), "bytes follow"},
		"not UTF-8":            {file("{\"\xff\":null}"), "UTF-8"},
		"cut off":              {file(`{"a":{"dtype":"U8",`), "header"},
		"no header":            {file(""), "header"},
		"trailing bytes":       {file(`{"a":`+one+`}`, 0, 0), "expected 1 bytes of tensors"},
	} {
		if _, _, err := Read(c.content); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: expected ErrFormat that says %q, got %v", name, c.says, err)
		}
	}
}

// TestSizeOf: products that wrap at 32 and at 64 bits are refused on every
// platform.
func TestSizeOf(t *testing.T) {
	for _, c := range []struct {
		shape []int
		most  uint64
		size  uint64
		ok    bool
	}{
		{nil, 4, 4, true},
		{nil, 3, 0, false},
		{[]int{3, 5}, 60, 60, true},
		{[]int{3, 5}, 59, 0, false},
		{[]int{1 << 16, 1 << 14}, math.MaxInt32, 0, false},         // 2^32 bytes
		{[]int{1 << 16, 1<<14 + 1}, math.MaxInt32, 0, false},       // 2^32 + 2^18
		{[]int{1 << 30, 1 << 30, 1 << 2}, math.MaxInt64, 0, false}, // 2^64
		{[]int{math.MaxInt32, 0, math.MaxInt32}, math.MaxInt32, 0, true},
	} {
		if size, ok := sizeOf(c.shape, 4, c.most); ok != c.ok || ok && size != c.size {
			t.Errorf("%v within %d: expected %d, %v, got %d, %v", c.shape, c.most, c.size, c.ok, size, ok)
		}
	}
}

// TestScalar: an array without dimensions has one element.
func TestScalar(t *testing.T) {
	for _, shape := range [][]int{nil, {}} {
		var b bytes.Buffer
		if err := Write(&b, nil, []Tensor{{"a", "U8", shape, []byte{7}}}); err != nil {
			t.Fatal(err)
		}
		metadata, got, err := Read(b.Bytes())
		if err != nil || metadata != nil || len(got) != 1 || len(got[0].Shape) != 0 || !bytes.Equal(got[0].Data, []byte{7}) {
			t.Errorf("shape %v: got %v, %v, error %v", shape, metadata, got, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(file("{}"))
	f.Add(file(`{"__metadata__":{"a":"b"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 1, 2, 3, 4))
	var whole bytes.Buffer
	if err := Write(&whole, map[string]string{"format": "pt"}, []Tensor{
		{"conv1.weight", Float32, []int{2, 1, 3}, make([]byte, 24)},
		{"conv1.bias", Float32, []int{2}, make([]byte, 8)},
		{"position", Uint64, nil, make([]byte, 8)},
	}); err != nil {
		f.Fatal(err)
	}
	if _, tensors, err := Read(whole.Bytes()); err != nil || len(tensors) != 3 {
		f.Fatalf("the whole file among the seeds: %d tensors, error %v", len(tensors), err)
	}
	f.Add(whole.Bytes())
	f.Fuzz(func(t *testing.T, content []byte) {
		metadata, tensors, err := Read(content)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := Write(&b, metadata, tensors); err != nil {
			t.Fatal(err)
		}
		if _, again, err := Read(b.Bytes()); err != nil || len(again) != len(tensors) {
			t.Fatalf("what was read cannot be written and read again: %v", err)
		}
	})
}

// TestTolerated: what the format's own library takes, though it does not write
// it.
func TestTolerated(t *testing.T) {
	large, err := json.Marshal(map[string]string{"notes": strings.Repeat("x", 3<<20)})
	if err != nil {
		t.Fatal(err)
	}
	for name, header := range map[string]string{
		"padded with newlines": "{}\n\n\n", "padded with tabs": "{}\t\r\n ", "metadata null": `{"__metadata__":null}`,
		"much metadata": `{"__metadata__":` + string(large) + "}",
	} {
		if _, tensors, err := Read(file(header)); err != nil || len(tensors) != 0 {
			t.Errorf("%s: got %v, %v", name, tensors, err)
		}
	}
}
