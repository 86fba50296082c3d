package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// checker holds pages against what exists.
type checker struct {
	root, kernelet              string
	help                        map[string]string // of kernelet's commands
	headings                    map[string][]string
	quotations, links, commands int
}

func newChecker(root, kernelet string) *checker {
	return &checker{root: root, kernelet: kernelet, help: map[string]string{}, headings: map[string][]string{}}
}

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"`)
	inline   = regexp.MustCompile("`([^`]+)`")
	longFlag = regexp.MustCompile(`(?:^|\s)--([a-z][a-z0-9-]*)`)
	goRun    = regexp.MustCompile(`\bgo (?:run|test|build|vet)\b[^|;&#]*`)
	folder   = regexp.MustCompile(`(?:^|\s)\./[\w./-]*`)
	bench    = regexp.MustCompile(`-bench[ =]'?([A-Za-z0-9_]+)`)
)

// page returns what is wrong with a page.
func (c *checker) page(name, text string) (complaints []string) {
	fenced, program := false, false
	for number, line := range strings.Split(text, "\n") {
		complain := func(format string, arguments ...any) {
			complaints = append(complaints, fmt.Sprintf("line %d: ", number+1)+fmt.Sprintf(format, arguments...))
		}
		if beginMark.MatchString(strings.TrimSpace(line)) {
			c.quotations++
		}
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
			program = fenced && line != "```" && line != "```sh"
			continue
		}
		if program {
			continue
		}
		if fenced || strings.HasPrefix(line, "    ") {
			if err := c.command(strings.TrimPrefix(strings.TrimSpace(line), "$ ")); err != nil {
				complain("%v", err)
			}
			continue
		}
		for _, code := range inline.FindAllStringSubmatch(line, -1) {
			if err := c.command(code[1]); err != nil {
				complain("%v", err)
			}
		}
		for _, target := range link.FindAllStringSubmatch(inline.ReplaceAllString(line, "``"), -1) {
			if err := c.link(name, target[1]+target[2]); err != nil {
				complain("%v", err)
			}
		}
	}
	return complaints
}

// link fails if a link to a file, or to a heading of one, leads nowhere. Links
// to other hosts are not followed.
func (c *checker) link(page, target string) error {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return nil
	}
	c.links++
	file, anchor, _ := strings.Cut(target, "#")
	path := page
	if file != "" {
		path = filepath.Join(filepath.Dir(page), filepath.FromSlash(file))
	}
	if _, err := os.Stat(filepath.Join(c.root, path)); err != nil {
		return fmt.Errorf("link %s: no such file", target)
	}
	if anchor == "" || filepath.Ext(path) != ".md" {
		return nil
	}
	headings, err := c.headingsOf(path)
	if err != nil {
		return err
	}
	for _, heading := range headings {
		if heading == anchor {
			return nil
		}
	}
	return fmt.Errorf("link %s: no such heading", target)
}

var noAnchor = regexp.MustCompile(`[^\p{L}\p{N}\s_-]`)

// headingsOf lists the anchors of a page's headings as GitHub makes them.
func (c *checker) headingsOf(page string) ([]string, error) {
	if headings, known := c.headings[page]; known {
		return headings, nil
	}
	content, err := os.ReadFile(filepath.Join(c.root, page))
	if err != nil {
		return nil, err
	}
	var headings []string
	for line := range strings.SplitSeq(string(content), "\n") {
		if text, is := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); is && strings.HasPrefix(line, "#") {
			anchor := noAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(text)), "")
			headings = append(headings, strings.ReplaceAll(anchor, " ", "-"))
		}
	}
	c.headings[page] = headings
	return headings, nil
}

// command fails if a line names a command of kernelet, a flag of it, a package or
// a benchmark that does not exist. Other lines it lets pass.
func (c *checker) command(line string) error {
	line, _, _ = strings.Cut(line, " #")
	if match := goRun.FindString(line); match != "" {
		if err := c.goCommand(match); err != nil {
			return err
		}
	}
	line = strings.TrimPrefix(line, "go run ./cmd/kernelet ")
	words := strings.Fields(strings.TrimPrefix(strings.TrimPrefix(line, "./"), "kernelet "))
	isKernelet := strings.HasPrefix(line, "kernelet ") || strings.HasPrefix(line, "./kernelet ")
	if !isKernelet || len(words) == 0 || strings.HasPrefix(words[0], "-") || c.kernelet == "" {
		return nil
	}
	c.commands++
	help, err := c.helpOf(words)
	if err != nil {
		return fmt.Errorf("`%s`: %w", line, err)
	}
	for _, f := range longFlag.FindAllStringSubmatch(line, -1) {
		if !strings.Contains(help, "--"+f[1]) && !strings.Contains(help, "--[no-]"+f[1]) {
			return fmt.Errorf("`%s`: kernelet %s has no flag --%s", line, words[0], f[1])
		}
	}
	return nil
}

var plainWord = regexp.MustCompile(`^[a-z]+$`)

// helpOf is the help of a command of kernelet, and of its own command if words
// name one.
func (c *checker) helpOf(words []string) (string, error) {
	arguments := words[:1]
	if len(words) > 1 && plainWord.MatchString(words[1]) {
		arguments = words[:2]
	}
	key := strings.Join(arguments, " ")
	if help, known := c.help[key]; known {
		return help, nil
	}
	var help string
	for n := 1; n <= len(arguments); n++ {
		output, err := exec.Command(c.kernelet, append(append([]string{}, arguments[:n]...), "--help")...).CombinedOutput()
		if err != nil && n == 1 {
			return "", fmt.Errorf("kernelet has no command %s", words[0])
		}
		if err == nil { // a second word may be an argument
			help += string(output)
		}
	}
	c.help[key] = help
	return help, nil
}

// modules are the folders in which the pages call go, relative to the repository.
var modules = []string{".", "gen", "beam"}

// directory is the folder of a package in one of the modules, or empty.
func (c *checker) directory(path string) string {
	for _, module := range modules {
		directory := filepath.Join(c.root, module, strings.TrimSuffix(path, "..."))
		if info, err := os.Stat(directory); err == nil && info.IsDir() {
			return directory
		}
	}
	return ""
}

// goCommand fails if a package that a go command names does not exist, or has no
// such benchmark.
func (c *checker) goCommand(line string) error {
	for _, path := range folder.FindAllString(line, -1) {
		path = strings.TrimSpace(path)
		c.commands++
		directory := c.directory(path)
		if directory == "" {
			return fmt.Errorf("`%s`: no package %s", line, path)
		}
		name := bench.FindStringSubmatch(line)
		if name == nil {
			continue
		}
		tests, err := filepath.Glob(filepath.Join(directory, "*_test.go"))
		if err != nil {
			return err
		}
		found := false
		for _, test := range tests {
			content, err := os.ReadFile(test)
			if err != nil {
				return err
			}
			found = found || strings.Contains(string(content), "func Benchmark"+name[1])
		}
		if !found {
			return fmt.Errorf("`%s`: %s has no benchmark %s", line, path, name[1])
		}
	}
	return nil
}
