// Package report writes the reports of package bench: as text, as a page, as JSON,
// in Go's benchmark format, and side by side.
package report

import (
	"cmp"
	_ "embed" // the page
	"fmt"
	"html"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/kernels"
)

//go:embed page.html
var pageText string

//go:embed style.css
var style string // of all pages

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"figure":   figure,
	"fastest":  fastest,
	"interval": interval,
}).Parse(pageText))

// WriteHTML writes a report as one page that needs nothing else: a roofline
// plot, the kernels' bars, the scaling over threads, all rows, and the
// machine's facts.
func WriteHTML(w io.Writer, r *bench.Report) error {
	if r == nil {
		return errNone
	}
	return page.Execute(w, map[string]any{
		"Style": template.CSS(style), "Report": r, "Roofline": roofline(r), "Layers": layers(r), "Waterfalls": waterfalls(r), "Cores": group(r, "core"), "Scaling": scaling(r), "Sets": plottedSets(r),
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

// layer is a part of the network with its kernels.
type layer struct {
	Name    string
	Kernels []kernelLine
}

// kernelLine is a kernel in the list of bars.
type kernelLine struct {
	Name  string
	Bars  []kernelBar
	Bound string
}

type kernelBar struct {
	Set          string
	Class        string
	Microseconds string
	Interval     string
	TimesPeak    string
	Share        float64 // of the longest bar
}

// layers lists the kernels by layer, with a bar for every plotted set: how many
// times the peak of multiply-adds the dense algorithm would need to be as fast.
func layers(r *bench.Report) []layer {
	var all []layer
	longest := 1.0
	for _, row := range group(r, "kernel") {
		longest = max(longest, row.TimesPeak)
	}
	for _, row := range group(r, "kernel") {
		name := kernels.Layer(row.Name)
		of := slices.IndexFunc(all, func(l layer) bool { return l.Name == name })
		if of < 0 {
			of = len(all)
			all = append(all, layer{Name: name})
		}
		lines := &all[of].Kernels
		at := slices.IndexFunc(*lines, func(l kernelLine) bool { return l.Name == row.Name })
		if at < 0 {
			at = len(*lines)
			*lines = append(*lines, kernelLine{Name: row.Name})
		}
		set := slices.Index(plottedSets(r), row.ISA)
		if set < 0 {
			continue
		}
		b := kernelBar{Set: row.ISA, Class: fmt.Sprintf("set%d", set), Microseconds: figure(row.Value), Interval: interval(row), Share: row.TimesPeak / longest}
		if row.TimesPeak > 0 {
			b.TimesPeak = fmt.Sprintf("%.2f", row.TimesPeak)
		}
		(*lines)[at].Bars = slices.Insert((*lines)[at].Bars, 0, b)
		if row.ISA == r.Machine.ISA && row.Bound != "" {
			(*lines)[at].Bound = fmt.Sprintf("%.0f %% of %s", 100*row.OfBound, row.Bound)
		}
	}
	return all
}

// roofline plots every kernel of the chosen set below the roofs that the ceilings
// make.
func roofline(r *bench.Report) template.HTML {
	peak := r.Ceiling(bench.PeakName, r.Machine.ISA, 1)
	if peak <= 0 {
		return ""
	}
	p := newRoofline(1000, 640, peak, "roofline plot of the kernels")
	p.line("roof", p.x(lowIntensity), p.y(peak), p.x(highIntensity), p.y(peak))
	p.text("roofname", "start", p.left+4, p.y(peak)-6, fmt.Sprintf("multiply-adds %.0f GFLOP/s", peak))
	levels := 0
	for _, ceiling := range group(r, "ceiling") {
		level, reading := strings.CutPrefix(ceiling.Name, bench.ReadingPrefix)
		if !reading || ceiling.Threads != 1 {
			continue
		}
		rate := ceiling.Value
		from := p.roof("roof", rate, peak)
		at := from * 1.12
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
	var x, y []float64
	var names []string
	var rows []bench.Row
	for _, row := range group(r, "kernel") {
		if dotX, dotY, ok := p.place(row); ok && row.ISA == r.Machine.ISA {
			x, y, names, rows = append(x, dotX), append(y, dotY), append(names, row.Name), append(rows, row)
		}
	}
	places := p.names(x, y, names)
	for i, row := range rows {
		fmt.Fprintf(&p.b, `<g class="point"><title>%s: %s µs an image, %.1f GFLOP/s executed, %.2f operations a byte</title>`,
			html.EscapeString(row.Name), figure(row.Value), row.ExecutedGFLOPs, row.ExecutedGFLOPs*1e3*row.Value/row.Bytes)
		if at := places[i]; at != (box{}) {
			middle := (at.x0 + at.x1) / 2
			p.line("leader", x[i], y[i], min(at.x1, max(at.x0, x[i])), (at.y0+at.y1)/2)
			fmt.Fprintf(&p.b, `<circle cx="%.1f" cy="%.1f" r="%.1f"/>`, x[i], y[i], dotRadius)
			p.text("dotname", "middle", middle, at.y1-2.5, row.Name)
		} else {
			fmt.Fprintf(&p.b, `<circle cx="%.1f" cy="%.1f" r="%.1f"/>`, x[i], y[i], dotRadius)
		}
		p.b.WriteString("</g>")
	}
	return p.end()
}

// scalingChart is a plot with its curves' names beside it, so that they stay
// readable where the plot is small.
type scalingChart struct {
	Plot   template.HTML
	Curves []namedCurve
}

type namedCurve struct{ Class, Name, Times string }

// scaling plots how much faster several threads are than one.
func scaling(r *bench.Report) *scalingChart {
	type curve struct {
		name   string
		points [][2]float64
	}
	var all []curve
	most := 1
	for _, one := range group(r, "whole") {
		if one.Threads != 1 || one.Unit == "s" {
			continue
		}
		c := curve{name: label(one)}
		for _, row := range group(r, "whole") {
			if row.Name != one.Name || row.Batch != one.Batch {
				continue
			}
			times := one.Value / row.Value
			if row.Rate() {
				times = 1 / times
			}
			c.points = append(c.points, [2]float64{float64(row.Threads), times})
			most = max(most, row.Threads)
		}
		if len(c.points) > 1 {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil
	}
	p := newPlot(560, 340, "speed over threads")
	high := float64(most)
	top := high
	for _, c := range all {
		for _, point := range c.points {
			top = max(top, point[1])
		}
	}
	p.x, p.y = linear(1, high, p.left, p.right), linear(0, top, p.bottom, p.top)
	counts := ticks(1, high, math.Max(1, math.Ceil(high/8)))
	p.grid(counts, append([]float64{0}, counts...), "threads", "times the speed of one thread")
	p.line("ideal", p.x(1), p.y(1), p.x(high), p.y(high))
	slices.SortFunc(all, func(a, b curve) int {
		return cmp.Compare(b.points[len(b.points)-1][1], a.points[len(a.points)-1][1])
	})
	chart := &scalingChart{}
	for i, c := range all {
		class := fmt.Sprintf("curve%d", i%curves)
		if i >= curves {
			class += " dashed"
		}
		p.curve(class, c.name, c.points)
		chart.Curves = append(chart.Curves, namedCurve{class, c.name, fmt.Sprintf("%.2f", c.points[len(c.points)-1][1])})
	}
	chart.Plot = p.end()
	return chart
}

// fallBar is a bar of a waterfall: from Left to Left + Width, in per cent of the
// widest sum.
type fallBar struct {
	Name, Text, Class string
	Left, Width       float64
}

type fall struct {
	Title string
	Bars  []fallBar
}

// waterfalls are the bars from the dense algorithm to the measured step.
func waterfalls(r *bench.Report) (all []fall) {
	for _, w := range r.Waterfalls {
		one := fall{Title: fmt.Sprintf("batch %d, %s, %s", w.Batch, threads(w.Threads), w.ISA)}
		widest, sum := w.Measured, 0.0
		for _, b := range w.Bars {
			sum += b.Microseconds
			widest = max(widest, sum)
		}
		sum = 0
		for i, b := range w.Bars {
			from, to := min(sum, sum+b.Microseconds), max(sum, sum+b.Microseconds)
			sum += b.Microseconds
			class := "set1"
			switch {
			case i == 0:
				class = "set0"
			case b.Microseconds < 0:
				class = "set3"
			}
			one.Bars = append(one.Bars, fallBar{b.Name, fmt.Sprintf("%+.2f", b.Microseconds), class, 100 * from / widest, 100 * (to - from) / widest})
		}
		one.Bars = append(one.Bars, fallBar{"measured", fmt.Sprintf("%.2f", w.Measured), "set0", 0, 100 * w.Measured / widest})
		all = append(all, one)
	}
	return all
}
