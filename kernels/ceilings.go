package kernels

import (
	"fmt"
	"math"
	"sync/atomic"
)

// ceilingSet holds what all other kernels are measured against.
type ceilingSet struct {
	fmaPeak          func(sink []float32, iterations int)
	fmaPeakMemory    func(sink, source []float32, iterations int)
	fmaPeakBroadcast func(sink, source []float32, iterations int)
	fmaPeakFLOPs     float64 // of one iteration, in all three forms
	read             func(data []float32, passes int)
}

// Lengths of the arguments of the ceilings.
const (
	PeakSink   = 16
	PeakSource = 192
	ReadStep   = 256 // what is read is a multiple of it
)

// FMAPeak runs iterations of nothing but fused multiply-adds between registers
// and returns the number of floating-point operations that it did. sink, 16
// values, receives their sum.
func (s *Set) FMAPeak(sink []float32, iterations int) (flops float64, err error) {
	if err := checkPeak("FMAPeak", iterations, length{"sink", len(sink), PeakSink}); err != nil {
		return 0, err
	}
	s.fmaPeak(sink, iterations)
	return s.fmaPeakFLOPs * float64(iterations), nil
}

// FMAPeakMemory is FMAPeak with one factor, a vector, in memory: source, 192
// values.
func (s *Set) FMAPeakMemory(sink, source []float32, iterations int) (flops float64, err error) {
	if err := checkPeak("FMAPeakMemory", iterations, length{"sink", len(sink), PeakSink}, length{"source", len(source), PeakSource}); err != nil {
		return 0, err
	}
	s.fmaPeakMemory(sink, source, iterations)
	return s.fmaPeakFLOPs * float64(iterations), nil
}

// FMAPeakBroadcast is FMAPeak with one factor, a single value that is spread
// over a vector, in memory: source, 192 values.
func (s *Set) FMAPeakBroadcast(sink, source []float32, iterations int) (flops float64, err error) {
	if err := checkPeak("FMAPeakBroadcast", iterations, length{"sink", len(sink), PeakSink}, length{"source", len(source), PeakSource}); err != nil {
		return 0, err
	}
	s.fmaPeakBroadcast(sink, source, iterations)
	return s.fmaPeakFLOPs * float64(iterations), nil
}

// Read loads data, a positive multiple of 256 values, passes times, and returns
// the number of bytes that it read.
func (s *Set) Read(data []float32, passes int) (bytes float64, err error) {
	if len(data) == 0 || len(data)%ReadStep != 0 {
		return 0, fmt.Errorf("%w: Read: data: expected a positive multiple of %d elements, got %d", ErrLength, ReadStep, len(data))
	}
	if err := checkPeak("Read", passes); err != nil {
		return 0, err
	}
	s.read(data, passes)
	return 4 * float64(len(data)) * float64(passes), nil
}

func checkPeak(kernel string, iterations int, lengths ...length) error {
	if iterations < 1 {
		return fmt.Errorf("%w: %s: iterations: expected at least 1, got %d", ErrLength, kernel, iterations)
	}
	return checkLengths(kernel, lengths...)
}

// Clock takes iterations × 100 cycles of the core's clock. Without generated
// kernels it is ErrISA.
func Clock(iterations int) (cycles float64, err error) {
	if err := checkPeak("Clock", iterations); err != nil {
		return 0, err
	}
	return run("Clock", clock, 100, iterations)
}

// VNNIPeak runs iterations of dot products of bytes (AVX512_VNNI) and returns
// the number of operations, a product and a sum each. It is ErrISA where the
// CPU has none.
func VNNIPeak(iterations int) (operations float64, err error) {
	if err := checkPeak("VNNIPeak", iterations); err != nil {
		return 0, err
	}
	return run("VNNIPeak", vnniPeak, 48*64*2, iterations)
}

// BF16Peak is VNNIPeak for dot products of bfloat16 (AVX512_BF16).
func BF16Peak(iterations int) (operations float64, err error) {
	if err := checkPeak("BF16Peak", iterations); err != nil {
		return 0, err
	}
	return run("BF16Peak", bf16Peak, 48*32*2, iterations)
}

// run calls a kernel that some CPUs lack.
func run(name string, find func() func(iterations int), work float64, iterations int) (float64, error) {
	kernel := find()
	if kernel == nil {
		return 0, fmt.Errorf("%w: %s needs instructions that this machine, or this build, does not have", ErrISA, name)
	}
	kernel(iterations)
	return work * float64(iterations), nil
}

// The twins.
var ceilingGeneric = ceilingSet{
	fmaPeak: func(sink []float32, iterations int) { multiplyAdds(sink, func(int) float32 { return 0.5 }, iterations) },
	fmaPeakMemory: func(sink, source []float32, iterations int) {
		multiplyAdds(sink, func(i int) float32 { return source[i] }, iterations)
	},
	fmaPeakBroadcast: func(sink, source []float32, iterations int) {
		multiplyAdds(sink, func(int) float32 { return source[0] }, iterations)
	},
	fmaPeakFLOPs: 2 * 16 * 4,
	read: func(data []float32, passes int) {
		for range passes {
			sum := float32(0)
			for _, v := range data {
				sum += v
			}
			readSum.Store(math.Float32bits(sum))
		}
	},
}

// readSum keeps the compiler from leaving out what is read.
var readSum atomic.Uint32

func multiplyAdds(sink []float32, factor func(i int) float32, iterations int) {
	for i := range sink {
		sink[i] = 0.5
	}
	for range iterations {
		for range 4 {
			for i := range sink {
				sink[i] += float32(0.5 * factor(i))
			}
		}
	}
}
