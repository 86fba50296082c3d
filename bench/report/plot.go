package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/kernelet/kernelet/bench"
)

// curves is the number of colours that curves take in turn.
const curves = 4

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

// curve draws a line through points of the plot's own units, which says its title
// when it is pointed at.
func (p *plot) curve(class, title string, points [][2]float64) {
	var path []string
	for _, point := range points {
		path = append(path, fmt.Sprintf("%.1f,%.1f", p.x(point[0]), p.y(point[1])))
	}
	fmt.Fprintf(&p.b, `<polyline class="curve %s" points="%s"><title>%s</title></polyline>`, class, strings.Join(path, " "), html.EscapeString(title))
}

// ticks are from, from + step and so on, up to to.
func ticks(from, to, step float64) (all []float64) {
	for v := from; v <= to; v += step {
		all = append(all, v)
	}
	return all
}

// niceStep is the smallest of 1, 2 and 5 times a power of ten that is at least v.
func niceStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(v, 1e-9))))
	for _, times := range []float64{1, 2, 5} {
		if times*power >= v*(1-1e-9) {
			return times * power
		}
	}
	return 10 * power
}

// The roofline's axis of operations a byte.
const lowIntensity, highIntensity = 0.0625, 256.0

// rooflinePlot is a plot of operations executed a second over operations a byte,
// both logarithmic (Williams, Waterman and Patterson, "Roofline: An Insightful
// Visual Performance Model for Multicore Architectures", 2009).
type rooflinePlot struct {
	*plot
	low float64 // GFLOP/s at the bottom
}

// newRoofline makes a plot for peaks up to highest.
func newRoofline(width, height, highest float64, description string) rooflinePlot {
	p := rooflinePlot{newPlot(width, height, description), highest / 64}
	high := highest * 1.6
	p.x = logarithmic(lowIntensity, highIntensity, p.left, p.right)
	p.y = logarithmic(p.low, high, p.bottom, p.top)
	var rates []float64
	for v := math.Pow(2, math.Ceil(math.Log2(p.low))); v <= high; v *= 4 {
		rates = append(rates, v)
	}
	p.grid([]float64{0.0625, 0.25, 1, 4, 16, 64, 256}, rates, "operations executed per byte touched", "GFLOP/s executed")
	return p
}

// roof draws what a level of memory allows, rate·x up to the peak, from where it
// enters the plot.
func (p rooflinePlot) roof(class string, rate, peak float64) (from float64) {
	from = max(lowIntensity, p.low/rate)
	p.line(class, p.x(from), p.y(from*rate), p.x(peak/rate), p.y(peak))
	return from
}

// place is where a kernel's dot is, if it has one.
func (p rooflinePlot) place(row bench.Row) (x, y float64, ok bool) {
	if row.ExecutedGFLOPs <= 0 || row.Bytes <= 0 {
		return 0, 0, false
	}
	intensity := row.ExecutedGFLOPs * 1e3 * row.Value / row.Bytes
	return p.x(min(highIntensity, max(lowIntensity, intensity))), p.y(max(p.low, row.ExecutedGFLOPs)), true
}

// box is a rectangle that names must not share.
type box struct{ x0, y0, x1, y1 float64 }

func (b box) overlaps(other box) bool {
	return b.x0 < other.x1 && other.x0 < b.x1 && b.y0 < other.y1 && other.y0 < b.y1
}

// Size of a dot's name, in the plot's pixels; a letter's width is generous.
const (
	nameHeight, letterWidth = 11.0, 5.6
	dotRadius               = 4.5
)

// names finds a place for every dot's name where it hides no other name and no
// dot: the nearest on a widening spiral around the dot. A name without a place
// is left out; the dot still says it when it is pointed at.
func (p *plot) names(x, y []float64, names []string) (places []box) {
	var taken []box
	for i := range x {
		taken = append(taken, box{x[i] - dotRadius, y[i] - dotRadius, x[i] + dotRadius, y[i] + dotRadius})
	}
	places = make([]box, len(names))
	for i, name := range names {
		width := letterWidth * float64(len(name))
		for step := range 600 {
			radius, angle := 7+float64(step)/4, 2.4*float64(step) // the golden angle spreads the directions
			cx, cy := x[i]+(radius+width/2)*math.Cos(angle), y[i]+radius*math.Sin(angle)
			b := box{cx - width/2, cy - nameHeight/2, cx + width/2, cy + nameHeight/2}
			if b.x0 < p.left+2 || b.x1 > p.right-2 || b.y0 < p.top || b.y1 > p.bottom-2 || slices.ContainsFunc(taken, b.overlaps) {
				continue
			}
			places[i] = b
			taken = append(taken, b)
			break
		}
	}
	return places
}
