package pictures_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/mnist/pictures"
	"github.com/kernelet/kernelet/picture"
)

// ways to write a picture, of which all but JPEG keep every grey.
var ways = []struct {
	extension string
	exact     bool
	write     func(w io.Writer, m image.Image) error
}{
	{"png", true, png.Encode},
	{"bmp", true, bmp.Encode},
	{"tiff", true, func(w io.Writer, m image.Image) error { return tiff.Encode(w, m, nil) }},
	{"gif", true, func(w io.Writer, m image.Image) error {
		greys := make(color.Palette, 256)
		for i := range greys {
			greys[i] = color.Gray{uint8(i)}
		}
		paletted := image.NewPaletted(m.Bounds(), greys)
		for i := range paletted.Pix {
			paletted.Pix[i] = m.(*image.Gray).Pix[i]
		}
		return gif.Encode(w, paletted, nil)
	}},
	{"jpg", false, func(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, &jpeg.Options{Quality: 95}) }},
}

func enlarged(s mnist.Set, i, scale int) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, scale*mnist.Columns, scale*mnist.Rows))
	for at := range m.Pix {
		m.Pix[at] = s.Images[i*mnist.ImageBytes+at/m.Stride/scale*mnist.Columns+at%m.Stride/scale]
	}
	return m
}

// folder writes pictures of a set in a folder for each class, every picture in
// another way, enlarged by scale.
func folder(t *testing.T, s mnist.Set, scale int) string {
	t.Helper()
	root := t.TempDir()
	for i, label := range s.Labels {
		m := enlarged(s, i, scale)
		way := ways[i%len(ways)]
		path := filepath.Join(root, fmt.Sprint(label), fmt.Sprintf("%d.%s", i, way.extension))
		var content bytes.Buffer
		if err := errors.Join(way.write(&content, m), os.MkdirAll(filepath.Dir(path), 0o755)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestOpenPictures: pictures of 28×28 stay as they are, in every format; larger
// ones come back as Prepare makes them.
func TestOpenPictures(t *testing.T) {
	s := mnist.Synthetic(50, 3)
	for _, scale := range []int{1, 5} {
		data, err := mnist.Open(t.Context(), folder(t, s, scale))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(data.Train.Labels, s.Labels) {
			t.Fatalf("enlarged by %d: other labels, or another order", scale)
		}
		if said := strings.Contains(strings.Join(data.Notes, "\n"), "50 pictures that are not of 28×28"); said != (scale > 1) {
			t.Errorf("enlarged by %d: notes %q", scale, data.Notes)
		}
		for i := range s.Len() {
			got, want := data.Train.Images[i*mnist.ImageBytes:][:mnist.ImageBytes], s.Images[i*mnist.ImageBytes:][:mnist.ImageBytes]
			if scale > 1 {
				prepared, err := picture.Prepare(enlarged(s, i, scale))
				if err != nil {
					t.Fatal(err)
				}
				want = prepared[:]
			}
			difference := 0
			for at := range want {
				difference += max(int(got[at]), int(want[at])) - min(int(got[at]), int(want[at]))
			}
			most := 0
			if !ways[i%len(ways)].exact {
				most = 3 * mnist.ImageBytes // three greys a pixel in the mean
			}
			if difference > most {
				t.Errorf("enlarged by %d, %s: picture %d differs by %d, expected at most %d", scale, ways[i%len(ways)].extension, i, difference, most)
			}
		}
	}
}

// broken fails when it is read.
type broken struct{}

var errBroken = errors.New("the disk is gone")

func (broken) Read([]byte) (int, error) { return 0, errBroken }

func TestReadErrors(t *testing.T) {
	var blank, large bytes.Buffer
	if err := errors.Join(png.Encode(&blank, image.NewGray(image.Rect(0, 0, 50, 50))), png.Encode(&large, image.NewGray(image.Rect(0, 0, 5001, 5000)))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		from io.Reader
		is   []error
		says string
	}{
		"text":         {strings.NewReader("hello"), []error{mnist.ErrImage, picture.ErrImage}, "expected PNG, JPEG, GIF, WebP, BMP or TIFF"},
		"blank":        {&blank, []error{mnist.ErrImage, picture.ErrBlank}, "no ink found"},
		"too large":    {&large, []error{mnist.ErrImage, picture.ErrImage}, "got 5001×5000"},
		"reader fails": {broken{}, []error{errBroken}, "the disk is gone"},
	} {
		_, _, err := pictures.Read(c.from)
		for _, is := range c.is {
			if !errors.Is(err, is) {
				t.Errorf("%s: expected %q, got %v", name, is, err)
			}
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: expected an error that says %q, got %v", name, c.says, err)
		}
	}
	if _, _, err := pictures.Read(broken{}); errors.Is(err, mnist.ErrImage) {
		t.Error("a reader's error is none about the content")
	}
}
