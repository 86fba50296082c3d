package main

import (
	"encoding/json"
	"fmt"
	"image"
	"io"
	"slices"
	"strings"

	"github.com/kernelet/kernelet/picture"
)

type readCommand struct {
	Model   string   `help:"Model to read with; kernelet's own if not given." placeholder:"FILE"`
	ISA     string   `name:"isa" help:"Instruction set: auto, generic, avx2 or avx512." default:"auto"`
	JSON    bool     `name:"json" help:"Print one JSON object a picture."`
	Grid    gridSize `help:"Read the cells of a table, such as a sudoku's 9x9 (columns x rows); an empty one is a dot." placeholder:"CxR"`
	Overlay string   `help:"Draw what was found, over the only picture, to this PNG file." placeholder:"FILE"`
	Images  []string `arg:"" name:"image" help:"Pictures of numbers: files, folders, patterns, or - for standard input."`
}

// gridSize is the number of columns and rows of a table; zero: no table.
type gridSize struct{ columns, rows int }

// UnmarshalText reads 9x9.
func (g *gridSize) UnmarshalText(text []byte) error {
	const most = 100
	var rest string
	if n, _ := fmt.Sscanf(string(text)+" .", "%dx%d %s", &g.columns, &g.rows, &rest); n != 3 || rest != "." ||
		g.columns < 1 || g.rows < 1 || g.columns > most || g.rows > most {
		return fmt.Errorf("expected columns and rows such as 9x9, from 1 to %d each, got %q", most, text)
	}
	return nil
}

// page is a line of --json.
type page struct {
	Image string    `json:"image"`
	Rows  []pageRow `json:"rows"`
}

type pageRow struct {
	Text   string      `json:"text"`
	Box    [4]int      `json:"box"` // x, y, width, height in pixels
	Digits []pageDigit `json:"digits"`
}

type pageDigit struct {
	Digit        int           `json:"digit"`
	Probability  float32       `json:"probability"`
	Box          [4]int        `json:"box"`
	Alternatives []alternative `json:"alternatives"` // the next likely, at least 1 %
	Refused      bool          `json:"refused"`      // no digit, by the model's rejection score
}

type alternative struct {
	Digit       int     `json:"digit"`
	Probability float32 `json:"probability"`
}

// Run reads the numbers of every picture.
func (c *readCommand) Run(e *environment) error {
	reader, err := newReader(e, c.Model, c.ISA)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	paths, err := picturePaths(c.Images)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if c.Overlay != "" && len(paths) != 1 {
		return usageError{fmt.Errorf("read: --overlay: expected one picture, got %d", len(paths))}
	}
	return eachPicture(e, paths, func(i int, p *picture.Picture) (print func() error, err error) {
		var rows []picture.Row
		if c.Grid.columns > 0 {
			rows, err = reader.Grid(p, c.Grid.columns, c.Grid.rows)
		} else {
			rows, err = reader.Rows(p)
		}
		if err != nil {
			return nil, err
		}
		if c.Overlay != "" {
			if err := overlay(c.Overlay, p, rows); err != nil {
				return nil, err
			}
		}
		return func() error { return c.print(e.stdout, paths[i], rows, len(paths) > 1) }, nil
	})
}

func (c *readCommand) print(w io.Writer, path string, rows []picture.Row, several bool) error {
	if c.JSON {
		return json.NewEncoder(w).Encode(newPage(path, rows))
	}
	var b strings.Builder
	for _, row := range rows {
		if several {
			fmt.Fprintf(&b, "%s: ", quoted(path))
		}
		fmt.Fprintln(&b, row.Text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func newPage(path string, rows []picture.Row) page {
	result := page{Image: inJSON(path), Rows: []pageRow{}}
	for _, row := range rows {
		r := pageRow{Text: row.Text, Box: corner(row.Box), Digits: []pageDigit{}}
		for _, d := range row.Digits {
			one := pageDigit{Digit: d.Digit, Probability: d.Probability, Box: corner(d.Box), Alternatives: []alternative{}, Refused: d.Rejected()}
			for digit, p := range d.Probabilities {
				if digit != d.Digit && p >= 0.01 {
					one.Alternatives = append(one.Alternatives, alternative{digit, p})
				}
			}
			slices.SortFunc(one.Alternatives, func(a, b alternative) int {
				if a.Probability > b.Probability {
					return -1
				}
				return 1
			})
			r.Digits = append(r.Digits, one)
		}
		result.Rows = append(result.Rows, r)
	}
	return result
}

// corner is a box as x, y, width and height.
func corner(r image.Rectangle) [4]int { return [4]int{r.Min.X, r.Min.Y, r.Dx(), r.Dy()} }
