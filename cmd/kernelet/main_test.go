package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kernelet/kernelet"
	"github.com/kernelet/kernelet/internal/testmnist"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// execute runs a command line and checks its exit code.
func execute(t *testing.T, wantCode int, arguments ...string) (stdout, stderr string) {
	t.Helper()
	var out, complaints bytes.Buffer
	if code := run(context.Background(), arguments, &out, &complaints); code != wantCode {
		t.Fatalf("%s: expected exit code %d, got %d\n%s%s", strings.Join(arguments, " "), wantCode, code, out.String(), complaints.String())
	}
	return out.String(), complaints.String()
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
		{1, "not a usable picture", []string{"predict", "--model", model, text}},
		{1, "expected pictures", []string{"predict", "--model", model, t.TempDir()}},
	} {
		_, stderr := execute(t, c.code, c.arguments...)
		if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "kernelet: ") || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: expected one line that says %q, got %q", c.arguments, c.says, stderr)
		}
	}
}

// TestHelp: help is what a lone kernelet prints, and that of bench has the flags
// of its default command, which it takes.
func TestHelp(t *testing.T) {
	for _, c := range []struct {
		arguments []string
		says      []string
	}{
		{nil, []string{"predict", "completion", "--version"}},
		{[]string{"--help"}, []string{"predict"}},
		{[]string{"bench", "--help"}, []string{"--quick", "--html", "bench compare"}},
		{[]string{"bench", "train", "--help"}, []string{"--quick", "--data"}},
		{[]string{"--version"}, []string{"kernelet " + kernelet.Version() + "\n"}},
		{[]string{"completion", "bash"}, []string{"kernelet completion -c bash"}},
		{[]string{"completion", "-c", "fish"}, []string{"COMP_LINE"}},
	} {
		stdout, stderr := execute(t, 0, c.arguments...)
		for _, says := range c.says {
			if !strings.Contains(stdout, says) || stderr != "" {
				t.Errorf("%v: expected %q in %q, and nothing in %q", c.arguments, says, stdout, stderr)
			}
		}
	}
}

// TestCompletion asks as a shell does.
func TestCompletion(t *testing.T) {
	for line, want := range map[string]string{
		"kernelet ben": "bench\n", "kernelet bench --qu": "--quick\n", "kernelet bench compa": "compare\n", "kernelet train --recipe f": "fast\n",
	} {
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), asCommand+"=1", "COMP_LINE="+line)
		if got, err := command.Output(); err != nil || string(got) != want {
			t.Errorf("%s: expected %q, got %q, error %v", line, want, got, err)
		}
	}
}

// TestJSONKeys: every JSON line has exactly the documented keys.
func TestJSONKeys(t *testing.T) {
	data, out := dataFolder(t), t.TempDir()
	digit := filepath.Join(t.TempDir(), "digit.png")
	writePNG(t, digit, mnist.Synthetic(1, 2).Images)
	epochKeys := []string{"event", "epoch", "train_loss", "train_acc", "val_loss", "val_acc", "seconds", "images_per_second"}
	doneKeys := []string{"event", "weights_sha256", "isa", "threads", "seconds", "dataset"}
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
		{"predict", output("predict", "--json", digit), [][]string{{"image", "digit", "probability", "probabilities", "rejection", "refused"}}},
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

// TestNoRealData: no command goes on with drawn digits unless it is asked to.
func TestNoRealData(t *testing.T) {
	for _, name := range []string{"MNIST_DIR", "HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, "") // nothing given, and no cache to fetch into
	}
	t.Setenv("MNIST_MIRROR", "http://127.0.0.1:1") // where nobody answers
	out := filepath.Join(t.TempDir(), "out")
	for _, arguments := range [][]string{{"eval", "--json"}, {"train", "--out", out}, {"sweep", "--out", out}} {
		stdout, stderr := execute(t, 1, arguments...)
		if stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "mnist is not available") {
			t.Errorf("%v printed %q and %q", arguments, stdout, stderr)
		}
		if strings.Contains(stderr, "--synthetic") != (arguments[0] == "train" || arguments[0] == "sweep") {
			t.Errorf("%v: the way out: %q", arguments, stderr)
		}
	}
	stdout, _ := execute(t, 0, "train", "--synthetic", "--limit", "20", "--epochs", "1", "--json", "--out", out)
	if !strings.Contains(stdout, `"dataset":"synthetic"`) {
		t.Errorf("train --synthetic printed %q", stdout)
	}
	if content, err := os.ReadFile(filepath.Join(out, modelFile)); err != nil || !strings.Contains(string(content[:1024]), `"dataset":"synthetic"`) {
		t.Errorf("the model's metadata do not name the data, error %v", err)
	}
	execute(t, 2, "train", "--synthetic", "--data", out)
}

// TestDataNotKept: MNIST that was fetched and could not be kept is said to be so,
// and why, and not taken for something else.
func TestDataNotKept(t *testing.T) {
	folder := testmnist.MNIST(t).Source
	mirror := httptest.NewServer(http.FileServer(http.Dir(folder)))
	defer mirror.Close()
	if _, err := os.Stat(filepath.Join(folder, "train-images-idx3-ubyte.gz")); err != nil {
		t.Skipf("needs MNIST as it is fetched: %v", err)
	}
	for _, name := range []string{"MNIST_DIR", "HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, "")
	}
	t.Setenv("MNIST_MIRROR", mirror.URL)
	stdout, _ := execute(t, 0, "data")
	if strings.Count(stdout, " verified, not kept\n") != 4 || strings.Contains(stdout, "original") || !strings.Contains(stdout, "fetched, and not kept: the user has no cache folder\nmnist: 60000 training and 10000 test images\n") {
		t.Errorf("data printed %q", stdout)
	}
}

func TestData(t *testing.T) {
	stdout, _ := execute(t, 0, "data", "--data", dataFolder(t))
	if strings.Count(stdout, "not MNIST's original") != 4 || !strings.Contains(stdout, "700 training and 100 test images") {
		t.Errorf("data printed %q", stdout)
	}
}
