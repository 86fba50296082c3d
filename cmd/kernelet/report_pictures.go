package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// pngURL is a picture as a part of a page.
func pngURL(picture image.Image) (template.URL, error) {
	var content bytes.Buffer
	if err := png.Encode(&content, picture); err != nil {
		return "", err
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(content.Bytes())), nil
}

func digitURL(pixels []byte) (template.URL, error) {
	return pngURL(&image.Gray{Pix: pixels, Stride: mnist.Columns, Rect: image.Rect(0, 0, mnist.Columns, mnist.Rows)})
}

// The colours of a filter's largest weights.
var (
	filterAbove = color.RGBA{0xd9, 0x5f, 0x02, 0xff}
	filterBelow = color.RGBA{0x1f, 0x5f, 0xb4, 0xff}
)

// filterURLs are pictures of conv1's filters: orange above 0, blue below, white
// at 0, colours that everybody tells apart.
func filterURLs(model *lenet.Model) ([]template.URL, error) {
	weights := model.Tensors()[0] // conv1.weight
	size := weights.Shape[3]
	var urls []template.URL
	for filter := range weights.Shape[0] {
		values := weights.Values[filter*size*size:][:size*size]
		var most float64
		for _, v := range values {
			most = max(most, math.Abs(float64(v)))
		}
		picture := image.NewRGBA(image.Rect(0, 0, size, size))
		for i, v := range values {
			full := filterAbove
			if v < 0 {
				full = filterBelow
			}
			share := 0.0
			if most > 0 {
				share = math.Abs(float64(v)) / most
			}
			mix := func(c uint8) uint8 { return uint8(255 - share*(255-float64(c))) }
			picture.SetRGBA(i%size, i/size, color.RGBA{mix(full.R), mix(full.G), mix(full.B), 0xff})
		}
		url, err := pngURL(picture)
		if err != nil {
			return nil, err
		}
		urls = append(urls, url)
	}
	return urls, nil
}

// curves draws loss and accuracy over the epochs.
func curves(history []epoch) []template.HTML {
	return []template.HTML{
		curve("Loss", "", history, func(h epoch) float64 { return h.TrainLoss }, func(h epoch) float64 { return h.ValLoss }),
		curve("Accuracy", " %", history, func(h epoch) float64 { return h.TrainAccuracy }, func(h epoch) float64 { return h.ValAccuracy }),
	}
}

// curve draws training, a solid line, and validation, a dashed one.
func curve(title, unit string, history []epoch, training, validation func(epoch) float64) template.HTML {
	const width, height, left, right, top, bottom = 480, 300, 62, 12, 52, 34
	low, high := math.Inf(1), math.Inf(-1)
	for _, h := range history {
		low, high = min(low, training(h), validation(h)), max(high, training(h), validation(h))
	}
	if !(high > low) {
		low, high = low-.5, low+.5
	}
	first, last := history[0], history[len(history)-1]
	x := func(n int) float64 {
		return left + (width-left-right)*float64(n-first.Epoch)/float64(max(1, last.Epoch-first.Epoch))
	}
	y := func(v float64) float64 { return top + (height-top-bottom)*(high-v)/(high-low) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s over %d epochs; after the last, training %.4f%s, validation %.4f%s">`,
		width, height, title, len(history), training(last), unit, validation(last), unit)
	fmt.Fprintf(&b, `<text class="name" x="%d" y="18">%s</text>`, left, title)
	fmt.Fprintf(&b, `<path class="training" d="M%d 36h30"/><text x="%d" y="40">training</text><path class="validation" d="M%d 36h30"/><text x="%d" y="40">validation</text>`,
		left, left+36, left+110, left+146)
	const lines = 4
	for i := range lines + 1 {
		v := low + (high-low)*float64(i)/lines
		fmt.Fprintf(&b, `<path class="grid" d="M%d %.1fH%d"/><text x="%d" y="%.1f" text-anchor="end">%.3g%s</text>`, left, y(v), width-right, left-6, y(v)+4, v, unit)
	}
	step := max(1, (len(history)+11)/12)
	for i := 0; i < len(history); i += step {
		n := history[i].Epoch
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`, x(n), height-14, n)
	}
	for _, line := range []struct {
		class string
		value func(epoch) float64
	}{{"training", training}, {"validation", validation}} {
		fmt.Fprintf(&b, `<path class="%s" d="`, line.class)
		for i, h := range history {
			letter := "L"
			if i == 0 {
				letter = "M"
			}
			fmt.Fprintf(&b, "%s%.1f %.1f", letter, x(h.Epoch), y(line.value(h)))
		}
		if len(history) == 1 { // a line without length would not be seen
			b.WriteString("h6")
		}
		b.WriteString(`"/>`)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}
