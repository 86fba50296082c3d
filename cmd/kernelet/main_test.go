package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/internal/testdata"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// dataFolder writes drawn digits as IDX files.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, set := range map[string]mnist.Set{"train": mnist.Synthetic(700, 1), "t10k": mnist.Synthetic(100, 2)} {
		for suffix, content := range map[string][]byte{
			"-images-idx3-ubyte": append(words(0x803, uint32(set.Len()), 28, 28), set.Images...),
			"-labels-idx1-ubyte": append(words(0x801, uint32(set.Len())), set.Labels...),
		} {
			file, err := os.Create(filepath.Join(dir, name+suffix+".gz"))
			if err != nil {
				t.Fatal(err)
			}
			z := gzip.NewWriter(file)
			z.Write(content)
			z.Close()
			file.Close()
		}
	}
	return dir
}

func words(values ...uint32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// execute runs a command line and checks its exit code.
func execute(t *testing.T, wantCode int, arguments ...string) (stdout, stderr string) {
	t.Helper()
	var out, complaints bytes.Buffer
	if code := run(context.Background(), arguments, &out, &complaints); code != wantCode {
		t.Fatalf("%s: expected exit code %d, got %d\n%s%s", strings.Join(arguments, " "), wantCode, code, out.String(), complaints.String())
	}
	return out.String(), complaints.String()
}

func TestTrainAndUse(t *testing.T) {
	data, out := dataFolder(t), filepath.Join(t.TempDir(), "new", "run")
	stdout, stderr := execute(t, 0, "train", "--data", data, "--epochs", "2", "--lr", "1e-3", "--batch", "90", "--limit", "600", "--out", out)
	block := `={51}\nepoch:  %d\ntraining loss: \d\.\d{5}, acc: \d+\.\d{6}\nvalidation loss: \d\.\d{5}, acc: \d+\.\d{6}\n`
	want := regexp.MustCompile("^" + fmt.Sprintf(block, 1) + fmt.Sprintf(block, 2) + `={51}\n2 epochs in .* s \(\w+, \d+ threads\); model, history and pictures are in .*\n$`)
	if !want.MatchString(stdout) || stderr != "" {
		t.Errorf("train printed %q and %q", stdout, stderr)
	}
	lines, err := readCSV(filepath.Join(out, historyFile))
	if err != nil || len(lines) != 3 || lines[0][0] != "epoch" || lines[2][0] != "2" {
		t.Errorf("history: %v, error %v", lines, err)
	}
	for _, name := range []string{lossFile, accuracyFile, predictionsFile} {
		checkPicture(t, filepath.Join(out, name))
	}

	model := filepath.Join(out, modelFile)
	predictions := filepath.Join(out, "predictions.csv")
	stdout, _ = execute(t, 0, "eval", "--model", model, "--data", data, "--json", "--predictions", predictions)
	var e evaluation
	if err := json.Unmarshal([]byte(stdout), &e); err != nil || e.Images != 100 || e.Accuracy != float64(e.Correct) {
		t.Errorf("eval printed %q, error %v", stdout, err)
	}
	checkPredictions(t, predictions, model, e.Correct)

	digit := filepath.Join(t.TempDir(), "digit.png")
	test := mnist.Synthetic(100, 2)
	writePNG(t, digit, test.Images[:784])
	stdout, _ = execute(t, 0, "predict", "--model", model, digit)
	if !regexp.MustCompile(`^digit\.png: \d \(\d+\.\d\d %\)\n(  \d +\d+\.\d{3} %\n){10}$`).MatchString(stdout) {
		t.Errorf("predict printed %q", stdout)
	}
	network := filepath.Join(out, "model.onnx")
	execute(t, 0, "export", "--model", model, "--onnx", network)
	if info, err := os.Stat(network); err != nil || info.Size() < 4*431080 {
		t.Errorf("export wrote %v, error %v", info, err)
	}
	stdout, _ = execute(t, 0, "predict", "--model", model, "--json", digit, digit)
	if decoder := json.NewDecoder(strings.NewReader(stdout)); strings.Count(stdout, "\n") != 2 {
		t.Errorf("predict --json printed %q", stdout)
	} else if r := (reading{}); decoder.Decode(&r) != nil || r.Image != digit || r.Probability != r.Probabilities[r.Digit] {
		t.Errorf("predict --json printed %q", stdout)
	}
}

func TestTrainJSON(t *testing.T) {
	data := dataFolder(t)
	hash := ""
	for _, threads := range []string{"1", "2", "3"} {
		stdout, _ := execute(t, 0, "train", "--data", data, "--epochs", "1", "--limit", "350", "--threads", threads, "--json", "--out", t.TempDir())
		lines := strings.Split(strings.TrimSpace(stdout), "\n")
		var first epoch
		var last done
		if len(lines) != 2 || json.Unmarshal([]byte(lines[0]), &first) != nil || json.Unmarshal([]byte(lines[1]), &last) != nil {
			t.Fatalf("train --json printed %q", stdout)
		}
		if first.Event != "epoch" || first.Epoch != 1 || first.ImagesPerSecond <= 0 || last.Event != "done" || len(last.SHA256) != 64 || strconv.Itoa(last.Threads) != threads {
			t.Errorf("train --json printed %q", stdout)
		}
		if hash == "" {
			hash = last.SHA256
		}
		if last.SHA256 != hash {
			t.Errorf("%s threads: expected hash %s, got %s", threads, hash, last.SHA256)
		}
	}
	if stdout, _ := execute(t, 0, "train", "--data", data, "--epochs", "1", "--limit", "50", "--quiet", "--out", t.TempDir()); stdout != "" {
		t.Errorf("train --quiet printed %q", stdout)
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var stdout, stderr bytes.Buffer
	out := t.TempDir()
	go func() {
		time.Sleep(300 * time.Millisecond) // some steps into the first epochs
		cancel()
	}()
	code := run(ctx, []string{"train", "--data", dataFolder(t), "--epochs", "100000", "--out", out}, &stdout, &stderr)
	if code != 1 || strings.Count(stderr.String(), "\n") != 1 || !strings.Contains(stderr.String(), "interrupted after") {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
	if _, err := lenet.Load(filepath.Join(out, modelFile)); err != nil {
		t.Error(err)
	}
	if _, stderr := execute(t, 1, "train", "--data", dataFolder(t), "--epochs", "100001", "--resume", "--out", out); !strings.Contains(stderr, "Epochs: checkpoint 100000, asked 100001") {
		t.Errorf("resumed with other settings: %q", stderr)
	}
}

func TestWrongUsage(t *testing.T) {
	model := filepath.Join(t.TempDir(), "m.safetensors")
	if err := lenet.NewModel(1).Save(model); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(t.TempDir(), "text.png")
	if err := os.WriteFile(text, []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code      int
		says      string
		arguments []string
	}{
		{2, "expected one of", nil},
		{2, "unexpected argument", []string{"dance"}},
		{2, "unknown flag --speed", []string{"train", "--speed"}},
		{2, "--epochs", []string{"train", "--epochs", "0"}},
		{2, "dropout", []string{"train", "--dropout", "1"}},
		{2, "threads", []string{"train", "--threads", "-1"}},
		{2, "instruction set not available", []string{"train", "--isa", "neon"}},
		{2, "instruction set not available", []string{"eval", "--isa", "neon"}},
		{2, "instruction set not available", []string{"predict", "--isa", "neon", text}},
		{2, "--onnx", []string{"export"}},
		{1, "no such file", []string{"export", "--model", "missing", "--onnx", "x.onnx"}},
		{1, "not a directory", []string{"export", "--onnx", filepath.Join(text, "x.onnx")}},
		{1, "no such file", []string{"eval", "--model", "missing"}},
		{1, "not a model of this network", []string{"eval", "--model", text}},
		{1, "train-images-idx3-ubyte", []string{"train", "--data", t.TempDir(), "--out", t.TempDir()}},
		{1, "--out", []string{"train", "--out", text}},
		{1, "not a usable image", []string{"predict", "--model", model, text}},
		{1, "directory", []string{"predict", "--model", model, t.TempDir()}},
	} {
		_, stderr := execute(t, c.code, c.arguments...)
		if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "kernelet: ") || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: expected one line that says %q, got %q", c.arguments, c.says, stderr)
		}
	}
	if stdout, _ := execute(t, 0, "--help"); !strings.Contains(stdout, "predict") {
		t.Errorf("--help printed %q", stdout)
	}
}

// TestNotFinite: figures that are not finite end every command with a line that
// says where they came up, never with a complaint about JSON.
func TestNotFinite(t *testing.T) {
	data, folder := dataFolder(t), t.TempDir()
	model, digit := filepath.Join(folder, "m.safetensors"), filepath.Join(folder, "digit.png")
	m := lenet.NewModel(1)
	for _, tensor := range m.Tensors() {
		for i := range tensor.Values {
			tensor.Values[i] *= 1e20
		}
	}
	if err := m.Save(model); err != nil {
		t.Fatal(err)
	}
	writePNG(t, digit, mnist.Synthetic(1, 2).Images)
	for _, c := range []struct {
		says      string
		arguments []string
	}{
		{"epoch 1, step 1: loss is not finite", []string{"train", "--init", model, "--data", data, "--json", "--out", folder}},
		// The only step's loss is finite, but not what it makes of the weights.
		{"evaluation after epoch 1: loss is not finite", []string{"train", "--lr", "1e25", "--limit", "50", "--data", data, "--json", "--out", folder}},
		{"loss is not finite", []string{"eval", "--model", model, "--data", data, "--json"}},
		{"digit.png: ", []string{"predict", "--model", model, "--json", digit}},
	} {
		stdout, stderr := execute(t, 1, c.arguments...)
		if stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.says) || !strings.Contains(stderr, "not finite") {
			t.Errorf("%v: expected one line that says %q, got %q and %q", c.arguments, c.says, stderr, stdout)
		}
	}
}

// TestISA: the instruction set can be given to what computes, and info says
// which one KERNELET_ISA chooses.
func TestISA(t *testing.T) {
	digit := filepath.Join(t.TempDir(), "digit.png")
	writePNG(t, digit, mnist.Synthetic(1, 2).Images)
	data := dataFolder(t)
	for _, isa := range kernels.Available() {
		t.Setenv("KERNELET_ISA", isa)
		stdout, _ := execute(t, 0, "info")
		if strings.Count(stdout, "chosen") != 1 || strings.Count(stdout, "\nkernels ") != 3 || !regexp.MustCompile(`kernels +`+isa+` +chosen`).MatchString(stdout) {
			t.Errorf("KERNELET_ISA=%s: info printed %q", isa, stdout)
		}
		// The flag goes before the variable.
		t.Setenv("KERNELET_ISA", "nonsense")
		execute(t, 0, "eval", "--data", data, "--isa", isa)
		execute(t, 0, "predict", "--isa", isa, digit)
		execute(t, 2, "eval", "--data", data)
	}
}

// TestNoRealData: only train goes on with drawn digits.
func TestNoRealData(t *testing.T) {
	for _, name := range []string{"MNIST_DIR", "HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, "") // nothing given, and no cache to fetch into
	}
	stdout, stderr := execute(t, 1, "eval", "--json")
	if stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "mnist is not available") {
		t.Errorf("eval printed %q and %q", stdout, stderr)
	}
}

func TestData(t *testing.T) {
	stdout, _ := execute(t, 0, "data", "--data", dataFolder(t))
	if strings.Count(stdout, "not MNIST's original") != 4 || !strings.Contains(stdout, "700 training and 100 test images") {
		t.Errorf("data printed %q", stdout)
	}
}

func TestProgressLine(t *testing.T) {
	full := progressLine("epoch 1/12", 15_000, 60_000, 500*time.Millisecond, 200)
	if full != "epoch 1/12   25 %  30000/s  1.5s left" {
		t.Errorf("got %q", full)
	}
	for width := range 200 {
		if got := progressLine("epoch 1/12", 15_000, 60_000, 500*time.Millisecond, width); utf8.RuneCountInString(got) > max(0, width-1) || !strings.HasPrefix(full, got) {
			t.Errorf("width %d: got %q", width, got)
		}
	}
	var b bytes.Buffer
	p := newProgress(&b, false, "x")
	p.update(1, 2)
	p.clear()
	if b.Len() != 0 {
		t.Errorf("without a terminal it printed %q", b.String())
	}
	p.width = func() int { return 20 }
	p.update(1, 2)
	p.clear()
	if got := b.String(); !strings.HasPrefix(got, "\rx   50 %") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("on a terminal it printed %q", got)
	}
}

func readCSV(path string) ([][]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return csv.NewReader(file).ReadAll()
}

func checkPredictions(t *testing.T, path, modelPath string, correct int) {
	t.Helper()
	lines, err := readCSV(path)
	if err != nil || len(lines) != 101 {
		t.Fatalf("predictions: %d lines, error %v", len(lines), err)
	}
	model, err := lenet.Load(modelPath)
	if err != nil {
		t.Fatal(err)
	}
	classifier, err := lenet.NewClassifier(model)
	if err != nil {
		t.Fatal(err)
	}
	logits := make([]float32, 1000)
	if err := classifier.Logits(logits, mnist.Synthetic(100, 2).Images); err != nil {
		t.Fatal(err)
	}
	right := 0
	for i, line := range lines[1:] {
		if line[1] == line[2] {
			right++
		}
		for class := range 10 {
			v, err := strconv.ParseFloat(line[3+class], 32)
			if err != nil || float32(v) != logits[10*i+class] {
				t.Fatalf("image %d, class %d: expected %v, got %s", i, class, logits[10*i+class], line[3+class])
			}
		}
	}
	if right != correct {
		t.Errorf("the file has %d right, eval says %d", right, correct)
	}
}

// checkPicture: the file is a PNG with more than two colours, and the
// predictions have a title in green or red.
func checkPicture(t *testing.T, path string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, err := png.Decode(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	seen := map[color.Color]int{}
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			r, g, b, _ := m.At(x, y).RGBA()
			seen[color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}]++
		}
	}
	wanted := []color.RGBA{blue, orange}
	if filepath.Base(path) == predictionsFile {
		wanted = []color.RGBA{green}
		if seen[green] == 0 {
			wanted = []color.RGBA{red}
		}
	}
	for _, c := range wanted {
		if seen[c] < 20 {
			t.Errorf("%s: %d pixels of %v", path, seen[c], c)
		}
	}
}

func writePNG(t *testing.T, path string, pixels []byte) {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 28, 28))
	copy(m.Pix, pixels)
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := png.Encode(file, m); err != nil {
		t.Fatal(err)
	}
}

// TestBenchCompare: reports that --json printed are compared, others refused.
func TestBenchCompare(t *testing.T) {
	folder := t.TempDir()
	report := func(name, schema string, value float64) string {
		path := filepath.Join(folder, name)
		content := fmt.Sprintf(`{"schema":%q,"score":{"version":1,"one_thread":1000,"all_threads":1000},
			"rows":[{"group":"whole","name":"train","threads":1,"batch":100,"unit":"µs/image","value":%g,"low":%g,"high":%g}]}`, schema, value, value, value)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a, b, other := report("a.json", bench.Schema, 50), report("b.json", bench.Schema, 40), report("c.json", "kernelet-bench/0", 40)
	stdout, _ := execute(t, 0, "bench", "compare", a, b)
	if !regexp.MustCompile(`train, batch 100 +1 +50\.00 µs/image +1\.250 `).MatchString(stdout) {
		t.Errorf("compare printed\n%s", stdout)
	}
	if _, stderr := execute(t, 1, "bench", "compare", a, other); !strings.Contains(stderr, "c.json") || !strings.Contains(stderr, "schema") {
		t.Errorf("another schema: %q", stderr)
	}
	execute(t, 2, "bench", "compare", a)
	execute(t, 2, "bench", "--json", "--benchfmt")
}

// TestBench: a quick run prints a report that compares with itself.
func TestBench(t *testing.T) {
	testdata.NeedLong(t)
	page, path := filepath.Join(t.TempDir(), "page.html"), filepath.Join(t.TempDir(), "report.json")
	stdout, _ := execute(t, 0, "bench", "--quick", "--json", "--html", page)
	if err := os.WriteFile(path, []byte(stdout), 0o644); err != nil {
		t.Fatal(err)
	}
	if r, err := bench.ReadReport(path); err != nil || !(r.Score.OneThread > 0) {
		t.Errorf("the report: %+v, error %v", r, err)
	}
	if content, err := os.ReadFile(page); err != nil || !bytes.Contains(content, []byte("<svg")) {
		t.Errorf("the page: error %v", err)
	}
}
