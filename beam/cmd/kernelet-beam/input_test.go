package main

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/parquet-go/parquet-go"

	"github.com/kernelet/kernelet/beam/internal/classify"
	"github.com/kernelet/kernelet/beam/internal/storage"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/mnist"
)

// encodedPicture is the form of images in Hugging Face's Parquet files.
type encodedPicture struct {
	Bytes []byte `parquet:"bytes"`
	Path  string `parquet:"path"`
}

type labelledRow struct {
	Image encodedPicture `parquet:"image"`
	Label int64          `parquet:"label"`
}

// parquetOf is a Parquet file of a set, in groups of 100 rows.
func parquetOf(t *testing.T, set mnist.Set) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[labelledRow](&b, parquet.MaxRowsPerRowGroup(100))
	for i, label := range set.Labels {
		var file bytes.Buffer
		if err := png.Encode(&file, &image.Gray{Pix: set.Images[i*mnist.ImageBytes:][:mnist.ImageBytes], Stride: 28, Rect: image.Rect(0, 0, 28, 28)}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]labelledRow{{encodedPicture{file.Bytes(), ""}, int64(label)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestParquetInput: Parquet files of images are classified with their labels;
// damaged ones are dead letters with a reason of one line.
func TestParquetInput(t *testing.T) {
	folder, output := t.TempDir(), t.TempDir()
	set := mnist.Synthetic(250, 1)
	good := parquetOf(t, set)
	damaged := bytes.Clone(good)
	for i := len(damaged) / 3; i < len(damaged)/2; i++ {
		damaged[i] ^= 0x55
	}
	wrong := mnist.Set{Images: set.Images[:2*mnist.ImageBytes], Labels: []byte{3, 10}}
	for name, content := range map[string][]byte{"good.parquet": good, "cut.parquet": good[:len(good)/2], "start.parquet": good[:4],
		"damaged.parquet": damaged, "footer.parquet": append(bytes.Clone(good[:len(good)-8]), 0xff, 0xff, 0xff, 0x7f, 'P', 'A', 'R', '1'), "label.parquet": parquetOf(t, wrong)} {
		write(t, filepath.Join(folder, name), content)
	}
	stdout, stderr := execute(t, 1, "classify", "--input", folder+"/*.parquet", "--output", output)
	if !strings.Contains(stdout, "250 images in 1 pieces") || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "5 files or pieces could not be read") {
		t.Errorf("printed %q and %q", stdout, stderr)
	}
	files := tree(t, output)
	if files["predictions/good.parquet.csv"] != table(t, set, true, 0, 250) {
		t.Error("good.parquet: not the classifier's predictions")
	}
	for line := range strings.Lines(files[classify.DeadLettersFile]) {
		var letter struct{ File, Reason string }
		if err := json.Unmarshal([]byte(line), &letter); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(letter.Reason, letter.File) || len(letter.Reason) > 400 || strings.Contains(letter.Reason, "panic") {
			t.Errorf("%s: expected a short reason that names it, got %q", letter.File, letter.Reason)
		}
	}
	if len(files) != 5 { // job, summary, dead letters, table, counts
		t.Errorf("expected 5 files, got %d", len(files))
	}
}

// TestModelOnWorker: workers without the model's file, or with another one, end
// the job with one line, and nothing is written but what the job is.
func TestModelOnWorker(t *testing.T) {
	folder, _ := images(t)
	model, err := pretrained.Model()
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.safetensors")
	if err := model.Save(other); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "broken.safetensors")
	content, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	write(t, broken, content[:len(content)/2])
	for _, c := range []struct{ file, says string }{
		{filepath.Join(folder, "missing"), "no such file"},
		{other, "expected weights 0123 as where the job was submitted"},
		{broken, "broken.safetensors"},
	} {
		output := t.TempDir()
		options := classify.Options{Input: folder + "/a/*", Output: storage.Folder(output), Model: c.file, ModelSHA256: "0123", Format: "csv", PieceImages: 1000}
		var stdout, stderr bytes.Buffer
		err := (&runnerFlags{Runner: "prism"}).execute(&environment{ctx: t.Context(), stdout: &stdout, stderr: &stderr}, func(s beam.Scope) { classify.Build(s, options) })
		if err == nil || !strings.HasPrefix(err.Error(), "--model: ") || !strings.Contains(err.Error(), c.file) || !strings.Contains(err.Error(), c.says) ||
			strings.Contains(err.Error(), "\n") || stdout.Len()+stderr.Len() > 0 {
			t.Errorf("%s: expected one line that says %q, got %v and %q", c.file, c.says, err, stderr.String())
		}
		for name := range tree(t, output) {
			if name != "job.json" {
				t.Errorf("%s: %s was written", c.file, name)
			}
		}
	}
}
