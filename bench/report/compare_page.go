package report

import (
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/kernelet/kernelet/bench"
)

//go:embed compare.html
var compareText string

var comparePage = template.Must(template.New("compare").Parse(compareText))

// machineBars are one quantity with a bar for every report.
type machineBars struct {
	Name, Group string
	Bars        []machineBar
}

type machineBar struct {
	Report, Class, Text, Note string
	Share                     float64 // of the longest bar of the quantity
}

// CompareHTML writes a page about several reports that needs nothing else: their
// scores, rates and kernels as bars, rooflines, scaling, and the machines' facts.
func CompareHTML(w io.Writer, names []string, reports []*bench.Report) error {
	c, err := comparing(names, reports)
	if err != nil {
		return err
	}
	type machine struct {
		Name, Class string
		Report      *bench.Report
		Facts       [][2]string
	}
	var machines []machine
	for i, r := range reports {
		machines = append(machines, machine{names[i], fmt.Sprintf("curve%d", i%curves), r, facts(&r.Machine)})
	}
	var rows [][]string
	for _, l := range append(slices.Clone(c.scores), c.lines...) {
		rows = append(rows, append([]string{l.label, l.isa, count(l.threads)}, texts(l.cells)...))
	}
	return comparePage.Execute(w, map[string]any{
		"Style": template.CSS(style), "Names": names, "Machines": machines, "Scores": c.bars(c.scores), "Whole": c.bars(c.of("whole")), "Kernels": c.bars(c.of("kernel")),
		"Roofline": comparedRooflines(names, reports), "Scaling": comparedScaling(names, reports), "Rows": rows, "Notes": append([]string{legend()}, c.notes...),
	})
}

// of are the lines of a group that at least two reports have, of the sets that
// the whole network runs on.
func (c *comparison) of(group string) (lines []line) {
	for _, l := range c.lines {
		have, chosen := 0, false
		for i, one := range l.cells {
			if one.found && one.row.Group == group {
				have++
				chosen = chosen || one.row.ISA == c.reports[i].Machine.ISA
			}
		}
		if have > 1 && chosen {
			lines = append(lines, l)
		}
	}
	return lines
}

// bars are the lines' figures, longer for faster.
func (c *comparison) bars(lines []line) (all []machineBars) {
	for _, l := range lines {
		one := machineBars{Name: l.label, Group: l.isa}
		if l.threads > 0 && l.cells[0].row.Group == "whole" {
			one.Group = threads(l.threads)
		}
		speed := func(r bench.Row) float64 {
			if r.Rate() || r.Unit == "" {
				return r.Value
			}
			return 1 / r.Value
		}
		longest := 0.0
		for _, cell := range l.cells {
			if cell.found {
				longest = max(longest, speed(cell.row))
			}
		}
		for i, cell := range l.cells {
			if !cell.found {
				continue
			}
			b := machineBar{Report: c.names[i], Class: fmt.Sprintf("set%d", i%curves), Text: figure(cell.row.Value) + " " + cell.row.Unit, Share: speed(cell.row) / longest}
			if cell.row.Unit == "" {
				b.Text = fmt.Sprintf("%.0f", cell.row.Value)
			}
			if i > 0 && cell.ratio > 0 {
				b.Note = "× " + cell.text()
			}
			one.Bars = append(one.Bars, b)
		}
		all = append(all, one)
	}
	return all
}

func threads(n int) string {
	if n == 1 {
		return "1 thread"
	}
	return fmt.Sprintf("%d threads", n)
}

// comparedRooflines draws every machine's roofs, and its kernels as dots below
// them.
func comparedRooflines(names []string, reports []*bench.Report) template.HTML {
	highest := 0.0
	for _, r := range reports {
		highest = max(highest, r.Ceiling(bench.PeakName, r.Machine.ISA, 1))
	}
	if highest == 0 {
		return ""
	}
	p := newRoofline(760, 420, highest, "roofline plot of the machines")
	for i, r := range reports {
		peak := r.Ceiling(bench.PeakName, r.Machine.ISA, 1)
		if peak == 0 {
			continue
		}
		class := fmt.Sprintf("compared curve%d", i%curves)
		fastestLevel := 0.0
		for _, ceiling := range group(r, "ceiling") {
			if strings.HasPrefix(ceiling.Name, bench.ReadingPrefix) && ceiling.Threads == 1 {
				p.roof(class, ceiling.Value, peak)
				fastestLevel = max(fastestLevel, ceiling.Value)
			}
		}
		p.line(class, p.x(min(highIntensity, peak/max(fastestLevel, 1))), p.y(peak), p.x(highIntensity), p.y(peak))
		p.text(fmt.Sprintf("name curve%d", i%curves), "end", p.right-4, p.y(peak)-5, fmt.Sprintf("%s: %.0f GFLOP/s", names[i], peak))
		for _, row := range group(r, "kernel") {
			if x, y, ok := p.place(row); ok && row.ISA == r.Machine.ISA {
				fmt.Fprintf(&p.b, `<circle class="dot curve%d" cx="%.1f" cy="%.1f" r="4"><title>%s, %s: %.1f GFLOP/s executed</title></circle>`, i%curves, x, y, template.HTMLEscapeString(names[i]), template.HTMLEscapeString(row.Name), row.ExecutedGFLOPs)
			}
		}
	}
	return p.end()
}

// comparedScaling draws the rate of training on 1, 2, 4, … threads of every
// machine, and that of one network on all of them.
func comparedScaling(names []string, reports []*bench.Report) template.HTML {
	type curve struct {
		class, name string
		points      [][2]float64
	}
	var all []curve
	most, highest := 1.0, 0.0
	for i, r := range reports {
		for _, of := range []struct{ name, class, label string }{{bench.TrainRate, "", "a network a thread"}, {bench.Train, " dashed", "one network"}} {
			c := curve{class: fmt.Sprintf("curve%d%s", i%curves, of.class), name: names[i] + ", " + of.label}
			for _, row := range group(r, "whole") {
				if row.Name != of.name || row.Batch != 100 {
					continue
				}
				v := row.Value
				if !row.Rate() {
					v = 1e6 / v
				}
				v /= 1e3
				c.points = append(c.points, [2]float64{float64(row.Threads), v})
				most, highest = max(most, float64(row.Threads)), max(highest, v)
			}
			if len(c.points) > 1 {
				all = append(all, c)
			}
		}
	}
	if len(all) == 0 {
		return ""
	}
	p := newPlot(760, 380, "images a second trained on, over threads")
	p.x, p.y = linear(1, most, p.left, p.right), linear(0, 1.05*highest, p.bottom, p.top)
	p.grid(ticks(1, most, math.Max(1, math.Ceil(most/8))), ticks(0, highest, niceStep(highest/4)), "threads", "thousands of images a second")
	for i, c := range all {
		p.curve(c.class, c.name, c.points)
		p.text("name "+strings.Fields(c.class)[0], "start", p.left+8, p.top+14+15*float64(i), c.name)
	}
	return p.end()
}
