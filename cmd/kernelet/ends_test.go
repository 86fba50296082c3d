//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kernelet/kernelet/internal/smalldisk"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// asProcess is a process of this test's binary as the command.
func asProcess(arguments ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], arguments...)
	c.Env = append(os.Environ(), asCommand+"=1")
	return c
}

// long is a training that does not end by itself, which prints epochs.
func long(t *testing.T, out string, more ...string) *exec.Cmd {
	return asProcess(append([]string{"train", "--data", dataFolder(t), "--limit", "40", "--batch", "20", "--epochs", "100000", "--threads", "1", "--json", "--out", out}, more...)...)
}

// firstLine starts c and waits for a line of its output, so that it trains.
func firstLine(t *testing.T, c *exec.Cmd) *bufio.Reader {
	t.Helper()
	pipe, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill() })
	lines := bufio.NewReader(pipe)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatalf("no output: %v", err)
	}
	return lines
}

// checkSaved: what the run had done is there, to be gone on from.
func checkSaved(t *testing.T, out string) {
	t.Helper()
	for _, name := range []string{modelFile, historyFile, checkpointFile, lossFile, predictionsFile} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := lenet.Load(filepath.Join(out, modelFile)); err != nil {
		t.Error(err)
	}
	for _, name := range list(t, out) {
		if strings.HasPrefix(name, ".") {
			t.Errorf("%s is left", name)
		}
	}
}

// TestSignals: a training that is asked to end saves, says that it was
// interrupted, and dies of the signal, so that shells can tell.
func TestSignals(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		// A signal that this process ignores, as under nohup, the command would
		// ignore too; one that is caught here has its usual effect there.
		caught := make(chan os.Signal, 1)
		signal.Notify(caught, s)
		defer signal.Stop(caught)
		out := t.TempDir()
		c := long(t, out)
		var stderr bytes.Buffer
		c.Stderr = &stderr
		firstLine(t, c)
		c.Process.Signal(s)
		var exit *exec.ExitError
		if err := c.Wait(); !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() || exit.Sys().(syscall.WaitStatus).Signal() != s {
			t.Errorf("%v: expected death of it, got %v", s, err)
		}
		if text := stderr.String(); !strings.HasPrefix(text, "kernelet: interrupted after ") || strings.Count(text, "\n") != 1 {
			t.Errorf("%v: got %q", s, text)
		}
		checkSaved(t, out)
	}
}

// TestEndsWhileWaiting: what waits for input that does not come, or prepares
// something for long, ends when it is asked to.
func TestEndsWhileWaiting(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	defer func(was *os.File) { os.Stdin = was }(os.Stdin)
	os.Stdin = r
	for _, arguments := range [][]string{
		{"predict", "-"}, {"read", "-"}, {"predict", fifo}, {"data", "look", fifo}, {"data", "look", fmt.Sprintf("/dev/fd/%d", r.Fd())}, {"eval", "--data", fifo},
		{"train", "--data", fifo, "--out", t.TempDir()}, {"train", "--synthetic", "--limit", "1", "--out", t.TempDir()}, {"sweep", "--synthetic", "--limit", "1", "--out", t.TempDir()},
	} {
		ctx, cancel := context.WithCancelCause(context.Background())
		var stdout, stderr bytes.Buffer
		ended := make(chan int, 1)
		go func() { ended <- run(ctx, arguments, &stdout, &stderr) }()
		time.Sleep(50 * time.Millisecond) // so that it waits
		cancel(interruption{syscall.SIGINT})
		select {
		case code := <-ended:
			if code != exitSignal+int(syscall.SIGINT) || stderr.String() != "kernelet: interrupted\n" {
				t.Errorf("%v: exit code %d, %q", arguments, code, stderr.String())
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%v: it goes on", arguments)
		}
	}
}

// TestNoHangUp: under nohup a lost terminal is no reason to end.
func TestNoHangUp(t *testing.T) {
	out := t.TempDir()
	inner := long(t, out)
	c := exec.Command("/bin/sh", append([]string{"-c", `trap "" HUP; exec "$0" "$@"`}, inner.Args...)...)
	c.Env = inner.Env
	lines := firstLine(t, c)
	c.Process.Signal(syscall.SIGHUP)
	for range 20 {
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatalf("it ended: %v", err)
		}
	}
	c.Process.Signal(syscall.SIGTERM)
	c.Wait()
	checkSaved(t, out)
}

// TestClosedPipe: a reader of standard output that goes away ends a training
// like a signal, and it is saved.
func TestClosedPipe(t *testing.T) {
	out := t.TempDir()
	c := long(t, out)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout = w
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	bufio.NewReader(r).ReadString('\n')
	r.Close()
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGPIPE {
		t.Errorf("expected death of SIGPIPE, got %v", err)
	}
	checkSaved(t, out)
}

// TestOutputLost: with standard output on a full disk every command fails and
// says why, and a training is saved.
func TestOutputLost(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("needs /dev/full")
	} else if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	data, out := dataFolder(t), t.TempDir()
	fails := func(c *exec.Cmd) {
		t.Helper()
		var stderr bytes.Buffer
		c.Stdout, c.Stderr = full, &stderr
		var exit *exec.ExitError
		if err := c.Run(); !errors.As(err, &exit) || exit.ExitCode() != exitFailure || !strings.Contains(stderr.String(), "standard output: ") {
			t.Errorf("%v: %v, %q", c.Args[1:], err, stderr.String())
		}
	}
	digit, measured := filepath.Join(t.TempDir(), "digit.png"), measuredFile(t, "a.json", 40)
	writePNG(t, digit, mnist.Synthetic(1, 2).Images)
	for _, arguments := range [][]string{
		{"info"}, {"data", "--data", data}, {"data", "look", data}, {"eval", "--data", data}, {"--help"}, {"--version"}, {"completion", "bash"}, {"predict", digit},
		{"predict", "--json", digit}, {"read", digit}, {"bench", "compare", measured, measured}, {"bench", "compare", "--csv", measured, measured},
	} {
		fails(asProcess(arguments...))
	}
	fails(long(t, out))
	checkSaved(t, out)
}

// TestNoRoom: a training that could not save its end does not begin.
func TestNoRoom(t *testing.T) {
	out := smalldisk.Mount(t, resultBytes/2)
	_, stderr := execute(t, 1, "train", "--data", dataFolder(t), "--out", out)
	if !strings.Contains(stderr, "--out") || !strings.Contains(stderr, syscall.ENOSPC.Error()) {
		t.Errorf("train said %q", stderr)
	}
	if left := list(t, out); len(left) != 0 {
		t.Errorf("the folder holds %v", left)
	}
}

// TestRoomIsKept: a disk that others fill while it trains still has room for the
// end, also where a checkpoint does not fit.
func TestRoomIsKept(t *testing.T) {
	disk := smalldisk.Mount(t, resultBytes+1<<16)
	c := long(t, disk, "--checkpoint-every", "1")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if err := c.Run(); err == nil || !strings.Contains(stderr.String(), syscall.ENOSPC.Error()) {
		t.Errorf("expected a checkpoint without room, got %v, %q", err, stderr.String())
	}
	if _, err := lenet.Load(filepath.Join(disk, modelFile)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(disk, checkpointFile)); err != nil {
		t.Error(err)
	}
}

// TestLock: a second run in the same folder is refused and names the first, which
// goes on; a killed run's lock is nobody's.
func TestLock(t *testing.T) {
	out := t.TempDir()
	c := long(t, out)
	lines := firstLine(t, c)
	for _, name := range []string{"train", "sweep"} {
		_, stderr := execute(t, 1, name, "--data", dataFolder(t), "--out", out)
		if !strings.Contains(stderr, "process "+strconv.Itoa(c.Process.Pid)) {
			t.Errorf("%s said %q", name, stderr)
		}
	}
	if _, err := lines.ReadString('\n'); err != nil {
		t.Errorf("the first run ended: %v", err)
	}
	c.Process.Kill()
	c.Wait()
	execute(t, 0, "train", "--data", dataFolder(t), "--limit", "20", "--epochs", "1", "--out", out)
	for _, name := range list(t, out) {
		if strings.HasPrefix(name, ".") {
			t.Errorf("%s is left", name)
		}
	}
}

// TestBytesOfNames: names that are not UTF-8 are taken as they are, and printed
// quoted, like those with control characters.
func TestBytesOfNames(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"a\xff", "a\xfe"} {
		if err := os.WriteFile(filepath.Join(folder, "probe"+name), nil, 0o666); err != nil {
			t.Skipf("the file system takes UTF-8 only: %v", err)
		}
		os.Remove(filepath.Join(folder, "probe"+name))
		execute(t, 0, "export", "--onnx", filepath.Join(folder, name))
	}
	if names := list(t, folder); len(names) != 2 || names[0] != "a\xfe" || names[1] != "a\xff" {
		t.Errorf("the folder holds %q", names)
	}
	_, stderr := execute(t, 1, "eval", "--model", folder+"/\x1b]0;title\x07\xff")
	if strings.ContainsAny(stderr, "\x1b\x07") || strings.Contains(stderr, "\xff") || !strings.Contains(stderr, `\x1b]0;title\a\xff`) {
		t.Errorf("stderr: %q", stderr)
	}
	if got := quoted("a\x1b[1m\xff"); got != `"a\x1b[1m\xff"` {
		t.Errorf("got %s", got)
	}
	// A picture: once for people, and once as JSON, from which its name can be had back.
	var content bytes.Buffer
	one := image.NewGray(image.Rect(0, 0, 28, 28))
	for y := 4; y < 24; y++ {
		one.Pix[28*y+13], one.Pix[28*y+14] = 255, 255
	}
	if err := png.Encode(&content, one); err != nil {
		t.Fatal(err)
	}
	odd := filepath.Join(folder, "\x07\xff.png")
	if err := os.WriteFile(odd, content.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	stdout, _ := execute(t, 0, "predict", odd)
	if strings.Contains(stdout, "\a") || strings.Contains(stdout, "\xff") || !strings.Contains(stdout, `/\a\xff.png": `) {
		t.Errorf("predict printed %q", stdout)
	}
	for _, command := range []string{"predict", "read"} {
		stdout, _ := execute(t, 0, command, "--json", odd)
		var line struct{ Image string }
		if err := json.Unmarshal([]byte(stdout), &line); err != nil {
			t.Errorf("%s: %v in %q", command, err, stdout)
		}
		if name, err := strconv.Unquote(line.Image); err != nil || name != odd {
			t.Errorf("%s: the name %q, error %v", command, line.Image, err)
		}
	}
	if got := quoted("é 4.png"); got != "é 4.png" {
		t.Errorf("got %s", got)
	}
}
