// Package peak emits the ceilings that all other kernels are measured against:
// the rates of fused multiply-adds in their three forms, and of reading memory.
package peak

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/internal/shape"
)

// Enough chains to hide the latency of an FMA, 4 cycles at two a cycle.
const (
	accumulators = 12
	unroll       = shape.PeakProducts / accumulators
)

// Emit adds the kernels.
func Emit(f *isa.File) {
	multiplyAdds(f, "FMAPeak", "sink []float32, iterations int", "in a register",
		func(k *isa.Kernel, _ reg.GPVirtual, factor isa.V, i int, sum isa.V) {
			k.VFMADD231PS(factor, factor, sum)
		})
	multiplyAdds(f, "FMAPeakMemory", "sink, source []float32, iterations int", "a vector of source [192] in memory",
		func(k *isa.Kernel, source reg.GPVirtual, factor isa.V, i int, sum isa.V) {
			k.VFMADD231PS(isa.At(source, i*k.Bytes()), factor, sum)
		})
	multiplyAdds(f, "FMAPeakBroadcast", "sink, source []float32, iterations int", "one value of source [192], spread over a vector",
		func(k *isa.Kernel, source reg.GPVirtual, factor isa.V, i int, sum isa.V) {
			k.Products(isa.At(source, 4*i), []isa.V{factor}, []isa.V{sum})
		})
	read(f)
}

// multiplyAdds emits a loop over products on independent accumulators.
func multiplyAdds(f *isa.File, name, parameters, form string, product func(k *isa.Kernel, source reg.GPVirtual, factor isa.V, i int, sum isa.V)) {
	k := f.WideFunction(name, parameters,
		fmt.Sprintf("runs iterations × %d fused multiply-adds of whole vectors, one factor %s,", shape.PeakProducts, form),
		"and stores their sum in sink, 16 float32.")
	sink, iterations := k.Pointer("sink"), k.Integer("iterations")
	var source reg.GPVirtual
	if name != "FMAPeak" {
		source = k.Pointer("source")
	}
	factor, sums := k.Splat(0.5), k.Vectors(accumulators)
	for _, s := range sums {
		k.VMOVAPS(factor, s)
	}
	k.LoopCounter("iteration", iterations, nil, nil, func() {
		k.Commentf("%d × %d independent sums: sum = sum + factor · x, x %s", unroll, accumulators, form)
		for range unroll {
			for i, s := range sums {
				product(k, source, factor, i, s)
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

// read emits loads and nothing else: a load needs nothing but a destination
// register.
func read(f *isa.File) {
	k := f.WideFunction("Read", "data []float32, passes int",
		"loads all of data, a positive multiple of 256 float32, passes times.")
	const step = 1024 // bytes
	passes := k.Integer("passes")
	label := k.NewLabel("pass")
	k.Label(label)
	data, n := k.Pointer("data"), k.Length("data")
	k.SHRQ(operand.U8(8), n)
	k.LoopCounter("data", n, []reg.GPVirtual{data}, []int{step}, func() {
		k.Commentf("%d bytes", step)
		for at := 0; at < step; at += k.Bytes() {
			k.LoadVector(isa.At(data, at))
		}
	})
	k.DECQ(passes)
	k.JNZ(operand.LabelRef(label))
	k.Return()
}
