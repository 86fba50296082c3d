package main

import (
	"fmt"
	"html"
	"strings"
)

// drawing is a picture that follows the reader's choice of light or dark.
type drawing struct {
	width, height int
	title         string
	body          strings.Builder
}

func newDrawing(width, height int, title string) *drawing {
	return &drawing{width: width, height: height, title: title}
}

// style has colours that people with any colour vision tell apart, which
// TestColours checks; what they mean is written beside them too. Letters are
// larger where a drawing is shown small, and need the room.
const style = `<style>
text { font: 13px system-ui, sans-serif; fill: #1c1d21 }
.small { font-size: 11px } .muted { fill: #5b5f68 } .middle { text-anchor: middle } .end { text-anchor: end }
.paper { fill: #fbfaf7 } .ink { fill: #1c1d21 } .first { fill: #0b6e99 } .second { fill: #c2410c } .third { fill: #936b61 } .fourth { fill: #851cfe } .faint { fill: #dcdad3 }
.line { stroke: #8b8f98; fill: none } .first-line { stroke: #0b6e99; stroke-width: 2; fill: none } .second-line { stroke: #c2410c; stroke-width: 2; fill: none } .dashed { stroke: #5b5f68; stroke-dasharray: 4 4; fill: none }
.on { fill: #fff }
@media (prefers-color-scheme: dark) {
text { fill: #e8e8ea } .muted { fill: #a5a9b3 }
.paper { fill: #14151a } .ink { fill: #e8e8ea } .first { fill: #5cc4ef } .second { fill: #fb923c } .third { fill: #b29480 } .fourth { fill: #9466ff } .faint { fill: #343741 }
.line { stroke: #6b707c } .first-line { stroke: #5cc4ef } .second-line { stroke: #fb923c } .dashed { stroke: #a5a9b3 }
.on { fill: #14151a }
}
@media (max-width: 480px) { text { font-size: 17px } .small { font-size: 15px } }
</style>
`

func (d *drawing) String() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img">
<title>%s</title>
%s<rect class="paper" width="%[1]d" height="%[2]d"/>
%[5]s</svg>
`, d.width, d.height, html.EscapeString(d.title), style, d.body.String())
}

func (d *drawing) rect(class string, x, y, width, height float64) {
	fmt.Fprintf(&d.body, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", class, x, y, width, height)
}

// shade is a rectangle whose opacity is a value from 0 to 1.
func (d *drawing) shade(class string, x, y, width, height, value float64) {
	if value > 0.004 {
		fmt.Fprintf(&d.body, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill-opacity=\"%.2f\"/>\n", class, x, y, width, height, min(1, value))
	}
}

func (d *drawing) text(class string, x, y float64, format string, arguments ...any) {
	fmt.Fprintf(&d.body, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", class, x, y, html.EscapeString(fmt.Sprintf(format, arguments...)))
}

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&d.body, "<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", class, x1, y1, x2, y2)
}

func (d *drawing) circle(class string, x, y, radius float64) {
	fmt.Fprintf(&d.body, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>\n", class, x, y, radius)
}

// box is a rectangle with lines of text in its middle.
func (d *drawing) box(x, y, width, height float64, lines ...string) {
	d.rect("faint", x, y, width, height)
	for i, line := range lines {
		class := "middle"
		if i > 0 {
			class = "small middle"
		}
		d.text(class, x+width/2, y+height/2+5+16*(float64(i)-float64(len(lines)-1)/2), "%s", line)
	}
}

// arrow is a line with a head to the right.
func (d *drawing) arrow(x1, y, x2 float64) {
	d.line("line", x1, y, x2, y)
	d.line("line", x2-5, y-4, x2, y)
	d.line("line", x2-5, y+4, x2, y)
}

// bar is a row of a bar chart.
type bar struct {
	name, class, figure string
	value               float64
}

// bars draws rows below one another from y on, the largest of width.
func (d *drawing) bars(x, y, width float64, rows []bar) {
	most := 0.0
	for _, r := range rows {
		most = max(most, r.value)
	}
	for i, r := range rows {
		top := y + float64(i)*26
		d.text("end", x-8, top+14, "%s", r.name)
		d.rect(r.class, x, top, max(2, width*r.value/most), 18)
		d.text("small", x+max(2, width*r.value/most)+6, top+13, "%s", r.figure)
	}
}
