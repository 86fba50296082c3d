package report

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/kernelet/kernelet/bench"
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

// WriteText writes a report as tables for people.
func WriteText(w io.Writer, r *bench.Report) error {
	if r == nil {
		return errNone
	}
	m := &r.Machine
	var b strings.Builder
	for _, fact := range facts(m) {
		fmt.Fprintf(&b, "%-13s %s\n", fact[0], fact[1])
	}
	for _, warning := range m.Warnings {
		fmt.Fprintf(&b, "! %s\n", warning)
	}
	for _, g := range []struct{ group, title, columns string }{
		{"ceiling", "Ceilings", "\tset\tthreads\tbest\tmedian\t95 %\t"},
		{"kernel", "Kernels, one thread; bars show the share of the ceiling that bounds them", "\tset\tbest, µs/image\tmedian\t95 %\tdense GFLOP/s\texecuted\tKB/image\t× peak\tbound\t\t"},
		{"whole", "The whole network", "\tset\tthreads\tbest\tmedian\t95 %\tclock, GHz\tp50, p99 of calls\t× peak\t"},
		{"core", "Processors, each alone, and together those that share a core", "\tset\tthreads\tbest\tmedian\t95 %\tclock, GHz\tp50, p99 of calls\t× peak\t"},
		{"phase", "Where a step goes, µs an image of each thread, means; the parts add up to the whole", "\tset\tthreads\tµs/image\twaiting\t"},
	} {
		rows := group(r, g.group)
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n", g.title)
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, g.columns)
		for _, row := range rows {
			fmt.Fprintln(table, cells(row))
		}
		table.Flush()
	}
	for _, fall := range r.Waterfalls {
		fmt.Fprintf(&b, "\nFrom the dense algorithm to the measured step, µs an image, batch %d, %s\n", fall.Batch, threads(fall.Threads))
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		so := 0.0
		for _, one := range fall.Bars {
			so += one.Microseconds
			fmt.Fprintf(table, "%s\t%+.2f\t%.2f\t\n", one.Name, one.Microseconds, so)
		}
		fmt.Fprintf(table, "measured\t\t%.2f\t\n", fall.Measured)
		table.Flush()
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "\n%s", note)
	}
	if r.Score.Disturbed != "" {
		fmt.Fprintf(&b, "\nNot a result: %s.\n", r.Score.Disturbed)
	}
	if s := r.Score; s.OneThread > 0 {
		fmt.Fprintf(&b, "\nScore, version %d: %.0f on one thread (%.0f to %.0f), %.0f on all (%.0f to %.0f); the reference machine has 1000. %.0f s.\n",
			s.Version, s.OneThread, s.OneThreadLow, s.OneThreadHigh, s.AllThreads, s.AllThreadsLow, s.AllThreadsHigh, r.Seconds)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// interval says what is known of a row's spread.
func interval(r bench.Row) string {
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
	if r.Suspect != "" {
		s += ", cannot be right: " + r.Suspect
	}
	return s
}

// cells are a row of its group's table.
func cells(r bench.Row) string {
	interval := interval(r)
	optional := func(format string, v float64) string {
		if v == 0 {
			return ""
		}
		return fmt.Sprintf(format, v)
	}
	switch r.Group {
	case "ceiling":
		return fmt.Sprintf("%s\t%s\t%d\t%s\t%s %s\t%s\t", r.Name, r.ISA, r.Threads, figure(fastest(r)), figure(r.Value), r.Unit, interval)
	case "kernel":
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t", r.Name, r.ISA, figure(fastest(r)), figure(r.Value), interval, optional("%.1f", r.DenseGFLOPs),
			optional("%.1f", r.ExecutedGFLOPs), optional("%.1f", r.Bytes/1024), optional("%.2f", r.TimesPeak), r.Bound, bar(r.OfBound, barWidth))
	}
	if r.Group == "phase" {
		return fmt.Sprintf("%s\t%s\t%d\t%s\t%s\t", label(r), r.ISA, r.Threads, figure(r.Value), optional("%.3f", r.Waiting))
	}
	latency := ""
	if r.P50 > 0 {
		latency = fmt.Sprintf("%s, %s µs", figure(r.P50), figure(r.P99))
	}
	return fmt.Sprintf("%s\t%s\t%d\t%s\t%s %s\t%s\t%s\t%s\t%s\t", label(r), r.ISA, r.Threads, figure(fastest(r)), figure(r.Value), r.Unit, interval, optional("%.2f", r.Clock), latency, optional("%.2f", r.TimesPeak))
}

// fastest is a row's best sample, or its value in a report that has none.
func fastest(r bench.Row) float64 {
	if r.Best > 0 {
		return r.Best
	}
	return r.Value
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

// label names a row for people.
func label(r bench.Row) string {
	if r.Batch > 0 {
		return fmt.Sprintf("%s, batch %d", r.Name, r.Batch)
	}
	return r.Name
}

// group returns the rows of a group.
func group(r *bench.Report, name string) (rows []bench.Row) {
	for _, row := range r.Rows {
		if row.Group == name {
			rows = append(rows, row)
		}
	}
	return rows
}

// facts are a machine's, with their names.
func facts(m *bench.Machine) [][2]string {
	known := func(s string) string {
		if s == "" {
			return "unknown"
		}
		return s
	}
	plural := func(n int, name string) string {
		if n == 1 {
			return "1 " + name
		}
		return fmt.Sprintf("%d %ss", n, name)
	}
	cpu, smt, clock, hypervisor, load := m.CPU, "no SMT", "unknown", m.Hypervisor, "unknown"
	if m.Microarchitecture != "" {
		cpu += ", " + m.Microarchitecture
	}
	if m.Family > 0 {
		cpu += fmt.Sprintf(", family %d, model %d", m.Family, m.Model)
	}
	if m.SMT {
		smt = "SMT"
	}
	if m.Clock > 0 {
		clock = fmt.Sprintf("%.2f GHz while running", m.Clock)
	}
	if hypervisor == "" {
		hypervisor = "none seen"
	}
	if m.LoadAverage > 0 || m.LoadAfter > 0 {
		load = fmt.Sprintf("%.2f before, %.2f after", m.LoadAverage, m.LoadAfter)
	}
	return [][2]string{
		{"CPU", cpu},
		{"processors", fmt.Sprintf("%s, %s, %s, %s; %s in use", plural(m.Sockets, "socket"), plural(m.Cores, "core"), plural(m.Threads, "thread"), smt, plural(m.Used, "thread"))},
		{"caches", fmt.Sprintf("L1 %s, L2 %s, L3 %s in %s", size(m.L1), size(m.L2), size(m.L3), plural(m.L3Count, "cache"))},
		{"clock", clock + ", governor " + known(m.Governor)},
		{"instructions", known(strings.Join(m.Features, ", "))},
		{"kernels", strings.Join(m.Sets, ", ") + "; the whole network runs on " + m.ISA},
		{"huge pages", known(m.HugePages)},
		{"hypervisor", hypervisor},
		{"load average", load},
		{"software", fmt.Sprintf("kernelet %s, %s, %s", m.Kernelet, m.Go, m.OS)},
	}
}
