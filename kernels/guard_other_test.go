//go:build !linux

package kernels

import "testing"

// Guard pages are used on Linux alone; elsewhere buffers are plain.
func guarded(_ testing.TB, n int, _ bool) []byte          { return make([]byte, n) }
func guardedFloats(_ testing.TB, n int, _ bool) []float32 { return make([]float32, n) }
