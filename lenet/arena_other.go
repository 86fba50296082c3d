//go:build !linux

package lenet

import "github.com/kernelet/kernelet/internal/aligned"

// newArena returns n zeroed float32 that begin at a multiple of 64 bytes.
func newArena(n int) (memory []float32, release func(), err error) {
	return aligned.Floats(n), func() {}, nil
}
