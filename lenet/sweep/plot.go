package sweep

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// style of the plots, which stand alone or in the page. The colours are those of
// Okabe and Ito ("Color Universal Design", 2008), which the colour-blind tell
// apart.
const style = `<style>
.sweep { font: 12px system-ui, sans-serif; --paper: #fff; --ink: #1c1d21; --muted: #5c606a; --line: #d9dadd; }
@media (prefers-color-scheme: dark) { .sweep { --paper: #1d1f26; --ink: #e8e8ea; --muted: #a3a7b1; --line: #3a3d47; } }
.sweep .paper { fill: var(--paper); } .sweep text { fill: var(--ink); } .sweep .tick { fill: var(--muted); } .sweep .title { font-weight: 600; }
.sweep .grid { stroke: var(--line); } .sweep .mean { stroke: var(--ink); stroke-width: 2; }
.sweep .curve { fill: none; stroke-width: 2; } .sweep .band { stroke: none; opacity: .22; }
.sweep .c0 { --c: #0072b2; } .sweep .c1 { --c: #d55e00; } .sweep .c2 { --c: #009e73; } .sweep .c3 { --c: #cc79a7; } .sweep .c4 { --c: #e69f00; } .sweep .c5 { --c: #56b4e9; }
.sweep .dot, .sweep .band { fill: var(--c); } .sweep .curve, .sweep .key { stroke: var(--c); } .sweep .key { stroke-width: 3; }
</style>
`

const colours = 6

// svg collects a picture.
type svg struct{ strings.Builder }

func newSVG(width, height float64, description string) *svg {
	p := &svg{}
	fmt.Fprintf(p, `<svg xmlns="http://www.w3.org/2000/svg" class="sweep" viewBox="0 0 %g %g" role="img" aria-label="%s">`+"\n", width, height, html.EscapeString(description))
	p.WriteString(style)
	fmt.Fprintf(p, `<rect class="paper" width="%g" height="%g"/>`+"\n", width, height)
	return p
}

func (p *svg) end() []byte {
	p.WriteString("</svg>\n")
	return []byte(p.String())
}

func (p *svg) line(class string, x0, y0, x1, y1 float64) {
	fmt.Fprintf(p, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", class, x0, y0, x1, y1)
}

func (p *svg) text(class, anchor string, x, y float64, text string) {
	fmt.Fprintf(p, `<text class="%s" text-anchor="%s" x="%.1f" y="%.1f">%s</text>`+"\n", class, anchor, x, y, html.EscapeString(text))
}

// dot draws a run; its title shows under the pointer.
func (p *svg) dot(colour int, x, y, radius float64, title string) {
	fmt.Fprintf(p, `<circle class="dot c%d" cx="%.1f" cy="%.1f" r="%.2f"><title>%s</title></circle>`+"\n", colour%colours, x, y, radius, html.EscapeString(title))
}

// scale maps values between low and high to points.
type scale struct{ low, high, from, to float64 }

// newScale leaves some room beside the values.
func newScale(low, high, from, to float64) scale {
	room := (high - low) / 20
	if room == 0 {
		room = max(math.Abs(low)/1000, 1e-6)
	}
	return scale{low - room, high + room, from, to}
}

func (s scale) at(v float64) float64 { return s.from + (s.to-s.from)*(v-s.low)/(s.high-s.low) }

// ticks are 3 to 8 round values within the scale: multiples of 1, 2 or 5 times a
// power of ten.
func (s scale) ticks() []float64 {
	rough := (s.high - s.low) / 5
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	step := power
	for _, m := range []float64{2, 5, 10} {
		if m*power <= rough*1.5 {
			step = m * power
		}
	}
	var all []float64
	for i := math.Ceil(s.low / step); i*step <= s.high; i++ {
		all = append(all, i*step)
	}
	return all
}

func tick(v float64) string { return fmt.Sprintf("%.6g", v) }

// layout is how wide a picture is, and its column of labels. A phone shows the
// narrow one, with letters that can still be read.
type layout struct{ width, labels float64 }

var wide, narrow = layout{760, 190}, layout{420, 130}

// right is where what is drawn ends.
func (l layout) right() float64 { return l.width - 20 }

// words writes the parts of a sentence, in one line if there is room, and returns
// how many lines they took.
func (l layout) words(p *svg, class, anchor string, x, y float64, parts ...string) int {
	if l.width >= wide.width {
		parts = []string{strings.Join(parts, " ")}
	}
	for i, part := range parts {
		p.text(class, anchor, x, y+16*float64(i), part)
	}
	return len(parts)
}

// distribution draws every run's validation accuracy as a dot, a row a group,
// with the mean and its confidence interval.
func (s *Summary) distribution(l layout) []byte {
	const row, top = 74.0, 34.0
	width, labels, right := l.width, l.labels, l.right()
	height := top + row*float64(len(s.Groups)) + 60
	if l == wide {
		height -= 16
	}
	axis := top + row*float64(len(s.Groups))
	p := newSVG(width, height, "distribution of the validation accuracy over the seeds")
	low, high := math.Inf(1), math.Inf(-1)
	for i := range s.Groups {
		if f := s.Groups[i].ValAccuracy; len(s.Groups[i].Runs) > 0 {
			low, high = min(low, f.Min), max(high, f.Max)
		}
	}
	x := newScale(low, high, labels, right)
	p.text("title", "start", 12, 20, "Validation accuracy, a dot a run")
	for _, v := range x.ticks() {
		p.line("grid", x.at(v), top, x.at(v), axis)
		p.text("tick", "middle", x.at(v), axis+16, tick(v))
	}
	l.words(p, "tick", "end", right, axis+34, "per cent of the validation images;", "bar: mean with its 95 % confidence interval")
	for i := range s.Groups {
		g := &s.Groups[i]
		base := top + row*float64(i+1) - 16
		p.line("grid", labels, base, right, base)
		for j, part := range labelLines(g) {
			p.text("", "end", labels-10, base-34+15*float64(j), part)
		}
		if len(g.Runs) == 0 {
			continue
		}
		p.stack(g, i, x, base, row-24)
		mean := g.ValAccuracy
		p.line("mean", x.at(max(mean.Low, x.low)), base+7, x.at(min(mean.High, x.high)), base+7)
		p.line("mean", x.at(mean.Mean), base+2, x.at(mean.Mean), base+12)
	}
	return p.end()
}

// stack draws a group's runs as dots above each other where they would overlap.
func (p *svg) stack(g *Group, colour int, x scale, base, height float64) {
	radius := 3.5
	var columns map[int][]*Result
	for {
		columns = map[int][]*Result{}
		highest := 0
		for i := range g.Runs {
			at := int(math.Round(x.at(g.Runs[i].Last().ValAccuracy) / (2 * radius)))
			columns[at] = append(columns[at], &g.Runs[i])
			highest = max(highest, len(columns[at]))
		}
		if 2*radius*float64(highest) <= height || radius < 0.4 {
			break
		}
		radius *= 0.85
	}
	keys := make([]int, 0, len(columns))
	for at := range columns {
		keys = append(keys, at)
	}
	slices.Sort(keys)
	for _, at := range keys {
		for i, r := range columns[at] {
			p.dot(colour, float64(at)*2*radius, base-radius*float64(2*i+1), radius, fmt.Sprintf("seed %d: %.2f %%", r.Settings.Seed, r.Last().ValAccuracy))
		}
	}
}

// labelLines is a group's label, a setting a line.
func labelLines(g *Group) []string {
	var parts []string
	if g.Label != "" {
		parts = strings.Split(g.Label, ", ")
	}
	count := fmt.Sprintf("%d runs", len(g.Runs))
	if len(g.Runs) == 1 {
		count = "1 run"
	}
	if g.Failed > 0 {
		count += fmt.Sprintf(", %d not finite", g.Failed)
	}
	if len(parts) > 3 {
		parts = append(parts[:2], strings.Join(parts[2:], ", "))
	}
	return append(parts, count)
}

// curves draws losses and accuracy by epoch: the mean over the seeds, and a band
// from the first to the ninth decile of the runs. Of many groups it draws those
// with the best mean accuracy.
func (s *Summary) curves(l layout) []byte {
	var shown []int
	for i := range s.Groups {
		if len(s.Groups[i].Runs) > 0 {
			shown = append(shown, i)
		}
	}
	slices.SortStableFunc(shown, func(a, b int) int {
		if s.Groups[a].ValAccuracy.Mean > s.Groups[b].ValAccuracy.Mean {
			return -1
		}
		return 1
	})
	note := "first to the ninth decile"
	if len(shown) > colours {
		note += fmt.Sprintf(" (the best %d of %d)", colours, len(shown))
		shown = shown[:colours]
	}
	slices.Sort(shown)
	const panel = 230.0
	keys, title := 18*float64(len(shown)), 20.0
	if l != wide {
		title += 16
	}
	p := newSVG(l.width, 3*panel+keys+title+28, "losses and accuracy by epoch")
	l.words(p, "title", "start", 12, 20, "By epoch: mean over the seeds, band from the", note)
	for i, group := range shown {
		y := title + 20 + 18*float64(i)
		p.line(fmt.Sprintf("key c%d", group%colours), 12, y-4, 36, y-4)
		label := s.Groups[group].Label
		if label == "" {
			label = "all runs"
		}
		p.text("", "start", 44, y, label)
	}
	for i, panels := range []struct {
		name string
		of   func(Epoch) float64
	}{
		{"training loss", func(e Epoch) float64 { return e.TrainLoss }},
		{"validation loss", func(e Epoch) float64 { return e.ValLoss }},
		{"validation accuracy, per cent", func(e Epoch) float64 { return e.ValAccuracy }},
	} {
		s.panel(p, l, shown, panels.name, panels.of, title+16+keys+panel*float64(i), panel)
	}
	return p.end()
}

func (s *Summary) panel(p *svg, l layout, shown []int, name string, of func(Epoch) float64, top, height float64) {
	type points struct{ mean, low, high []float64 }
	all := map[int]points{}
	low, high, last := math.Inf(1), math.Inf(-1), 1
	for _, i := range shown {
		g, c := &s.Groups[i], points{}
		for e := range g.Settings.Epochs {
			var values []float64
			for j := range g.Runs {
				values = append(values, of(g.Runs[j].Epochs[e]))
			}
			slices.Sort(values)
			c.mean = append(c.mean, describe(values).Mean)
			c.low, c.high = append(c.low, quantile(values, 0.1)), append(c.high, quantile(values, 0.9))
		}
		low, high, last = min(low, slices.Min(c.low), slices.Min(c.mean)), max(high, slices.Max(c.high), slices.Max(c.mean)), max(last, len(c.mean))
		all[i] = c
	}
	left, right := 70.0, l.right()
	x := newScale(1, float64(last), left, right)
	if last == 1 {
		x = scale{0, 2, left, right}
	}
	y := newScale(low, high, top+height-34, top+24)
	p.text("title", "start", left, top+14, name)
	for _, v := range y.ticks() {
		p.line("grid", left, y.at(v), right, y.at(v))
		p.text("tick", "end", left-6, y.at(v)+4, tick(v))
	}
	for _, v := range x.ticks() {
		if v == math.Trunc(v) && v >= 1 && v <= float64(last) {
			p.text("tick", "middle", x.at(v), top+height-16, tick(v))
		}
	}
	p.text("tick", "end", right, top+height-2, "epoch")
	for _, i := range shown {
		var mean, upper, lower []string
		c := all[i]
		for e := range c.mean {
			at := x.at(float64(e + 1))
			mean = append(mean, fmt.Sprintf("%.1f,%.1f", at, y.at(c.mean[e])))
			upper = append(upper, fmt.Sprintf("%.1f,%.1f", at, y.at(c.high[e])))
			lower = append(lower, fmt.Sprintf("%.1f,%.1f", at, y.at(c.low[e])))
		}
		if len(mean) == 1 { // a line has no length then
			at := x.at(1) + 40*float64(i%colours-len(shown)/2)
			p.line(fmt.Sprintf("key c%d", i%colours), at, y.at(c.low[0]), at, y.at(c.high[0]))
			p.dot(i, at, y.at(c.mean[0]), 4, s.Groups[i].Label)
			continue
		}
		slices.Reverse(lower)
		fmt.Fprintf(p, `<polygon class="band c%d" points="%s %s"/>`+"\n", i%colours, strings.Join(upper, " "), strings.Join(lower, " "))
		fmt.Fprintf(p, `<polyline class="curve c%d" points="%s"/>`+"\n", i%colours, strings.Join(mean, " "))
	}
}
