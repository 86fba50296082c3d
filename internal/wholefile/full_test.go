//go:build linux

package wholefile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/kernelet/kernelet/internal/smalldisk"
)

// TestFullDisk: the old file stays whole, and no temporary one is left to keep
// the disk full.
func TestFullDisk(t *testing.T) {
	folder := smalldisk.Mount(t, 1<<20)
	path := filepath.Join(folder, "a")
	old := bytes.Repeat([]byte("old "), 150_000)
	if err := Write(path, old); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, bytes.Repeat([]byte("new "), 150_000)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("expected ENOSPC, got %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, old) {
		t.Errorf("the old file changed: %d bytes, error %v", len(got), err)
	}
	if got := names(t, folder); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the folder holds %v", got)
	}
}
