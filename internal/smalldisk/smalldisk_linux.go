// Package smalldisk gives tests a file system that is soon full.
package smalldisk

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

// Mount returns a folder with room for so many bytes, which ends with the test.
// Only root may mount: for others the test is skipped, but where the
// environment says CI=true it fails.
func Mount(t *testing.T, bytes int) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("a small file system is needed: mount: %v", err)
		}
		t.Skipf("needs the right to mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Errorf("unmount %s: %v", folder, err)
		}
	})
	return folder
}
