package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/kernelet/kernelet/bench"
)

// WriteBenchmarks writes every sample, in the order in which they were taken, as a
// line of Go's benchmark format, which benchstat reads.
func WriteBenchmarks(w io.Writer, r *bench.Report) error {
	if r == nil {
		return errNone
	}
	var b strings.Builder
	system, architecture, _ := strings.Cut(r.Machine.OS, "/")
	fmt.Fprintf(&b, "goos: %s\ngoarch: %s\npkg: github.com/kernelet/kernelet/bench\ncpu: %s\n", system, architecture, r.Machine.CPU)
	for _, row := range r.Rows {
		samples := row.Series
		if len(samples) == 0 {
			samples = []float64{row.Value}
		}
		line := "Benchmark" + row.Key()
		unit, scale := row.Unit, 1.0
		switch unit {
		case "ns":
			unit = "ns/op"
		case "µs/image":
			unit, scale = "ns/op", 1e3
		case "s":
			unit, scale = "ns/op", 1e9
		}
		for _, v := range samples {
			fmt.Fprintf(&b, "%s 1 %g %s\n", line, v*scale, unit)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
