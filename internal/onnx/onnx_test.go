package onnx

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kernelet/kernelet/lenet"
)

// field is one field of a decoded message.
type field struct {
	number  protowire.Number
	integer uint64
	content []byte
}

func decode(t *testing.T, m []byte) (fields []field) {
	t.Helper()
	for len(m) > 0 {
		number, kind, n := protowire.ConsumeTag(m)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		m = m[n:]
		f := field{number: number}
		switch kind {
		case protowire.VarintType:
			f.integer, n = protowire.ConsumeVarint(m)
		case protowire.BytesType:
			f.content, n = protowire.ConsumeBytes(m)
		default:
			t.Fatalf("field %d has wire type %d", number, kind)
		}
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		m = m[n:]
		fields = append(fields, f)
	}
	return fields
}

func all(fields []field, number protowire.Number) (found []field) {
	for _, f := range fields {
		if f.number == number {
			found = append(found, f)
		}
	}
	return found
}

// TestWrite decodes what Write wrote: the weights are there, every node's
// inputs exist, and the last node makes the output. check.py, beside this
// file, runs ONNX's own checker and ONNX Runtime.
func TestWrite(t *testing.T) {
	model := lenet.NewModel(3)
	var b bytes.Buffer
	if err := Write(&b, model, false); err != nil {
		t.Fatal(err)
	}
	graph := decode(t, all(decode(t, b.Bytes()), modelGraph)[0].content)
	known := map[string]bool{Input: true}
	tensors := model.Tensors()
	for i, f := range all(graph, graphInitializer) {
		encoded := decode(t, f.content)
		name := string(all(encoded, tensorName)[0].content)
		var shape []int
		for _, d := range all(encoded, tensorDimension) {
			shape = append(shape, int(d.integer))
		}
		if name != tensors[i].Name || !slices.Equal(shape, tensors[i].Shape) {
			t.Errorf("tensor %d: expected %s %v, got %s %v", i, tensors[i].Name, tensors[i].Shape, name, shape)
		}
		raw := all(encoded, tensorRaw)[0].content
		for j, want := range tensors[i].Values {
			if got := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*j:])); got != want {
				t.Fatalf("%s[%d]: expected %v, got %v", name, j, want, got)
			}
		}
		known[name] = true
	}
	last := ""
	for _, f := range all(graph, graphNode) {
		encoded := decode(t, f.content)
		for _, input := range all(encoded, nodeInput) {
			if !known[string(input.content)] {
				t.Errorf("node %s reads %s, which nobody made", last, input.content)
			}
		}
		last = string(all(encoded, nodeOutput)[0].content)
		known[last] = true
	}
	if last != Output {
		t.Errorf("the last node makes %s", last)
	}
}
