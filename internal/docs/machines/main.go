// Command machines makes docs/machines/README.md from the reports beside it,
// which kernelet bench --save wrote:
//
//	go run ./internal/docs/machines          writes the page
//	go run ./internal/docs/machines -check   fails if it is not what the reports say
package main

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/bench/report"
	"github.com/kernelet/kernelet/internal/docs/page"
)

const folder = "docs/machines"

func main() {
	check := flag.Bool("check", false, "only look whether the page is what the reports say")
	flag.Parse()
	if err := run(folder, *check); err != nil {
		fmt.Fprintln(os.Stderr, "machines:", err)
		os.Exit(1)
	}
}

func run(folder string, check bool) error {
	content, err := makePage(folder)
	if err != nil {
		return err
	}
	return page.Put(filepath.Join(folder, "README.md"), content, check, "go run ./internal/docs/machines")
}

// machine is a report and its file's name.
type machine struct {
	file string
	*bench.Report
}

// makePage makes the page of a folder's reports, fastest first.
func makePage(folder string) ([]byte, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	var machines []machine
	for _, path := range paths {
		r, err := report.Read(path)
		if err != nil {
			return nil, err
		}
		switch {
		case r.Score.Version != bench.ScoreVersion:
			return nil, fmt.Errorf("%s: score: expected version %d, got %d: measure again", path, bench.ScoreVersion, r.Score.Version)
		case r.Score.Disturbed != "":
			return nil, fmt.Errorf("%s: not a result: %s", path, r.Score.Disturbed)
		case r.Score.OneThread <= 0 || r.Score.AllThreads <= 0:
			return nil, fmt.Errorf("%s: a report without scores", path)
		}
		machines = append(machines, machine{filepath.Base(path), r})
	}
	if len(machines) == 0 {
		return nil, errors.New(folder + ": no reports")
	}
	slices.SortStableFunc(machines, func(a, b machine) int {
		return cmp.Or(cmp.Compare(b.Score.OneThread, a.Score.OneThread), strings.Compare(a.file, b.file))
	})
	var b bytes.Buffer
	b.WriteString(head)
	for _, m := range machines {
		cpu := m.Machine.CPU
		if m.Machine.Microarchitecture != "" {
			cpu += ", " + m.Machine.Microarchitecture
		}
		kind := ""
		if m.Machine.Hypervisor != "" {
			kind = ", virtual"
		}
		fmt.Fprintf(&b, "| %s (family %d, model %d)%s | %d, %d | %s | %.2f | %s | %.0f | %.0f | %s | %s | %s | %s | [%s](%s) |\n",
			strings.ReplaceAll(cpu, "|", "/"), m.Machine.Family, m.Machine.Model, kind, m.Machine.Cores, m.Machine.Used, m.Machine.ISA, m.Machine.Clock,
			m.best(bench.PeakName, "ceiling", 1, 0), m.Score.OneThread, m.Score.AllThreads,
			m.best(bench.Train, "whole", 1, 100), m.best(bench.Infer, "whole", 1, 100), m.best(bench.Infer, "whole", 1, 1),
			m.best(bench.TrainRate, "whole", m.Machine.Used, 100), m.Date[:min(10, len(m.Date))], m.file)
	}
	b.WriteString(tail)
	return b.Bytes(), nil
}

// best is the best sample of a row of the set that the whole network ran on.
func (m machine) best(name, group string, threads, batch int) string {
	for _, r := range m.Rows {
		if r.Group != group || r.Name != name || r.Threads != threads || r.Batch != batch || r.ISA != m.Machine.ISA {
			continue
		}
		if r.Best >= 1000 {
			return fmt.Sprintf("%.0f", r.Best)
		}
		return fmt.Sprintf("%.1f", r.Best)
	}
	return "–"
}

const head = `# Machines

Reports of ` + "`kernelet bench`" + ` ([what is measured, and how](../bench.md)), one thread's fastest first. Times and rates are
the best samples, on the network's own instruction set; the reports have medians, intervals, every kernel and every sample.
This page is made from the reports: ` + "`go run ./internal/docs/machines`" + `.

| CPU | cores, threads used | set | GHz | peak of one thread, GFLOP/s | score, one thread | score, all threads | train, batch 100, µs/image | read, batch 100 | one image alone | a network on each thread, images/s trained | report |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
`

const tail = `
## Add yours

    kernelet bench --wait --save zen4-epyc-9354-linux.json

on a machine that nothing else uses: end browsers and builds, put a laptop on its charger, set the governor to performance if you may.
` + "`--wait`" + ` begins when it is quiet. A run that was disturbed says *not a result*; run again. Name the file after the
microarchitecture, the model and the system, put it into this folder, make the page again, and propose both as a change. Say in it whether
the machine is virtual, what cools it, and which limits of power are set, if you know. Nothing in a report names you: it has the CPU, its caches and features,
versions, the load average, and figures.

To compare with one of these: ` + "`kernelet bench compare docs/machines/NAME.json yours.json --html page.html`" + `.
`
