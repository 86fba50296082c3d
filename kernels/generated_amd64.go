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
	case name == "avx2" && cpuid.CPU.Supports(cpuid.AVX, cpuid.AVX2, cpuid.FMA3, cpuid.POPCNT, cpuid.BMI1):
		return &avx2Set
	case name == "avx512" && cpuid.CPU.Supports(cpuid.AVX, cpuid.AVX2, cpuid.FMA3, cpuid.POPCNT, cpuid.BMI1,
		cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL):
		return &avx512Set
	}
	return nil
}

// clock, vnniPeak and bf16Peak return kernels that have conditions of their own,
// or nil.
func clock() func(iterations int) {
	if generated("avx2") == nil {
		return nil
	}
	return avx2.Clock
}

func vnniPeak() func(iterations int) {
	if generated("avx512") == nil || !cpuid.CPU.Supports(cpuid.AVX512VNNI) {
		return nil
	}
	return avx512.VNNIPeak
}

func bf16Peak() func(iterations int) {
	if generated("avx512") == nil || !cpuid.CPU.Supports(cpuid.AVX512BF16) {
		return nil
	}
	return avx512.BF16Peak
}

var avx2Set = Set{
	name: "avx2",
	inputSet: inputSet{
		gather: byWidth[func(x []float32, data []byte, index []int32)]{avx2.Gather8, avx2.Gather16},
	},
	conv1Set: conv1Set{
		conv1ForwardReLUPool:     byWidth[func(y, x, u, bias []float32)]{avx2.Conv1ForwardReLUPool8, avx2.Conv1ForwardReLUPool16},
		conv1ForwardReLUPoolMask: byWidth[func(y []float32, mask []byte, x, u, bias []float32)]{avx2.Conv1ForwardReLUPoolMask8, avx2.Conv1ForwardReLUPoolMask16},
		conv1WeightGrad:          byWidth[func(dw, x, dy []float32, mask []byte)]{avx2.Conv1WeightGrad8, avx2.Conv1WeightGrad16},
		conv1WeightTransform:     avx2.Conv1WeightTransform,
	},
	fc1Set: fc1Set{
		fc1ForwardReLU:        byWidth[func(y, x, w, bias []float32, first int)]{avx2.FC1ForwardReLU8, avx2.FC1ForwardReLU16},
		fc1ForwardReLUPair:    avx2.FC1ForwardReLU32,
		fc1ForwardReLUDropout: avx2.FC1ForwardReLUDropout,
		fc1PackInput:          byWidth[func(packed, x []float32, image, capacity int)]{avx2.FC1PackInput8, avx2.FC1PackInput16},
		fc1UnpackInputGrad:    byWidth[func(dx, packed []float32, image, capacity int)]{avx2.FC1UnpackInputGrad8, avx2.FC1UnpackInputGrad16},
		fc1ImageLists:         byWidth[func(values []float32, outputs, ends []int32, dy []float32)]{avx2.FC1ImageLists8, avx2.FC1ImageLists16},
		fc1OutputLists:        avx2.FC1OutputLists,
		fc1InputGrad:          avx2.FC1InputGrad,
		fc1WeightGrad:         avx2.FC1WeightGrad,
		fc1WeightGradAdam:     avx2.FC1WeightGradAdam,
	},
	fc2Set: fc2Set{
		fc2Forward:     byWidth[func(logits, x, w, bias []float32)]{avx2.FC2Forward8, avx2.FC2Forward16},
		fc2ForwardLoss: byWidth[func(logits, dlogits, denominators, x, w, bias []float32, labels []int32, scale, label, other float32)]{avx2.FC2ForwardLoss8, avx2.FC2ForwardLoss16},
		fc2InputGrad:   byWidth[func(dx, dlogits, w, x []float32, scale float32)]{avx2.FC2InputGrad8, avx2.FC2InputGrad16},
		fc2WeightGrad:  avx2.FC2WeightGrad,
	},
	adamSet: adamSet{adam: avx2.Adam, lineSums: avx2.LineSums},
	directSet: directSet{
		conv1DirectReLUPool: byWidth[func(y, x, w, bias []float32, row int)]{avx2.Conv1DirectReLUPool8, avx2.Conv1DirectReLUPool16},
		conv2DirectReLUPool: byWidth[func(y, x, w, bias []float32, window int)]{avx2.Conv2DirectReLUPool8, avx2.Conv2DirectReLUPool16},
	},
	ceilingSet: ceilingSet{
		fmaPeak:          avx2.FMAPeak,
		fmaPeakMemory:    avx2.FMAPeakMemory,
		fmaPeakBroadcast: avx2.FMAPeakBroadcast,
		fmaPeakFLOPs:     2 * 8 * 48,
		read:             avx2.Read,
	},
	conv2Set: conv2Set{
		conv2InputTransform:      byWidth[func(v, x []float32)]{avx2.Conv2InputTransform8, avx2.Conv2InputTransform16},
		conv2ForwardReLUPool:     byWidth[func(y, m, u, v, bias []float32, first int)]{avx2.Conv2ForwardReLUPool8, avx2.Conv2ForwardReLUPool16},
		conv2ForwardReLUPoolMask: byWidth[func(y []float32, mask []byte, m, u, v, bias []float32, first int)]{avx2.Conv2ForwardReLUPoolMask8, avx2.Conv2ForwardReLUPoolMask16},
		conv2OutputGrad:          byWidth[func(dm, dy []float32, mask []byte, pair, first int)]{avx2.Conv2OutputGrad8, avx2.Conv2OutputGrad16},
		conv2InputGradProducts:   byWidth[func(dv, u, dm []float32, row, place, first int)]{avx2.Conv2InputGradProducts8, avx2.Conv2InputGradProducts16},
		conv2InputGradTransform:  byWidth[func(dx, dv []float32, first int)]{avx2.Conv2InputGradTransform8, avx2.Conv2InputGradTransform16},
		conv2WeightGrad:          avx2.Conv2WeightGrad,
		conv2BiasGrad:            avx2.Conv2BiasGrad,
		conv2WeightTransform:     avx2.Conv2WeightTransform,
		conv2WeightGradTransform: avx2.Conv2WeightGradTransform,
	},
	singleSet: singleSet{
		singleInput:               avx2.SingleInput,
		singleConv1ReLUPool:       avx2.SingleConv1ReLUPool,
		singleConv2InputTransform: avx2.SingleConv2InputTransform,
		singleConv2ReLUPool:       avx2.SingleConv2ReLUPool,
		singleFC1ReLU:             avx2.SingleFC1ReLU,
		singleFC2:                 avx2.SingleFC2,
	},
}

var avx512Set = Set{
	name: "avx512",
	inputSet: inputSet{
		gather: byWidth[func(x []float32, data []byte, index []int32)]{avx512.Gather8, avx512.Gather16},
	},
	conv1Set: conv1Set{
		conv1ForwardReLUPool:     byWidth[func(y, x, u, bias []float32)]{avx512.Conv1ForwardReLUPool8, avx512.Conv1ForwardReLUPool16},
		conv1ForwardReLUPoolMask: byWidth[func(y []float32, mask []byte, x, u, bias []float32)]{avx512.Conv1ForwardReLUPoolMask8, avx512.Conv1ForwardReLUPoolMask16},
		conv1WeightGrad:          byWidth[func(dw, x, dy []float32, mask []byte)]{avx512.Conv1WeightGrad8, avx512.Conv1WeightGrad16},
		conv1WeightTransform:     avx512.Conv1WeightTransform,
	},
	fc1Set: fc1Set{
		fc1ForwardReLU:        byWidth[func(y, x, w, bias []float32, first int)]{avx512.FC1ForwardReLU8, avx512.FC1ForwardReLU16},
		fc1ForwardReLUPair:    avx512.FC1ForwardReLU32,
		fc1ForwardReLUDropout: avx512.FC1ForwardReLUDropout,
		fc1PackInput:          byWidth[func(packed, x []float32, image, capacity int)]{avx512.FC1PackInput8, avx512.FC1PackInput16},
		fc1UnpackInputGrad:    byWidth[func(dx, packed []float32, image, capacity int)]{avx512.FC1UnpackInputGrad8, avx512.FC1UnpackInputGrad16},
		fc1ImageLists:         byWidth[func(values []float32, outputs, ends []int32, dy []float32)]{avx512.FC1ImageLists8, avx512.FC1ImageLists16},
		fc1OutputLists:        avx512.FC1OutputLists,
		fc1InputGrad:          avx512.FC1InputGrad,
		fc1WeightGrad:         avx512.FC1WeightGrad,
		fc1WeightGradAdam:     avx512.FC1WeightGradAdam,
	},
	fc2Set: fc2Set{
		fc2Forward:     byWidth[func(logits, x, w, bias []float32)]{avx512.FC2Forward8, avx512.FC2Forward16},
		fc2ForwardLoss: byWidth[func(logits, dlogits, denominators, x, w, bias []float32, labels []int32, scale, label, other float32)]{avx512.FC2ForwardLoss8, avx512.FC2ForwardLoss16},
		fc2InputGrad:   byWidth[func(dx, dlogits, w, x []float32, scale float32)]{avx512.FC2InputGrad8, avx512.FC2InputGrad16},
		fc2WeightGrad:  avx512.FC2WeightGrad,
	},
	adamSet: adamSet{adam: avx512.Adam, lineSums: avx512.LineSums},
	directSet: directSet{
		conv1DirectReLUPool: byWidth[func(y, x, w, bias []float32, row int)]{avx512.Conv1DirectReLUPool8, avx512.Conv1DirectReLUPool16},
		conv2DirectReLUPool: byWidth[func(y, x, w, bias []float32, window int)]{avx512.Conv2DirectReLUPool8, avx512.Conv2DirectReLUPool16},
	},
	ceilingSet: ceilingSet{
		fmaPeak:          avx512.FMAPeak,
		fmaPeakMemory:    avx512.FMAPeakMemory,
		fmaPeakBroadcast: avx512.FMAPeakBroadcast,
		fmaPeakFLOPs:     2 * 16 * 48,
		read:             avx512.Read,
	},
	conv2Set: conv2Set{
		conv2InputTransform:      byWidth[func(v, x []float32)]{avx512.Conv2InputTransform8, avx512.Conv2InputTransform16},
		conv2ForwardReLUPool:     byWidth[func(y, m, u, v, bias []float32, first int)]{avx512.Conv2ForwardReLUPool8, avx512.Conv2ForwardReLUPool16},
		conv2ForwardReLUPoolMask: byWidth[func(y []float32, mask []byte, m, u, v, bias []float32, first int)]{avx512.Conv2ForwardReLUPoolMask8, avx512.Conv2ForwardReLUPoolMask16},
		conv2OutputGrad:          byWidth[func(dm, dy []float32, mask []byte, pair, first int)]{avx512.Conv2OutputGrad8, avx512.Conv2OutputGrad16},
		conv2InputGradProducts:   byWidth[func(dv, u, dm []float32, row, place, first int)]{avx512.Conv2InputGradProducts8, avx512.Conv2InputGradProducts16},
		conv2InputGradTransform:  byWidth[func(dx, dv []float32, first int)]{avx512.Conv2InputGradTransform8, avx512.Conv2InputGradTransform16},
		conv2WeightGrad:          avx512.Conv2WeightGrad,
		conv2BiasGrad:            avx512.Conv2BiasGrad,
		conv2WeightTransform:     avx512.Conv2WeightTransform,
		conv2WeightGradTransform: avx512.Conv2WeightGradTransform,
	},
	singleSet: singleSet{
		singleInput:               avx512.SingleInput,
		singleConv1ReLUPool:       avx512.SingleConv1ReLUPool,
		singleConv2InputTransform: avx512.SingleConv2InputTransform,
		singleConv2ReLUPool:       avx512.SingleConv2ReLUPool,
		singleFC1ReLU:             avx512.SingleFC1ReLU,
		singleFC2:                 avx512.SingleFC2,
	},
}
