//go:build !purego

package kernels

import "github.com/klauspost/cpuid/v2"

var (
	avx2Set   = Set{name: "avx2", peakFLOPs: 2 * 8 * peakProducts, functions: avx2Functions}
	avx512Set = Set{name: "avx512", peakFLOPs: 2 * 16 * peakProducts, functions: avx512Functions}
)

// generated returns the generated set of a name if this CPU and its operating
// system support every instruction that it uses, else nil.
func generated(name string) *Set {
	if !cpuid.CPU.Supports(required[name]...) {
		return nil
	}
	switch name {
	case "avx2":
		return &avx2Set
	case "avx512":
		return &avx512Set
	}
	return nil
}
