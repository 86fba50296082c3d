package picture_test

import (
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"
	"testing"

	"github.com/kernelet/kernelet/internal/random"
	"github.com/kernelet/kernelet/internal/testmnist"
	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/picture"
)

var update = flag.Bool("update", false, "draw docs/pictures.png anew")

// sheet is a drawn sheet of paper: what is on it besides a digit.
type sheet struct {
	name                                   string
	frame, grid, shadow, thin, dark, faint bool
}

var sheets = []sheet{
	{name: "paper"}, {name: "frame", frame: true}, {name: "squared", grid: true}, {name: "shadow", shadow: true},
	{name: "thin", thin: true}, {name: "dark", dark: true}, {name: "faint", faint: true},
}

// draw draws a glyph of 28×28 enlarged to about 180 pixels on a sheet of
// 280×280; n is the seed of place, light and noise.
func (s sheet) draw(glyph []byte, n uint64) *image.Gray {
	key, counter := random.Key(random.Synthetic, 0x7368, n), uint64(0)
	between := func(low, high float64) float64 {
		counter++
		return low + (high-low)*random.Uniform(key, counter)
	}
	const size = 280
	m := image.NewGray(image.Rect(0, 0, size, size))
	scale, left, top := between(5.5, 7), between(30, 75), between(30, 75)
	light, tilt := between(190, 235), between(-40, 40)
	contrast := between(0.5, 0.85)
	if s.faint {
		contrast = between(0.2, 0.3)
	}
	edge := between(90, 190)
	line := int(between(8, 20))
	value := func(x, y int) float64 {
		if uint(x) >= mnist.Columns || uint(y) >= mnist.Rows {
			return 0
		}
		return float64(glyph[y*mnist.Columns+x]) / 255
	}
	for y := range size {
		for x := range size {
			u, v := (float64(x)-left)/scale-.5, (float64(y)-top)/scale-.5
			x0, y0 := int(math.Floor(u)), int(math.Floor(v))
			pu, pv := u-float64(x0), v-float64(y0)
			ink := (1-pv)*((1-pu)*value(x0, y0)+pu*value(x0+1, y0)) + pv*((1-pu)*value(x0, y0+1)+pu*value(x0+1, y0+1))
			if s.thin {
				ink = min(1, max(0, 4*ink-2.6))
			}
			paper := light + tilt*float64(x)/size
			if s.grid && ((x+line)%35 < 2 || (y+line)%35 < 2) {
				paper -= 35
			}
			if s.shadow && float64(x)+0.4*float64(y) > edge+60 {
				paper *= 0.6
			}
			if s.frame && (min(x, y, size-1-x, size-1-y)-line+2)/3 == 0 && min(x, y, size-1-x, size-1-y) >= line-2 {
				ink = 1
			}
			p := paper*(1-contrast*ink) + between(-6, 6)
			if s.dark {
				p = 255 - p
			}
			m.SetGray(x, y, color.Gray{Y: uint8(min(255, max(0, p)))})
		}
	}
	return m
}

// TestSheets: drawn digits are read on every kind of sheet about as well as
// untouched. The floors only go up.
func TestSheets(t *testing.T) {
	reader := picture.NewReader(newClassifier(t))
	const n = 40
	drawn := mnist.Synthetic(n, 11)
	floors := map[string]int{"paper": 39, "frame": 39, "squared": 39, "shadow": 32, "thin": 38, "dark": 39, "faint": 38}
	for _, s := range sheets {
		right := 0
		for i := range n {
			d, err := reader.Digit(s.draw(drawn.Images[i*mnist.ImageBytes:][:mnist.ImageBytes], uint64(i)))
			if err == nil && d.Digit == int(drawn.Labels[i]) {
				right++
			}
		}
		t.Logf("%s: %d of %d", s.name, right, n)
		if right < floors[s.name] {
			t.Errorf("%s: expected at least %d of %d read right, got %d", s.name, floors[s.name], n, right)
		}
	}
}

// TestViews: what only some of the views show right: a pen that runs dry, and
// crops whose digit touches three sides or four.
func TestViews(t *testing.T) {
	reader := picture.NewReader(newClassifier(t))
	const n = 200
	drawn := mnist.Synthetic(n, 13)
	ways := map[string]struct {
		floor int
		draw  func(glyph []byte, i int) *image.Gray
	}{
		"runs dry": {184, func(glyph []byte, i int) *image.Gray {
			m := image.NewGray(image.Rect(0, 0, 140, 140))
			for at := range m.Pix {
				x, y := at%140/5, at/140/5
				// From a fifth of full ink at the top or at the bottom.
				share := 0.2 + 0.8*min(1, math.Abs(float64(y-4-20*(i%2)))/18)
				m.Pix[at] = uint8(230 - 200*share*float64(glyph[y*mnist.Columns+x])/255)
			}
			return m
		}},
		"tight": {190, func(glyph []byte, i int) *image.Gray {
			m := reduced(glyph, 60)
			box := image.Rect(60, 60, 0, 0)
			for at, v := range m.Pix {
				if v < 128 {
					box.Min.X, box.Max.X = min(box.Min.X, at%60), max(box.Max.X, at%60+1)
				}
			}
			box.Min.Y, box.Max.Y = 2, 58
			return m.SubImage(box).(*image.Gray)
		}},
	}
	for name, way := range ways {
		right := 0
		for i := range n {
			d, err := reader.Digit(way.draw(drawn.Images[i*mnist.ImageBytes:][:mnist.ImageBytes], i))
			if err == nil && d.Digit == int(drawn.Labels[i]) {
				right++
			}
		}
		t.Logf("%s: %d of %d", name, right, n)
		if right < way.floor {
			t.Errorf("%s: expected at least %d of %d read right, got %d", name, way.floor, n, right)
		}
	}
}

// TestSmall: digits of few pixels are read, and so is where they are.
func TestSmall(t *testing.T) {
	reader := picture.NewReader(newClassifier(t))
	const n = 200
	drawn := mnist.Synthetic(n, 12)
	// The last is where small pictures end.
	floors := map[int]int{6: 164, 8: 184, 10: 187, 14: 186, 23: 188, 24: 185}
	for size, floor := range floors {
		right, boxes := 0, 0
		for i := range n {
			glyph := drawn.Images[i*mnist.ImageBytes:][:mnist.ImageBytes]
			d, err := reader.Digit(reduced(glyph, size))
			if err == nil && d.Digit == int(drawn.Labels[i]) {
				right++
			}
			// The digit fills the picture, but for its softest pixels.
			if b := d.Box; b.In(image.Rect(0, 0, size, size)) && max(b.Dx(), b.Dy()) >= size-1 {
				boxes++
			}
		}
		t.Logf("%d×%d: %d of %d, %d boxes", size, size, right, n, boxes)
		if right < floor || 20*boxes < 19*n {
			t.Errorf("%d×%d: expected at least %d of %d read right, got %d; %d boxes as large as the digit", size, size, floor, n, right, boxes)
		}
	}
}

// reduced averages the square around the ink of a glyph to size×size pixels,
// dark on light.
func reduced(glyph []byte, size int) *image.Gray {
	var box image.Rectangle
	for i, v := range glyph {
		if v > 40 {
			x, y := i%mnist.Columns, i/mnist.Columns
			box = box.Union(image.Rect(x, y, x+1, y+1))
		}
	}
	const fine = 8 // samples of a pixel in a row
	step := float64(max(box.Dx(), box.Dy())) / float64(size*fine)
	left := float64(box.Min.X+box.Max.X)/2 - step*float64(size*fine)/2
	top := float64(box.Min.Y+box.Max.Y)/2 - step*float64(size*fine)/2
	sums := make([]int, size*size)
	for v := range size * fine {
		for u := range size * fine {
			x, y := int(math.Floor(left+step*(float64(u)+.5))), int(math.Floor(top+step*(float64(v)+.5)))
			if image.Pt(x, y).In(box) {
				sums[v/fine*size+u/fine] += int(glyph[y*mnist.Columns+x])
			}
		}
	}
	m := image.NewGray(image.Rect(0, 0, size, size))
	for i, sum := range sums {
		m.Pix[i] = uint8(255 - sum/(fine*fine))
	}
	return m
}

// TestSheetsOfMNIST: the test images, drawn large on paper, every other one in
// a frame, lose almost nothing.
func TestSheetsOfMNIST(t *testing.T) {
	testmnist.NeedLong(t)
	test := testmnist.MNIST(t).Test
	reader := picture.NewReader(newClassifier(t))
	right := 0
	for i := range test.Len() {
		d, err := reader.Digit(sheets[i%2].draw(test.Images[i*mnist.ImageBytes:][:mnist.ImageBytes], uint64(i)))
		if err == nil && d.Digit == int(test.Labels[i]) {
			right++
		}
	}
	t.Logf("%d of %d", right, test.Len())
	if floor := 9950; right < floor {
		t.Errorf("expected at least %d right, got %d", floor, right)
	}
}

// TestDrawing draws the picture of docs/pictures.md: sheets, and what the
// network sees of each.
func TestDrawing(t *testing.T) {
	if !*update {
		t.Skip("-update draws docs/pictures.png anew")
	}
	reader := picture.NewReader(newClassifier(t))
	drawn := mnist.Synthetic(len(sheets), 11)
	m := image.NewGray(image.Rect(0, 0, 150*len(sheets), 300))
	draw.Draw(m, m.Rect, image.White, image.Point{}, draw.Src)
	for i, s := range sheets {
		sheet := s.draw(drawn.Images[i*mnist.ImageBytes:][:mnist.ImageBytes], uint64(i))
		d, err := reader.Digit(sheet)
		if err != nil {
			t.Fatal(err)
		}
		for y := range 140 {
			for x := range 140 {
				m.SetGray(150*i+x, y, sheet.GrayAt(2*x, 2*y))
				m.SetGray(150*i+x, 150+y, color.Gray{Y: d.Image[y/5*28+x/5]})
			}
		}
	}
	file, err := os.Create("../docs/pictures.png")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := png.Encode(file, m); err != nil {
		t.Fatal(err)
	}
}
