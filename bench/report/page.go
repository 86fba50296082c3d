// Package report writes the reports of package bench: as text, as a page, as JSON,
// in Go's benchmark format, and side by side.
package report

import (
	_ "embed" // the page
	"fmt"
	"html"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/kernelet/kernelet/bench"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"figure":   figure,
	"interval": interval,
}).Parse(pageText))

// WriteHTML writes a report as one page that needs nothing else: a roofline
// plot, the kernels' bars, the scaling over threads, all rows, and the
// machine's facts.
func WriteHTML(w io.Writer, r *bench.Report) error {
	return page.Execute(w, map[string]any{
		"Report": r, "Roofline": roofline(r), "Kernels": kernelBars(r), "Scaling": scaling(r), "Sets": plottedSets(r),
		"Ceilings": group(r, "ceiling"), "Whole": group(r, "whole"), "Chosen": r.Machine.ISA, "Facts": facts(&r.Machine),
	})
}

// plottedSets are the sets with bars, fastest first: those with kernels of
// their own, and plain Go only if it is what the whole network runs on.
func plottedSets(r *bench.Report) []string {
	sets := slices.DeleteFunc(slices.Clone(r.Machine.Sets), func(set string) bool { return set == "generic" && set != r.Machine.ISA })
	slices.Reverse(sets)
	return sets
}

// kernelLine is a kernel in the list of bars.
type kernelLine struct {
	Number int
	Name   string
	Bars   []kernelBar
	Bound  string
}

type kernelBar struct {
	Set          string
	Class        string
	Microseconds string
	Interval     string
	TimesPeak    string
	Share        float64 // of the longest bar
}

// kernelBars lists the kernels with a bar for every plotted set: how many
// times the peak of multiply-adds the dense algorithm would need to be as fast.
func kernelBars(r *bench.Report) []kernelLine {
	var lines []kernelLine
	longest := 1.0
	for _, row := range group(r, "kernel") {
		longest = max(longest, row.TimesPeak)
	}
	for _, row := range group(r, "kernel") {
		at := slices.IndexFunc(lines, func(l kernelLine) bool { return l.Name == row.Name })
		if at < 0 {
			at = len(lines)
			lines = append(lines, kernelLine{Number: at + 1, Name: row.Name})
		}
		set := slices.Index(plottedSets(r), row.ISA)
		if set < 0 {
			continue
		}
		b := kernelBar{Set: row.ISA, Class: fmt.Sprintf("set%d", set), Microseconds: figure(row.Value), Interval: interval(row), Share: row.TimesPeak / longest}
		if row.TimesPeak > 0 {
			b.TimesPeak = fmt.Sprintf("%.2f", row.TimesPeak)
		}
		lines[at].Bars = slices.Insert(lines[at].Bars, 0, b)
		if row.ISA == r.Machine.ISA {
			lines[at].Bound = fmt.Sprintf("%.0f %% of %s", 100*row.OfBound, row.Bound)
		}
	}
	return lines
}

// plot is a drawing area with axes; x and y map values to its pixels.
type plot struct {
	b                        strings.Builder
	left, right, top, bottom float64
	x, y                     func(v float64) float64
}

func newPlot(width, height float64, description string) *plot {
	p := &plot{left: 56, right: width - 16, top: 16, bottom: height - 44}
	fmt.Fprintf(&p.b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, width, height, html.EscapeString(description))
	return p
}

// logarithmic and linear return maps from values between low and high.
func logarithmic(low, high, from, to float64) func(float64) float64 {
	return func(v float64) float64 {
		return from + (to-from)*math.Log(v/low)/math.Log(high/low)
	}
}

func linear(low, high, from, to float64) func(float64) float64 {
	return func(v float64) float64 { return from + (to-from)*(v-low)/(high-low) }
}

func (p *plot) line(class string, x0, y0, x1, y1 float64) {
	fmt.Fprintf(&p.b, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, x0, y0, x1, y1)
}

func (p *plot) text(class, anchor string, x, y float64, text string) {
	fmt.Fprintf(&p.b, `<text class="%s" text-anchor="%s" x="%.1f" y="%.1f">%s</text>`, class, anchor, x, y, html.EscapeString(text))
}

// grid draws a line and a label for every tick.
func (p *plot) grid(xTicks, yTicks []float64, xName, yName string) {
	for _, v := range xTicks {
		p.line("grid", p.x(v), p.top, p.x(v), p.bottom)
		p.text("tick", "middle", p.x(v), p.bottom+16, fmt.Sprintf("%g", v))
	}
	for _, v := range yTicks {
		p.line("grid", p.left, p.y(v), p.right, p.y(v))
		p.text("tick", "end", p.left-6, p.y(v)+4, fmt.Sprintf("%g", v))
	}
	p.text("axis", "middle", (p.left+p.right)/2, p.bottom+36, xName)
	fmt.Fprintf(&p.b, `<text class="axis" text-anchor="middle" transform="translate(14 %.1f) rotate(-90)">%s</text>`, (p.top+p.bottom)/2, html.EscapeString(yName))
}

func (p *plot) end() template.HTML {
	p.b.WriteString("</svg>")
	return template.HTML(p.b.String())
}

// roofline plots every kernel of the chosen set: operations that it executes
// for each byte that it touches, and how many of them a second, below the
// roofs that the ceilings make (Williams, Waterman and Patterson, "Roofline: An
// Insightful Visual Performance Model for Multicore Architectures", 2009).
func roofline(r *bench.Report) template.HTML {
	peak := r.Ceiling(bench.PeakName, r.Machine.ISA, 1)
	if peak <= 0 {
		return ""
	}
	const lowX, highX = 0.0625, 256.0
	lowY, highY := peak/64, peak*1.6
	p := newPlot(760, 440, "roofline plot of the kernels")
	p.x = logarithmic(lowX, highX, p.left, p.right)
	p.y = logarithmic(lowY, highY, p.bottom, p.top)
	var yTicks []float64
	for v := math.Pow(2, math.Ceil(math.Log2(lowY))); v <= highY; v *= 4 {
		yTicks = append(yTicks, v)
	}
	p.grid([]float64{0.0625, 0.25, 1, 4, 16, 64, 256}, yTicks, "operations executed per byte touched", "GFLOP/s executed")
	p.line("roof", p.x(lowX), p.y(peak), p.x(highX), p.y(peak))
	p.text("roofname", "start", p.left+4, p.y(peak)-6, fmt.Sprintf("multiply-adds %.0f GFLOP/s", peak))
	levels := 0
	for _, ceiling := range group(r, "ceiling") {
		level, reading := strings.CutPrefix(ceiling.Name, bench.ReadingPrefix)
		if !reading || ceiling.Threads != 1 {
			continue
		}
		rate := ceiling.Value
		// The roof is rate·x up to the peak, from where it enters the plot.
		from := max(lowX, lowY/rate)
		p.line("roof", p.x(from), p.y(from*rate), p.x(peak/rate), p.y(peak))
		at := max(from*1.12, lowX*1.12)
		angle := -math.Atan2(p.y(from*rate)-p.y(peak), p.x(peak/rate)-p.x(from)) * 180 / math.Pi
		// Neighbours are often near each other, so every other name stands below its line.
		above := -5.0
		if levels%2 == 0 && levels > 0 {
			above = 16
		}
		levels++
		fmt.Fprintf(&p.b, `<text class="roofname" transform="translate(%.1f %.1f) rotate(%.1f)">%s %.0f GB/s</text>`,
			p.x(at), p.y(at*rate)+above, angle, html.EscapeString(level), rate)
	}
	for _, line := range kernelBars(r) {
		for _, row := range group(r, "kernel") {
			if row.Name != line.Name || row.ISA != r.Machine.ISA || row.ExecutedGFLOPs <= 0 || row.Bytes <= 0 {
				continue
			}
			intensity := row.ExecutedGFLOPs * 1e3 * row.Value / row.Bytes
			x, y := p.x(min(highX, max(lowX, intensity))), p.y(max(lowY, row.ExecutedGFLOPs))
			fmt.Fprintf(&p.b, `<g class="point"><title>%s: %s µs an image, %.1f GFLOP/s executed, %.2f operations a byte</title><circle cx="%.1f" cy="%.1f" r="9"/><text text-anchor="middle" x="%.1f" y="%.1f">%d</text></g>`,
				html.EscapeString(row.Name), figure(row.Value), row.ExecutedGFLOPs, intensity, x, y, x, y+3.5, line.Number)
		}
	}
	return p.end()
}

// scaling plots how much faster several threads are than one.
func scaling(r *bench.Report) template.HTML {
	type curve struct {
		name   string
		points [][2]float64
	}
	var curves []curve
	most := 1
	for _, one := range group(r, "whole") {
		if one.Threads != 1 || one.Unit != "µs/image" {
			continue
		}
		c := curve{name: label(one)}
		for _, row := range group(r, "whole") {
			if row.Name == one.Name && row.Batch == one.Batch {
				c.points = append(c.points, [2]float64{float64(row.Threads), one.Value / row.Value})
				most = max(most, row.Threads)
			}
		}
		if len(c.points) > 1 {
			curves = append(curves, c)
		}
	}
	if len(curves) == 0 {
		return ""
	}
	p := newPlot(760, 360, "speed over threads")
	p.right -= 150 // for the curves' names
	high := float64(most)
	top := high
	for _, c := range curves {
		for _, point := range c.points {
			top = max(top, point[1])
		}
	}
	p.x, p.y = linear(1, high, p.left, p.right), linear(0, top, p.bottom, p.top)
	var ticks []float64
	step := math.Max(1, math.Ceil(high/8))
	for v := 1.0; v <= high; v += step {
		ticks = append(ticks, v)
	}
	p.grid(ticks, append([]float64{0}, ticks...), "threads", "times the speed of one thread")
	p.line("ideal", p.x(1), p.y(1), p.x(high), p.y(high))
	below := p.top
	slices.SortFunc(curves, func(a, b curve) int {
		return int(math.Copysign(1, b.points[len(b.points)-1][1]-a.points[len(a.points)-1][1]))
	})
	for i, c := range curves {
		var path []string
		for _, point := range c.points {
			path = append(path, fmt.Sprintf("%.1f,%.1f", p.x(point[0]), p.y(point[1])))
		}
		last := c.points[len(c.points)-1]
		fmt.Fprintf(&p.b, `<polyline class="curve curve%d" points="%s"/>`, i%4, strings.Join(path, " "))
		below = max(below, p.y(last[1])+4)
		p.text(fmt.Sprintf("name curve%d", i%4), "start", p.right+8, below, fmt.Sprintf("%s: %.2f", c.name, last[1]))
		below += 16
	}
	return p.end()
}
