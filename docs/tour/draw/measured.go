package main

import (
	"fmt"
	"slices"
	"strings"
)

// measuredBars draws named figures of a page.
func (all *data) measuredBars(page, title, unit string, rows []bar) (*drawing, error) {
	d := newDrawing(760, 60+26*len(rows), title)
	d.text("", 10, 22, "%s", title)
	for i := range rows {
		var err error
		if rows[i].value, err = all.value(page, rows[i].figure); err != nil {
			return nil, err
		}
		rows[i].figure = fmt.Sprintf("%.3g %s", rows[i].value, unit)
	}
	d.bars(250, 40, 350, rows)
	return d, nil
}

func drawRoofline(all *data) (*drawing, error) {
	return all.measuredBars("2", "What a core can do, and what conv2 by direct sums does", "GFLOP/s", []bar{
		{name: "fused multiply-adds alone", class: "faint", figure: "peak of fused multiply-adds"},
		{name: "conv2 by direct sums", class: "first", figure: "conv2 by direct sums"},
	})
}

func drawBytes(all *data) (*drawing, error) {
	rows := []bar{
		{name: "reading 16 KB: L1", class: "fourth", figure: "reading 16 KB again and again"},
		{name: "256 KB: L2", class: "first", figure: "reading 256 KB again and again"},
		{name: "8 MB: L3", class: "second", figure: "reading 8 MB again and again"},
		{name: "128 MB: beyond", class: "third", figure: "reading 128 MB again and again"},
	}
	for _, k := range []struct{ kernel, name string }{
		{"Conv2TrainInputTransform", "input transform"},
		{"Conv2OutputGrad", "gradient transform"},
		{"Conv2TrainForwardReLUPoolMask", "products"},
	} {
		rows = append(rows,
			bar{name: k.name + ", again", class: "first", figure: k.kernel + " after itself"},
			bar{name: "after reading 8 MB", class: "second", figure: k.kernel + " after 8 MB"},
			bar{name: "after reading 128 MB", class: "third", figure: k.kernel + " after 128 MB"})
	}
	return all.measuredBars("11", "How fast one thread reads, and conv2's kernels get through what they touch", "GB/s", rows)
}

func drawSingle(all *data) (*drawing, error) {
	return all.measuredBars("12", "Reading drawn digits with the pretrained weights, one thread", "µs an image", []bar{
		{name: "one image alone", class: "first", figure: "one image alone, one thread"},
		{name: "100 images together", class: "second", figure: "100 images together, one thread"},
	})
}

// drawTrace shows one step of training as Go's tracer saw it.
func drawTrace(all *data) (*drawing, error) {
	d := newDrawing(760, 270, "One step of training on two threads, as Go's execution tracer saw it")
	end := 0.0
	var phases []string
	for _, r := range all.regions {
		end = max(end, r.To)
		if !strings.HasPrefix(r.Phase, "waiting") && !slices.Contains(phases, r.Phase) {
			phases = append(phases, r.Phase)
		}
	}
	if end == 0 {
		return nil, fmt.Errorf("trace.json: no regions")
	}
	classes := []string{"first", "second", "third", "fourth"}
	x := func(at float64) float64 { return 92 + at/end*648 }
	for _, waiting := range []bool{false, true} {
		for _, r := range all.regions {
			if strings.HasPrefix(r.Phase, "waiting") != waiting {
				continue
			}
			y := 40 + float64(r.Worker)*50
			class := "faint"
			if !waiting {
				class = classes[slices.Index(phases, r.Phase)%len(classes)]
			}
			d.rect(class, x(r.From), y, max(0.5, x(r.To)-x(r.From)-0.5), 34)
			if width := x(r.To) - x(r.From); !waiting && width > 14 {
				d.text("small middle on", x(r.From)+width/2, y+22, "%d", slices.Index(phases, r.Phase)+1)
			}
		}
	}
	d.text("", 10, 22, "one step, 100 images, %.0f µs; grey: waiting for another phase's tasks", end)
	d.text("", 10, 62, "worker 0")
	d.text("", 10, 112, "worker 1")
	for i, phase := range phases {
		d.text("small", 80+float64(i/5)*330, 160+float64(i%5)*20, "%d  %s", i+1, phase)
	}
	return d, nil
}

func drawDispatch(*data) (*drawing, error) {
	d := newDrawing(760, 150, "How the set of kernels is chosen")
	d.box(10, 50, 150, 50, "CPUID", "which instructions?")
	d.arrow(160, 75, 190)
	d.box(190, 50, 170, 50, "XGETBV", "are they saved?")
	d.arrow(360, 75, 390)
	d.box(390, 50, 150, 50, "KERNELET_ISA", "a name, or the best")
	for i, name := range []string{"avx512", "avx2", "generic"} {
		y := 20 + float64(i)*42
		d.line("line", 540, 75, 580, y+15)
		d.box(580, y, 160, 30, name)
	}
	return d, nil
}

func drawTests(*data) (*drawing, error) {
	d := newDrawing(760, 170, "One list of cases feeds every test and every benchmark")
	d.box(20, 60, 150, 50, "kernels.Cases", "arguments, layouts")
	for i, line := range []string{"float64, with a bound for every value", "twin, exactly where integers are exact", "between pages that nobody may touch",
		"NaN, infinities, denormals", "benchmarks and kernelet bench"} {
		y := 10 + float64(i)*31
		d.line("line", 170, 85, 250, y+13)
		d.rect("faint", 250, y, 320, 26)
		d.text("middle", 410, y+18, "%s", line)
	}
	return d, nil
}

func drawOwn(*data) (*drawing, error) {
	d := newDrawing(760, 110, "The five places of a kernel")
	for i, lines := range [][]string{{"emitter", "gen/…"}, {"go generate", "asm/…, wiring"}, {"twin", "…_generic.go"}, {"method", "contract"}, {"case, answer", "tests, benchmark"}} {
		x := 10 + float64(i)*150
		d.box(x, 30, 130, 50, lines...)
		if i < 4 {
			d.arrow(x+130, 55, x+150)
		}
	}
	return d, nil
}
