package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/kernelet/kernelet/beam/internal/classify"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/lenet/sweep"
	"github.com/kernelet/kernelet/mnist"
)

// execute runs a command line on prism and checks its exit code.
func execute(t *testing.T, wantCode int, arguments ...string) (stdout, stderr string) {
	t.Helper()
	var out, complaints bytes.Buffer
	if code := run(t.Context(), arguments, &out, &complaints); code != wantCode {
		t.Fatalf("%s: expected exit code %d, got %d\n%s%s", strings.Join(arguments, " "), wantCode, code, out.String(), complaints.String())
	}
	return out.String(), complaints.String()
}

func idx(magic uint32, count int, content []byte, sizes ...uint32) []byte {
	b := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, magic), uint32(count))
	for _, size := range sizes {
		b = binary.BigEndian.AppendUint32(b, size)
	}
	return append(b, content...)
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func zipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// images writes drawn digits as a/one-images… with labels, a/two-images….gz with
// gzip-compressed labels, and b/three without labels.
func images(t *testing.T) (folder string, sets map[string]mnist.Set) {
	t.Helper()
	folder = t.TempDir()
	sets = map[string]mnist.Set{"a/one": mnist.Synthetic(2300, 1), "a/two": mnist.Synthetic(1100, 2), "b/three": mnist.Synthetic(5, 3)}
	for name, set := range sets {
		content, labels := idx(0x803, set.Len(), set.Images, 28, 28), idx(0x801, set.Len(), set.Labels)
		path := filepath.Join(folder, name)
		switch name {
		case "a/one":
			write(t, path+"-images-idx3-ubyte", content)
			write(t, path+"-labels-idx1-ubyte", labels)
		case "a/two":
			write(t, path+"-images-idx3-ubyte.gz", zipped(t, content))
			write(t, path+"-labels-idx1-ubyte.gz", zipped(t, labels))
		default:
			write(t, path, content)
		}
	}
	return folder, sets
}

// tree is the content of every file below a folder.
func tree(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		files[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// table is what a set's predictions must look like.
func table(t *testing.T, set mnist.Set, labelled bool, first, last int) string {
	t.Helper()
	model, err := pretrained.Model()
	if err != nil {
		t.Fatal(err)
	}
	classifier, err := lenet.NewClassifier(model, lenet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("index,label,digit,probability\n")
	for i := first; i < last; i++ {
		p := classifier.Classify((*[mnist.ImageBytes]byte)(set.Images[i*mnist.ImageBytes:]))
		label := ""
		if labelled {
			label = fmt.Sprint(set.Labels[i])
		}
		fmt.Fprintf(&b, "%d,%s,%d,%.6f\n", i, label, p.Digit, p.Probability)
	}
	return b.String()
}

// TestClassify: predictions are the classifier's, in pieces of the given size;
// what is there is not classified again, what is missing is, to the same bytes.
func TestClassify(t *testing.T) {
	folder, sets := images(t)
	output := filepath.Join(t.TempDir(), "new", "out")
	arguments := []string{"classify", "--input", folder + "/*/*", "--output", output, "--piece-images", "1000"}
	stdout, stderr := execute(t, 0, arguments...)
	if stderr != "" || !strings.Contains(stdout, "3405 images in 5 pieces") {
		t.Errorf("printed %q and %q", stdout, stderr)
	}
	got := tree(t, output)
	for name, want := range map[string]string{
		"predictions/a/one-images-idx3-ubyte-0000000000-0000001000.csv": table(t, sets["a/one"], true, 0, 1000),
		"predictions/a/one-images-idx3-ubyte-0000001000-0000002000.csv": table(t, sets["a/one"], true, 1000, 2000),
		"predictions/a/one-images-idx3-ubyte-0000002000-0000002300.csv": table(t, sets["a/one"], true, 2000, 2300),
		"predictions/a/two-images-idx3-ubyte.gz.csv":                    table(t, sets["a/two"], true, 0, 1100),
		"predictions/b/three-0000000000-0000000005.csv":                 table(t, sets["b/three"], false, 0, 5),
	} {
		if got[name] != want {
			t.Errorf("%s: expected %d bytes, got %d: not the classifier's predictions", name, len(want), len(got[name]))
		}
	}
	if len(got) != 2*5+2 {
		t.Errorf("expected 5 tables, 5 counts, job and summary, got %d files", len(got))
	}
	var summary classify.Summary
	if err := json.Unmarshal([]byte(got[classify.SummaryFile]), &summary); err != nil {
		t.Fatal(err)
	}
	correct := int64(0)
	for label := range summary.Confusion {
		correct += summary.Confusion[label][label]
	}
	if summary.Images != 3405 || summary.Labelled != 3400 || summary.Correct != correct || correct < 2000 || summary.Unread != 0 {
		t.Errorf("summary: %+v", summary)
	}

	// A marked table survives a second run; removed files come back.
	kept := filepath.Join(output, "predictions/b/three-0000000000-0000000005.csv")
	write(t, kept, []byte("marked"))
	for _, name := range []string{"pieces/a/two-images-idx3-ubyte.gz.json", "predictions/a/one-images-idx3-ubyte-0000000000-0000001000.csv"} {
		if err := os.Remove(filepath.Join(output, name)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(output, "temporary", "left"), []byte("half a ta"))
	execute(t, 0, arguments...)
	again := tree(t, output)
	if again["predictions/b/three-0000000000-0000000005.csv"] != "marked" {
		t.Error("a piece that was there was classified again")
	}
	again["predictions/b/three-0000000000-0000000005.csv"] = got["predictions/b/three-0000000000-0000000005.csv"]
	for name := range got {
		if again[name] != got[name] {
			t.Errorf("%s: not the same bytes again", name)
		}
	}
	if len(again) != len(got) {
		t.Errorf("expected %d files, got %d", len(got), len(again))
	}
	// Other settings would mix two jobs' files.
	if _, stderr := execute(t, 1, append(arguments, "--format", "parquet")...); !strings.Contains(stderr, "is of another job") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("another format: %q", stderr)
	}
}

// TestClassifyParquet: the same predictions as a Parquet table.
func TestClassifyParquet(t *testing.T) {
	folder, sets := images(t)
	output := t.TempDir()
	execute(t, 0, "classify", "--input", folder+"/a/one-*", "--output", output, "--format", "parquet")
	rows, err := parquet.ReadFile[struct {
		Index       int64   `parquet:"index"`
		Label       *int32  `parquet:"label,optional"`
		Digit       int32   `parquet:"digit"`
		Probability float32 `parquet:"probability"`
	}](filepath.Join(output, "predictions", "one-images-idx3-ubyte-0000000000-0000002300.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("index,label,digit,probability\n")
	for _, row := range rows {
		fmt.Fprintf(&b, "%d,%d,%d,%.6f\n", row.Index, *row.Label, row.Digit, row.Probability)
	}
	if want := table(t, sets["a/one"], true, 0, 2300); b.String() != want {
		t.Error("not the classifier's predictions")
	}
}

// TestDeadLetters: each damaged file is named with its reason and leaves nothing
// behind; the others are classified.
func TestDeadLetters(t *testing.T) {
	folder, output := t.TempDir(), t.TempDir()
	set := mnist.Synthetic(50, 1)
	good, labels := idx(0x803, 50, set.Images, 28, 28), idx(0x801, 50, set.Labels)
	label10 := slices.Clone(labels)
	label10[20] = 10
	whole := zipped(t, good)
	for name, content := range map[string][]byte{
		"good": good, "cut": good[:len(good)/2], "long": append(slices.Clone(good), 0), "empty": nil, "text": []byte("no images"),
		"small": idx(0x803, 50, set.Images, 14, 56), "cut.gz": whole[:len(whole)/2], "sum.gz": append(slices.Clone(whole[:len(whole)-8]), make([]byte, 8)...),
		"few-images": good, "few-labels": idx(0x801, 49, set.Labels[:49]), "ten-images": good, "ten-labels": label10,
		"short-images": good, "short-labels": labels[:30],
	} {
		write(t, filepath.Join(folder, name), content)
	}
	stdout, stderr := execute(t, 1, "classify", "--input", folder+"/*", "--output", output)
	if !strings.Contains(stdout, "50 images in 1 pieces") || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "10 files or pieces could not be read") {
		t.Errorf("printed %q and %q", stdout, stderr)
	}
	files := tree(t, output)
	reasons := map[string]string{}
	for line := range strings.Lines(files[classify.DeadLettersFile]) {
		var letter struct{ File, Reason string }
		if err := json.Unmarshal([]byte(line), &letter); err != nil {
			t.Fatal(err)
		}
		reasons[filepath.Base(letter.File)] = letter.Reason
	}
	for name, says := range map[string]string{
		"cut": "expected 39216 bytes for 50 images, got 19608", "long": "expected 39216 bytes for 50 images, got 39217", "empty": "header", "text": "magic",
		"small": "dimension 1: expected 28, got 14", "cut.gz": "unexpected EOF", "sum.gz": "checksum",
		"few-images": "expected a label for each of the 50 images, got 49",
		"ten-images": "label 12: expected a value below 10, got 10", "short-images": "short-labels: ",
	} {
		if !strings.Contains(reasons[name], says) || !strings.Contains(reasons[name], folder) {
			t.Errorf("%s: expected a reason that says %q, got %q", name, says, reasons[name])
		}
	}
	if len(reasons) != 10 || len(files) != 1+1+3 {
		t.Errorf("expected 10 dead letters and 5 files, got %d and %d", len(reasons), len(files))
	}
	// Mended files are classified, and no letter stays.
	for name := range reasons {
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	execute(t, 0, "classify", "--input", folder+"/*", "--output", output)
	if _, err := os.Stat(filepath.Join(output, classify.DeadLettersFile)); err == nil {
		t.Error("dead letters of files that are gone stayed")
	}
}

// TestErrors: one line each, and no output.
func TestErrors(t *testing.T) {
	folder, _ := images(t)
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, nil)
	input, output := folder+"/a/*", filepath.Join(t.TempDir(), "out")
	for _, c := range []struct {
		code      int
		says      string
		arguments []string
	}{
		{1, "no file matches " + folder + "/none/*", []string{"classify", "--input", folder + "/none/*", "--output", output}},
		{1, "not a directory", []string{"classify", "--input", input, "--output", file + "/out"}},
		{1, "no such file", []string{"classify", "--input", input, "--output", output, "--model", "missing"}},
		{1, "not a model of this network", []string{"classify", "--input", input, "--output", output, "--model", file}},
		{1, `"x" not registered`, []string{"classify", "--input", "x://a/*", "--output", output}},
		{1, "no job server", []string{"classify", "--input", input, "--output", output, "--runner", "flink", "--endpoint", "127.0.0.1:1"}},
		{2, "--endpoint", []string{"classify", "--input", input, "--output", output, "--runner", "flink"}},
		{2, "--piece-images", []string{"classify", "--input", input, "--output", output, "--piece-images", "0"}},
		{2, "--runner", []string{"classify", "--input", input, "--output", output, "--runner", "storm"}},
		{2, "nonsense", []string{"classify", "--input", input, "--output", output, "--", "--nonsense"}},
		{2, "--output", []string{"classify", "--input", input}},
		{2, "--seeds", []string{"sweep", "--output", output, "--seeds", "x"}},
		{2, "--vary", []string{"sweep", "--output", output, "--vary", "speed=1"}},
		{2, "--epochs", []string{"sweep", "--output", output, "--epochs", "0"}},
		{1, "--data", []string{"sweep", "--output", output, "--data", folder}},
		{1, "--init", []string{"sweep", "--output", output, "--data", data(t), "--init", "missing"}},
	} {
		stdout, stderr := execute(t, c.code, c.arguments...)
		if stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "kernelet-beam: ") || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: expected one line that says %q, got %q and %q", c.arguments, c.says, stdout, stderr)
		}
	}
	if _, err := os.Stat(output); err == nil {
		t.Error("something was written")
	}
}

// data writes drawn digits as the four files of MNIST.
func data(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for name, set := range map[string]mnist.Set{"train": mnist.Synthetic(300, 1), "t10k": mnist.Synthetic(100, 2)} {
		write(t, filepath.Join(folder, name+"-images-idx3-ubyte"), idx(0x803, set.Len(), set.Images, 28, 28))
		write(t, filepath.Join(folder, name+"-labels-idx1-ubyte"), idx(0x801, set.Len(), set.Labels))
	}
	return folder
}

// TestSweep: the results are those of package sweep; what is there is not trained
// again.
func TestSweep(t *testing.T) {
	folder, output := data(t), t.TempDir()
	arguments := []string{"sweep", "--data", folder, "--output", output, "--seeds", "2..4", "--vary", "lr=1e-3,1e-4", "--epochs", "1", "--limit", "200", "--hold-out", "50"}
	if stdout, stderr := execute(t, 0, arguments...); stderr != "" || !strings.Contains(stdout, "6 runs") {
		t.Errorf("printed %q and %q", stdout, stderr)
	}
	base := lenet.Tutorial()
	base.Epochs = 1
	runs, err := sweep.Plan{Base: base, Seeds: []uint64{2, 3, 4}, Axes: []sweep.Axis{{Name: "lr", Values: []string{"1e-3", "1e-4"}}}}.Runs()
	if err != nil {
		t.Fatal(err)
	}
	train := mnist.Synthetic(300, 1)
	part := func(from, to int) mnist.Set {
		return mnist.Set{Images: train.Images[from*mnist.ImageBytes : to*mnist.ImageBytes], Labels: train.Labels[from:to]}
	}
	task := sweep.NewTask(filepath.Base(folder), part(0, 200), part(250, 300))
	task.HeldOut = true
	want, err := sweep.Run(t.Context(), runs, task, sweep.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(tree(t, output)[sweep.LinesFile]), "\n")
	if len(lines) != len(want) {
		t.Fatalf("expected %d results, got %d", len(want), len(lines))
	}
	for i, line := range lines {
		got, err := sweep.Decode([]byte(line), want[i].ID)
		if err != nil {
			t.Fatal(err)
		}
		if w := want[i]; got.WeightsSHA256 != w.WeightsSHA256 || got.Last().ValLoss != w.Last().ValLoss || got.Last().TrainLoss != w.Last().TrainLoss {
			t.Errorf("run %d: expected %+v, got %+v", i, w, got)
		}
	}
	before := tree(t, output)
	execute(t, 0, arguments...)
	for name, content := range tree(t, output) {
		if before[name] != content {
			t.Errorf("%s: trained again", name)
		}
	}
}
