package main

import (
	"fmt"
	"math"

	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
)

func genericSet() (*kernels.Set, error) { return kernels.Select("generic") }

// drawWinograd shows what one tile needs in one dimension.
func drawWinograd(*data) (*drawing, error) {
	d := newDrawing(760, 240, "F(4, 5): eight inputs become eight values, eight products with the transformed taps become four outputs")
	column := func(x float64, class, name string, n int, top float64) {
		for i := range n {
			y := top + float64(i)*24
			d.rect(class, x, y, 46, 19)
			d.text("small middle on", x+23, y+14, "%s%d", name, i)
		}
	}
	column(20, "third", "d", shape.Points, 36)
	column(200, "first", "v", shape.Points, 36)
	column(300, "fourth", "u", shape.Points, 36)
	column(440, "second", "m", shape.Points, 36)
	column(640, "third", "y", shape.TileSize, 84)
	for i := range shape.Points {
		y := 45 + float64(i)*24
		d.text("middle", 273, y+5, "×")
		d.arrow(350, y, 436)
		for j := range shape.TileSize {
			d.line("line", 488, y, 638, 93+float64(j)*24)
		}
		for j := range shape.Points {
			d.line("line", 68, 45+float64(j)*24, 198, y)
		}
	}
	d.text("middle", 130, 22, "Bᵀ: additions, constants")
	d.text("middle", 350, 22, "8 products instead of 20")
	d.text("middle", 565, 22, "Aᵀ: additions, constants")
	return d, nil
}

// drawPoints shows the points of the two algorithms on the complex plane.
func drawPoints(*data) (*drawing, error) {
	d := newDrawing(760, 200, "The points of F(4, 5) on the real line and those of F(8, 5), with i and −i")
	plane := func(y float64, title string, points []float64, complexPair bool) {
		at := func(p float64) float64 { return 330 + p*80 }
		d.line("line", at(-3), y, at(3.1), y)
		d.text("", 10, y-14, "%s", title)
		for _, p := range points {
			for _, s := range []float64{-1, 1} {
				d.circle("first", at(s*p), y, 5)
				d.text("small middle", at(s*p), y+20, "%g", s*p)
			}
		}
		d.circle("first", at(0), y, 5)
		d.text("small middle", at(0), y+20, "0")
		d.circle("first", 610, y, 5)
		d.text("small", 620, y+4, "∞")
		if complexPair {
			d.text("small", at(0)+10, y-34, "i")
			d.circle("second", at(0), y-38, 5)
			d.circle("second", at(0), y+42, 5)
			d.text("small", at(0)+10, y+46, "−i, the conjugate: not kept")
		}
	}
	plane(35, "F(4, 5): 8 points", []float64{0.5, 1, 2}, false)
	plane(130, "F(8, 5): 12 points", []float64{0.4, 0.8, 1.25, 2.5}, true)
	return d, nil
}

// drawLanes shows vectors filled with channels and with images.
func drawLanes(*data) (*drawing, error) {
	d := newDrawing(760, 170, "Vectors of sixteen lanes filled with 20 channels, with 50 channels and with 16 images")
	row := func(y float64, name string, used int) {
		vectors := (used + shape.Block - 1) / shape.Block
		d.text("end", 150, y+14, "%s", name)
		for lane := range vectors * shape.Block {
			class := "first"
			if lane >= used {
				class = "faint"
			}
			d.rect(class, 160+float64(lane)*7.5+float64(lane/shape.Block)*8, y, 6.5, 20)
		}
		d.text("small", 168+float64(vectors*shape.Block)*7.5+float64(vectors)*8, y+14, "%.1f %%", 100*float64(used)/float64(vectors*shape.Block))
	}
	row(30, "20 channels", shape.Conv1Outputs)
	row(70, "50 channels", shape.Conv2Outputs)
	row(110, "16 images", shape.Block)
	d.text("small muted", 160, 155, "a box is a lane; grey ones are computed and thrown away")
	return d, nil
}

// drawMoment shows Adam's first moment when gradients stop.
func drawMoment(*data) (*drawing, error) {
	d := newDrawing(760, 230, "Adam's first moment of a weight whose gradient stays zero, on a logarithmic scale")
	x := func(step float64) float64 { return 70 + step*0.6 }
	y := func(exponent float64) float64 { return 20 - exponent*4 }
	for exponent := 0.0; exponent >= -40; exponent -= 10 {
		d.line("line", 70, y(exponent), 70+600, y(exponent))
		d.text("small end", 62, y(exponent)+4, "1e%g", exponent)
	}
	floor := math.Log10(shape.MomentFloor)
	stop := floor / math.Log10(0.9)
	d.line("dashed", x(stop), y(floor), x(1000), y(math.Max(-45, 1000*math.Log10(0.9))))
	d.line("first-line", x(0), y(0), x(stop), y(floor))
	d.line("first-line", x(stop), y(floor), x(stop), y(-45))
	d.text("small", x(stop)-70, y(-25), "step %.0f: below %g, the kernel writes 0", math.Ceil(stop), shape.MomentFloor)
	d.line("second-line", 70, y(-37.93), 670, y(-37.93))
	d.text("small", 75, y(-37.93)-6, "below this line float32 is denormal")
	d.text("small middle", 370, 224, "steps without a gradient: 0 to 1000; m is multiplied by 0.9 each time")
	return d, nil
}

// drawSums shows the two ways to split a sum over images.
func drawSums(*data) (*drawing, error) {
	d := newDrawing(760, 210, "A sum over images split by image depends on the number of threads; split by output it does not")
	d.text("", 20, 24, "split by image: depends on threads")
	d.text("", 400, 24, "split by output: every sum has one order")
	for i := range 8 {
		class := "first"
		if i >= 4 {
			class = "second"
		}
		for o := range 4 {
			d.rect(class, 20+float64(i)*36, 40+float64(o)*26, 32, 20)
			other := "first"
			if o >= 2 {
				other = "second"
			}
			d.rect(other, 400+float64(i)*36, 40+float64(o)*26, 32, 20)
		}
		d.text("small middle", 36+float64(i)*36, 160, "%d", i)
		d.text("small middle", 416+float64(i)*36, 160, "%d", i)
	}
	for o := range 4 {
		d.text("small", 312, 54+float64(o)*26, "→ dw%d", o)
		d.text("small", 692, 54+float64(o)*26, "→ dw%d", o)
	}
	d.text("small muted", 20, 178, "images 0 to 7; blue: thread 0, orange: thread 1")
	d.text("small muted", 20, 196, "(0+1+2+3) + (4+5+6+7), otherwise on three")
	d.text("small muted", 400, 178, "images 0 to 7")
	d.text("small muted", 400, 196, "each sum adds 0, 1, … 7, whoever computes it")
	return d, nil
}

// drawRegisters shows what the inner loop of the direct convolution holds.
func drawRegisters(*data) (*drawing, error) {
	d := newDrawing(760, 190, "The 32 vector registers of the direct convolution: twenty sums, four inputs, eight free")
	for r := range 32 {
		class, name := "faint", "free"
		switch {
		case r < 20:
			class, name = "first", fmt.Sprintf("o%d p%d", r/4, r%4)
		case r < 24:
			class, name = "third", fmt.Sprintf("x p%d", r-20)
		}
		x, y := 20+float64(r%8)*92, 36+float64(r/8)*34
		d.rect(class, x, y, 86, 28)
		text := "small middle on"
		if class == "faint" {
			text = "small middle"
		}
		d.text(text, x+43, y+18, "Z%d %s", r, name)
	}
	d.text("", 20, 22, "sums of 5 outputs × 4 positions of a pooling window, and the inputs at the 4 positions")
	return d, nil
}
