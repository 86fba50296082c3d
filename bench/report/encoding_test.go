package report

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/kernelet/kernelet/bench"
)

// TestEncodings: a report is ASCII, and is read after a shell made UTF-16 with a
// byte order mark and Windows line ends of it.
func TestEncodings(t *testing.T) {
	want := &bench.Report{Schema: bench.Schema, Rows: []bench.Row{{Name: "train", Unit: "µs/image", Value: 2, Low: 1, High: 3}}, Notes: []string{"\U0001f600 \"ß\""}}
	var b bytes.Buffer
	if err := WriteJSON(&b, want); err != nil {
		t.Fatal(err)
	}
	if bytes.ContainsFunc(b.Bytes(), func(r rune) bool { return r >= utf8.RuneSelf }) {
		t.Errorf("not ASCII: %s", b.String())
	}
	text := strings.ReplaceAll(b.String(), "\n", "\r\n")
	encoded := func(order binary.AppendByteOrder) (content []byte) {
		for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
			content = order.AppendUint16(content, unit)
		}
		return content
	}
	path := filepath.Join(t.TempDir(), "report")
	for name, content := range map[string][]byte{
		"UTF-16, little endian": encoded(binary.LittleEndian), "UTF-16, big endian": encoded(binary.BigEndian),
		"UTF-8 with a mark": []byte("\ufeff" + text), "as written": b.Bytes(),
	} {
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		got, err := Read(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !reflect.DeepEqual(got.Rows, want.Rows) || !reflect.DeepEqual(got.Notes, want.Notes) {
			t.Errorf("%s: got %+v, %q", name, got.Rows, got.Notes)
		}
	}
	for _, content := range []string{"\xff\xfe", "\xfe\xff{", "\xef\xbb\xbf", ""} {
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil {
			t.Errorf("%q was read", content)
		}
	}
}
