// Command kernels makes docs/kernels.md, the table of all kernels, from the list
// of cases that tests and benchmarks run too, and from the kernels' own comments:
//
//	go run ./internal/docs/kernels          writes the page
//	go run ./internal/docs/kernels -check   fails if it is not what the code says
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kernelet/kernelet/internal/docs/page"
	"github.com/kernelet/kernelet/kernels"
)

func main() {
	check := flag.Bool("check", false, "only look whether the page is what the code says")
	flag.Parse()
	if err := run(".", *check); err != nil {
		fmt.Fprintln(os.Stderr, "kernels:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	content, err := makePage(root)
	if err != nil {
		return err
	}
	return page.Put(filepath.Join(root, "docs", "kernels.md"), content, check, "go run ./internal/docs/kernels")
}

// place is where a kernel is documented: a file of the repository.
type place struct{ file, text string }

func makePage(root string) ([]byte, error) {
	places, err := methods(root)
	if err != nil {
		return nil, err
	}
	if err := steps(root, places); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(head)
	layer := ""
	for _, c := range chosen(kernels.Cases()) {
		if l := kernels.Layer(c.Kernel); l != layer {
			layer = l
			fmt.Fprintf(&b, "\n## %s\n\n%s", layer, columns)
		}
		at, ok := places[c.Kernel]
		if !ok {
			return nil, fmt.Errorf("%s: expected a comment on a method or in the assembly, got none", c.Kernel)
		}
		read, written := c.Slices()
		fmt.Fprintf(&b, "| [%s](../%s) | %s | %s | %s | %s | %s | %s |\n", c.Kernel, at.file, at.text,
			strings.Join(read, "<br>"), strings.Join(written, "<br>"), thousands(c.Dense), thousands(c.Executed), thousands(c.Touched()/c.Work))
	}
	return b.Bytes(), nil
}

// chosen are one case of each kernel, those of a layer side by side: that which
// is measured or, of the steps that are measured as a whole, the largest.
func chosen(cases []kernels.Case) []kernels.Case {
	var list []kernels.Case
	for _, c := range cases {
		at := slices.IndexFunc(list, func(other kernels.Case) bool { return other.Kernel == c.Kernel })
		switch {
		case at < 0:
			list = append(list, c)
		case c.Measured || !list[at].Measured && c.Touched() >= list[at].Touched():
			list[at] = c
		}
	}
	var layers []string
	for _, c := range list {
		layers = append(layers, kernels.Layer(c.Kernel))
	}
	slices.SortStableFunc(list, func(a, b kernels.Case) int {
		return slices.Index(layers, kernels.Layer(a.Kernel)) - slices.Index(layers, kernels.Layer(b.Kernel))
	})
	return list
}

// methods are the first sentences on the methods of kernels.Set, by their names.
func methods(root string) (map[string]place, error) {
	paths, err := filepath.Glob(filepath.Join(root, "kernels", "*.go"))
	if err != nil {
		return nil, err
	}
	places := map[string]place{}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Doc != nil && f.Recv != nil {
				places[f.Name.Name] = place{"kernels/" + filepath.Base(path), sentence(f)}
			}
		}
	}
	return places, nil
}

// comment matches an assembly function's comment up to its registers: the
// kernel, how many images it takes, what it does.
var comment = regexp.MustCompile(`TEXT .*\n\t// ([A-Za-z0-9]*?[A-Za-z])(?:8|16)? ((?:.*\n\t// )*?)Registers:`)

// steps adds what has no method, the steps of one: their comments in the assembly.
func steps(root string, places map[string]place) error {
	paths, err := filepath.Glob(filepath.Join(root, "asm", "avx512", "*.s"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, found := range comment.FindAllStringSubmatch(string(content), -1) {
			if _, method := places[found[1]]; !method {
				text, _, _ := strings.Cut(strings.ReplaceAll(found[2], "\n\t// ", " "), ";")
				places[found[1]] = place{"asm/avx512/" + filepath.Base(path), cell(text)}
			}
		}
	}
	return nil
}

// sentence is the first sentence of a function's comment without its name, with
// the formula that follows a colon.
func sentence(f *ast.FuncDecl) string {
	text := f.Doc.Text()
	first := strings.TrimPrefix(new(doc.Package).Synopsis(text), f.Name.Name+" ")
	if _, rest, _ := strings.Cut(text, "\n\n\t"); strings.HasSuffix(first, ":") {
		formula, _, _ := strings.Cut(rest, "\n")
		first += " " + strings.Join(strings.Fields(formula), " ")
	}
	return cell(first)
}

// cell is a text as it can stand in a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.TrimRight(text, " .;:"), "|", "\\|")
}

// thousands prints a number with its digits in groups of three, a dash for none.
func thousands(x float64) string {
	if x == 0 {
		return "–"
	}
	if x < 100 {
		return fmt.Sprintf("%.3g", x)
	}
	digits := fmt.Sprintf("%.0f", x)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

const head = `# The kernels

Every kernel, from the list of cases that also drives its tests and its benchmarks ([kernels/cases_list.go](../kernels/cases_list.go)), and from the
comment on it. [doc.go](../kernels/doc.go) says how names are made and where a kernel's formula, twin, test, assembly and benchmark are.

Sizes are those that are measured: a block of 16 images, a batch of 100 in 104 lanes, or one image. Operations count a fused multiply-add as
two; *dense* are those of the layer by its definition, *executed* those of the algorithm, and bytes are what one call reads and writes; each divided by the
images whose work the call does. This page is made by ` + "`go run ./internal/docs/kernels`" + `; what each kernel reaches on a machine, ` + "`kernelet bench`" + ` says
([machines](machines/README.md)).
`

const columns = `| kernel | computes | reads | writes | dense | executed | bytes |
| --- | --- | --- | --- | --- | --- | --- |
`
