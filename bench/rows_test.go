package bench

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/kernelet/kernelet/kernels"
)

// BenchmarkRows are the rows of kernelet bench: ceilings, kernels, and the
// whole network.
func BenchmarkRows(b *testing.B) {
	var sets []*kernels.Set
	for _, name := range kernels.Available() {
		s, err := kernels.Select(name)
		if err != nil {
			b.Fatal(err)
		}
		sets = append(sets, s)
	}
	chosen, err := kernels.Select("")
	if err != nil {
		b.Fatal(err)
	}
	threads := runtime.GOMAXPROCS(0)
	whole, closeAll, err := wholeMeasurements(context.Background(), Options{}, chosen, threads)
	defer closeAll()
	if err != nil {
		b.Fatal(err)
	}
	layers := kernelMeasurements(sets)
	roofs := ceilings(sets, chosen, threads)
	peaks := map[string]float64{} // GFLOP/s, by the name of a set and a number of threads
	for _, m := range roofs {
		if m.row.Name == PeakName {
			if err := measure(context.Background(), []*measurement{m}, 2*time.Millisecond, 11, func(int, int) {}); err != nil {
				b.Fatal(err)
			}
			m.finish()
			peaks[fmt.Sprint(m.row.ISA, m.row.Threads)] = m.row.Value
		}
	}
	for _, m := range append(append(roofs, layers...), whole...) {
		b.Run(m.row.BenchmarkName(), func(b *testing.B) {
			m.samples, m.latencies, m.n = m.samples[:0], m.latencies[:0], b.N
			if err := m.sample(); err != nil {
				b.Fatal(err)
			}
			m.finish()
			if m.row.Unit != "ns" { // which every benchmark has
				b.ReportMetric(m.row.Value, m.row.Unit)
			}
			for unit, value := range map[string]float64{
				"dense-GFLOP/s": m.row.DenseGFLOPs, "executed-GFLOP/s": m.row.ExecutedGFLOPs, "B/image": m.row.Bytes,
				"x-peak": m.row.DenseGFLOPs / peaks[fmt.Sprint(m.row.ISA, m.row.Threads)], "p50-µs": m.row.P50, "p99-µs": m.row.P99,
			} {
				if value > 0 {
					b.ReportMetric(value, unit)
				}
			}
		})
	}
}
