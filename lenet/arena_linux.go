package lenet

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// newArena returns n zeroed float32 that begin at a multiple of 64 bytes, in
// huge pages where the system gives them: ten megabytes of activations are
// thousands of small pages. release hands the memory back.
func newArena(n int) (memory []float32, release func(), err error) {
	const hugePage = 2 << 20
	size := (4*n + hugePage - 1) / hugePage * hugePage
	raw, err := unix.Mmap(-1, 0, size+hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, nil, err
	}
	skip := -int(uintptr(unsafe.Pointer(&raw[0]))) & (hugePage - 1)
	// Without huge pages everything works, only slower.
	_ = unix.Madvise(raw[skip:skip+size], unix.MADV_HUGEPAGE)
	memory = unsafe.Slice((*float32)(unsafe.Pointer(&raw[skip])), n)
	return memory, func() { unix.Munmap(raw) }, nil
}
