package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/mnist"
)

// kaggleFolder has train.csv with labels and test.csv without.
func kaggleFolder(t *testing.T, train, test mnist.Set) string {
	t.Helper()
	folder := t.TempDir()
	for name, s := range map[string]mnist.Set{"train.csv": train, "test.csv": {Images: test.Images}} {
		var b bytes.Buffer
		for i := range s.Len() {
			if s.Labels != nil {
				fmt.Fprintf(&b, "%d,", s.Labels[i])
			}
			pixels := fmt.Sprint(s.Images[i*mnist.ImageBytes:][:mnist.ImageBytes])
			fmt.Fprintln(&b, strings.ReplaceAll(strings.Trim(pixels, "[]"), " ", ","))
		}
		if err := os.WriteFile(filepath.Join(folder, name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestKaggle: training on train.csv holds images out, and writes what is read
// in test.csv, which eval writes too.
func TestKaggle(t *testing.T) {
	train, test := mnist.Synthetic(400, 1), mnist.Synthetic(30, 2)
	folder, out := kaggleFolder(t, train, test), t.TempDir()
	stdout, stderr, code := command(t, "train", "--data", folder, "--epochs", "1", "--out", out)
	if code != 0 || !strings.Contains(stdout, "held-out loss") || !strings.Contains(stderr, "10% of each class's training images are held out") {
		t.Fatalf("train: exit %d, %s, %s", code, stdout, stderr)
	}
	written, err := os.ReadFile(filepath.Join(out, kaggleFile))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(written), "\n")
	if len(lines) != 32 || lines[0] != "ImageId,Label" || !strings.HasPrefix(lines[30], "30,") {
		t.Errorf("predictions: got %d lines, %q", len(lines), written)
	}
	again := filepath.Join(out, "again.csv")
	if _, stderr, code := command(t, "eval", "--data", filepath.Join(folder, "test.csv"), "--model", filepath.Join(out, modelFile), "--predictions", again); code != 0 {
		t.Fatalf("eval: exit %d, %s", code, stderr)
	}
	if got, err := os.ReadFile(again); err != nil || !bytes.Equal(got, written) {
		t.Errorf("eval: expected the same predictions, got %q, %v", got, err)
	}
	if _, stderr, code := command(t, "eval", "--data", filepath.Join(folder, "test.csv")); code != exitUsage || !strings.Contains(stderr, "--predictions") {
		t.Errorf("eval without labels: exit %d, %s", code, stderr)
	}
}

// TestConvert: what is converted is read back as the same set.
func TestConvert(t *testing.T) {
	train, test := mnist.Synthetic(50, 1), mnist.Synthetic(30, 2)
	folder, out := kaggleFolder(t, train, test), filepath.Join(t.TempDir(), "idx")
	if stdout, stderr, code := command(t, "data", "convert", folder, out); code != 0 || !strings.Contains(stdout, "30 test images without labels") {
		t.Fatalf("exit %d, %s, %s", code, stdout, stderr)
	}
	data, err := mnist.Open(t.Context(), out)
	if err != nil || !bytes.Equal(data.Train.Images, train.Images) || !bytes.Equal(data.Train.Labels, train.Labels) ||
		!bytes.Equal(data.Test.Images, test.Images) || data.Test.Labels != nil {
		t.Errorf("expected the same set, got another, or %v", err)
	}
}

func TestSplit(t *testing.T) {
	s := mnist.Set{Labels: slices.Repeat([]byte{0, 0, 0, 1, 2}, 20)}
	for i := range s.Labels {
		s.Images = append(s.Images, bytes.Repeat([]byte{byte(i)}, mnist.ImageBytes)...)
	}
	rest, held := holdOut(s, .25)
	if got, want := fmt.Sprint(countClasses(held.Labels), countClasses(rest.Labels)), "[15 5 5 0 0 0 0 0 0 0] [45 15 15 0 0 0 0 0 0 0]"; got != want {
		t.Errorf("held out and left: expected %s, got %s", want, got)
	}
	for i := range held.Labels {
		if held.Images[i*mnist.ImageBytes] < 75 {
			t.Errorf("image %d was held out before the last quarter", held.Images[i*mnist.ImageBytes])
		}
	}
	if got := countClasses(limitPerClass(s, 7).Labels); got[0] != 7 || got[1] != 7 || got[2] != 7 {
		t.Errorf("limit: got %v", got)
	}
	weights, err := (&dataFlags{ClassWeights: balanced}).weights(s)
	if err != nil {
		t.Fatal(err)
	}
	even, err := repeat(s, weights)
	if got := countClasses(even.Labels); err != nil || got[0] != 60 || got[1] != 60 || got[2] != 60 {
		t.Errorf("balanced: got %v, %v", got, err)
	}
	half, err := repeat(s, []float64{.5, 2.5, 0, 1, 1, 1, 1, 1, 1, 1})
	if got := countClasses(half.Labels); err != nil || got[0] != 30 || got[1] != 50 || got[2] != 0 {
		t.Errorf("weights: got %v, %v", got, err)
	}
}

func TestDataFlagsRefused(t *testing.T) {
	for _, arguments := range [][]string{
		{"--validate", "0%"}, {"--validate", "x%"}, {"--validate", "100%"}, {"--limit-per-class", "-1"}, {"--validate", "10%", "--hold-out", "5"},
		{"--class-weights", "1,2"}, {"--class-weights", "1,1,1,1,1,1,1,1,1,-1"}, {"--class-weights", "even"},
	} {
		if _, stderr, code := command(t, append([]string{"train", "--out", t.TempDir()}, arguments...)...); code != exitUsage || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: expected exit %d and a line, got %d, %s", arguments, exitUsage, code, stderr)
		}
	}
}

// command runs a command line and returns what it printed and its exit code.
func command(t *testing.T, arguments ...string) (stdout, stderr string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), arguments, &o, &e)
	return o.String(), e.String(), code
}

// TestLook: what ruins a set is warned of, and nothing else is.
func TestLook(t *testing.T) {
	good := mnist.Synthetic(300, 9)
	change := func(f func(image []byte, label *byte)) mnist.Set {
		s := mnist.Set{Images: bytes.Clone(good.Images), Labels: bytes.Clone(good.Labels)}
		for i := range s.Labels {
			f(s.Images[i*mnist.ImageBytes:][:mnist.ImageBytes], &s.Labels[i])
		}
		return s
	}
	for says, s := range map[string]mnist.Set{
		"":            good,
		"transposed?": change(func(image []byte, _ *byte) { changes[0].undo(image) }),
		"inverted?":   change(func(image []byte, _ *byte) { changes[1].undo(image) }),
		"mirrored?":   change(func(image []byte, _ *byte) { changes[2].undo(image) }),
		"0–1 instead of": change(func(image []byte, _ *byte) {
			for i, v := range image {
				image[i] = v / 128
			}
		}),
		"labels shifted by 1": change(func(_ []byte, label *byte) { *label = (*label + 9) % 10 }),
		"not centred?":        change(func(image []byte, _ *byte) { copy(image, image[5*mnist.Columns:]); clear(image[23*mnist.Columns:]) }),
		"none of class 3": limitPerClass(pick(good, func(i int) int {
			if good.Labels[i] == 3 {
				return 0
			}
			return 1
		}), 100),
	} {
		warnings, err := warningsOf(&mnist.Dataset{Train: s, Name: "x"})
		if err != nil {
			t.Fatal(err)
		}
		joined := strings.Join(warnings, "\n")
		if says == "" && joined != "" || !strings.Contains(joined, says) {
			t.Errorf("expected a warning that says %q, got %q", says, warnings)
		}
	}
	folder, out := kaggleFolder(t, good, good), filepath.Join(t.TempDir(), "sheet.png")
	stdout, stderr, code := command(t, "data", "look", folder, "--sheet", out)
	if code != 0 || !strings.Contains(stdout, "300 test images are training images too") || !strings.Contains(stdout, "training: 300 images") {
		t.Errorf("exit %d, %s, %s", code, stdout, stderr)
	}
	if content, err := os.ReadFile(out); err != nil || !bytes.HasPrefix(content, []byte("\x89PNG")) {
		t.Errorf("sheet: got %d bytes, %v", len(content), err)
	}
}
