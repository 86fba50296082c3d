package testmnist

import (
	"os"
	"testing"
)

// Long reports whether KERNELET_LONG asks for what takes minutes.
func Long() bool { return os.Getenv("KERNELET_LONG") != "" }

// NeedLong skips a test unless KERNELET_LONG is set.
func NeedLong(t testing.TB) {
	t.Helper()
	if !Long() {
		t.Skip("takes minutes: set KERNELET_LONG to run it")
	}
}
