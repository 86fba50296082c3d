package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/mnist"
)

// legible are drawn digits that kernelet's own model is sure of.
func legible(t *testing.T) map[rune][]byte {
	t.Helper()
	model, err := pretrained.Model()
	if err != nil {
		t.Fatal(err)
	}
	classifier, err := lenet.NewClassifier(model, lenet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	drawn := mnist.Synthetic(400, 5)
	digits := map[rune][]byte{}
	for i, label := range drawn.Labels {
		glyph := drawn.Images[i*mnist.ImageBytes:][:mnist.ImageBytes]
		p := classifier.Classify((*[mnist.ImageBytes]byte)(glyph))
		if p.Digit == int(label) && p.Probability > 0.9 && !p.Rejected() && digits[rune('0'+label)] == nil {
			digits[rune('0'+label)] = glyph
		}
	}
	if len(digits) != mnist.Classes {
		t.Fatalf("expected a legible digit of each kind, got %d", len(digits))
	}
	return digits
}

const glyphSize = 4 * mnist.Columns

// paperWith draws lines of digits on white paper, each four times as large.
func paperWith(t *testing.T, lines ...string) *image.Gray {
	digits := legible(t)
	m := image.NewGray(image.Rect(0, 0, 80+96*len(lines[0])+16, 80+160*len(lines)-48))
	draw.Draw(m, m.Rect, image.White, image.Point{}, draw.Src)
	for row, line := range lines {
		for column, c := range line {
			if digits[c] == nil {
				continue
			}
			for at := range glyphSize * glyphSize {
				x, y := at%glyphSize, at/glyphSize
				if ink := digits[c][y/4*mnist.Columns+x/4]; ink > 64 {
					m.SetGray(40+96*column+x, 40+160*row+y, color.Gray{Y: 255 - ink})
				}
			}
		}
	}
	return m
}

func savePNG(t *testing.T, name string, m image.Image) (path string) {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return save(t, name, b.Bytes())
}

func save(t *testing.T, name string, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// turnedJPEG returns a JPEG of what a camera stores that is held on its side:
// the picture turned, and the word for it in EXIF's data.
func turnedJPEG(t *testing.T, m *image.Gray) []byte {
	t.Helper()
	b := m.Bounds()
	stored := image.NewGray(image.Rect(0, 0, b.Dy(), b.Dx()))
	for y := range b.Dy() {
		for x := range b.Dx() {
			stored.SetGray(y, b.Dx()-1-x, m.GrayAt(x, y))
		}
	}
	var encoded bytes.Buffer
	if err := jpeg.Encode(&encoded, stored, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	// 6: the upright picture is the stored one turned to the right.
	exif := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00")
	content := append([]byte{0xff, 0xd8, 0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(2+len(exif)))...)
	return append(append(content, exif...), encoded.Bytes()[2:]...)
}

func readPage(t *testing.T, arguments ...string) (p page) {
	t.Helper()
	stdout, _ := execute(t, 0, append([]string{"read", "--json"}, arguments...)...)
	if err := json.Unmarshal([]byte(stdout), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestReadOverlay: the overlay is the picture, upright, with a blue frame
// around every digit where the JSON says that it is.
func TestReadOverlay(t *testing.T) {
	m := paperWith(t, "3127", "0685")
	overlaid := filepath.Join(t.TempDir(), "found.png")
	for name, path := range map[string]string{"upright": savePNG(t, "a.png", m), "turned": save(t, "a.jpg", turnedJPEG(t, m))} {
		p := readPage(t, "--overlay", overlaid, path)
		if len(p.Rows) != 2 || p.Rows[0].Text != "3127" || p.Rows[1].Text != "0685" {
			t.Errorf("%s: expected the rows 3127 and 0685, got %+v", name, p.Rows)
			continue
		}
		file, err := os.Open(overlaid)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		got, err := png.Decode(file)
		if err != nil || got.Bounds() != m.Bounds() {
			t.Fatalf("%s: expected a picture of %v, got %v, error %v", name, m.Bounds(), got.Bounds(), err)
		}
		blue := func(x, y int) bool { return color.RGBAModel.Convert(got.At(x, y)) == rightBlue }
		framed := 0
		for _, row := range p.Rows {
			for _, d := range row.Digits {
				x, y, width, height := d.Box[0], d.Box[1], d.Box[2], d.Box[3]
				if !blue(x-1, y+height/2) || !blue(x+width, y+height/2) || !blue(x+width/2, y+height) || blue(x+width/2, y+height+1) {
					t.Errorf("%s: no frame around the %d at %v", name, d.Digit, d.Box)
				}
				framed++
			}
		}
		if framed != 8 {
			t.Errorf("%s: expected 8 digits, got %d", name, framed)
		}
		if r, g, b, _ := got.At(1, 1).RGBA(); r < 0xf000 || g < 0xf000 || b < 0xf000 {
			t.Errorf("%s: the paper is not white any more", name)
		}
	}
	// Of which picture, if there are two?
	_, stderr := execute(t, exitUsage, "read", "--overlay", overlaid, overlaid, overlaid)
	if !strings.Contains(stderr, "expected one picture, got 2") {
		t.Errorf("two pictures: %q", stderr)
	}
}

// TestPredictTurned: predict takes notice of EXIF's orientation.
func TestPredictTurned(t *testing.T) {
	for _, want := range []string{"4", "7"} {
		path := save(t, "turned.jpg", turnedJPEG(t, paperWith(t, want)))
		stdout, _ := execute(t, 0, "predict", path)
		if !strings.HasPrefix(stdout, path+": "+want+" (") {
			t.Errorf("a %s that lies on its side: %q", want, stdout)
		}
	}
}

// TestReadGrid: cells of a table, a dot for an empty one.
func TestReadGrid(t *testing.T) {
	digits := paperWith(t, "2.5", "...", "79.")
	const cell = 140
	m := image.NewGray(image.Rect(0, 0, 3*cell+40, 3*cell+40))
	draw.Draw(m, m.Rect, image.White, image.Point{}, draw.Src)
	for i := range 4 {
		at := 20 + i*cell
		draw.Draw(m, image.Rect(at-2, 18, at+2, 3*cell+22), image.Black, image.Point{}, draw.Src)
		draw.Draw(m, image.Rect(18, at-2, 3*cell+22, at+2), image.Black, image.Point{}, draw.Src)
	}
	for i := range 9 {
		x, y := i%3, i/3
		to := image.Rect(0, 0, glyphSize-16, glyphSize).Add(image.Pt(20+x*cell+22, 20+y*cell+14))
		draw.Draw(m, to, digits, image.Pt(40+96*x+8, 40+160*y), draw.Src)
	}
	path := savePNG(t, "table.png", m)
	if stdout, _ := execute(t, 0, "read", "--grid", "3x3", path); stdout != "2.5\n...\n79.\n" {
		t.Errorf("the table was read as %q", stdout)
	}
	for _, size := range []string{"3", "0x3", "3x101", "3x3x3", "axb"} {
		if _, stderr := execute(t, exitUsage, "read", "--grid", size, path); !strings.Contains(stderr, "9x9") {
			t.Errorf("--grid %s: %q", size, stderr)
		}
	}
}

// TestStandardInput: - is the picture on standard input.
func TestStandardInput(t *testing.T) {
	content, err := os.ReadFile(savePNG(t, "a.png", paperWith(t, "31")))
	if err != nil {
		t.Fatal(err)
	}
	one, err := os.ReadFile(savePNG(t, "b.png", paperWith(t, "8")))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		arguments []string
		input     []byte
		want      string
	}{
		{[]string{"read", "-"}, content, "31\n"},
		{[]string{"predict", "-"}, one, "-: 8 ("},
		{[]string{"predict", "--json", "-"}, one, `{"image":"-","digit":8,`},
	} {
		command := exec.Command(os.Args[0], c.arguments...)
		command.Env = append(os.Environ(), asCommand+"=1")
		command.Stdin = bytes.NewReader(c.input)
		if got, err := command.Output(); err != nil || !strings.HasPrefix(string(got), c.want) {
			t.Errorf("%q: expected %q, got %q, error %v", c.arguments, c.want, got, err)
		}
	}
}

// TestOneBadPicture: a picture that cannot be read is named, the others are
// read in their order, and the exit code says that something went wrong.
func TestOneBadPicture(t *testing.T) {
	good, other := savePNG(t, "good.png", paperWith(t, "6")), savePNG(t, "other.png", paperWith(t, "2"))
	blank := savePNG(t, "blank.png", image.NewGray(image.Rect(0, 0, 50, 50)))
	bad := save(t, "bad.png", []byte("no picture"))
	paths := []string{good, bad, other, blank, filepath.Join(t.TempDir(), "missing.png"), good}
	stdout, stderr := execute(t, exitFailure, append([]string{"read"}, paths...)...)
	if want := good + ": 6\n" + other + ": 2\n" + good + ": 6\n"; stdout != want {
		t.Errorf("read: expected %q, got %q", want, stdout)
	}
	for _, says := range []string{bad + ": not a usable picture", blank + ": no ink found", "missing.png: open ", "3 of 6 pictures could not be read"} {
		if strings.Count(stderr, says) != 1 {
			t.Errorf("read: expected %q once in %q", says, stderr)
		}
	}
	stdout, stderr = execute(t, exitFailure, append([]string{"predict", "--json"}, paths...)...)
	if strings.Count(stdout, "\n") != 3 || !strings.HasPrefix(stdout, `{"image":`) || strings.Count(stderr, "\n") != 4 {
		t.Errorf("predict printed %q and %q", stdout, stderr)
	}
	// Whole paths tell pictures of the same name apart, for people too.
	stdout, _ = execute(t, exitFailure, append([]string{"predict"}, paths...)...)
	if strings.Count(stdout, good+": 6 (") != 2 || strings.Count(stdout, other+": 2 (") != 1 {
		t.Errorf("predict printed %q", stdout)
	}
}
