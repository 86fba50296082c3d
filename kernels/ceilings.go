package kernels

import (
	"fmt"

	"github.com/klauspost/cpuid/v2"

	"github.com/kernelet/kernelet/internal/shape"
)

// FMAPeak runs iterations of nothing but fused multiply-adds between registers
// and returns the number of floating-point operations that it did. sink, 16
// values, receives their sum.
func (s *Set) FMAPeak(sink []float32, iterations int) (flops float64, err error) {
	c := contract{kernel: "FMAPeak"}
	if c.iterations(iterations).length("sink", len(sink), shape.PeakSink); c.err != nil {
		return 0, c.err
	}
	s.fmaPeak(sink, iterations)
	return s.peakFLOPs * float64(iterations), nil
}

// FMAPeakMemory is FMAPeak with one factor, a vector, in memory: source, 192
// values.
func (s *Set) FMAPeakMemory(sink, source []float32, iterations int) (flops float64, err error) {
	c := contract{kernel: "FMAPeakMemory"}
	if c.iterations(iterations).length("sink", len(sink), shape.PeakSink).length("source", len(source), shape.PeakSource); c.err != nil {
		return 0, c.err
	}
	s.fmaPeakMemory(sink, source, iterations)
	return s.peakFLOPs * float64(iterations), nil
}

// FMAPeakBroadcast is FMAPeak with one factor, a single value that is spread
// over a vector, in memory: source, 192 values.
func (s *Set) FMAPeakBroadcast(sink, source []float32, iterations int) (flops float64, err error) {
	c := contract{kernel: "FMAPeakBroadcast"}
	if c.iterations(iterations).length("sink", len(sink), shape.PeakSink).length("source", len(source), shape.PeakSource); c.err != nil {
		return 0, c.err
	}
	s.fmaPeakBroadcast(sink, source, iterations)
	return s.peakFLOPs * float64(iterations), nil
}

// Read loads data, a positive multiple of 256 values, passes times, and returns
// the number of bytes that it read.
func (s *Set) Read(data []float32, passes int) (bytes float64, err error) {
	c := contract{kernel: "Read"}
	if len(data) == 0 || len(data)%shape.ReadStep != 0 {
		c.fail("data: expected a positive multiple of %d elements, got %d", shape.ReadStep, len(data))
	}
	if c.iterations(passes); c.err != nil {
		return 0, c.err
	}
	s.read(data, passes)
	return 4 * float64(len(data)) * float64(passes), nil
}

func (c *contract) iterations(n int) *contract {
	if n < 1 {
		return c.fail("iterations: expected at least 1, got %d", n)
	}
	return c
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
	c := contract{kernel: name}
	if c.iterations(iterations); c.err != nil {
		return 0, c.err
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
