// Quote keeps the documentation in step with the source. Between
//
//	<!-- quote FILE NAME -->
//	<!-- end of quote -->
//
// a page shows the declaration of NAME in FILE, a Go file: a function, a method
// as Type.Method, a type, a variable or a constant, with its comment. Between
//
//	<!-- quote FILE "FIRST" "LAST" -->
//	<!-- end of quote -->
//
// it shows the lines of any file from the first that contains FIRST to the next
// that contains LAST. FILE is relative to the repository.
//
// And between
//
//	<!-- figures N -->
//	<!-- end of quote -->
//
// it shows the figures of page N in docs/tour/measured.json, with the machine.
//
// Without a flag quote writes the quotations into the pages. With -check it
// changes nothing and fails if one is stale, if a link leads nowhere, or if a page
// names a command, a flag, a package or a benchmark that does not exist.
package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	check := flag.Bool("check", false, "change nothing, and fail if a page is stale or names what does not exist")
	kernelet := flag.String("kernelet", "", "the built command, whose help says which commands and flags exist (with -check)")
	flag.Parse()
	if err := run(".", *check, *kernelet); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run brings all pages of the repository at root up to date, or checks them.
func run(root string, check bool, kernelet string) error {
	pages, err := findPages(root)
	if err != nil {
		return err
	}
	checker := newChecker(root, kernelet)
	var complaints []string
	for _, page := range pages {
		path := filepath.Join(root, page)
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text, err := fill(root, string(content))
		if err != nil {
			complaints = append(complaints, fmt.Sprintf("%s: %v", page, err))
			continue
		}
		if text != string(content) {
			if check {
				complaints = append(complaints, page+": a quotation is stale; go run ./internal/docs/quote")
			} else if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				return err
			}
		}
		if check {
			for _, complaint := range checker.page(page, text) {
				complaints = append(complaints, page+": "+complaint)
			}
		}
	}
	if len(complaints) > 0 {
		return fmt.Errorf("docs: %s", strings.Join(complaints, "\ndocs: "))
	}
	fmt.Printf("docs: %d pages, %d quotations, %d links, %d commands\n", len(pages), checker.quotations, checker.links, checker.commands)
	return nil
}

// findPages lists the Markdown files of the repository.
func findPages(root string) ([]string, error) {
	var pages []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() && (name == ".git" || name == filepath.Join(".ci", "build") || entry.Name() == "node_modules" || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !entry.IsDir() && filepath.Ext(name) == ".md" {
			pages = append(pages, name)
		}
		return nil
	})
	return pages, err
}
