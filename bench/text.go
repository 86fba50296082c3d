package bench

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// barWidth is the number of columns of a full bar.
const barWidth = 20

// bar draws a share of full, from 0 to 1, in eighths of a column.
func bar(share float64, full int) string {
	eighths := int(math.Round(min(1, max(0, share)) * float64(8*full)))
	drawn := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		drawn += string([]rune(" ▏▎▍▌▋▊▉")[rest])
	}
	return drawn
}

// WriteText writes the report as tables for people.
func (r *Report) WriteText(w io.Writer) error {
	m := &r.Machine
	var b strings.Builder
	for _, fact := range m.facts() {
		fmt.Fprintf(&b, "%-13s %s\n", fact[0], fact[1])
	}
	for _, warning := range m.Warnings {
		fmt.Fprintf(&b, "! %s\n", warning)
	}
	for _, g := range []struct{ group, title, columns string }{
		{"ceiling", "Ceilings", "\tset\tthreads\tmedian\t95 %\t"},
		{"kernel", "Kernels, one thread; bars show the share of the ceiling that bounds them", "\tset\tµs/image\t95 %\tdense GFLOP/s\texecuted\tKB/image\t× peak\tbound\t\t"},
		{"whole", "The whole network", "\tset\tthreads\tmedian\t95 %\tp50, p99 of calls\t× peak\t"},
	} {
		fmt.Fprintf(&b, "\n%s\n", g.title)
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, g.columns)
		for _, row := range r.Rows {
			if row.Group == g.group {
				fmt.Fprintln(table, row.cells())
			}
		}
		table.Flush()
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "\n%s", note)
	}
	s := r.Score
	fmt.Fprintf(&b, "\nScore, version %d: %.0f on one thread (%.0f to %.0f), %.0f on all (%.0f to %.0f); the reference machine has 1000. %.0f s.\n",
		s.Version, s.OneThread, s.OneThreadLow, s.OneThreadHigh, s.AllThreads, s.AllThreadsLow, s.AllThreadsHigh, r.Seconds)
	_, err := io.WriteString(w, b.String())
	return err
}

// interval is what is known of a row's spread.
func (r Row) interval() string {
	s := fmt.Sprintf("%s to %s", figure(r.Low), figure(r.High))
	if r.Samples == 1 {
		s = "once"
	}
	if r.Outliers > 0 {
		s += fmt.Sprintf(", %d of %d far off", r.Outliers, r.Samples)
	}
	if r.Unsteady {
		s += ", unsteady"
	}
	return s
}

// cells are a row of its group's table.
func (r Row) cells() string {
	interval := r.interval()
	optional := func(format string, v float64) string {
		if v == 0 {
			return ""
		}
		return fmt.Sprintf(format, v)
	}
	switch r.Group {
	case "ceiling":
		return fmt.Sprintf("%s\t%s\t%d\t%s %s\t%s\t", r.Name, r.ISA, r.Threads, figure(r.Value), r.Unit, interval)
	case "kernel":
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t", r.Name, r.ISA, figure(r.Value), interval, optional("%.1f", r.DenseGFLOPs),
			optional("%.1f", r.ExecutedGFLOPs), optional("%.1f", r.Bytes/1024), optional("%.2f", r.TimesPeak), r.Bound, bar(r.OfBound, barWidth))
	}
	latency := ""
	if r.P50 > 0 {
		latency = fmt.Sprintf("%s, %s µs", figure(r.P50), figure(r.P99))
	}
	return fmt.Sprintf("%s\t%s\t%d\t%s %s\t%s\t%s\t%s\t", r.label(), r.ISA, r.Threads, figure(r.Value), r.Unit, interval, latency, optional("%.2f", r.TimesPeak))
}

// figure writes a value with four significant digits.
func figure(v float64) string {
	digits := 0
	for limit := 1000.0; v < limit && digits < 4; limit /= 10 {
		digits++
	}
	return fmt.Sprintf("%.*f", digits, v)
}

// size writes a number of bytes.
func size(bytes int) string {
	switch {
	case bytes <= 0:
		return "unknown"
	case bytes >= 1<<20:
		return fmt.Sprintf("%d MB", bytes>>20)
	}
	return fmt.Sprintf("%d KB", bytes>>10)
}

// WriteBenchmarks writes every sample as a line of Go's benchmark format, which
// benchstat reads.
func (r *Report) WriteBenchmarks(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "goos: %s\ngoarch: %s\npkg: github.com/kernelet/kernelet/bench\ncpu: %s\n",
		before(r.Machine.OS, "/"), after(r.Machine.OS, "/"), r.Machine.CPU)
	for _, row := range r.Rows {
		samples := r.samples[row.key()]
		if len(samples) == 0 {
			samples = []float64{row.Value}
		}
		name := strings.NewReplacer(" ", "-", ",", "", "%", "percent").Replace(row.Name)
		line := "Benchmark" + strings.ToUpper(row.Group[:1]) + row.Group[1:] + "/" + name
		if row.ISA != "" {
			line += "/isa=" + row.ISA
		}
		if row.Batch > 0 {
			line += fmt.Sprintf("/batch=%d", row.Batch)
		}
		line += fmt.Sprintf("/threads=%d", row.Threads)
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

func before(s, separator string) string { head, _, _ := strings.Cut(s, separator); return head }
func after(s, separator string) string  { _, tail, _ := strings.Cut(s, separator); return tail }
