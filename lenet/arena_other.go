//go:build !linux

package lenet

import "unsafe"

// newArena returns n zeroed float32 that begin at a multiple of 64 bytes.
func newArena(n int) (memory []float32, release func(), err error) {
	raw := make([]float32, n+16)
	skip := -int(uintptr(unsafe.Pointer(&raw[0]))) & 63
	return raw[skip/4 : skip/4+n : skip/4+n], func() {}, nil
}
