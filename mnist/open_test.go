package mnist

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/kernelet/kernelet/internal/npy"
)

// entries are files by name, as in a folder or archive.
type entries map[string][]byte

func (e entries) folder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range e {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func (e entries) zip() []byte {
	var content bytes.Buffer
	archive := zip.NewWriter(&content)
	for name, member := range e {
		w, _ := archive.Create(name)
		w.Write(member)
	}
	archive.Close()
	return content.Bytes()
}

func (e entries) tar() []byte {
	var content bytes.Buffer
	archive := tar.NewWriter(&content)
	for name, member := range e {
		archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(member)), Mode: 0o644})
		archive.Write(member)
	}
	archive.Close()
	return content.Bytes()
}

func gzipped(content []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(content)
	z.Close()
	return b.Bytes()
}

func imagesFile(images []byte) []byte {
	return append(idxHeader(imagesMagic, len(images)/ImageBytes, Rows, Columns), images...)
}

func labelsFile(labels []byte) []byte { return append(idxHeader(labelsMagic, len(labels)), labels...) }

func array(kind string, shape []int, content []byte) []byte {
	var b bytes.Buffer
	npy.Write(&b, kind, shape, content)
	return b.Bytes()
}

func encode(values any) []byte {
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, values)
	return b.Bytes()
}

func float32s(images []byte, scale float32) []byte {
	values := make([]float32, len(images))
	for i, v := range images {
		values[i] = float32(v) / scale
	}
	return encode(values)
}

func lines(s Set, line func(i int, pixels string) string) []byte {
	var b bytes.Buffer
	for i := range s.Len() {
		pixels := strings.Trim(strings.ReplaceAll(fmt.Sprint(s.Images[i*ImageBytes:][:ImageBytes]), " ", ","), "[]")
		fmt.Fprintln(&b, line(i, pixels))
	}
	return b.Bytes()
}

func pngOf(pixels []byte) []byte {
	var b bytes.Buffer
	png.Encode(&b, &image.Gray{Pix: pixels, Stride: Columns, Rect: image.Rect(0, 0, Columns, Rows)})
	return b.Bytes()
}

// Package mnist/pictures, which tests of this package cannot import, reads them
// for programs.
func init() {
	RegisterPictures(func(r io.Reader) (pixels [ImageBytes]byte, prepared bool, err error) {
		decoded, err := png.Decode(r)
		gray, ok := decoded.(*image.Gray)
		if err != nil || !ok || len(gray.Pix) != ImageBytes {
			return pixels, false, fmt.Errorf("%w: %v", ErrImage, err)
		}
		return [ImageBytes]byte(gray.Pix), false, nil
	})
}

func pixelNames() string {
	names := make([]string, ImageBytes)
	for i := range names {
		names[i] = fmt.Sprintf("pixel%d", i)
	}
	return strings.Join(names, ",")
}

// forms are the ways in which train and test can be written down.
func forms(train, test Set) map[string]entries {
	transposed := func(images []byte) []byte {
		images = bytes.Clone(images)
		transpose(images)
		return images
	}
	qmnist := func(labels []byte) []byte {
		content := idxHeader(qmnistMagic, len(labels), qmnistColumns)
		for _, label := range labels {
			content = append(content, 0, 0, 0, label)
			content = append(content, make([]byte, 28)...)
		}
		return content
	}
	arrays := entries{
		"x_train.npy": array("|u1", []int{train.Len(), 28, 28}, train.Images), "y_train.npy": array("<i8", []int{train.Len()}, int64s(train.Labels)),
		"x_test.npy": array("<f4", []int{test.Len(), 784}, float32s(test.Images, 255)), "y_test.npy": array("|u1", []int{test.Len(), 1}, test.Labels),
	}
	idx := entries{
		"train-images-idx3-ubyte": imagesFile(train.Images), "train-labels-idx1-ubyte.gz": gzipped(labelsFile(train.Labels)),
		"t10k-images.idx3-ubyte": imagesFile(test.Images), "t10k-labels.idx1-ubyte": labelsFile(test.Labels),
	}
	pictures := entries{".DS_Store": {1}, "readme.txt": []byte("hello")}
	for role, s := range map[string]Set{"training": train, "testing": test} {
		for i, label := range s.Labels {
			pictures[fmt.Sprintf("set/%s/%d/%d.png", role, label, i)] = pngOf(s.Images[i*ImageBytes:][:ImageBytes])
		}
	}
	csv := entries{
		"mnist_train.csv": append([]byte("label,"+pixelNames()+"\n"), lines(train, func(i int, pixels string) string { return fmt.Sprintf("%d,%s", train.Labels[i], pixels) })...),
		"mnist_test.csv":  lines(test, func(i int, pixels string) string { return fmt.Sprintf("%s,%d\r", pixels, test.Labels[i]) }),
	}
	return map[string]entries{
		"idx":        idx,
		"both":       {"raw/train-images-idx3-ubyte": idx["train-images-idx3-ubyte"], "raw/train-images-idx3-ubyte.gz": gzipped(idx["train-images-idx3-ubyte"]), "raw/train-labels-idx1-ubyte": labelsFile(train.Labels), "raw/t10k-images-idx3-ubyte": imagesFile(test.Images), "raw/t10k-labels-idx1-ubyte": labelsFile(test.Labels)},
		"emnist":     {"emnist-digits-train-images-idx3-ubyte.gz": gzipped(imagesFile(transposed(train.Images))), "emnist-digits-train-labels-idx1-ubyte": labelsFile(train.Labels), "emnist-digits-test-images-idx3-ubyte": imagesFile(transposed(test.Images)), "emnist-digits-test-labels-idx1-ubyte": labelsFile(test.Labels), "emnist-letters-train-labels-idx1-ubyte": labelsFile([]byte{26, 1})},
		"qmnist":     {"qmnist-train-images-idx3-ubyte": imagesFile(train.Images), "qmnist-train-labels-idx2-int": qmnist(train.Labels), "qmnist-test-images-idx3-ubyte": imagesFile(test.Images), "qmnist-test-labels-idx2-int.gz": gzipped(qmnist(test.Labels))},
		"npz":        {"mnist.npz": arrays.zip()},
		"npy":        arrays,
		"positions":  {"a.npz": entries{"arr_0.npy": arrays["x_train.npy"], "arr_1.npy": arrays["y_train.npy"], "arr_2.npy": arrays["x_test.npy"], "arr_3.npy": arrays["y_test.npy"]}.zip()},
		"kmnist":     {"kmnist-train-imgs.npz": entries{"arr_0.npy": arrays["x_train.npy"]}.zip(), "kmnist-train-labels.npz": entries{"arr_0.npy": arrays["y_train.npy"]}.zip(), "kmnist-test-imgs.npz": entries{"arr_0.npy": arrays["x_test.npy"]}.zip(), "kmnist-test-labels.npz": entries{"arr_0.npy": arrays["y_test.npy"]}.zip()},
		"csv":        csv,
		"csv.gz":     {"train.csv.gz": gzipped(csv["mnist_train.csv"]), "test.csv": csv["mnist_test.csv"]},
		"pictures":   pictures,
		"zip":        {"archive.zip": pictures.zip()},
		"tar.gz":     {"archive.tar.gz": gzipped(pictures.tar())},
		"tar":        {"archive.tar": csv.tar()},
		"zip in zip": {"all.zip": entries{"data/mnist.npz": arrays.zip(), "__MACOSX/._mnist.npz": {1, 2}}.zip()},
	}
}

func int64s(labels []byte) []byte {
	values := make([]int64, len(labels))
	for i, label := range labels {
		values[i] = int64(label)
	}
	return encode(values)
}

// TestOpen: every form gives the same images and labels.
func TestOpen(t *testing.T) {
	train, test := Synthetic(120, 1), Synthetic(40, 2)
	for name, files := range forms(train, test) {
		path := files.folder(t)
		if len(files) == 1 {
			for only := range files {
				path = filepath.Join(path, only)
			}
		}
		data, err := Open(t.Context(), path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(data.Train.Images, train.Images) || !bytes.Equal(data.Train.Labels, train.Labels) ||
			!bytes.Equal(data.Test.Images, test.Images) || !bytes.Equal(data.Test.Labels, test.Labels) {
			t.Errorf("%s: expected %d and %d images and their labels, got %d and %d, or others", name, train.Len(), test.Len(), data.Train.Len(), data.Test.Len())
		}
		if said := strings.Contains(strings.Join(data.Notes, "\n"), "transposed"); said != (name == "emnist") {
			t.Errorf("%s: notes: got %q", name, data.Notes)
		}
	}
}

// utf16le writes a text as Windows PowerShell does.
func utf16le(text []byte) []byte {
	content := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(string(text))) {
		content = binary.LittleEndian.AppendUint16(content, unit)
	}
	return content
}

// TestOpenOriginal: MNIST is known by its content, whatever its form.
func TestOpenOriginal(t *testing.T) {
	data := &Dataset{Train: Synthetic(3, 1), Test: Synthetic(2, 1)}
	if data.original() {
		t.Error("drawn digits were taken for MNIST")
	}
	if dir := os.Getenv("MNIST_DIR"); dir != "" {
		real, err := Open(t.Context(), dir)
		if err != nil || real.Name != "mnist" || real.Train.Len() != 60_000 {
			t.Fatalf("expected mnist, got %v, %v", real.Name, err)
		}
		real.Test.Labels[0] ^= 1
		if real.original() {
			t.Error("a changed label went unnoticed")
		}
	}
}

// TestOpenOneSet: what holds one set leaves the other empty.
func TestOpenOneSet(t *testing.T) {
	s := Synthetic(30, 3)
	unlabelled := append([]byte("\xef\xbb\xbf"+pixelNames()+"\n"), lines(s, func(i int, pixels string) string { return pixels })...)
	for name, content := range map[string][]byte{"test.csv": unlabelled, "digits.csv": unlabelled, "x_val.npy": array("|u1", []int{30, 28, 28, 1}, s.Images)} {
		data, err := Open(t.Context(), filepath.Join(entries{name: content}.folder(t), name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		set, other := data.Test, data.Train
		if name == "digits.csv" {
			set, other = other, set
		}
		if !bytes.Equal(set.Images, s.Images) || set.Labels != nil || other.Len() != 0 {
			t.Errorf("%s: expected 30 images without labels in one set, got %d and %d", name, data.Train.Len(), data.Test.Len())
		}
	}
}

// TestOpenValues: numbers of all kinds give the same bytes.
func TestOpenValues(t *testing.T) {
	s := Synthetic(5, 4)
	fortran := make([]byte, len(s.Images))
	for i := range s.Len() {
		for p := range ImageBytes {
			fortran[p*s.Len()+i] = s.Images[i*ImageBytes+p]
		}
	}
	inFortran := bytes.Replace(array("|u1", []int{5, 784}, fortran), []byte("'fortran_order': False"), []byte("'fortran_order': True "), 1)
	for name, content := range map[string][]byte{
		"x.npy":     array("<f4", []int{5, 784}, float32s(s.Images, 1)),
		"y.npy":     array("<f4", []int{5, 1, 28, 28}, float32s(s.Images, 255)),
		"z.npy":     inFortran,
		"one.csv":   lines(s, func(i int, pixels string) string { return `"` + strings.ReplaceAll(pixels, ",", `","`) + `"` }),
		"two.csv":   lines(s, func(i int, pixels string) string { return strings.ReplaceAll(pixels, ",", ";") }),
		"wide.csv":  utf16le(lines(s, func(i int, pixels string) string { return pixels + "\r" })),
		"float.csv": lines(s, func(i int, pixels string) string { return strings.ReplaceAll(pixels, ",", ".0,") + ".0" }),
	} {
		data, err := Open(t.Context(), filepath.Join(entries{name: content}.folder(t), name))
		if err != nil || !bytes.Equal(data.Train.Images, s.Images) {
			t.Errorf("%s: other images, or %v", name, err)
		}
	}
}

func TestOpenRefused(t *testing.T) {
	s := Synthetic(12, 5)
	letters := slices.Repeat([]byte{1, 26, 3, 4}, 3)
	images := imagesFile(s.Images)
	ofClass := func(name string) entries {
		e := entries{}
		for i := range 12 {
			e[fmt.Sprintf(name, i)] = pngOf(s.Images[:ImageBytes])
		}
		return e
	}
	object := bytes.Replace(array("<f8", []int{12}, nil), []byte("'<f8'"), []byte("'|O' "), 1)
	for name, c := range map[string]struct {
		files entries
		is    error
		says  string
	}{
		"nothing":     {entries{"a.txt": []byte("x")}, fs.ErrNotExist, "expected images as IDX files (train-images-idx3-ubyte"},
		"classes":     {entries{"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labelsFile(letters)}, ErrFormat, "got 4 classes, 1, 3–4, 26"},
		"from one":    {entries{"x_train.npy": array("|u1", []int{12, 784}, s.Images), "y_train.npy": array("|u1", []int{12}, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2})}, ErrFormat, "numbered from 1?"},
		"counts":      {entries{"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labelsFile([]byte{1, 2})}, ErrFormat, "got 12 and 2"},
		"normalised":  {entries{"x_train.npy": array("<f4", []int{1, 784}, encode(append([]float32{-0.42}, make([]float32, 783)...)))}, ErrFormat, "got -0.41"},
		"pickle":      {entries{"y_train.npy": object}, ErrFormat, "may run code"},
		"cut":         {entries{"x_train.npy": array("|u1", []int{12, 784}, s.Images)[:500]}, ErrFormat, "expected 9408 bytes"},
		"colour":      {entries{"x_train.npy": array("|u1", []int{4, 28, 28, 3}, s.Images)}, ErrFormat, "got [4 28 28 3]"},
		"ragged":      {entries{"train.csv": append(lines(s, func(i int, p string) string { return p }), "1,2,3\n"...)}, ErrFormat, "line 13: not valid image data: expected 784 fields, got 3"},
		"words":       {entries{"train.csv": append(lines(s, func(i int, p string) string { return p }), strings.Repeat("a,", 783)+"b\n"...)}, ErrFormat, `line 13: field 1`},
		"folders":     {ofClass("x%dx/1.png"), ErrFormat, "at most 10 folders"},
		"eleven":      {ofClass("train/%d/1.png"), ErrFormat, "got 12 classes, 0–11"},
		"lfs":         {entries{"mnist.npz": []byte("version https://git-lfs.github.com/spec/v1\noid sha256:x\n")}, ErrFormat, "git lfs pull"},
		"page":        {entries{"train.parquet": []byte("<!DOCTYPE html><html>")}, ErrFormat, "a web page"},
		"parquet":     {entries{"train.parquet": []byte("PAR1____")}, ErrFormat, "imports mnist/parquet"},
		"empty npz":   {entries{"mnist.npz": nil}, ErrFormat, "an empty file"},
		"not a png":   {entries{"train/1/1.png": []byte("hello")}, ErrImage, "expected PNG"},
		"two sets":    {entries{"a/train-images-idx3-ubyte": images, "b/train-images-idx3-ubyte": images}, ErrFormat, "give one of the files"},
		"only labels": {entries{"train-labels-idx1-ubyte": labelsFile([]byte{1})}, ErrFormat, "labels without images"},
		"zip":         {entries{"a.zip": []byte("PK\x03\x04 and no more")}, ErrFormat, "zip"},
		"int images":  {entries{"train-images-idx3-ubyte": {0, 0, 13, 3, 0, 0, 0, 1}}, ErrFormat, "magic: expected"},
	} {
		_, err := Open(t.Context(), c.files.folder(t))
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: expected %v that says %q, got %v", name, c.is, c.says, err)
		}
	}
}

// TestNaturally: numbers in names count as numbers.
func TestNaturally(t *testing.T) {
	names := []string{"img10.png", "img9.png", "img011.png", "img1.png", "a", "10", "9"}
	slices.SortFunc(names, naturally)
	if want := []string{"9", "10", "a", "img1.png", "img9.png", "img10.png", "img011.png"}; !slices.Equal(names, want) {
		t.Errorf("expected %v, got %v", want, names)
	}
}

// FuzzOpen: any content of a file, under names that promise each form, gives an
// error or a set that fits itself.
func FuzzOpen(f *testing.F) {
	train, test := Synthetic(3, 1), Synthetic(2, 2)
	for _, files := range forms(train, test) {
		for name, content := range files {
			f.Add(name, content)
		}
	}
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		readings, err := readSources(t.Context(), []entry{memorySource(filepath.Base(name), content)})
		var data *Dataset
		if err == nil {
			data, err = readings.assemble()
		}
		if err != nil {
			return
		}
		for _, s := range []Set{data.Train, data.Test} {
			if err := s.check(); err != nil {
				t.Error(err)
			}
		}
	})
}
