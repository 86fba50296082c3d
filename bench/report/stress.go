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

//go:embed stress.html
var stressText string

var stressPage = template.Must(template.New("stress").Parse(stressText))

// WriteStressJSON writes a stress run as one JSON object, in the form of
// bench.StressSchema, and in ASCII.
func WriteStressJSON(w io.Writer, s *bench.Stress) error {
	if s == nil {
		return errNone
	}
	return writeJSON(w, s)
}

// course is one quantity over the time of a stress run.
type course struct {
	Name, Unit string
	Values     []float64
	seconds    []float64
}

// courses are those that the machine says something about.
func courses(s *bench.Stress) (all []course) {
	for _, c := range []struct {
		name, unit string
		of         func(bench.Moment) float64
	}{
		{"rate", "images/s", func(m bench.Moment) float64 { return m.Rate }},
		{"clock", "GHz", func(m bench.Moment) float64 { return m.Clock }},
		{"slowest core's clock", "GHz", func(m bench.Moment) float64 { return m.ClockLow }},
		{"temperature", "°C", func(m bench.Moment) float64 { return m.Celsius }},
		{"power", "W", func(m bench.Moment) float64 { return m.Watts }},
		{"energy of an image", "mJ", func(m bench.Moment) float64 { return 1e3 * m.JoulesPerImage() }},
	} {
		one := course{Name: c.name, Unit: c.unit}
		known := false
		for _, m := range s.Moments {
			v := c.of(m)
			known = known || v > 0
			one.Values, one.seconds = append(one.Values, v), append(one.seconds, m.Seconds)
		}
		if known {
			all = append(all, one)
		}
	}
	return all
}

// Lowest, Highest, Begin and End are those of the course; Begin and End are means
// of its first and last tenth.
func (c course) Lowest() float64 {
	v := math.Inf(1)
	for _, x := range c.Values {
		v = min(v, x)
	}
	return v
}

func (c course) Highest() float64 {
	v := 0.0
	for _, x := range c.Values {
		v = max(v, x)
	}
	return v
}

func (c course) Begin() float64 { return mean(c.Values[:(len(c.Values)+9)/10]) }
func (c course) End() float64   { return mean(c.Values[len(c.Values)-(len(c.Values)+9)/10:]) }

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// sparkline draws values in a number of columns, from nothing to the highest.
func sparkline(values []float64, columns int) string {
	columns = min(columns, len(values))
	highest := 0.0
	for _, v := range values {
		highest = max(highest, v)
	}
	var b strings.Builder
	for i := range columns {
		v := mean(values[i*len(values)/columns : (i+1)*len(values)/columns])
		b.WriteRune([]rune("▁▂▃▄▅▆▇█")[min(7, max(0, int(8*v/max(highest, 1e-9))))])
	}
	return b.String()
}

// verdict says whether the rate fell, and whether the threads agree.
func verdict(s *bench.Stress) (lines []string) {
	if len(s.Moments) == 0 {
		return []string{"the run ended before anything was seen"}
	}
	if rate := courses(s)[0]; rate.Begin() > 0 {
		lines = append(lines, fmt.Sprintf("rate: %.0f images/s in the last tenth of the time, %+.1f %% of what it was in the first", rate.End(), 100*(rate.End()/rate.Begin()-1)))
	}
	switch {
	case len(s.Wrong) > 0:
		numbers := make([]string, len(s.Wrong))
		for i, n := range s.Wrong {
			numbers[i] = fmt.Sprint(n)
		}
		lines = append(lines, "results: processors "+strings.Join(numbers, ", ")+" computed other losses than most; they cannot be trusted")
	case s.Checked > 0:
		lines = append(lines, fmt.Sprintf("results: %d losses of all threads agree to the bit", s.Checked))
	}
	return lines
}

// WriteStressText writes a stress run for people.
func WriteStressText(w io.Writer, s *bench.Stress) error {
	if s == nil {
		return errNone
	}
	var b strings.Builder
	for _, fact := range facts(&s.Machine) {
		fmt.Fprintf(&b, "%-13s %s\n", fact[0], fact[1])
	}
	for _, warning := range s.Machine.Warnings {
		fmt.Fprintf(&b, "! %s\n", warning)
	}
	b.WriteString("\n")
	for _, c := range courses(s) {
		fmt.Fprintf(&b, "%-21s %s\n%21s %s to %s %s, at first %s, at last %s\n", c.Name, sparkline(c.Values, 56), "", figure(c.Lowest()), figure(c.Highest()), c.Unit, figure(c.Begin()), figure(c.End()))
	}
	b.WriteString("\n")
	for _, line := range verdict(s) {
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteStressHTML writes a stress run as one page that needs nothing else.
func WriteStressHTML(w io.Writer, s *bench.Stress) error {
	if s == nil {
		return errNone
	}
	type drawn struct {
		course
		Plot        template.HTML
		Low, High   string
		First, Last string
	}
	var plots []drawn
	for _, c := range courses(s) {
		plots = append(plots, drawn{course: c, Plot: c.plot(), Low: figure(c.Lowest()), High: figure(c.Highest()), First: figure(c.Begin()), Last: figure(c.End())})
	}
	return stressPage.Execute(w, map[string]any{"Stress": s, "Plots": plots, "Verdict": verdict(s), "Facts": facts(&s.Machine), "Style": template.CSS(style)})
}

// plot draws a course from 0 to its highest value. Large numbers stand in
// thousands, which the axis has room for.
func (c course) plot() template.HTML {
	if c.Highest() >= 10_000 {
		c.Unit, c.Values = "thousand "+c.Unit, slices.Clone(c.Values)
		for i := range c.Values {
			c.Values[i] /= 1000
		}
	}
	p := newPlot(560, 180, c.Name+" over time")
	seconds := max(1, c.seconds[len(c.seconds)-1])
	p.x, p.y = linear(0, seconds, p.left, p.right), linear(0, 1.1*c.Highest(), p.bottom, p.top)
	p.grid(ticks(0, seconds, niceStep(seconds/6)), ticks(0, 1.1*c.Highest(), niceStep(c.Highest()/3)), "seconds", c.Unit)
	points := make([][2]float64, len(c.Values))
	for i, v := range c.Values {
		points[i] = [2]float64{c.seconds[i], v}
	}
	p.curve("curve0", c.Name, points)
	return p.end()
}
