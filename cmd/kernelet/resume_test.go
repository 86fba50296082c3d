package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kernelet/kernelet/lenet"
)

// trainInterrupted trains until the given step of the given epoch is done, and
// then cancels.
func trainInterrupted(t *testing.T, c trainCommand, epoch, step int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	epochs, steps := 1, 0
	var stdout, stderr bytes.Buffer
	err := c.Run(&environment{ctx: ctx, stdout: &stdout, stderr: &stderr, stepped: func(done, total int) {
		if steps++; epochs == epoch && steps == step {
			cancel()
		}
		if done == total {
			epochs, steps = epochs+1, 0
		}
	}})
	if err == nil || !strings.Contains(err.Error(), "interrupted after") {
		t.Fatalf("step %d of epoch %d: expected an interruption, got %v", step, epoch, err)
	}
}

// TestResumeAfterInterrupt interrupts at every kind of moment — within an epoch,
// and with the last step of one — and resumes to the weights and the history
// of an undisturbed run.
func TestResumeAfterInterrupt(t *testing.T) {
	data := dataFolder(t)
	const epochs, batches = 3, 7
	command := func(out string) trainCommand {
		n, batch := epochs, 20
		return trainCommand{Recipe: "tutorial", dataFlags: dataFlags{Data: data, Limit: batches * batch}, Epochs: &n, Batch: &batch, Seed: 1, Threads: 1, Out: out, Resume: true, Quiet: true}
	}
	run := func(out string) (string, string) {
		t.Helper()
		c := command(out)
		var stdout, stderr bytes.Buffer
		if err := c.Run(&environment{ctx: context.Background(), stdout: &stdout, stderr: &stderr}); err != nil {
			t.Fatal(err)
		}
		model, err := lenet.Load(filepath.Join(out, modelFile))
		if err != nil {
			t.Fatal(err)
		}
		lines, err := readCSV(filepath.Join(out, historyFile))
		if err != nil {
			t.Fatal(err)
		}
		history := ""
		for _, line := range lines {
			history += strings.Join(line[:5], ",") + "\n" // without the times
		}
		return model.SHA256(), history
	}
	wantHash, wantHistory := run(t.TempDir())
	for _, at := range []struct{ epoch, step, every int }{{1, batches, 0}, {2, batches, 2}, {2, 3, 2}, {3, batches - 1, 1}} {
		out := t.TempDir()
		c := command(out)
		c.Every = at.every
		trainInterrupted(t, c, at.epoch, at.step)
		if _, err := os.Stat(filepath.Join(out, checkpointFile)); err != nil {
			t.Fatal(err)
		}
		if hash, history := run(out); hash != wantHash || history != wantHistory {
			t.Errorf("%+v: expected %s and\n%sgot %s and\n%s", at, wantHash, wantHistory, hash, history)
		}
	}
}

// TestDamagedHistory: whatever stands in the history, --resume says file and
// line.
func TestDamagedHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), historyFile)
	header := strings.Join(historyColumns(""), ",") + "\n"
	for _, c := range []struct{ content, says string }{
		{"", "expected the 2 epochs of the checkpoint, got 0"},
		{header + "1,2,3,4,5,6,7,d\n", "expected the 2 epochs of the checkpoint, got 1"},
		{header + "1,2,3,4,5,6,7,d\n2,1,3\n", "line 3"},
		{header + "1,2,3,4,5,6,7,d\n2,1,3,4,5,6,7,8,9\n", "line 3"},
		{"1,2,3\n1,2,3\n1,2,3\n", "line 1"},
		{"1,2,3,4,5,6,7,d\n1,2,3,4,5,6,7,d\n2,2,3,4,5,6,7,d\n", "line 1: expected"},
		{header + "1,2,3,4,5,6,7,d\n3,2,3,4,5,6,7,d\n", `line 3: epoch: expected 2, got "3"`},
		{header + "1,2,3,4,5,6,7,d\n2,2,x,4,5,6,7,d\n", `line 3: train_acc: expected a number, got "x"`},
		{header + "1,2,3,4,NaN,6,7,d\n2,2,3,4,5,6,7,d\n", `line 2: val_acc: expected a number, got "NaN"`},
		{header + "\"1,2\n", "line 2"},
		{strings.Join(historyColumns(heldOut), ",") + "\n1,2,3,4,5,6,7,d\n2,2,3,4,5,6,7,d\n", "held_out_loss"},
	} {
		if err := os.WriteFile(path, []byte(c.content), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := readHistory(path, "", 2)
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: expected an error that names the file and says %q, got %v", c.content, c.says, err)
		}
	}
	// As Windows PowerShell saves it again.
	again := []byte{0xff, 0xfe}
	for _, b := range []byte(header + "1,2,3,4,5,6,7,d\r\n2,3,3,4,5,6,7,d\r\n") {
		again = append(again, b, 0)
	}
	if err := os.WriteFile(path, again, 0o644); err != nil {
		t.Fatal(err)
	}
	if h, err := readHistory(path, "", 2); err != nil || h[1].TrainLoss != 3 {
		t.Errorf("in UTF-16: got %v, %v", h, err)
	}
	if _, err := readHistory(filepath.Join(t.TempDir(), "none"), "", 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
	if h, err := readHistory("", "", 0); h != nil || err != nil {
		t.Errorf("no epochs: got %v, %v", h, err)
	}
}

// TestResumeAnotherRun: other data or initial weights are refused with what
// differs, also where an epoch has ended; the same are not, with --init as well.
func TestResumeAnotherRun(t *testing.T) {
	data, out, folder := dataFolder(t), t.TempDir(), t.TempDir()
	initial, other := filepath.Join(folder, "initial"), filepath.Join(folder, "other")
	for path, seed := range map[string]uint64{initial: 3, other: 4} {
		if err := lenet.NewModel(seed).Save(path); err != nil {
			t.Fatal(err)
		}
	}
	train := func(code int, says string, more ...string) {
		t.Helper()
		arguments := append([]string{"train", "--epochs", "1", "--threads", "1", "--quiet", "--resume", "--checkpoint-every", "5", "--out", out}, more...)
		if _, stderr := execute(t, code, arguments...); !strings.Contains(stderr, says) {
			t.Errorf("%v: expected an error that says %q, got %q", more, says, stderr)
		}
	}
	leftover := filepath.Join(out, "."+checkpointFile+".abc.tmp")
	old := time.Now().Add(-2 * time.Hour) // younger ones may be another process's
	if err := errors.Join(os.WriteFile(leftover, nil, 0o644), os.Chtimes(leftover, old, old)); err != nil {
		t.Fatal(err)
	}
	train(0, "", "--data", data, "--limit", "300", "--init", initial)
	if _, err := os.Stat(leftover); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s was not swept away: %v", leftover, err)
	}
	train(0, "", "--data", data, "--limit", "300", "--init", initial)
	train(1, "Origin.Images: checkpoint 300, asked 200", "--data", data, "--limit", "200", "--init", initial)
	train(1, "Origin.InitialSHA256: checkpoint", "--data", data, "--limit", "300", "--init", other)
	train(1, "Origin.InitialSHA256: checkpoint", "--data", data, "--limit", "300")
	train(1, "Seed: checkpoint 1, asked 2", "--data", data, "--limit", "300", "--init", initial, "--seed", "2")
}

// TestTrainLonger: a run at a constant rate is made longer, to the weights that
// the longer run would have had; one whose schedule depends on the number of
// epochs is not, and no run is made shorter than it is.
func TestTrainLonger(t *testing.T) {
	data, out := dataFolder(t), t.TempDir()
	train := func(code int, out string, more ...string) (stdout, stderr string) {
		t.Helper()
		return execute(t, code, append([]string{"train", "--data", data, "--limit", "100", "--threads", "1", "--out", out}, more...)...)
	}
	hash := func(folder string) string {
		t.Helper()
		model, err := lenet.Load(filepath.Join(folder, modelFile))
		if err != nil {
			t.Fatal(err)
		}
		return model.SHA256()
	}
	train(0, out, "--epochs", "2", "--checkpoint-every", "1")
	if stdout, _ := train(0, out, "--epochs", "3", "--resume"); !strings.Contains(stdout, "epochs 3 to 3 of ") {
		t.Errorf("train printed %q", stdout)
	}
	// The checkpoint that it was resumed from is replaced by that of its end.
	train(0, out, "--epochs", "4", "--resume")
	if lines, err := readCSV(filepath.Join(out, historyFile)); err != nil || len(lines) != 5 {
		t.Errorf("expected 4 epochs in the history, got %v, error %v", lines, err)
	}
	whole := t.TempDir()
	train(0, whole, "--epochs", "4")
	if got, want := hash(out), hash(whole); got != want {
		t.Errorf("expected %s, got %s", want, got)
	}
	if _, stderr := train(2, out, "--epochs", "3", "--resume"); !strings.Contains(stderr, "--epochs: expected at least the 4") {
		t.Errorf("shorter: %q", stderr)
	}
	scheduled := t.TempDir()
	train(0, scheduled, "--recipe", "fast", "--checkpoint-every", "1")
	if _, stderr := train(1, scheduled, "--recipe", "fast", "--epochs", "2", "--resume"); !strings.Contains(stderr, "Epochs: checkpoint 1, asked 2") {
		t.Errorf("another schedule: %q", stderr)
	}
}

// TestUsedFolder: a new run says what it replaces, and no later --resume goes
// back to the run before it.
func TestUsedFolder(t *testing.T) {
	data, out := dataFolder(t), t.TempDir()
	train := func(more ...string) string {
		t.Helper()
		_, stderr := execute(t, 0, append([]string{"train", "--data", data, "--limit", "100", "--epochs", "1", "--threads", "1", "--out", out}, more...)...)
		return stderr
	}
	if stderr := train("--checkpoint-every", "1"); stderr != "" {
		t.Errorf("a new folder: %q", stderr)
	}
	before, err := os.ReadFile(filepath.Join(out, checkpointFile))
	if err != nil {
		t.Fatal(err)
	}
	want := "train: " + out + ": replaces model.safetensors, history.csv, loss.png, accuracy.png, predictions.png, report.html and moves the earlier run's checkpoint to earlier-checkpoint.safetensors\n"
	if stderr := train("--seed", "2"); stderr != want {
		t.Errorf("expected %q, got %q", want, stderr)
	}
	if after, err := os.ReadFile(filepath.Join(out, earlierFile)); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the earlier run's checkpoint is gone: %v", err)
	}
	for _, name := range []string{checkpointFile, checkpointFile + lenet.PreviousSuffix} {
		if _, err := os.Stat(filepath.Join(out, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
	if stderr := train("--seed", "3", "--quiet"); stderr != "" {
		t.Errorf("--quiet: %q", stderr)
	}
}
