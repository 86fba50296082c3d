package mnist

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSiblings: an IDX file of images brings what belongs to it from its folder,
// and nothing else; where a file is there twice, the one that was named is read.
func TestSiblings(t *testing.T) {
	train, test, other := Synthetic(6, 1), Synthetic(4, 2), Synthetic(5, 3)
	files := entries{
		"train-images-idx3-ubyte": imagesFile(train.Images), "train-labels-idx1-ubyte": labelsFile(train.Labels),
		"t10k-images-idx3-ubyte.gz": gzipped(imagesFile(test.Images)), "t10k-labels-idx1-ubyte.gz": gzipped(labelsFile(test.Labels)),
		"mine-train-images-idx3-ubyte": imagesFile(other.Images), "mine-train-labels-idx1-ubyte.gz": gzipped(labelsFile(other.Labels)),
		"mine-train-labels-idx1-ubyte": labelsFile(other.Labels), // which goes before the compressed one
		"notes.csv":                    []byte("hello"),
		// As Kaggle's archive is unpacked.
		"test-images-idx3-ubyte/test-images-idx3-ubyte": imagesFile(other.Images),
	}
	folder := files.folder(t)
	for name, want := range map[string]Dataset{
		"train-images-idx3-ubyte":      {Train: train, Test: test},
		"t10k-images-idx3-ubyte.gz":    {Train: train, Test: test},
		"mine-train-images-idx3-ubyte": {Train: other},
	} {
		got, err := Open(t.Context(), filepath.Join(folder, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(got.Train.Images, want.Train.Images) || !bytes.Equal(got.Train.Labels, want.Train.Labels) ||
			!bytes.Equal(got.Test.Images, want.Test.Images) || !bytes.Equal(got.Test.Labels, want.Test.Labels) {
			t.Errorf("%s: expected %d and %d images, got %d and %d, or others", name, want.Train.Len(), want.Test.Len(), got.Train.Len(), got.Test.Len())
		}
	}
	// Labels alone, and what is not named as MNIST's files are, bring nothing.
	if _, err := Open(t.Context(), filepath.Join(folder, "train-labels-idx1-ubyte")); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "labels without images") {
		t.Errorf("labels: got %v", err)
	}
	// The same file twice, with different content.
	changed := bytes.Clone(train.Images)
	changed[100] ^= 1
	twin := filepath.Join(folder, "train-images-idx3-ubyte.gz")
	if err := os.WriteFile(twin, gzipped(imagesFile(changed)), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{twin: changed, strings.TrimSuffix(twin, ".gz"): train.Images} {
		if got, err := Open(t.Context(), name); err != nil || !bytes.Equal(got.Train.Images, want) || !bytes.Equal(got.Train.Labels, train.Labels) {
			t.Errorf("%s: the images of its twin, or others, error %v", name, err)
		}
	}
}

// TestLinks: a link to a folder is read as the folder, and within one links to
// files are; what is no file is passed over.
func TestLinks(t *testing.T) {
	train, test := Synthetic(6, 1), Synthetic(4, 2)
	files := forms(train, test)["npy"]
	folder, elsewhere := files.folder(t), files.folder(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(folder, link); err != nil {
		t.Skip(err)
	}
	for name := range files {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.Remove(path), os.Symlink(filepath.Join(elsewhere, name), path)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("nowhere", filepath.Join(folder, "x_train.csv")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, folder, link + string(filepath.Separator)} {
		if got, err := Open(t.Context(), path); err != nil || !bytes.Equal(got.Train.Images, train.Images) || !bytes.Equal(got.Test.Labels, test.Labels) {
			t.Errorf("%s: other images, or %v", path, err)
		}
	}
}

// TestOneHot: labels as rows of zeros with one 1; other rows are errors that show
// the row.
func TestOneHot(t *testing.T) {
	s := Synthetic(20, 6)
	images := array("|u1", []int{20, 784}, s.Images)
	row := func(change func(row []float32)) []byte {
		values := make([]float32, 20*Classes)
		for i, label := range s.Labels {
			values[i*Classes+int(label)] = 1
		}
		change(values[17*Classes:][:Classes])
		return array("<f4", []int{20, Classes}, encode(values))
	}
	for name, c := range map[string]struct {
		change func(row []float32)
		says   string
	}{
		"good":   {func([]float32) {}, ""},
		"none":   {func(row []float32) { clear(row) }, "labels: row 17: expected one 1 among zeros, got [0 0 0 0 0 0 0 0 0 0]"},
		"two":    {func(row []float32) { row[1], row[3] = 1, 1 }, "row 17: expected one 1 among zeros"},
		"beside": {func(row []float32) { row[0], row[1] = 1, 1 }, "row 17: expected one 1 among zeros"},
		"soft":   {func(row []float32) { clear(row); row[2], row[3] = 0.75, 0.25 }, "got [0 0 0.75 0.25 0 0 0 0 0 0]"},
		"late":   {func(row []float32) { clear(row); row[2], row[3] = 1, 0.25 }, "got [0 0 1 0.25 0 0 0 0 0 0]"},
		"2":      {func(row []float32) { clear(row); row[2] = 2 }, "got [0 0 2 0 0 0 0 0 0 0]"},
	} {
		folder := entries{"x_train.npy": images, "y_train.npy": row(c.change)}.folder(t)
		data, err := Open(t.Context(), folder)
		if c.says == "" && (err != nil || !bytes.Equal(data.Train.Labels, s.Labels)) {
			t.Errorf("%s: other labels, or %v", name, err)
		}
		if c.says != "" && (!errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: expected ErrFormat that says %q, got %v", name, c.says, err)
		}
	}
}

// TestLabels: whole numbers of the ten classes are labels; others are errors that
// name the first, or the classes.
func TestLabels(t *testing.T) {
	if got, err := Labels([]float64{0, 9, 3}); err != nil || !bytes.Equal(got, []byte{0, 9, 3}) {
		t.Errorf("got %v, error %v", got, err)
	}
	zero := 0.0
	for name, c := range map[string]struct {
		value float64
		says  string
	}{
		"half": {0.5, "label 1: expected a whole number, got 0.5"}, "NaN": {zero / zero, "label 1: expected a whole number, got NaN"},
		"infinite": {1 / zero, "got +Inf"}, "huge": {1e300, "got 1e+300"}, "2^40": {1 << 40, "label 1: expected a whole number"},
		"ten": {10, "got 2 classes, 0, 10"}, "minus": {-1, "got 2 classes, -1–0"}, "256": {256, "got 2 classes, 0, 256"}, "2^31": {1 << 31, "0, 2147483648"},
	} {
		if got, err := Labels([]float64{0, c.value}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: expected ErrFormat that says %q, got %v, %v", name, c.says, got, err)
		}
	}
}

// TestFractions: a text of numbers from 0 to 1 is told from one of 0 to 255 whose
// numbers have a point, wherever the first point and the first number above 1
// stand.
func TestFractions(t *testing.T) {
	fields := func(values ...string) string {
		line := make([]string, ImageBytes)
		for i := range line {
			line[i] = "0"
		}
		copy(line, values)
		return strings.Join(line, ",") + "\n"
	}
	for name, c := range map[string]struct {
		text string
		want []byte // the first pixels of the first image
	}{
		"bytes":             {fields("0", "1", "255"), []byte{0, 1, 255}},
		"0 to 1":            {fields("0", "1", "0.5"), []byte{0, 255, 128}},
		"exponents":         {fields("0", "1e0", "5e-1"), []byte{0, 255, 128}},
		"points to 255":     {fields("1", "1.0", "255.0"), []byte{1, 1, 255}},
		"a byte, then":      {fields("2", "1.0", "0.0"), []byte{2, 1, 0}},
		"the point later":   {fields("1", "0", "1") + fields("0.25"), []byte{255, 0, 255}},
		"255 in the second": {fields("1", "0.0", "1") + fields("255"), []byte{1, 0, 1}},
		"rounded":           {fields("0.0", "0.0019", "0.002"), []byte{0, 0, 1}},
	} {
		data, err := Open(t.Context(), filepath.Join(entries{"a.csv": []byte(c.text)}.folder(t), "a.csv"))
		if err != nil || !bytes.Equal(data.Train.Images[:3], c.want) {
			t.Errorf("%s: expected %v, got %v, error %v", name, c.want, data, err)
		}
	}
	for name, c := range map[string]struct{ text, says string }{
		"minus": {fields("0.5", "-0.5"), "line 1: field 2: not valid image data: pixel 1: expected values from 0 to 1 or from 0 to 255, got -0.5"},
		"256":   {fields("0") + fields("256"), "line 2: field 1: not valid image data: pixel 784: expected values"},
		"NaN":   {fields("0.5", "NaN"), "got NaN"},
		"none":  {fields("0") + fields("0", ""), `line 2: field 2: not valid image data: expected a number, got ""`},
	} {
		if _, err := Open(t.Context(), filepath.Join(entries{"a.csv": []byte(c.text)}.folder(t), "a.csv")); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: expected ErrFormat that says %q, got %v", name, c.says, err)
		}
	}
}

// lyingFormat is a form of somebody else, whose reader returns what a test wants.
var lyingFormat Set

func init() {
	RegisterFormat(Format{Name: "Lies", Magic: "LIES", Read: func(context.Context, io.ReaderAt, int64) (Set, error) { return lyingFormat, nil }})
}

// TestRegisteredFormat: a set of somebody else's reader is looked at before it
// is used.
func TestRegisteredFormat(t *testing.T) {
	path := filepath.Join(entries{"train.lies": []byte("LIES and more")}.folder(t), "train.lies")
	lyingFormat = Synthetic(3, 1)
	if got, err := Open(t.Context(), path); err != nil || !bytes.Equal(got.Train.Images, lyingFormat.Images) {
		t.Errorf("a good set: %v", err)
	}
	good := lyingFormat
	for says, set := range map[string]Set{
		"got 2351 bytes and 3 labels":                {good.Images[:3*ImageBytes-1], good.Labels},
		"got 2352 bytes and 2 labels":                {good.Images, good.Labels[:2]},
		"label 2: expected a value below 10, got 10": {good.Images, []byte{0, 9, 10}},
	} {
		lyingFormat = set
		if _, err := Open(t.Context(), path); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "train.lies") {
			t.Errorf("expected ErrFormat of train.lies that says %q, got %v", says, err)
		}
	}
}

// TestMemoryOfArchives: what archives keep in memory is bounded, in a tar and in
// a zip within another archive, and the error says the way out.
func TestMemoryOfArchives(t *testing.T) {
	members := entries{"a.csv": make([]byte, 3000), "b.csv": make([]byte, 3000)}
	// Not compressed, so that the archive itself is as large.
	var stored bytes.Buffer
	z := zip.NewWriter(&stored)
	for name, content := range members {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name})
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"tar": members.tar(), "tar.gz": gzipped(members.tar()), "zip": stored.Bytes()} {
		for memory, fits := range map[int64]bool{8000: true, 4000: false, 1: false} {
			o := opening{ctx: t.Context(), memory: memory}
			found, err := o.expand([]entry{memorySource("x."+name, content)}, 0)
			if fits && (err != nil || len(found) != 2) || !fits && (!errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "unpack them and give the folder") || !strings.Contains(err.Error(), "x."+name)) {
				t.Errorf("%s in %d bytes: got %d members, error %v", name, memory, len(found), err)
			}
			o.close()
		}
	}
}

// TestSourcesFail: a file that is gone, a member that is damaged, a reader that
// fails and a call that is cancelled are errors, never half a set.
func TestSourcesFail(t *testing.T) {
	gone := fileSource(filepath.Join(t.TempDir(), "gone.zip"), "gone.zip")
	if _, _, _, err := gone.at(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("random access: expected ErrNotExist, got %v", err)
	}
	if _, err := readSources(t.Context(), []entry{gone}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "gone.zip: ") {
		t.Errorf("expected ErrNotExist of gone.zip, got %v", err)
	}
	train := Synthetic(30, 1)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "train-images-idx3-ubyte"})
	if err != nil {
		t.Fatal(err)
	}
	w.Write(imagesFile(train.Images))
	z.Close()
	damaged := b.Bytes()
	damaged[20_000] ^= 1 // a pixel
	inner := entries{"inner.zip": damaged}.zip()
	for name, content := range map[string][]byte{"outer.zip": inner, "a.zip": damaged, "cut.tar": entries{"a.csv": make([]byte, 3000)}.tar()[:2000], "cut.tar.gz": gzipped(entries{"a.csv": bytes.Repeat([]byte("01234567"), 300)}.tar())[:60]} {
		path := filepath.Join(entries{name: content}.folder(t), name)
		if data, err := Open(t.Context(), path); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: expected ErrFormat of it, got %v, %v", name, data, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, path := range []string{entries{"a.csv": []byte("1")}.folder(t), filepath.Join(entries{"a.tar": entries{}.tar()}.folder(t), "a.tar")} {
		if _, err := Open(ctx, path); err != context.Canceled {
			t.Errorf("%s: expected context.Canceled, got %v", path, err)
		}
	}
}

// full takes so many bytes.
type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

// TestWriteIDX: what is written is read back; a disk that is full under the header
// or under the content is an error, and so is half an image.
func TestWriteIDX(t *testing.T) {
	s := Synthetic(3, 1)
	var images, labels bytes.Buffer
	if err := errors.Join(WriteImages(&images, s.Images), WriteLabels(&labels, s.Labels)); err != nil {
		t.Fatal(err)
	}
	gotImages, err := ReadImages(&images, 3)
	gotLabels, err2 := ReadLabels(&labels, 3)
	if err != nil || err2 != nil || !bytes.Equal(gotImages, s.Images) || !bytes.Equal(gotLabels, s.Labels) {
		t.Errorf("read back: other images or labels, %v, %v", err, err2)
	}
	for _, room := range []int{0, 8, 16} {
		if err := WriteImages(&full{room}, s.Images); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("images in %d bytes: got %v", room, err)
		}
		if err := WriteLabels(&full{min(room, 10)}, s.Labels); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("labels in %d bytes: got %v", min(room, 10), err)
		}
	}
	if err := WriteImages(io.Discard, s.Images[1:]); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), fmt.Sprint(3*ImageBytes-1)) {
		t.Errorf("half an image: got %v", err)
	}
}
