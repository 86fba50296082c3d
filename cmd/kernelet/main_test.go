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
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/internal/testmnist"
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

// TestJSONKeys: every JSON line has exactly the documented keys.
func TestJSONKeys(t *testing.T) {
	data, out := dataFolder(t), t.TempDir()
	digit := filepath.Join(t.TempDir(), "digit.png")
	writePNG(t, digit, mnist.Synthetic(1, 2).Images)
	epochKeys := []string{"event", "epoch", "train_loss", "train_acc", "val_loss", "val_acc", "seconds", "images_per_second"}
	doneKeys := []string{"event", "weights_sha256", "isa", "threads", "seconds", "dataset"}
	benchTrainKeys := []string{"threads", "isa", "batch", "us_per_image", "dense_equivalent_gflops", "fma_peak_gflops", "x_peak"}
	// Rows without figures, because measuring takes seconds.
	benchTrain, err := json.Marshal(bench.TrainRow{})
	if err != nil {
		t.Fatal(err)
	}
	var benchInfer bytes.Buffer
	if err := printInfer(&benchInfer, bench.InferRow{}, true); err != nil {
		t.Fatal(err)
	}
	output := func(arguments ...string) string {
		stdout, _ := execute(t, 0, arguments...)
		return stdout
	}
	for _, c := range []struct {
		name, output string
		keys         [][]string // of each line
	}{
		{"train", output("train", "--data", data, "--epochs", "1", "--limit", "50", "--json", "--out", out), [][]string{epochKeys, doneKeys}},
		{"train --hold-out", output("train", "--data", data, "--epochs", "1", "--limit", "50", "--hold-out", "20", "--json", "--out", out),
			[][]string{append(slices.Clone(epochKeys), "validation"), doneKeys}},
		{"eval", output("eval", "--data", data, "--json"), [][]string{{"images", "correct", "accuracy", "loss", "dataset"}}},
		{"predict", output("predict", "--json", digit), [][]string{{"image", "digit", "probability", "probabilities"}}},
		{"bench train", string(benchTrain), [][]string{benchTrainKeys}},
		{"bench infer", benchInfer.String(), [][]string{{"batch", "threads", "isa", "us_per_image", "p50_us", "p99_us", "x_peak"}}},
	} {
		lines := strings.Split(strings.TrimSuffix(c.output, "\n"), "\n")
		if len(lines) != len(c.keys) {
			t.Errorf("%s: expected %d lines, got %q", c.name, len(c.keys), c.output)
			continue
		}
		for i, line := range lines {
			var object map[string]any
			if err := json.Unmarshal([]byte(line), &object); err != nil {
				t.Errorf("%s: %q: %v", c.name, line, err)
			}
			slices.Sort(c.keys[i])
			if got := slices.Sorted(maps.Keys(object)); !slices.Equal(got, c.keys[i]) {
				t.Errorf("%s: expected the keys %q, got %q", c.name, c.keys[i], got)
			}
		}
	}
}

// TestTrainFlags: every flag that should change the weights does.
func TestTrainFlags(t *testing.T) {
	data := dataFolder(t)
	initial := filepath.Join(t.TempDir(), "initial")
	if err := lenet.NewModel(9).Save(initial); err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, flags := range []string{"", "--seed 2", "--dropout 0.3", "--dropout 0", "--no-shuffle", "--init " + initial, "--limit 90", "--hold-out 620",
		"--lr 2e-4", "--batch 40", "--epochs 2", "--recipe fast", "--recipe best --epochs 8"} {
		arguments := []string{"train", "--data", data, "--epochs", "1", "--limit", "100", "--threads", "1", "--json", "--out", t.TempDir()}
		stdout, _ := execute(t, 0, append(arguments, strings.Fields(flags)...)...)
		hash := regexp.MustCompile(`"weights_sha256":"\w+"`).FindString(stdout)
		if other, ok := seen[hash]; ok || hash == "" {
			t.Errorf("%q gives the weights of %q: %s", flags, other, hash)
		}
		seen[hash] = flags
	}
}

// TestHoldOut: the last training images are validated on and not trained on,
// and history and output say so.
func TestHoldOut(t *testing.T) {
	data, out := dataFolder(t), t.TempDir()
	train := []string{"train", "--data", data, "--epochs", "1", "--hold-out", "200", "--out", out}
	stdout, _ := execute(t, 0, train...)
	if !strings.Contains(stdout, "\nheld-out loss: ") || strings.Contains(stdout, "validation") {
		t.Errorf("train printed %q", stdout)
	}
	lines, err := readCSV(filepath.Join(out, historyFile))
	if err != nil || lines[0][3] != "held_out_loss" || lines[0][4] != "held_out_acc" {
		t.Fatalf("history: %v, error %v", lines, err)
	}
	model, err := lenet.Load(filepath.Join(out, modelFile))
	if err != nil {
		t.Fatal(err)
	}
	drawn := mnist.Synthetic(700, 1) // the training images of dataFolder
	settings := lenet.Tutorial()
	settings.Seed = 1
	trainer, err := lenet.NewTrainer(lenet.NewModel(1), settings)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if _, err := trainer.Epoch(context.Background(), drawn.Images[:500*784], drawn.Labels[:500]); err != nil {
		t.Fatal(err)
	}
	want, err := trainer.Evaluate(context.Background(), drawn.Images[500*784:], drawn.Labels[500:])
	if err != nil {
		t.Fatal(err)
	}
	if got := lines[1][3]; model.SHA256() != trainer.Model().SHA256() || got != strconv.FormatFloat(want.Loss, 'g', -1, 64) {
		t.Errorf("expected %s and loss %v, got %s and %s", trainer.Model().SHA256(), want.Loss, model.SHA256(), got)
	}
	if _, stderr := execute(t, 2, "train", "--data", data, "--hold-out", "700", "--out", out); !strings.Contains(stderr, "--hold-out: expected fewer than the 700") {
		t.Errorf("all images held out: %q", stderr)
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
	classifier, err := lenet.NewClassifier(model, lenet.Options{})
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

// checkPicture: the file is a PNG of the size that it is drawn with, and its
// colours are there.
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
	// In points of 1/72 inch, at vgimg's 96 dots an inch.
	wide, high := 6*72, 4*72
	if filepath.Base(path) == predictionsFile {
		wide, high = predictionColumns*cell, predictionRows*(cell+titleHeight)
	}
	if size := m.Bounds().Size(); size.X != wide*96/72 || size.Y != high*96/72 {
		t.Errorf("%s: expected %d×%d pixels, got %v", path, wide*96/72, high*96/72, size)
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

// TestTitles: what stands over the digits, in which colour.
func TestTitles(t *testing.T) {
	got := titles([]lenet.Prediction{{Digit: 7}, {Digit: 1}, {Digit: 0}}, []byte{7, 2, 0, 9})
	want := []title{{"7 (7)", green}, {"1 (2)", red}, {"0 (0)", green}}
	if !slices.Equal(got, want) {
		t.Errorf("expected %v, got %v", want, got)
	}
}

// TestPicturesOfDigits: the first 20 digits are drawn, each in its cell, fewer
// if there are fewer.
func TestPicturesOfDigits(t *testing.T) {
	path := filepath.Join(t.TempDir(), predictionsFile)
	for _, n := range []int{3, 20, 30} {
		set := mnist.Synthetic(n, 4)
		for i := range set.Images {
			set.Images[i] = 255 // full of ink, to be found again
		}
		if err := drawPredictions(path, lenet.NewModel(1), set); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := png.Decode(file)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		const dots = 96.0 / 72
		for i := range predictionColumns * predictionRows {
			x := (float64(i%predictionColumns) + 0.5) * cell
			y := float64(i/predictionColumns)*(cell+titleHeight) + titleHeight + cell/2
			r, _, _, _ := m.At(int(x*dots), int(y*dots)).RGBA()
			if ink := r == 0; ink != (i < n) {
				t.Errorf("%d digits: digit %d is drawn: %v", n, i, ink)
			}
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
	testmnist.NeedLong(t)
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
