package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Compare writes how much faster each report is than the first, row by row: a
// ratio above 1 is faster. Ratios whose intervals overlap are marked ~: the
// difference may be chance. Reports are named by names.
func Compare(w io.Writer, names []string, reports []*Report) error {
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
			of   func(Score) (value, low, high float64)
		}{
			{"score, one thread", func(s Score) (float64, float64, float64) { return s.OneThread, s.OneThreadLow, s.OneThreadHigh }},
			{"score, all threads", func(s Score) (float64, float64, float64) { return s.AllThreads, s.AllThreadsLow, s.AllThreadsHigh }},
		} {
			value, low, high := s.of(reports[0].Score)
			fmt.Fprintf(table, "%s\t\t\t%.0f\t", s.name, value)
			for _, r := range reports[1:] {
				v, l, h := s.of(r.Score)
				fmt.Fprintf(table, "%s\t", ratio(v/value, l <= high && low <= h))
			}
			fmt.Fprintln(table)
		}
	}
	for _, first := range reports[0].Rows {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s %s\t", first.label(), first.ISA, first.Threads, figure(first.Value), first.Unit)
		for _, r := range reports[1:] {
			cell := "–"
			for _, other := range r.Rows {
				if other.key() == first.key() && other.Unit == first.Unit {
					faster := first.Value / other.Value
					if first.rate() {
						faster = 1 / faster
					}
					cell = ratio(faster, other.Low <= first.High && first.Low <= other.High)
				}
			}
			fmt.Fprintf(table, "%s\t", cell)
		}
		fmt.Fprintln(table)
	}
	table.Flush()
	if !sameScore {
		b.WriteString("the scores are of different versions and cannot be compared\n")
	}
	b.WriteString("ratios: above 1 is faster than the first; ~: the intervals overlap\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func ratio(v float64, overlap bool) string {
	mark := ""
	if overlap {
		mark = " ~"
	}
	return fmt.Sprintf("%.3f%s", v, mark)
}
