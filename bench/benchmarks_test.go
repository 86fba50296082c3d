package bench

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kernelet/kernelet/kernels"
)

// The rows of kernelet bench, each under its name there.
func BenchmarkCeiling(b *testing.B) { benchmarkRows(b, "ceiling") }
func BenchmarkKernel(b *testing.B)  { benchmarkRows(b, "kernel") }
func BenchmarkWhole(b *testing.B)   { benchmarkRows(b, "whole") }

func benchmarkRows(b *testing.B, group string) {
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
	roofs := ceilings(sets, chosen, threads)
	peaks := map[string]float64{} // GFLOP/s, by the name of a set and a number of threads
	var rows []*measurement
	switch group {
	case "ceiling":
		rows = roofs
	case "kernel":
		rows = kernelMeasurements(sets)
	case "whole":
		var closeAll func()
		rows, closeAll, err = wholeMeasurements(context.Background(), Options{}, chosen, threads)
		defer closeAll()
		if err != nil {
			b.Fatal(err)
		}
	}
	for _, m := range roofs {
		if m.row.Name == PeakName && group != "ceiling" {
			if err := measure(context.Background(), []*measurement{m}, 2*time.Millisecond, 11); err != nil {
				b.Fatal(err)
			}
			m.finish()
			peaks[fmt.Sprint(m.row.ISA, m.row.Threads)] = m.row.Value
		}
	}
	for _, m := range rows {
		b.Run(strings.SplitN(m.row.Key(), "/", 2)[1], func(b *testing.B) {
			m.samples, m.latencies, m.n = nil, m.latencies[:0], b.N
			times := 1
			if m.rate != nil {
				times = b.N
			}
			for range times {
				s, _, err := m.sample(60 * time.Millisecond)
				if err != nil {
					b.Fatal(err)
				}
				m.samples = append(m.samples, s)
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
