//go:build !purego

package kernels

import (
	"github.com/klauspost/cpuid/v2"

	"github.com/kernelet/kernelet/asm/avx2"
	"github.com/kernelet/kernelet/asm/avx512"
)

// generated returns the generated set of a name if this CPU and its operating
// system support every instruction that it uses, else nil.
func generated(name string) *Set {
	switch {
	case name == "avx2" && cpuid.CPU.Supports(cpuid.AVX, cpuid.AVX2, cpuid.FMA3):
		return &avx2Set
	case name == "avx512" && cpuid.CPU.Supports(cpuid.AVX, cpuid.AVX2, cpuid.FMA3,
		cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL):
		return &avx512Set
	}
	return nil
}

var avx2Set = Set{
	name:     "avx2",
	inputSet: inputGeneric, conv1Set: conv1Generic, fc1Set: fc1Generic, fc2Set: fc2Generic, adamSet: adamGeneric,
	conv2Set: conv2Set{
		conv2InputTransform:      byWidth[func(v, x []float32)]{avx2.Conv2InputTransform8, avx2.Conv2InputTransform16},
		conv2ForwardReLUPool:     byWidth[func(y, m, u, v, bias []float32, first int)]{avx2.Conv2ForwardReLUPool8, avx2.Conv2ForwardReLUPool16},
		conv2ForwardReLUPoolMask: byWidth[func(y []float32, mask []byte, m, u, v, bias []float32, first int)]{avx2.Conv2ForwardReLUPoolMask8, avx2.Conv2ForwardReLUPoolMask16},
		conv2OutputGrad:          byWidth[func(dm, dy []float32, mask []byte)]{avx2.Conv2OutputGrad8, avx2.Conv2OutputGrad16},
		conv2InputGrad:           byWidth[func(dx, dv, u, dm []float32, first int)]{avx2.Conv2InputGrad8, avx2.Conv2InputGrad16},
		conv2WeightGrad:          avx2.Conv2WeightGrad,
		conv2BiasGrad:            avx2.Conv2BiasGrad,
		conv2WeightTransform:     avx2.Conv2WeightTransform,
		conv2WeightGradTransform: avx2.Conv2WeightGradTransform,
	},
}

var avx512Set = Set{
	name:     "avx512",
	inputSet: inputGeneric, conv1Set: conv1Generic, fc1Set: fc1Generic, fc2Set: fc2Generic, adamSet: adamGeneric,
	conv2Set: conv2Set{
		conv2InputTransform:      byWidth[func(v, x []float32)]{avx512.Conv2InputTransform8, avx512.Conv2InputTransform16},
		conv2ForwardReLUPool:     byWidth[func(y, m, u, v, bias []float32, first int)]{avx512.Conv2ForwardReLUPool8, avx512.Conv2ForwardReLUPool16},
		conv2ForwardReLUPoolMask: byWidth[func(y []float32, mask []byte, m, u, v, bias []float32, first int)]{avx512.Conv2ForwardReLUPoolMask8, avx512.Conv2ForwardReLUPoolMask16},
		conv2OutputGrad:          byWidth[func(dm, dy []float32, mask []byte)]{avx512.Conv2OutputGrad8, avx512.Conv2OutputGrad16},
		conv2InputGrad:           byWidth[func(dx, dv, u, dm []float32, first int)]{avx512.Conv2InputGrad8, avx512.Conv2InputGrad16},
		conv2WeightGrad:          avx512.Conv2WeightGrad,
		conv2BiasGrad:            avx512.Conv2BiasGrad,
		conv2WeightTransform:     avx512.Conv2WeightTransform,
		conv2WeightGradTransform: avx512.Conv2WeightGradTransform,
	},
}
