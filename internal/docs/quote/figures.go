package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// measuredFile has the figures of the tour.
const measuredFile = "docs/tour/measured.json"

// figureTable is the table of a page's figures.
func figureTable(root, page string) (string, error) {
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(measuredFile)))
	if err != nil {
		return "", err
	}
	var all struct {
		CPU, ISA, Go, Date string
		Family, Model      int
		Figures            map[string][]struct {
			Name  string
			Value float64
			Unit  string
		}
	}
	if err := json.Unmarshal(content, &all); err != nil {
		return "", fmt.Errorf("%s: %w", measuredFile, err)
	}
	figures := all.Figures[page]
	if len(figures) == 0 {
		return "", fmt.Errorf("%s: expected figures of page %s, got none", measuredFile, page)
	}
	var table strings.Builder
	fmt.Fprintf(&table, "| `go run ./docs/tour/step %s` | |\n| --- | --- |\n", page)
	for _, f := range figures {
		fmt.Fprintf(&table, "| %s | %s |\n", f.Name, strings.TrimSpace(number(f.Value)+" "+f.Unit))
	}
	fmt.Fprintf(&table, "\n%s (family %d, model %d), %s, %s, %s.\n", all.CPU, all.Family, all.Model, all.ISA, all.Go, all.Date)
	return table.String(), nil
}

// number writes a value with four digits that mean something, or a whole number
// with all of its digits.
func number(v float64) string {
	size := math.Abs(v)
	switch {
	case v == math.Trunc(v) && size < 1e9:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case size < 1e-3:
		return strconv.FormatFloat(v, 'g', 4, 64)
	case size >= 1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 4-int(math.Floor(math.Log10(size)))-1, 64)
}
