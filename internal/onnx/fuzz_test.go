package onnx

import (
	"bytes"
	"errors"
	"testing"

	"github.com/kernelet/kernelet/lenet"
)

// FuzzRead: any content is an error of its kind, or a graph within the bounds.
func FuzzRead(f *testing.F) {
	var whole bytes.Buffer
	if err := Write(&whole, lenet.NewModel(1), true); err != nil {
		f.Fatal(err)
	}
	// The graph without its weights: a seed that is small.
	content := whole.Bytes()
	f.Add(content[:200])
	f.Add(content[len(content)-600:])
	f.Add([]byte{8, 4, 0x3a, 4, 0x0a, 2, 0x22, 0})
	f.Fuzz(func(t *testing.T, content []byte) {
		g, err := Read(content)
		if err != nil && !errors.Is(err, ErrFormat) {
			t.Errorf("expected ErrFormat, got %v", err)
		}
		bytes := 0
		for _, w := range g.Weights {
			bytes += len(w.Data)
		}
		if bytes > 8*len(content) { // a number of eight bytes may be written in one
			t.Errorf("%d bytes of weights in a file of %d", bytes, len(content))
		}
	})
}
