//go:build !linux

package kernels

import (
	"testing"

	"github.com/kernelet/kernelet/internal/aligned"
)

// Guard pages are used on Linux alone; elsewhere buffers are plain.
func guarded(_ testing.TB, n int, _ bool) []byte { return aligned.Bytes(n) }
