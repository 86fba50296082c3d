//go:build !linux

// Package smalldisk gives tests a file system that is soon full.
package smalldisk

import "testing"

// Mount skips the test: only Linux has file systems in memory that are made by
// one call.
func Mount(t *testing.T, _ int) string {
	t.Helper()
	t.Skip("needs Linux, to mount a small file system")
	return ""
}
