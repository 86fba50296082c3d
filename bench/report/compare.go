package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kernelet/kernelet/bench"
)

// Compare writes how much faster each report is than the first, row by row: a
// ratio above 1 is faster. Ratios that may be chance are marked ~: the intervals
// overlap, or a row has too few samples for an interval. Rows that the first
// report lacks come last, as they are. Reports are named by names.
func Compare(w io.Writer, names []string, reports []*bench.Report) error {
	if len(reports) < 2 || len(names) != len(reports) {
		return fmt.Errorf("bench: compare: expected at least two reports with a name each, got %d and %d", len(reports), len(names))
	}
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\tset\tthreads\t%s\t", names[0])
	for _, name := range names[1:] {
		fmt.Fprintf(table, "%s\t", name)
	}
	fmt.Fprintln(table)
	sameScore := true
	for _, r := range reports[1:] {
		sameScore = sameScore && r.Score.Version == reports[0].Score.Version
	}
	if sameScore {
		for _, s := range []struct {
			name string
			of   func(bench.Score) (value, low, high float64)
		}{
			{"score, one thread", func(s bench.Score) (float64, float64, float64) { return s.OneThread, s.OneThreadLow, s.OneThreadHigh }},
			{"score, all threads", func(s bench.Score) (float64, float64, float64) {
				return s.AllThreads, s.AllThreadsLow, s.AllThreadsHigh
			}},
		} {
			value, low, high := s.of(reports[0].Score)
			fmt.Fprintf(table, "%s\t\t\t%.0f\t", s.name, value)
			for _, r := range reports[1:] {
				v, l, h := s.of(r.Score)
				fmt.Fprintf(table, "%s\t", ratio(v, value, l > high || low > h))
			}
			fmt.Fprintln(table)
		}
	}
	for _, row := range allRows(reports) {
		first, found := find(reports[0], row)
		fmt.Fprintf(table, "%s\t%s\t%d\t", label(row), row.ISA, row.Threads)
		if found {
			fmt.Fprintf(table, "%s %s\t", figure(first.Value), first.Unit)
		} else {
			fmt.Fprintf(table, "%s\t", missing)
		}
		for _, r := range reports[1:] {
			cell := missing
			switch other, ok := find(r, row); {
			case ok && found:
				cell = against(other, first)
			case ok:
				cell = figure(other.Value) + " " + other.Unit
			}
			fmt.Fprintf(table, "%s\t", cell)
		}
		fmt.Fprintln(table)
	}
	table.Flush()
	if !sameScore {
		b.WriteString("the scores are of different versions and cannot be compared\n")
	}
	fmt.Fprintf(&b, "ratios: above 1 is faster than the first; ~: may be chance, the intervals overlap or there are fewer than %d samples; %s: not measured\n", bench.FewestSamples, missing)
	for i, r := range reports[1:] {
		for _, difference := range machineDifferences(&reports[0].Machine, &r.Machine) {
			fmt.Fprintf(&b, "%s and %s differ in %s\n", names[0], names[1+i], difference)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// machineDifferences says in what two measured machines differ that may explain
// their figures as well as what is to be compared.
func machineDifferences(a, b *bench.Machine) (list []string) {
	for _, d := range []struct {
		name string
		a, b any
	}{
		{"CPU", fmt.Sprintf("%s (family %d, model %d)", a.CPU, a.Family, a.Model), fmt.Sprintf("%s (family %d, model %d)", b.CPU, b.Family, b.Model)},
		{"threads in use", a.Used, b.Used},
		{"instruction set", a.ISA, b.ISA},
		{"kernelet's version", a.Kernelet, b.Kernelet},
		{"Go's version", a.Go, b.Go},
		{"system", a.OS, b.OS},
	} {
		if d.a != d.b {
			list = append(list, fmt.Sprintf("%s: %v, %v", d.name, d.a, d.b))
		}
	}
	return list
}

// missing stands for what a report does not have.
const missing = "–"

// allRows are one of every row of the reports, those of the first report first.
func allRows(reports []*bench.Report) (rows []bench.Row) {
	for _, r := range reports {
		for _, row := range r.Rows {
			if !slices.ContainsFunc(rows, same(row)) {
				rows = append(rows, row)
			}
		}
	}
	return rows
}

// same reports of other rows whether they measure the same as row in the same
// unit.
func same(row bench.Row) func(bench.Row) bool {
	return func(other bench.Row) bool { return row.Key() == other.Key() && row.Unit == other.Unit }
}

// find returns the report's measurement of what row measures.
func find(r *bench.Report, row bench.Row) (found bench.Row, ok bool) {
	if i := slices.IndexFunc(r.Rows, same(row)); i >= 0 {
		return r.Rows[i], true
	}
	return bench.Row{}, false
}

// against is the ratio of two measurements of the same.
func against(r, first bench.Row) string {
	significant := min(r.Samples, first.Samples) >= bench.FewestSamples && (r.Low > first.High || first.Low > r.High)
	if r.Rate() {
		return ratio(r.Value, first.Value, significant)
	}
	return ratio(first.Value, r.Value, significant)
}

// ratio writes a over b; a report that lacks rows has a score of 0.
func ratio(a, b float64, significant bool) string {
	if a <= 0 || b <= 0 {
		return missing
	}
	mark := ""
	if !significant {
		mark = " ~"
	}
	return fmt.Sprintf("%.3f%s", a/b, mark)
}
