package main

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kernelet/kernelet/internal/testmnist"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// asCommand makes the test's binary the command, so that tests can kill it.
const asCommand = "KERNELET_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// TestKill kills a training that writes checkpoints at random moments, and
// resumes it each time, like a shell's
//
//	until kernelet train --checkpoint-every 2 --resume; do :; done
//
// At no moment may its folder hold something that cannot be read, and in the
// end the weights must be those of a run that nobody disturbed. If a run ends
// before all the kills, it is compared too, and another begins.
func TestKill(t *testing.T) {
	const images = 200
	kills := 5
	settings := lenet.Tutorial()
	settings.Epochs, settings.Batch, settings.Seed, settings.Threads = 6, 20, 1, 1
	if testmnist.Long() {
		kills, settings.Epochs = 50, 50
	}
	data := dataFolder(t)
	arguments := func(out string, more ...string) []string {
		return append([]string{"train", "--data", data, "--limit", strconv.Itoa(images), "--batch", strconv.Itoa(settings.Batch), "--epochs", strconv.Itoa(settings.Epochs), "--threads", "1", "--json", "--out", out}, more...)
	}
	hash := regexp.MustCompile(`"weights_sha256":"\w+"`)
	start := time.Now()
	undisturbed, _ := execute(t, 0, arguments(t.TempDir())...)
	want := hash.FindString(undisturbed)
	longest := time.Since(start) // kills spread over all of a run

	drawn := mnist.Synthetic(700, 1) // the training images of dataFolder
	settings.Origin = lenet.NewOrigin(lenet.NewModel(1), drawn.Images[:images*mnist.ImageBytes], drawn.Labels[:images])

	out := t.TempDir()
	// train returns whether the run came to its end.
	train := func(delay time.Duration) bool {
		t.Helper()
		command := exec.Command(os.Args[0], arguments(out, "--checkpoint-every", "2", "--resume")...)
		command.Env = append(os.Environ(), asCommand+"=1")
		var stdout, stderr bytes.Buffer
		command.Stdout, command.Stderr = &stdout, &stderr
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(delay, func() { command.Process.Kill() })
		err := command.Wait()
		killed := !timer.Stop()
		if err != nil {
			if !killed || stderr.Len() > 0 {
				t.Fatalf("the run failed by itself: %v %s", err, stderr.String())
			}
			return false
		}
		if got := hash.FindString(stdout.String()); want == "" || got != want {
			t.Errorf("killed and resumed: expected %s, got %s", want, got)
		}
		return true
	}
	random := rand.New(rand.NewPCG(5, 50))
	resumable, temporaries := 0, 0
	for kill := 0; kill < kills; {
		if train(time.Duration(random.Int64N(int64(longest)))) {
			out = t.TempDir()
			continue
		}
		kill++
		if slices.ContainsFunc(list(t, out), func(name string) bool { return strings.HasPrefix(name, ".") }) {
			temporaries++
		}
		if checkReadable(t, out, settings) {
			resumable++
		} else {
			longest += longest / 2 // a slow machine does not come to a checkpoint
		}
	}
	if !train(time.Hour) {
		t.Error("the last run, which nobody killed, did not end")
	}
	for _, entry := range list(t, out) {
		if strings.HasPrefix(entry, ".") {
			t.Errorf("%s is left", entry)
		}
	}
	if resumable < kills/3 {
		t.Errorf("only %d of %d kills left a checkpoint to resume from", resumable, kills)
	}
	t.Logf("%d kills, %d with a checkpoint, %d left a temporary file", kills, resumable, temporaries)
}

// checkReadable reads whatever a killed run left, and returns whether there is
// a checkpoint.
func checkReadable(t *testing.T, out string, settings lenet.Settings) bool {
	t.Helper()
	found := false
	for _, name := range []string{checkpointFile, checkpointFile + lenet.PreviousSuffix} {
		path := filepath.Join(out, name)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		found = found || name == checkpointFile
		trainer, err := lenet.Resume(path, settings)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readHistory(filepath.Join(out, historyFile), "", trainer.EpochsDone()); err != nil {
			t.Fatal(err)
		}
		trainer.Close()
	}
	if _, err := lenet.Load(filepath.Join(out, modelFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return found
}

func list(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
