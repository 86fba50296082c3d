package report

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf16"

	"github.com/kernelet/kernelet/bench"
)

// FuzzRead: any content is an error, or a report that can be drawn and compared.
func FuzzRead(f *testing.F) {
	row := bench.Row{Group: "kernel", Name: "Adam", ISA: "avx2", Unit: "µs/image", Threads: 1, Value: 2, Low: 1, High: 3, Samples: 9}
	var file bytes.Buffer
	if err := WriteJSON(&file, &bench.Report{Schema: bench.Schema, Rows: []bench.Row{row}}); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Add(append([]byte("\xef\xbb\xbf"), file.Bytes()...))
	wide := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(file.String())) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	f.Add(wide)
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "report.json")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Read(path)
		if err != nil {
			if !errors.Is(err, ErrReport) {
				t.Errorf("expected ErrReport, got %v", err)
			}
			return
		}
		var text bytes.Buffer
		if err := WriteHTML(&text, r); err != nil {
			t.Error(err)
		}
		if err := WriteText(&text, r); err != nil {
			t.Error(err)
		}
		if err := Compare(&text, []string{"a", "b"}, []*bench.Report{r, r}); err != nil {
			t.Error(err)
		}
	})
}
