// Package aligned makes slices that begin at a cache line.
package aligned

import "unsafe"

// Bytes returns n zeros that begin at a multiple of 64 bytes.
func Bytes(n int) []byte {
	raw := make([]byte, n+64)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(raw)))) & 63
	return raw[skip : skip+n : skip+n]
}

// Floats returns n zeros that begin at a multiple of 64 bytes.
func Floats(n int) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(Bytes(4*n)))), n)
}
