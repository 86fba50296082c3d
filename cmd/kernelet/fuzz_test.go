package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzReadHistory: any content of history.csv is an error that names the file,
// or as many epochs as were asked for.
func FuzzReadHistory(f *testing.F) {
	head := strings.Join(historyColumns("test"), ",") + "\n"
	f.Add([]byte(head+"1,0.5,0.9,0.4,0.91,1.5,40000,mnist\n2,0.4,0.91,0.3,0.92,1.5,40000,mnist\n"), byte(2))
	f.Add([]byte("\xef\xbb\xbf"+head), byte(1))
	f.Add([]byte(head+"1,NaN,0.9,0.4,0.91,1.5,40000,\"a,b\"\n"), byte(1))
	f.Fuzz(func(t *testing.T, content []byte, epochs byte) {
		path := filepath.Join(t.TempDir(), "history.csv")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		history, err := readHistory(path, "test", int(epochs))
		if err == nil && len(history) != int(epochs) {
			t.Errorf("expected %d epochs, got %d", epochs, len(history))
		}
		if err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("expected an error that names %s, got %v", path, err)
		}
	})
}
