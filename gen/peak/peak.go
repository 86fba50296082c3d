// Package peak emits the ceiling that all other kernels are measured against:
// fused multiply-adds between registers, nothing else.
package peak

import (
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
)

// Accumulators are enough chains to hide the latency of an FMA, 4 cycles at
// two a cycle, and divide the work of Unroll evenly.
const (
	Accumulators = 12
	Unroll       = 4
)

// Emit adds the kernel.
func Emit(f *isa.File) {
	k := f.WideFunction("FMAPeak", "sink []float32, iterations int",
		"runs iterations × 48 fused multiply-adds on whole vectors and stores their sum in sink, 16 float32.")
	sink, iterations := k.Pointer("sink"), k.Integer("iterations")
	factor, sums := k.Splat(0.5), k.Vectors(Accumulators)
	for _, s := range sums {
		k.VMOVAPS(factor, s)
	}
	k.LoopCounter("iteration", iterations, []reg.GPVirtual{}, nil, func() {
		for range Unroll {
			for _, s := range sums {
				k.VFMADD231PS(factor, factor, s)
			}
		}
	})
	for _, s := range sums[1:] {
		k.VADDPS(s, sums[0], sums[0])
	}
	for at := 0; at < 64; at += k.Bytes() {
		k.StoreVector(sums[0], isa.At(sink, at))
	}
	k.Return()
}
