// Draw makes the drawings of the tour from a trained network's activations, from
// the formulas' constants, from docs/tour/measured.json and trace.json, which
// docs/tour/step -record measured, and from lines.json, which lenet's
// TestCacheLines checks.
//
//	go run ./docs/tour/draw          # write docs/tour/*.svg
//	go run ./docs/tour/draw -check   # fail if one of them is not what would be written
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

const folder = "docs/tour"

// data is what drawings are made from.
type data struct {
	Figures map[string][]struct {
		Name  string
		Value float64
		Unit  string
	}
	regions []region
	lines   stepLines
}

type region struct {
	Worker   int
	Phase    string
	From, To float64
	Tasks    []int
}

// value is a figure of a page.
func (d *data) value(page, name string) (float64, error) {
	for _, f := range d.Figures[page] {
		if f.Name == name {
			return f.Value, nil
		}
	}
	return 0, fmt.Errorf("measured.json: page %s has no figure %q", page, name)
}

var drawings = []struct {
	name string
	draw func(*data) (*drawing, error)
}{
	{"01-network", drawNetwork},
	{"02-roofline", drawRoofline},
	{"03-lanes", drawLanes},
	{"04-winograd", drawWinograd},
	{"05-gradients", drawErrors},
	{"06-twelve", drawPoints},
	{"07-zeros", drawZeros},
	{"08-bits", drawSums},
	{"09-adam", drawMoment},
	{"10-engine", drawTrace},
	{"10-lines", drawLines},
	{"11-bytes", drawBytes},
	{"12-single", drawSingle},
	{"13-assembly", drawRegisters},
	{"14-dispatch", drawDispatch},
	{"15-tests", drawTests},
	{"16-own", drawOwn},
}

func main() {
	check := flag.Bool("check", false, "write nothing, and fail if a drawing would change")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "draw:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	var d data
	if err := read("measured.json", &d); err != nil {
		return err
	}
	if err := read("trace.json", &d.regions); err != nil {
		return err
	}
	if err := read("lines.json", &d.lines); err != nil {
		return err
	}
	for _, drawing := range drawings {
		made, err := drawing.draw(&d)
		if err != nil {
			return fmt.Errorf("%s: %w", drawing.name, err)
		}
		path := filepath.Join(folder, drawing.name+".svg")
		if !check {
			if err := os.WriteFile(path, []byte(made.String()), 0o644); err != nil {
				return err
			}
			continue
		}
		kept, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if string(kept) != made.String() {
			return fmt.Errorf("%s is stale; go run ./docs/tour/draw", path)
		}
	}
	return nil
}

func read(name string, into any) error {
	content, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
