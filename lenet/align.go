package lenet

import "unsafe"

// alignment is the number of float32 before the first that lies at a multiple
// of 64 bytes.
func alignment(values []float32) int {
	return -int(uintptr(unsafe.Pointer(&values[0]))) & 63 >> 2
}
