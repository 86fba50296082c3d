// Step measures the numbers of a page of the tour on the machine at hand.
//
//	go run ./docs/tour/step N              # the numbers of page N
//	go run ./docs/tour/step -record        # all of them, into docs/tour/measured.json and trace.json
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/kernels"
)

// figure is a number of a page.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// step is a page of the tour.
type step struct {
	title string
	run   func(set *kernels.Set) ([]figure, error)
}

var steps = []step{
	{"the network", networkStep},
	{"the roofline", rooflineStep},
	{"a lane is an image", lanesStep},
	{"Winograd", winogradStep},
	{"gradients and errors", gradientsStep},
	{"twelve points", twelveStep},
	{"exact zeros", zerosStep},
	{"bits", bitsStep},
	{"Adam", adamStep},
	{"the engine", engineStep},
	{"bytes", bytesStep},
	{"one image alone", singleStep},
	{"reading the assembly", assemblyStep},
	{"dispatch", dispatchStep},
	{"tests", testsStep},
}

// measured is what docs/tour/measured.json has.
type measured struct {
	CPU     string              `json:"cpu"`
	Family  int                 `json:"family"`
	Model   int                 `json:"model"`
	ISA     string              `json:"isa"`
	Go      string              `json:"go"`
	Date    string              `json:"date"`
	Figures map[string][]figure `json:"figures"` // by the number of the page
}

func main() {
	record := flag.Bool("record", false, "measure all pages and write docs/tour/measured.json")
	flag.Parse()
	if err := run(*record, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "step:", err)
		os.Exit(1)
	}
}

func run(record bool, arguments []string) error {
	set, err := kernels.Select("")
	if err != nil {
		return err
	}
	if !record {
		if len(arguments) != 1 {
			return fmt.Errorf("expected one number of a page, 1 to %d, got %d arguments", len(steps), len(arguments))
		}
		n, err := strconv.Atoi(arguments[0])
		if err != nil || n < 1 || n > len(steps) {
			return fmt.Errorf("expected the number of a page, 1 to %d, got %q", len(steps), arguments[0])
		}
		_, err = show(n, set)
		return err
	}
	machine := bench.Inspect(set)
	all := measured{CPU: machine.CPU, Family: machine.Family, Model: machine.Model, ISA: set.Name(), Go: machine.Go,
		Date: time.Now().UTC().Format(time.DateOnly), Figures: map[string][]figure{}}
	for i := range steps {
		if all.Figures[strconv.Itoa(i+1)], err = show(i+1, set); err != nil {
			return err
		}
	}
	content, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile("docs/tour/measured.json", append(content, '\n'), 0o644); err != nil {
		return err
	}
	return recordTrace("docs/tour/trace.json")
}

// show prints the figures of a page.
func show(n int, set *kernels.Set) ([]figure, error) {
	figures, err := steps[n-1].run(set)
	if err != nil {
		return nil, fmt.Errorf("page %d, %s: %w", n, steps[n-1].title, err)
	}
	fmt.Printf("%d: %s (%s)\n", n, steps[n-1].title, set.Name())
	for _, f := range figures {
		fmt.Printf("  %-58s %10.4g %s\n", f.Name, f.Value, f.Unit)
	}
	return figures, nil
}
