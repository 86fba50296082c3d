package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/kernelet/kernelet/mnist"
)

// The layouts that hubs and data frames have.
type (
	picture struct {
		Image struct {
			Bytes []byte `parquet:"bytes"`
			Path  string `parquet:"path"`
		} `parquet:"image"`
		Label int64 `parquet:"label"`
	}
	list struct {
		Pixels []int32 `parquet:"pixels,list"`
		Digit  int32   `parquet:"digit"`
	}
	unlabelled struct {
		Pixels []float64 `parquet:"pixels,list"`
	}
)

func written[T any](t testing.TB, rows []T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := parquet.Write(&b, rows); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// layouts are a set in each layout.
func layouts(t testing.TB, set mnist.Set) map[string][]byte {
	var pictures []picture
	var lists []list
	var plain []unlabelled
	for i := range set.Len() {
		pixels := set.Images[i*mnist.ImageBytes:][:mnist.ImageBytes]
		var encoded bytes.Buffer
		gray := &image.Gray{Pix: pixels, Stride: mnist.Columns, Rect: image.Rect(0, 0, mnist.Columns, mnist.Rows)}
		if err := png.Encode(&encoded, gray); err != nil {
			t.Fatal(err)
		}
		p := picture{Label: int64(set.Labels[i])}
		p.Image.Bytes, p.Image.Path = encoded.Bytes(), fmt.Sprintf("%d.png", i)
		l, u := list{Digit: int32(set.Labels[i])}, unlabelled{}
		for _, v := range pixels {
			l.Pixels, u.Pixels = append(l.Pixels, int32(v)), append(u.Pixels, float64(v)/255)
		}
		pictures, lists, plain = append(pictures, p), append(lists, l), append(plain, u)
	}
	return map[string][]byte{"pictures": written(t, pictures), "lists": written(t, lists), "without labels": written(t, plain)}
}

// TestRead: every layout gives the same images, and labels where it has them.
func TestRead(t *testing.T) {
	want := mnist.Synthetic(7, 3)
	for name, content := range layouts(t, want) {
		got, err := Read(t.Context(), bytes.NewReader(content), int64(len(content)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(got.Images, want.Images) {
			t.Errorf("%s: other images", name)
		}
		if labelled := name != "without labels"; labelled && !bytes.Equal(got.Labels, want.Labels) || !labelled && got.Labels != nil {
			t.Errorf("%s: labels %v", name, got.Labels)
		}
	}
}

// TestRefused: what is no data set of digits is an error that says so.
func TestRefused(t *testing.T) {
	type short struct {
		Pixels []int32 `parquet:"pixels,list"`
		Label  int64   `parquet:"label"`
	}
	type words struct {
		Text string `parquet:"text"`
	}
	good := layouts(t, mnist.Synthetic(3, 1))["lists"]
	many := list{Pixels: make([]int32, mnist.ImageBytes), Digit: 11}
	bright := list{Pixels: append(make([]int32, mnist.ImageBytes-1), 256)}
	for name, content := range map[string][]byte{
		"empty":         {},
		"magic":         []byte("PAR1 and no more PAR1"),
		"cut":           good[:len(good)/2],
		"short list":    written(t, []short{{make([]int32, 10), 1}}),
		"no pixels":     written(t, []words{{"seven"}}),
		"eleven":        written(t, []list{many}),
		"beyond 255":    written(t, []list{bright}),
		"not a picture": written(t, []picture{{Label: 1}}),
	} {
		set, err := Read(t.Context(), bytes.NewReader(content), int64(len(content)))
		if !errors.Is(err, mnist.ErrFormat) && !errors.Is(err, mnist.ErrImage) {
			t.Errorf("%s: expected ErrFormat or ErrImage, got %d images, %v", name, set.Len(), err)
		}
	}
}

// FuzzRead: any content is an error of its kind, or a set that fits itself.
func FuzzRead(f *testing.F) {
	for _, content := range layouts(f, mnist.Synthetic(2, 1)) {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		set, err := Read(t.Context(), bytes.NewReader(content), int64(len(content)))
		if err != nil {
			if !errors.Is(err, mnist.ErrFormat) && !errors.Is(err, mnist.ErrImage) {
				t.Errorf("expected ErrFormat or ErrImage, got %v", err)
			}
			return
		}
		if len(set.Images) != set.Len()*mnist.ImageBytes || set.Labels != nil && len(set.Labels) != set.Len() {
			t.Errorf("%d bytes of images, %d labels", len(set.Images), len(set.Labels))
		}
	})
}
