package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const source = `package p

// Twice is n and n.
func Twice(n int) int { return 2 * n }

type number int

// Next is one more.
func (n *number) Next() {
	if *n > 0 {
		*n++
	}
}
`

func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func marked(what, text string) string {
	return "<!-- quote p.go " + what + " -->\n" + text + endMark + "\n"
}

// TestStale: a quotation is filled in, passes, and is stale when the source
// changes.
func TestStale(t *testing.T) {
	for what, want := range map[string]string{
		"Twice":                  "// Twice is n and n.\nfunc Twice(n int) int { return 2 * n }",
		"number":                 "type number int",
		"number.Next":            "// Next is one more.\nfunc (n *number) Next() {\n\tif *n > 0 {\n\t\t*n++\n\t}\n}",
		`"if *n > 0" "}"`:        "if *n > 0 {\n\t*n++\n}",
		`"type number" "number"`: "type number int",
	} {
		root := repository(t, map[string]string{"p.go": source, "docs/page.md": marked(what, "old\n")})
		if err := run(root, true, ""); err == nil || !strings.Contains(err.Error(), "stale") {
			t.Errorf("%s: expected a stale quotation, got %v", what, err)
		}
		if err := run(root, false, ""); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		page, err := os.ReadFile(filepath.Join(root, "docs/page.md"))
		if err != nil {
			t.Fatal(err)
		}
		if want := marked(what, "```go\n"+want+"\n```\n"); string(page) != want {
			t.Errorf("%s: expected\n%s\ngot\n%s", what, want, page)
		}
		if err := run(root, true, ""); err != nil {
			t.Errorf("%s: filled in, but %v", what, err)
		}
	}
}

// TestFigures: a page has the figures that were measured, and is stale when
// others were.
func TestFigures(t *testing.T) {
	measured := `{"cpu": "A", "family": 1, "model": 2, "isa": "avx2", "go": "go1", "date": "2026-01-02", "figures": {"3": [
		{"name": "a", "value": 13.18244, "unit": "MFLOP"}, {"name": "b", "value": 431080, "unit": ""}, {"name": "c", "value": 0.000002657, "unit": ""}, {"name": "d", "value": 5925.3, "unit": "µs"}]}}`
	page := "<!-- figures 3 -->\n" + endMark + "\n"
	root := repository(t, map[string]string{measuredFile: measured, "page.md": page, "docs/tour/step/main.go": "package main\n"})
	if err := run(root, true, ""); err == nil || !strings.Contains(err.Error(), "stale") {
		t.Errorf("expected stale figures, got %v", err)
	}
	if err := run(root, false, ""); err != nil {
		t.Fatal(err)
	}
	filled, err := os.ReadFile(filepath.Join(root, "page.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| a | 13.18 MFLOP |", "| b | 431080 |", "| c | 2.657e-06 |", "| d | 5925 µs |", "A (family 1, model 2), avx2, go1, 2026-01-02."} {
		if !strings.Contains(string(filled), want+"\n") {
			t.Errorf("expected %q in\n%s", want, filled)
		}
	}
	if err := run(root, true, ""); err != nil {
		t.Error(err)
	}
}

// TestComplaints: every kind of mistake in a page is found, and what is right is
// not.
func TestComplaints(t *testing.T) {
	files := map[string]string{"p.go": source, "p_test.go": "package p\n\nfunc BenchmarkTwice() {}\n", "other.md": "# One thing\n"}
	for page, want := range map[string]string{
		marked("Thrice", ""):                            "declaration of Thrice",
		marked(`"func Half" "}"`, ""):                   "func Half",
		"<!-- quote p.go Twice -->\n":                   "expected " + endMark,
		marked("Twice", "<!-- quote p.go number -->\n"): "expected " + endMark,
		"<!-- quote ../p.go Twice -->\n" + endMark:      "a file of the repository",
		"[there](nowhere.md)":                           "no such file",
		"[there](../other.md#two)":                      "no such heading",
		"<img src=\"nothing.svg\">":                     "no such file",
		"`go run ./nowhere`":                            "no package",
		"    go test -bench Half .":                     "",
		"    go test -bench Half ./":                    "no benchmark Half",
		"    go test -bench Twice ./":                   "",
		"[there](../other.md#one-thing) `[]` `a](b)`":   "",
	} {
		files["docs/page.md"] = page
		err := run(repository(t, files), true, "")
		if want == "" && err != nil {
			t.Errorf("%q: %v", page, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: expected an error with %q, got %v", page, want, err)
		}
	}
}
