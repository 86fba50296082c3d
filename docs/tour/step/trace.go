package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/trace"
	"strconv"

	"github.com/kernelet/kernelet/docs/tour/internal/network"
	"github.com/kernelet/kernelet/lenet"
)

// region is what a worker did from one moment to another, µs after the step's
// beginning.
type region struct {
	Worker int     `json:"worker"`
	Phase  string  `json:"phase"`
	From   float64 `json:"from"`
	To     float64 `json:"to"`
}

// recordTrace writes the regions of one step of training on two threads, as Go's
// execution tracer saw them, to path.
func recordTrace(path string) error {
	settings := lenet.Tutorial()
	settings.Threads = 2
	trainer, err := lenet.NewTrainer(lenet.NewModel(1), settings)
	if err != nil {
		return err
	}
	defer trainer.Close()
	data := network.Digits(2000)
	if _, err := trainer.Epoch(context.Background(), data.Images, data.Labels); err != nil { // warm
		return err
	}
	folder, err := os.MkdirTemp("", "kernelet-tour")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	var recorded bytes.Buffer
	if err := trace.Start(&recorded); err != nil {
		return err
	}
	_, err = trainer.Epoch(context.Background(), data.Images, data.Labels)
	trace.Stop()
	if err != nil {
		return err
	}
	file := filepath.Join(folder, "trace")
	if err := os.WriteFile(file, recorded.Bytes(), 0o644); err != nil {
		return err
	}
	events, err := exec.Command("go", "tool", "trace", "-d=parsed", file).Output()
	if err != nil {
		return fmt.Errorf("go tool trace: %w", err)
	}
	regions, err := lastStep(events)
	if err != nil {
		return err
	}
	content, err := json.MarshalIndent(regions, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}

var regionEvent = regexp.MustCompile(` G=(\d+) Region(Begin|End) Time=(\d+) .*Type="([^"]+)"`)

// lastStep returns the regions of the last step of the events that go tool trace
// printed. The first phase of a step is the convolutions; worker 0 begins it.
func lastStep(events []byte) ([]region, error) {
	type open struct {
		phase string
		at    float64
	}
	workers := map[string]int{}
	stacks := map[string][]open{}
	var regions []region
	scanner := bufio.NewScanner(bytes.NewReader(events))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		event := regionEvent.FindStringSubmatch(scanner.Text())
		if event == nil {
			continue
		}
		goroutine, phase := event[1], event[4]
		at, err := strconv.ParseFloat(event[3], 64)
		if err != nil {
			return nil, err
		}
		if _, known := workers[goroutine]; !known {
			workers[goroutine] = len(workers)
		}
		if event[2] == "Begin" {
			stacks[goroutine] = append(stacks[goroutine], open{phase, at})
			continue
		}
		if n := len(stacks[goroutine]); n > 0 {
			begun := stacks[goroutine][n-1]
			stacks[goroutine] = stacks[goroutine][:n-1]
			regions = append(regions, region{workers[goroutine], begun.phase, begun.at / 1e3, at / 1e3})
		}
	}
	begin := 0.0
	for _, r := range regions {
		if r.Phase == "convolutions" && r.Worker == 0 {
			begin = r.From
		}
	}
	var step []region
	for _, r := range regions {
		if r.From >= begin-100 && r.To > begin {
			r.From, r.To = max(0, r.From-begin), r.To-begin
			step = append(step, r)
		}
	}
	if len(step) == 0 {
		return nil, fmt.Errorf("trace: expected regions of a step, got none")
	}
	return step, scanner.Err()
}
