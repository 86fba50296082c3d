package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
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
	Tasks  []int   `json:"tasks,omitempty"` // in the order in which it took them
}

// recordTrace writes the regions of the fastest of 100 steps of training on two threads, as Go's
// execution tracer saw them, to path.
func recordTrace(path string) error {
	settings := lenet.Tutorial()
	settings.Threads = 2
	trainer, err := lenet.NewTrainer(lenet.NewModel(1), settings)
	if err != nil {
		return err
	}
	defer trainer.Close()
	data := network.Digits(10000)
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
	regions, err := fastestStep(events)
	if err != nil {
		return err
	}
	content, err := json.MarshalIndent(regions, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}

var (
	regionEvent = regexp.MustCompile(` G=(\d+) Region(Begin|End) Time=(\d+) .*Type="([^"]+)"`)
	taskEvent   = regexp.MustCompile(` G=(\d+) Log Time=.* Message="(\d+)"`)
)

// fastestStep returns the regions of the fastest step of the events that go tool
// trace printed: others on the machine disturb it least. Worker 0 begins a step's first phase.
func fastestStep(events []byte) ([]region, error) {
	type open struct {
		phase string
		at    float64
		tasks []int
	}
	workers := map[string]int{}
	stacks := map[string][]open{}
	var regions []region
	scanner := bufio.NewScanner(bytes.NewReader(events))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		if log := taskEvent.FindStringSubmatch(scanner.Text()); log != nil {
			if n := len(stacks[log[1]]); n > 0 {
				task, err := strconv.Atoi(log[2])
				if err != nil {
					return nil, err
				}
				stacks[log[1]][n-1].tasks = append(stacks[log[1]][n-1].tasks, task)
			}
			continue
		}
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
			stacks[goroutine] = append(stacks[goroutine], open{phase: phase, at: at})
			continue
		}
		if n := len(stacks[goroutine]); n > 0 {
			begun := stacks[goroutine][n-1]
			stacks[goroutine] = stacks[goroutine][:n-1]
			regions = append(regions, region{workers[goroutine], begun.phase, begun.at / 1e3, at / 1e3, begun.tasks})
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, err
	}
	var begins []float64
	for _, r := range regions {
		if r.Phase == "shared blocks, conv1" && r.Worker == 0 {
			begins = append(begins, r.From)
		}
	}
	begins = append(begins, math.Inf(1))
	var fastest []region
	least := math.Inf(1)
	for i, begin := range begins[:len(begins)-1] {
		var step []region
		end := 0.0
		for _, r := range regions {
			if r.To > begin && r.To <= begins[i+1] { // all have ended when the next step begins
				r.From, r.To = max(0, r.From-begin), r.To-begin
				step, end = append(step, r), max(end, r.To)
			}
		}
		if end < least {
			fastest, least = step, end
		}
	}
	if len(fastest) == 0 {
		return nil, fmt.Errorf("trace: expected regions of a step, got none")
	}
	return fastest, nil
}
