//go:build !linux

package kernels

import "testing"

// Guard pages are used on Linux alone; elsewhere buffers are plain.
func guarded(_ testing.TB, n int, _ bool) []byte { return aligned(n) }
