package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"mime/multipart"
	"strings"
	"testing"

	reference64 "github.com/kernelet/kernelet/internal/reference"
	"github.com/kernelet/kernelet/mnist"
)

func graymapOf(width, height int) []byte {
	return append(fmt.Appendf(nil, "P5\n%d %d\n255\n", width, height), make([]byte, width*height)...)
}

// seven is a picture of a 7, white on black.
func seven() *image.Gray {
	picture := image.NewGray(image.Rect(0, 0, 100, 120))
	line := func(x0, y0, x1, y1 float64) {
		for i := range 400 {
			f := float64(i) / 399
			x, y := int(x0+f*(x1-x0)), int(y0+f*(y1-y0))
			for dy := -4; dy <= 4; dy++ {
				for dx := -4; dx <= 4; dx++ {
					picture.SetGray(x+dx, y+dy, color.Gray{Y: 255})
				}
			}
		}
	}
	line(25, 25, 75, 25)
	line(75, 25, 45, 95)
	return picture
}

func encodings(t testing.TB) map[string][]byte {
	t.Helper()
	var p, j, g bytes.Buffer
	if err := png.Encode(&p, seven()); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&j, seven(), nil); err != nil {
		t.Fatal(err)
	}
	if err := gif.Encode(&g, seven(), nil); err != nil {
		t.Fatal(err)
	}
	s := seven()
	return map[string][]byte{"png": p.Bytes(), "jpeg": j.Bytes(), "gif": g.Bytes(),
		"pgm": append(fmt.Appendf(nil, "P5 %d %d 255\n", s.Rect.Dx(), s.Rect.Dy()), s.Pix...)}
}

type digitsAnswer struct {
	Model    string
	Digits   []digit
	Pictures []pictureAnswer
	Error    string
}

func TestDigits(t *testing.T) {
	s := newServer(t, Options{})
	var form bytes.Buffer
	files := multipart.NewWriter(&form)
	for format, content := range encodings(t) {
		w := do(t, s, "POST", "/v1/digits?seen=true&layers=true", nil, content)
		var a digitsAnswer
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %s", format, w.Code, w.Body)
		}
		d := a.Digits[0]
		if a.Model != "lenet" || len(a.Digits) != 1 || d.Digit != 7 || d.Probability != d.Probabilities[7] || len(d.Seen) != 784 {
			t.Errorf("%s: expected a 7, got %+v", format, a)
		}
		if l := d.Layers; len(l.Conv1) != 20*12*12 || len(l.Conv2) != 50*4*4 || len(l.FC1) != 500 || l.Live < 1 || l.Live > 800 {
			t.Errorf("%s: layers of %d, %d and %d values, %d live", format, len(l.Conv1), len(l.Conv2), len(l.FC1), l.Live)
		}
		part, err := files.CreateFormFile("picture", "a."+format)
		if err != nil {
			t.Fatal(err)
		}
		part.Write(content)
	}
	part, _ := files.CreateFormFile("picture", "junk")
	part.Write([]byte("junk"))
	files.WriteField("comment", "not a file")
	files.Close()
	w := do(t, s, "POST", "/v1/digits", map[string]string{"Content-Type": files.FormDataContentType()}, form.Bytes())
	var a digitsAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 || len(a.Pictures) != 5 {
		t.Fatalf("form: %d %s", w.Code, w.Body)
	}
	for _, p := range a.Pictures {
		if p.Name == "junk" && p.Error == "" || p.Name != "junk" && (len(p.Digits) != 1 || p.Digits[0].Digit != 7) {
			t.Errorf("form: %+v", p)
		}
	}
}

// TestRows reads a picture with two rows of sevens, 1 and 3 of them.
func TestRows(t *testing.T) {
	s := newServer(t, Options{})
	one := seven()
	page := image.NewGray(image.Rect(0, 0, 5*one.Rect.Dx(), 3*one.Rect.Dy()))
	for i := range page.Pix {
		page.Pix[i] = one.Pix[0]
	}
	corners := []image.Point{{1, 0}, {0, 2}, {2, 2}, {4, 2}}
	for i, c := range corners {
		corners[i] = image.Pt(c.X*one.Rect.Dx(), c.Y*one.Rect.Dy())
		draw.Draw(page, one.Rect.Add(corners[i]), one, image.Point{}, draw.Src)
	}
	var file bytes.Buffer
	if err := png.Encode(&file, page); err != nil {
		t.Fatal(err)
	}
	w := do(t, s, "POST", "/v1/digits?rows=true&layers=true&seen=true", nil, file.Bytes())
	var a struct {
		Model  string
		Digits []digit
		Rows   []row
	}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 || a.Model != "lenet" || a.Digits != nil || len(a.Rows) != 2 {
		t.Fatalf("expected two rows, got %d %.300s", w.Code, w.Body)
	}
	if a.Rows[0].Text != "7" || a.Rows[1].Text != "777" {
		t.Errorf("expected 7 and 777, got %q and %q", a.Rows[0].Text, a.Rows[1].Text)
	}
	found := append(a.Rows[0].Digits, a.Rows[1].Digits...)
	for i, d := range found {
		where := image.Rect(d.Box[0], d.Box[1], d.Box[0]+d.Box[2], d.Box[1]+d.Box[3])
		if d.Digit != 7 || where.Empty() || !where.In(one.Rect.Add(corners[i])) || len(d.Seen) != pixels || d.Layers == nil {
			t.Errorf("digit %d: expected a 7 in %v, got %d in %v", i, one.Rect.Add(corners[i]), d.Digit, where)
		}
	}
	if text := do(t, s, "GET", "/metrics", nil, nil).Body.String(); !strings.Contains(text, `kernelet_images_total{protocol="http"} 4`) {
		t.Error("expected 4 images in the metrics")
	}
	// Specks of the size of digits: more than the answer may have.
	many := image.NewGray(image.Rect(0, 0, 600, 600))
	for y := range 600 {
		for x := range 600 {
			if x%30 == 15 && y%30 > 8 && y%30 < 22 {
				many.SetGray(x, y, color.Gray{255})
				many.SetGray(x+1, y, color.Gray{255})
			}
		}
	}
	file.Reset()
	if err := png.Encode(&file, many); err != nil {
		t.Fatal(err)
	}
	if w := do(t, s, "POST", "/v1/digits?rows=true&layers=true", nil, file.Bytes()); w.Code != 413 || !strings.Contains(w.Body.String(), "picture: expected at most 64 digits, found ") {
		t.Errorf("many digits with layers: expected 413, got %d %.100s", w.Code, w.Body)
	}
	if w := do(t, s, "POST", "/v1/digits?rows=true", nil, file.Bytes()); w.Code != 200 {
		t.Errorf("as many digits without layers: expected 200, got %d %.100s", w.Code, w.Body)
	}
	if w := do(t, s, "POST", "/v1/digits?rows=true", nil, graymapOf(100, 100)); w.Code != 422 {
		t.Errorf("an empty picture: expected 422, got %d %.100s", w.Code, w.Body)
	}
	if !s.pictures.memory.TryAcquire(s.pictures.limit) {
		t.Error("memory for pictures was not given back")
	}
}

func TestDigitsErrors(t *testing.T) {
	s := newServer(t, Options{})
	for _, c := range []struct {
		target string
		kind   string
		body   []byte
		status int
		want   string
	}{
		{"", "", nil, 400, "expected PNG, JPEG, GIF, WebP, BMP, TIFF or binary PGM, got nothing"},
		{"", "", []byte("junk"), 400, "expected PNG, JPEG, GIF, WebP, BMP or TIFF"},
		{"", "", encodings(t)["png"][:100], 400, "picture: not a usable picture"},
		{"", "", graymapOf(100, 100), 422, "no ink found"},
		{"", "", graymapOf(5000, 5000), 413, "expected from 1 to 16000000 pixels, got 5000×5000"},
		{"", "", []byte("P5 0 5 255 "), 413, "expected from 1 to"},
		{"", "", []byte("P5 2 2 255\n123"), 400, "PGM: expected 2×2 bytes, got 3"},
		{"", "", []byte("P5 2 2 65535\n12345678"), 400, "PGM: expected values up to 255"},
		{"", "", []byte("P5"), 400, "PGM: expected width, height and 255"},
		{"?model=none", "", encodings(t)["png"], 404, `unknown model \"none\"`},
		{"?layers=maybe", "", encodings(t)["png"], 400, `layers: expected true or false, got \"maybe\"`},
		{"", "multipart/form-data; boundary=x", []byte("junk"), 400, "multipart/form-data"},
		{"", "multipart/form-data", []byte("junk"), 400, "multipart/form-data"},
		{"", "multipart/form-data; boundary=x", []byte("--x--\r\n"), 400, "expected a form with files"},
	} {
		w := do(t, s, "POST", "/v1/digits"+c.target, map[string]string{"Content-Type": c.kind}, c.body)
		if w.Code != c.status || !bytes.Contains(w.Body.Bytes(), []byte(c.want)) {
			t.Errorf("%.20q%s: expected %d with %s, got %d %s", c.body, c.target, c.status, c.want, w.Code, w.Body)
		}
	}
	if !s.pictures.memory.TryAcquire(s.pictures.limit) {
		t.Error("memory for pictures was not given back")
	}
}

// TestActivations compares the page's layers with the float64 network.
func TestActivations(t *testing.T) {
	images := mnist.Synthetic(3, 7).Images
	p := reference64.NewParameters()
	for i, tensor := range weights().Tensors() {
		for j, v := range tensor.Values {
			p.Groups()[i][j] = float64(v)
		}
	}
	for i := range 3 {
		img := [784]byte(images[784*i:])
		input := make([]float64, 784)
		for j, v := range img {
			input[j] = reference64.Normalise(v)
		}
		want := reference64.Forward(p, input, nil)
		got := activations(weights(), &img)
		live := 0
		for _, v := range want.Pool2 {
			if v > 0 {
				live++
			}
		}
		// A value within rounding of 0 may be on either side.
		if math.Abs(float64(live-got.Live)) > 1 {
			t.Errorf("image %d: expected %d live inputs, got %d", i, live, got.Live)
		}
		for name, c := range map[string]struct {
			want []float64
			got  []byte
		}{"conv1": {want.Pool1, got.Conv1}, "conv2": {want.Pool2, got.Conv2}, "fc1": {want.FC1, got.FC1}} {
			largest := 0.0
			for _, v := range c.want {
				largest = max(largest, v)
			}
			for j, v := range c.want {
				// Rounded to a byte: half a unit, and the rounding of float32 sums.
				if scaled := 255 * v / largest; math.Abs(scaled-float64(c.got[j])) > .5+1e-3 {
					t.Fatalf("image %d, %s[%d]: expected %g, got %d", i, name, j, scaled, c.got[j])
				}
			}
		}
	}
}
