package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
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
		"empty":          {nil, "at least 8 bytes"},
		"length lies":    {binary.LittleEndian.AppendUint64(nil, 1<<62), "header length"},
		"not JSON":       {file("hello"), "header"},
		"a list":         {file("[]"), "expected an object"},
		"more":           {file("{} {}"), "bytes follow"},
		"twice":          {file(`{"a":`+one+`,"a":`+one+`}`, 0), `"a" appears twice`},
		"gap":            {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 0, 0), "begin at 0"},
		"overlap":        {file(`{"a":`+one+`,"b":`+one+`}`, 0), "begin at 1"},
		"beyond":         {file(`{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}`, 0), "data_offsets"},
		"backwards":      {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, 0), "data_offsets"},
		"size":           {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1]}}`, 0), "does not fit"},
		"other size":     {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,2]}}`, 0, 0), "expected 1 bytes, got 2"},
		"overflow":       {file(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,1]}}`, 0), "shape"},
		"negative":       {file(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 0), "shape"},
		"unknown type":   {file(`{"a":{"dtype":"F7","shape":[1],"data_offsets":[0,1]}}`, 0), "dtype"},
		"trailing bytes": {file(`{"a":`+one+`}`, 0, 0), "expected 1 bytes of tensors"},
	} {
		if _, _, err := Read(c.content); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: expected ErrFormat that says %q, got %v", name, c.says, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(file("{}"))
	f.Add(file(`{"__metadata__":{"a":"b"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 1, 2, 3, 4))
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
