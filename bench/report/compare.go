package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/kernelet/kernelet/bench"
)

// line is a row of a comparison: what the first report measured, and the ratios of
// the others to it.
type line struct {
	label, key, isa string
	threads         int
	cells           []cell // one for every report, the first among them
}

// cell is one report's figure in a line.
type cell struct {
	row     bench.Row
	found   bool
	ratio   float64 // how many times faster than the first; 0: unknown
	certain bool    // the difference is not chance
}

// comparison is what all forms of a comparison show.
type comparison struct {
	names   []string
	reports []*bench.Report
	scores  []line
	lines   []line
	notes   []string
}

// comparing sets reports against the first. Ratios that may be chance are not
// certain: the intervals overlap, or a row has too few samples for an interval.
// Rows that the first report lacks come last.
func comparing(names []string, reports []*bench.Report) (*comparison, error) {
	if len(reports) < 2 || len(names) != len(reports) {
		return nil, fmt.Errorf("bench: compare: expected at least two reports with a name each, got %d and %d", len(reports), len(names))
	}
	if slices.Contains(reports, nil) {
		return nil, errNone
	}
	c := &comparison{names: names, reports: reports}
	sameScore := true
	for _, r := range reports[1:] {
		sameScore = sameScore && r.Score.Version == reports[0].Score.Version
	}
	if sameScore {
		c.scores = []line{
			scoreLine("score, one thread", reports, func(s bench.Score) (value, low, high float64) { return s.OneThread, s.OneThreadLow, s.OneThreadHigh }),
			scoreLine("score, all threads", reports, func(s bench.Score) (value, low, high float64) {
				return s.AllThreads, s.AllThreadsLow, s.AllThreadsHigh
			}),
		}
	} else {
		c.notes = append(c.notes, "the scores are of different versions and cannot be compared")
	}
	for _, row := range allRows(reports) {
		l := line{label: label(row), key: row.Key(), isa: row.ISA, threads: row.Threads}
		first, found := find(reports[0], row)
		for i, r := range reports {
			other, ok := find(r, row)
			one := cell{row: other, found: ok}
			if ok && found && i > 0 {
				one.ratio, one.certain = against(other, first)
			}
			l.cells = append(l.cells, one)
		}
		c.lines = append(c.lines, l)
	}
	for i, r := range reports {
		if r.Score.Disturbed != "" {
			c.notes = append(c.notes, fmt.Sprintf("%s is not a result: %s", names[i], r.Score.Disturbed))
		}
		if i == 0 {
			continue
		}
		for _, difference := range machineDifferences(&reports[0].Machine, &r.Machine) {
			c.notes = append(c.notes, fmt.Sprintf("%s and %s differ in %s", names[0], names[i], difference))
		}
	}
	return c, nil
}

// scoreLine is the line of a score.
func scoreLine(name string, reports []*bench.Report, of func(bench.Score) (value, low, high float64)) line {
	l := line{label: name, key: strings.NewReplacer("score", "Score", ", ", "/", " ", "-").Replace(name)}
	value, low, high := of(reports[0].Score)
	for i, r := range reports {
		v, lo, hi := of(r.Score)
		one := cell{row: bench.Row{Value: v, Low: lo, High: hi}, found: v > 0}
		if i > 0 && v > 0 && value > 0 {
			one.ratio, one.certain = v/value, lo > high || low > hi
		}
		l.cells = append(l.cells, one)
	}
	return l
}

// text is a cell for people: the first report's figure, the others' ratios.
func (c cell) text() string {
	switch {
	case !c.found:
		return missing
	case c.ratio > 0 && c.certain:
		return fmt.Sprintf("%.3f", c.ratio)
	case c.ratio > 0:
		return fmt.Sprintf("%.3f ~", c.ratio)
	case c.row.Unit == "":
		return fmt.Sprintf("%.0f", c.row.Value)
	}
	return figure(c.row.Value) + " " + c.row.Unit
}

// legend says how a comparison is read.
func legend() string {
	return fmt.Sprintf("ratios: above 1 is faster than the first; ~: may be chance, the intervals overlap or there are fewer than %d samples; %s: not measured", bench.FewestSamples, missing)
}

// Compare writes how much faster each report is than the first, row by row, as a
// table for people. Reports are named by names.
func Compare(w io.Writer, names []string, reports []*bench.Report) error {
	c, err := comparing(names, reports)
	if err != nil {
		return err
	}
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\tset\tthreads\t%s\t\n", strings.Join(names, "\t"))
	for _, l := range append(c.scores, c.lines...) {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t\n", l.label, l.isa, count(l.threads), strings.Join(texts(l.cells), "\t"))
	}
	table.Flush()
	for _, note := range append([]string{legend()}, c.notes...) {
		b.WriteString(note + "\n")
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// CompareMarkdown writes the same as a table of Markdown.
func CompareMarkdown(w io.Writer, names []string, reports []*bench.Report) error {
	c, err := comparing(names, reports)
	if err != nil {
		return err
	}
	var b strings.Builder
	write := func(cells ...string) {
		for i, text := range cells {
			cells[i] = strings.NewReplacer("|", "\\|", "\n", " ").Replace(text)
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	write(append([]string{"", "set", "threads"}, names...)...)
	write(append([]string{"---", "---", "---:"}, slices.Repeat([]string{"---:"}, len(names))...)...)
	for _, l := range append(c.scores, c.lines...) {
		write(append([]string{l.label, l.isa, count(l.threads)}, texts(l.cells)...)...)
	}
	b.WriteString("\n")
	for _, note := range append([]string{legend()}, c.notes...) {
		b.WriteString("- " + note + "\n")
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// CompareCSV writes every report's figures of every row: a line for a row and a
// report, with the row's name as in go test -bench.
func CompareCSV(w io.Writer, names []string, reports []*bench.Report) error {
	c, err := comparing(names, reports)
	if err != nil {
		return err
	}
	out := csv.NewWriter(w)
	number := func(v float64) string {
		if v == 0 {
			return ""
		}
		return strconv.FormatFloat(v, 'g', 6, 64)
	}
	if err := out.Write([]string{"benchmark", "report", "unit", "median", "low", "high", "best", "samples", "times_faster", "certain"}); err != nil {
		return err
	}
	for _, l := range append(c.scores, c.lines...) {
		for i, one := range l.cells {
			if !one.found {
				continue
			}
			certain := ""
			if i > 0 && one.ratio > 0 {
				certain = strconv.FormatBool(one.certain)
			}
			r := one.row
			if err := out.Write([]string{l.key, names[i], r.Unit, number(r.Value), number(r.Low), number(r.High), number(r.Best), strconv.Itoa(r.Samples), number(one.ratio), certain}); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// Slower lists the kernels and the rows of the whole network of every report but
// the first that are slower than the first's by more than a share, such as 0.05:
// their best samples are, and their medians are with intervals that do not
// overlap. Either alone is chance more often than both.
func Slower(names []string, reports []*bench.Report, share float64) ([]string, error) {
	c, err := comparing(names, reports)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, l := range c.lines {
		for i, one := range l.cells {
			if i == 0 || one.ratio == 0 || one.ratio >= 1 || !one.certain || one.row.Group != "kernel" && one.row.Group != "whole" {
				continue
			}
			first, best := fastest(l.cells[0].row), fastest(one.row)
			times := best / first // how many times longer
			if one.row.Rate() {
				times = first / best
			}
			if times > 1+share {
				list = append(list, fmt.Sprintf("%s: %s is %.1f %% slower than %s: best %s, not %s %s", l.key, names[i], 100*(times-1), names[0], figure(best), figure(first), one.row.Unit))
			}
		}
	}
	return list, nil
}

// texts are the cells for people.
func texts(cells []cell) []string {
	list := make([]string, len(cells))
	for i, c := range cells {
		list[i] = c.text()
	}
	return list
}

// count writes a number, or nothing for none.
func count(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
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
// unit. The whole network runs on one instruction set in a report, the best that a
// machine has or one that was asked for, so its rows are the same on any set.
func same(row bench.Row) func(bench.Row) bool {
	anySet := func(r bench.Row) bench.Row {
		if r.Group != "kernel" && r.Group != "ceiling" {
			r.ISA = ""
		}
		return r
	}
	key := anySet(row).Key()
	return func(other bench.Row) bool { return key == anySet(other).Key() && row.Unit == other.Unit }
}

// find returns the report's measurement of what row measures.
func find(r *bench.Report, row bench.Row) (found bench.Row, ok bool) {
	if i := slices.IndexFunc(r.Rows, same(row)); i >= 0 {
		return r.Rows[i], true
	}
	return bench.Row{}, false
}

// against is how many times faster r is than the first report's measurement of
// the same, and whether that is no chance.
func against(r, first bench.Row) (ratio float64, certain bool) {
	certain = min(r.Samples, first.Samples) >= bench.FewestSamples && (r.Low > first.High || first.Low > r.High)
	if r.Rate() {
		return r.Value / first.Value, certain
	}
	return first.Value / r.Value, certain
}
