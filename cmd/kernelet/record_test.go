package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRecord: go tool reads the trace, in which every phase of a step has
// regions, and the profile.
func TestRecord(t *testing.T) {
	folder := t.TempDir()
	trace, profile := filepath.Join(folder, "trace"), filepath.Join(folder, "profile")
	execute(t, 0, "train", "--data", dataFolder(t), "--limit", "300", "--epochs", "2", "--threads", "2", "--quiet",
		"--out", filepath.Join(folder, "out"), "--trace", trace, "--cpuprofile", profile)
	events, err := exec.Command("go", "tool", "trace", "-d=parsed", trace).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"convolutions", "fc1", "fc2, loss", "conv2, weight gradient", "other weights"} {
		if n := bytes.Count(events, []byte(`Type="`+name+`"`)); n < 6 {
			t.Errorf("phase %q: expected at least a region's begin in each of 6 steps, got %d", name, n)
		}
	}
	if text, err := exec.Command("go", "tool", "pprof", "-raw", profile).Output(); err != nil || !bytes.Contains(text, []byte("cpu/nanoseconds")) {
		t.Errorf("expected a profile, got %.200q, error %v", text, err)
	}
	for _, flag := range []string{"--trace", "--cpuprofile"} {
		if _, stderr := execute(t, 1, "train", "--data", dataFolder(t), "--out", filepath.Join(folder, "other"), flag, filepath.Join(folder, "none", "file")); !strings.Contains(stderr, flag+": ") {
			t.Errorf("%s to a folder that is not there: %q", flag, stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "other", modelFile)); err == nil {
		t.Error("it trained nevertheless")
	}
}
