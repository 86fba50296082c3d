package sweep

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"figure": func(v float64) string { return fmt.Sprintf("%.5f", v) },
	"per":    func(v float64) string { return fmt.Sprintf("%.3f", v) },
	"short":  func(hash string) string { return hash[:min(12, len(hash))] },
	"words":  func(name string) string { return strings.ReplaceAll(name, "_", " ") },
}).Parse(pageText))

// page is one file that needs no network. It is for summaries with a best run.
func (s *Summary) page(results []Result) ([]byte, error) {
	type row struct {
		Group  *Group
		Values []string
	}
	var rows []row
	for i := range s.Groups {
		rows = append(rows, row{&s.Groups[i], texts(s.Groups[i].Settings.Settings, s.Varied)})
	}
	type run struct {
		*Result
		Values []string
	}
	var runs []run
	for i := range results {
		runs = append(runs, run{&results[i], texts(results[i].Settings.Settings, s.Varied)})
	}
	type setting struct{ Name, Value string }
	var common []setting
	best := s.BestRun()
	for _, p := range parameters {
		if p.name != "seed" && !slices.Contains(s.Varied, p.name) {
			common = append(common, setting{p.name, p.text(best.Settings.Settings)})
		}
	}
	var page bytes.Buffer
	err := pageTemplate.Execute(&page, map[string]any{
		"Summary": s, "Rows": rows, "Runs": runs, "Best": best, "Common": common,
		"Distribution": template.HTML(s.distribution(wide)), "NarrowDistribution": template.HTML(s.distribution(narrow)),
		"Curves": template.HTML(s.curves(wide)), "NarrowCurves": template.HTML(s.curves(narrow)),
	})
	return page.Bytes(), err
}
