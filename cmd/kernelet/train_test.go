package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

func TestTrainAndUse(t *testing.T) {
	data, out := dataFolder(t), filepath.Join(t.TempDir(), "new", "run")
	stdout, stderr := execute(t, 0, "train", "--data", data, "--epochs", "2", "--lr", "1e-3", "--batch", "90", "--limit", "600", "--out", out)
	block := `={51}\nepoch:  %d\ntraining loss: \d\.\d{5}, acc: \d+\.\d{6}\nvalidation loss: \d\.\d{5}, acc: \d+\.\d{6}\n`
	want := regexp.MustCompile("^" + fmt.Sprintf(block, 1) + fmt.Sprintf(block, 2) + `={51}\n2 epochs of \w+ in .* s \(\w+, \d+ threads?\)\nmodel, history and pictures: .*\n$`)
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
	if !regexp.MustCompile(`^` + regexp.QuoteMeta(digit) + `: \d \(\d+\.\d\d %\)\n(  \d +\d+\.\d{3} %\n){10}$`).MatchString(stdout) {
		t.Errorf("predict printed %q", stdout)
	}
	network := filepath.Join(out, "model.onnx")
	if stdout, stderr := execute(t, 0, "export", "--model", model, "--onnx", network); stdout != "" || !strings.HasPrefix(stderr, network+": ONNX, ") {
		t.Errorf("export printed %q and %q", stdout, stderr)
	}
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

func TestTrainJSON(t *testing.T) {
	data := dataFolder(t)
	hash := ""
	for _, threads := range []int{1, 2, 3} {
		stdout, _ := execute(t, 0, "train", "--data", data, "--epochs", "1", "--limit", "350", "--threads", strconv.Itoa(threads), "--json", "--out", t.TempDir())
		lines := strings.Split(strings.TrimSpace(stdout), "\n")
		var first epoch
		var last done
		if len(lines) != 2 || json.Unmarshal([]byte(lines[0]), &first) != nil || json.Unmarshal([]byte(lines[1]), &last) != nil {
			t.Fatalf("train --json printed %q", stdout)
		}
		if first.Event != "epoch" || first.Epoch != 1 || first.ImagesPerSecond <= 0 || last.Event != "done" || len(last.SHA256) != 64 || last.Threads != min(threads, runtime.GOMAXPROCS(0)) {
			t.Errorf("train --json printed %q", stdout)
		}
		if hash == "" {
			hash = last.SHA256
		}
		if last.SHA256 != hash {
			t.Errorf("%d threads: expected hash %s, got %s", threads, hash, last.SHA256)
		}
	}
	if stdout, _ := execute(t, 0, "train", "--data", data, "--epochs", "1", "--limit", "50", "--quiet", "--out", t.TempDir()); stdout != "" {
		t.Errorf("train --quiet printed %q", stdout)
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

// TestInterrupt: an interrupted run writes model and checkpoint, says on one line
// how to go on, and is not gone on with by other settings.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out := t.TempDir()
	epochs := 100_000
	c := trainCommand{Recipe: "tutorial", dataFlags: dataFlags{Data: dataFolder(t)}, Epochs: &epochs, Seed: 1, Threads: 1, Out: out, Quiet: true}
	err := c.Run(&environment{ctx: ctx, stdout: io.Discard, stderr: io.Discard, stepped: func(done, total int) {
		if done < total {
			cancel()
		}
	}})
	if err == nil || !strings.HasPrefix(err.Error(), "interrupted after 0 complete epochs; --resume goes on from ") {
		t.Errorf("expected an interruption, got %v", err)
	}
	if _, err := lenet.Load(filepath.Join(out, modelFile)); err != nil {
		t.Error(err)
	}
	if _, stderr := execute(t, 1, "train", "--data", c.Data, "--seed", "2", "--epochs", "100000", "--resume", "--out", out); !strings.Contains(stderr, "Seed: checkpoint 1, asked 2") {
		t.Errorf("resumed with other settings: %q", stderr)
	}
}
