package kernels

import (
	"fmt"

	"github.com/klauspost/cpuid/v2"

	"github.com/kernelet/kernelet/internal/shape"
)

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
	return s.peakFLOPs * float64(iterations), nil
}

// FMAPeakMemory is FMAPeak with one factor, a vector, in memory: source, 192
// values.
func (s *Set) FMAPeakMemory(sink, source []float32, iterations int) (flops float64, err error) {
	if err := checkPeak("FMAPeakMemory", iterations, length{"sink", len(sink), PeakSink}, length{"source", len(source), PeakSource}); err != nil {
		return 0, err
	}
	s.fmaPeakMemory(sink, source, iterations)
	return s.peakFLOPs * float64(iterations), nil
}

// FMAPeakBroadcast is FMAPeak with one factor, a single value that is spread
// over a vector, in memory: source, 192 values.
func (s *Set) FMAPeakBroadcast(sink, source []float32, iterations int) (flops float64, err error) {
	if err := checkPeak("FMAPeakBroadcast", iterations, length{"sink", len(sink), PeakSink}, length{"source", len(source), PeakSource}); err != nil {
		return 0, err
	}
	s.fmaPeakBroadcast(sink, source, iterations)
	return s.peakFLOPs * float64(iterations), nil
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

// peakProducts is the number of fused multiply-adds of an iteration.
const peakProducts = shape.PeakProducts

// Clock takes iterations × 100 cycles of the core's clock. Without generated
// kernels it is ErrISA.
func Clock(iterations int) (cycles float64, err error) { return runExtension("Clock", iterations, 100) }

// VNNIPeak runs iterations of dot products of bytes (AVX512_VNNI) and returns
// the number of operations, a product and a sum each. It is ErrISA where the
// CPU has none.
func VNNIPeak(iterations int) (operations float64, err error) {
	return runExtension("VNNIPeak", iterations, peakProducts*64*2)
}

// BF16Peak is VNNIPeak for dot products of bfloat16 (AVX512_BF16).
func BF16Peak(iterations int) (operations float64, err error) {
	return runExtension("BF16Peak", iterations, peakProducts*32*2)
}

// runExtension calls a kernel that some sets and CPUs lack, from the first set
// that has it, and returns its work.
func runExtension(name string, iterations int, work float64) (float64, error) {
	if err := checkPeak(name, iterations); err != nil {
		return 0, err
	}
	for _, isa := range Available() {
		kernel := set(isa).extensions()[name]
		if kernel != nil && cpuid.CPU.Supports(required[name]...) {
			kernel(iterations)
			return work * float64(iterations), nil
		}
	}
	return 0, fmt.Errorf("%w: %s needs instructions that this machine, or this build, does not have", ErrISA, name)
}

func (s *Set) extensions() map[string]func(iterations int) {
	return map[string]func(iterations int){"Clock": s.clock, "VNNIPeak": s.vnniPeak, "BF16Peak": s.bf16Peak}
}
