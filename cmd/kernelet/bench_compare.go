package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/bench/report"
)

type benchCompareCommand struct {
	Reports    []string `arg:"" name:"report" help:"Files; the first is what the others are compared with."`
	Markdown   bool     `help:"Print a table of Markdown." xor:"form"`
	CSV        bool     `name:"csv" help:"Print every report's figures of every row." xor:"form"`
	HTML       string   `name:"html" help:"Also write the comparison as a page." placeholder:"FILE"`
	FailSlower string   `help:"Exit with 1 if a row is slower than the first report's by more than this, such as 5%, and not by chance." placeholder:"PERCENT"`
}

// share is what --fail-slower names, as a share of 1; below 0 without the flag.
func (c *benchCompareCommand) share() (float64, error) {
	if c.FailSlower == "" {
		return -1, nil
	}
	percent, err := strconv.ParseFloat(strings.TrimSuffix(c.FailSlower, "%"), 64)
	if err != nil || !(percent >= 0 && percent <= 1000) {
		return 0, usageError{fmt.Errorf("bench compare: --fail-slower: expected from 0%% to 1000%%, got %q", c.FailSlower)}
	}
	return percent / 100, nil
}

// Run compares reports.
func (c *benchCompareCommand) Run(e *environment) error {
	if len(c.Reports) < 2 {
		return usageError{fmt.Errorf("bench compare: expected at least two reports, got %d", len(c.Reports))}
	}
	share, err := c.share()
	if err != nil {
		return err
	}
	var reports []*bench.Report
	for _, path := range c.Reports {
		r, err := report.Read(path)
		if err != nil {
			return err
		}
		reports = append(reports, r)
	}
	names := shortNames(c.Reports)
	write := report.Compare
	switch {
	case c.Markdown:
		write = report.CompareMarkdown
	case c.CSV:
		write = report.CompareCSV
	}
	if err := write(e.stdout, names, reports); err != nil {
		return err
	}
	if err := writeRendered(c.HTML, func(w io.Writer) error { return report.CompareHTML(w, names, reports) }); err != nil {
		return err
	}
	if share < 0 {
		return nil
	}
	slower, err := report.Slower(names, reports, share)
	if err != nil {
		return err
	}
	for _, row := range slower {
		fmt.Fprintln(e.stderr, row)
	}
	if len(slower) > 0 {
		return fmt.Errorf("bench compare: %d rows are slower by more than %s", len(slower), c.FailSlower)
	}
	return nil
}

// shortNames are the files' names without their folders where they differ, else
// as much of the paths as tells them apart.
func shortNames(paths []string) []string {
	names, seen := make([]string, len(paths)), map[string]int{}
	for i, path := range paths {
		names[i] = filepath.Base(path)
		seen[names[i]]++
	}
	for i, path := range paths {
		if seen[names[i]] > 1 {
			names[i] = path
		}
	}
	return names
}
