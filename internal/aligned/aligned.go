// Package aligned makes slices that begin at a cache line.
package aligned

import "unsafe"

// Floats returns n zeros that begin at a multiple of 64 bytes.
func Floats(n int) []float32 {
	raw := make([]float32, n+16)
	skip := -int(uintptr(unsafe.Pointer(&raw[0]))) & 63 >> 2
	return raw[skip : skip+n : skip+n]
}
