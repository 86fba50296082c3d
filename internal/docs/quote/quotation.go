package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const endMark = "<!-- end of quote -->"

var (
	beginMark = regexp.MustCompile(`^<!-- quote (\S+) (.+) -->$`)
	measured  = regexp.MustCompile(`^<!-- figures (\d+) -->$`)
	between   = regexp.MustCompile(`^"(.+)" "(.+)"$`)
)

// fill returns a page with all of its quotations as the source has them now.
func fill(root, page string) (string, error) {
	var filled strings.Builder
	lines := strings.SplitAfter(page, "\n")
	for i := 0; i < len(lines); i++ {
		filled.WriteString(lines[i])
		mark := beginMark.FindStringSubmatch(strings.TrimSpace(lines[i]))
		figures := measured.FindStringSubmatch(strings.TrimSpace(lines[i]))
		if mark == nil && figures == nil {
			continue
		}
		end := i + 1
		for end < len(lines) && strings.TrimSpace(lines[end]) != endMark {
			if beginMark.MatchString(strings.TrimSpace(lines[end])) {
				break
			}
			end++
		}
		if end == len(lines) || strings.TrimSpace(lines[end]) != endMark {
			return "", fmt.Errorf("line %d: expected %s after the quotation, got none", i+1, endMark)
		}
		if figures != nil {
			table, err := figureTable(root, figures[1])
			if err != nil {
				return "", fmt.Errorf("line %d: %w", i+1, err)
			}
			filled.WriteString(table + lines[end])
			i = end
			continue
		}
		text, err := quotation(root, mark[1], mark[2])
		if err != nil {
			return "", fmt.Errorf("line %d: %w", i+1, err)
		}
		language := strings.TrimPrefix(filepath.Ext(mark[1]), ".")
		fmt.Fprintf(&filled, "```%s\n%s\n```\n%s", language, text, lines[end])
		i = end
	}
	return filled.String(), nil
}

// quotation returns what a mark asks for.
func quotation(root, file, what string) (string, error) {
	if !filepath.IsLocal(file) {
		return "", fmt.Errorf("%s: expected a file of the repository", file)
	}
	content, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return "", err
	}
	if ends := between.FindStringSubmatch(what); ends != nil {
		return part(file, string(content), ends[1], ends[2])
	}
	return declaration(file, content, what)
}

// part returns the lines from the first with one text to the next with another,
// without the indentation that all of them have.
func part(file, content, first, last string) (string, error) {
	lines := strings.Split(content, "\n")
	for from, line := range lines {
		if !strings.Contains(line, first) {
			continue
		}
		for to := from; to < len(lines); to++ {
			if strings.Contains(lines[to], last) {
				return unindented(lines[from : to+1]), nil
			}
		}
		return "", fmt.Errorf("%s: expected a line with %q after that with %q, got none", file, last, first)
	}
	return "", fmt.Errorf("%s: expected a line with %q, got none", file, first)
}

func unindented(lines []string) string {
	indentation := -1
	for _, line := range lines {
		if tabs := len(line) - len(strings.TrimLeft(line, "\t")); line != "" && (indentation < 0 || tabs < indentation) {
			indentation = tabs
		}
	}
	cut := make([]string, len(lines))
	for i, line := range lines {
		cut[i] = line[min(max(indentation, 0), len(line)):]
	}
	return strings.Join(cut, "\n")
}

// declaration returns the declaration of a name in a Go file, with its comment.
func declaration(file string, content []byte, name string) (string, error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, content, parser.ParseComments)
	if err != nil {
		return "", err
	}
	for _, d := range parsed.Decls {
		from, found := d.Pos(), false
		switch d := d.(type) {
		case *ast.FuncDecl:
			found = functionName(d) == name
			if d.Doc != nil {
				from = d.Doc.Pos()
			}
		case *ast.GenDecl:
			found = declares(d, name)
			if d.Doc != nil {
				from = d.Doc.Pos()
			}
		}
		if found {
			return string(content[files.Position(from).Offset:files.Position(d.End()).Offset]), nil
		}
	}
	return "", fmt.Errorf("%s: expected a declaration of %s, got none", file, name)
}

// functionName is a function's name, or Type.Method.
func functionName(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return d.Name.Name
	}
	receiver := d.Recv.List[0].Type
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver = pointer.X
	}
	if generic, ok := receiver.(*ast.IndexExpr); ok {
		receiver = generic.X
	}
	if t, ok := receiver.(*ast.Ident); ok {
		return t.Name + "." + d.Name.Name
	}
	return d.Name.Name
}

func declares(d *ast.GenDecl, name string) bool {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.Name == name {
				return true
			}
		case *ast.ValueSpec:
			for _, n := range spec.Names {
				if n.Name == name {
					return true
				}
			}
		}
	}
	return false
}
