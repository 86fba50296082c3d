package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/picture"
)

// TestPicturePaths: what a command line names is found: files, folders and what is
// in them, links to folders, patterns; and what is missing is told apart.
func TestPicturePaths(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"a/1.png", "a/deep/2.JPEG", "a/notes.txt", "b/3.webp", "[b]/4.png", "none/x.txt"} {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(folder, "link")
	if err := os.Symlink(filepath.Join(folder, "a"), link); err != nil {
		t.Skip(err)
	}
	in := func(names ...string) (paths []string) {
		for _, name := range names {
			paths = append(paths, filepath.Join(folder, name))
		}
		return paths
	}
	for _, c := range []struct {
		arguments, want []string
		says            string
	}{
		{in("a"), in("a/1.png", "a/deep/2.JPEG"), ""},
		{in("a/notes.txt", "b"), in("a/notes.txt", "b/3.webp"), ""}, // a file is taken at its word
		{in("link"), in("link/1.png", "link/deep/2.JPEG"), ""},
		{in("?/*.png"), in("a/1.png"), ""},
		{in("[b]/4.png"), in("[b]/4.png"), ""}, // there is a file of that name
		{in("missing.png"), in("missing.png"), ""},
		{[]string{"-"}, []string{"-"}, ""},
		{in("none"), nil, "none: expected pictures (.png .jpg"},
		{in("a", "none"), nil, "none: expected pictures"},
		{in("*.png"), nil, "expected files of this pattern, got none"},
		{in("[a-"), nil, "syntax error in pattern"},
	} {
		got, err := picturePaths(c.arguments)
		if c.says != "" {
			var usage usageError
			if err == nil || !strings.Contains(err.Error(), c.says) || errors.As(err, &usage) != strings.HasSuffix(c.arguments[0], "[a-") {
				t.Errorf("%q: expected an error that says %q, got %v", c.arguments, c.says, err)
			}
			continue
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: expected %q, got %q, error %v", c.arguments, c.want, got, err)
		}
	}
}

// TestValidation: what is validated on is what the flags name, in every form, and
// where it cannot be had the error says what is there.
func TestValidation(t *testing.T) {
	train, test, other := mnist.Synthetic(60, 1), mnist.Synthetic(20, 2), mnist.Synthetic(30, 3)
	folder := kaggleFolder(t, other, test)
	e := &environment{ctx: t.Context(), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	split := func(f dataFlags, data mnist.Dataset) (mnist.Set, mnist.Set, error) {
		data.Source = "here"
		return f.split(e, &data, true)
	}
	whole := mnist.Dataset{Train: train, Test: test}
	for name, c := range map[string]struct {
		flags dataFlags
		data  mnist.Dataset
		n     int // images that are trained on
		want  mnist.Set
	}{
		"test images":             {dataFlags{}, whole, 60, test},
		"a file of training":      {dataFlags{Validate: filepath.Join(folder, "train.csv")}, whole, 60, other},
		"a folder, test unnamed":  {dataFlags{Validate: folder}, whole, 60, other}, // whose test images have no labels
		"MNIST's files":           {dataFlags{Validate: dataFolder(t)}, whole, 60, mnist.Synthetic(100, 2)},
		"the last images":         {dataFlags{HoldOut: 20}, whole, 40, part(train, 40, 60)},
		"the last, and few":       {dataFlags{HoldOut: 20, Limit: 7}, whole, 7, part(train, 40, 60)},
		"few, and test":           {dataFlags{Limit: 1000}, whole, 60, test},
		"a set for validation":    {dataFlags{Validate: filepath.Join(folder, "train.csv"), Limit: 5}, mnist.Dataset{Train: train}, 5, other},
		"held out without asking": {dataFlags{}, mnist.Dataset{Train: part(slicesOf(train, 10), 0, 600)}, 540, mnist.Set{}},
	} {
		trained, validation, err := split(c.flags, c.data)
		if err != nil || trained.Len() != c.n || c.want.Len() > 0 && (!bytes.Equal(validation.Images, c.want.Images) || !bytes.Equal(validation.Labels, c.want.Labels)) {
			t.Errorf("%s: expected %d images and %d to validate, got %d and %d, or others, error %v", name, c.n, c.want.Len(), trained.Len(), validation.Len(), err)
		}
	}
	empty := filepath.Join(t.TempDir(), "x.csv")
	if err := os.WriteFile(empty, []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		flags dataFlags
		data  mnist.Dataset
		usage bool
		says  string
	}{
		"no labels":       {dataFlags{}, mnist.Dataset{Train: mnist.Set{Images: train.Images}, Test: test}, false, "data: here: expected training images with labels, got 60 training images without labels and 20 test images"},
		"no images":       {dataFlags{}, mnist.Dataset{Test: test}, false, "got 0 training images and 20 test images"},
		"validate none":   {dataFlags{Validate: filepath.Join(folder, "test.csv")}, whole, false, "test.csv: expected images with labels, got 0 training images and 20 test images without labels"},
		"validate gone":   {dataFlags{Validate: folder + "/gone"}, whole, false, "--validate: "},
		"validate text":   {dataFlags{Validate: empty}, whole, false, "--validate: " + empty + ": expected images as IDX files"},
		"all held out":    {dataFlags{HoldOut: 60}, whole, true, "--hold-out: expected fewer than the 60 training images, got 60"},
		"share of few":    {dataFlags{Validate: "1%"}, whole, true, "--validate: 1% of 60 training images are none"},
		"share of a file": {dataFlags{Validate: "0%"}, whole, false, "--validate: expected a path or a share above 0%"},
		"weights":         {dataFlags{ClassWeights: "0,0,0,0,0,0,0,0,0,0"}, whole, true, "--class-weights: expected weights that make from 1 to 2000000 images an epoch, got 0"},
	} {
		_, _, err := split(c.flags, c.data)
		var usage usageError
		if err == nil || !strings.Contains(err.Error(), c.says) || errors.As(err, &usage) != c.usage {
			t.Errorf("%s: expected an error that says %q, of usage: %v, got %v", name, c.says, c.usage, err)
		}
	}
}

// slicesOf repeats a set.
func slicesOf(s mnist.Set, times int) mnist.Set {
	return mnist.Set{Images: bytes.Repeat(s.Images, times), Labels: bytes.Repeat(s.Labels, times)}
}

// TestExplainFails: a folder that cannot be had, and a file that cannot be
// written, are errors of the picture, which name the flag or the file.
func TestExplainFails(t *testing.T) {
	model, err := pretrained.Model()
	if err != nil {
		t.Fatal(err)
	}
	classifier, err := lenet.NewClassifier(model, lenet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	reader := picture.NewReader(classifier)
	path := filepath.Join(t.TempDir(), "digit.png")
	writePNG(t, path, mnist.Synthetic(1, 2).Images)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p, err := picture.Decode(file, picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := explain(reader, p, filepath.Join(folder, "new", "deep"), "x"); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
	written, err := filepath.Glob(filepath.Join(folder, "new", "deep", "x-*.png"))
	if err != nil || len(written) < 3 || filepath.Base(written[0]) != "x-0-brightness.png" {
		t.Errorf("wrote %v, error %v", written, err)
	}
	if err := explain(reader, p, path, "x"); err == nil || !strings.HasPrefix(err.Error(), "--explain: ") {
		t.Errorf("a file in the folder's place: got %v", err)
	}
	// What must be written last, and first, is a folder.
	for _, at := range []int{len(written) - 1, 1, 0} {
		blocked := t.TempDir()
		name := filepath.Join(blocked, filepath.Base(written[at]))
		if err := os.Mkdir(name, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := explain(reader, p, blocked, "x"); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s in the way: got %v", name, err)
		}
	}
	if _, stderr := execute(t, 1, "predict", "--explain", path, path); strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--explain") {
		t.Errorf("predict said %q", stderr)
	}
}

// TestRoomFor: where a page or a report could not be written is found out before
// anything is measured; pipes and devices need no room beside them.
func TestRoomFor(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "a.html")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		"": "", file: "", filepath.Join(folder, "b.html"): "", os.DevNull: "",
		folder: "--html: " + folder + ": expected a file, got a folder", filepath.Join(folder, "none", "b.html"): "--html: ", filepath.Join(file, "b.html"): "--html: ",
	} {
		if err := roomFor("--html", path); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: expected %q, got %v", path, says, err)
		}
	}
	if runtime.GOOS == "linux" { // as >(…) of a shell, beside which nothing can be written
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		if err := roomFor("--save", fmt.Sprintf("/proc/self/fd/%d", w.Fd())); err != nil {
			t.Errorf("a pipe: %v", err)
		}
	}
	if left := list(t, folder); !slices.Equal(left, []string{"a.html"}) {
		t.Errorf("the folder holds %v", left)
	}
	for _, arguments := range [][]string{{"bench", "--html", folder}, {"bench", "train", "--save", folder}, {"bench", "infer", "--html", folder}, {"bench", "stress", "--html", folder}} {
		if _, stderr := execute(t, 1, arguments...); !strings.Contains(stderr, "expected a file, got a folder") {
			t.Errorf("%v: %q", arguments, stderr)
		}
	}
}
