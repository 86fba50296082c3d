package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/picture"
)

type predictCommand struct {
	Model   string   `help:"Model to read with; kernelet's own if not given." placeholder:"FILE"`
	ISA     string   `name:"isa" help:"Instruction set: auto, generic, avx2 or avx512." default:"auto"`
	JSON    bool     `name:"json" help:"Print one JSON object a picture."`
	Explain string   `help:"Write what was seen at each step, as pictures, to this folder." placeholder:"DIR"`
	Images  []string `arg:"" name:"image" help:"PNG, JPEG, GIF, WebP, BMP or TIFF, any size, dark on light or light on dark; folders, patterns, or - for standard input."`
}

// reading is a line of --json.
type reading struct {
	Image string `json:"image"`
	lenet.Prediction
	Refused bool `json:"refused"` // no digit, by the model's rejection score
}

// Run reads every picture. Those that cannot be read are named on standard
// error, and the others are read all the same.
func (c *predictCommand) Run(e *environment) error {
	reader, err := newReader(e, c.Model, c.ISA)
	if err != nil {
		return fmt.Errorf("predict: %w", err)
	}
	paths, err := picturePaths(c.Images)
	if err != nil {
		return fmt.Errorf("predict: %w", err)
	}
	names := explainNames(paths)
	return eachPicture(e, paths, func(i int, p *picture.Picture) (print func() error, err error) {
		if c.Explain != "" {
			if err := explain(reader, p, c.Explain, names[i]); err != nil {
				return nil, err
			}
		}
		d, err := reader.Digit(p)
		if err != nil {
			return nil, err
		}
		if math.IsNaN(float64(d.Probability)) {
			return nil, errors.New("the model's logits are too large: their probabilities are not finite")
		}
		return func() error { return c.print(e.stdout, paths[i], d) }, nil
	})
}

func (c *predictCommand) print(w io.Writer, path string, d picture.Digit) error {
	if c.JSON {
		return json.NewEncoder(w).Encode(reading{inJSON(path), d.Prediction, d.Rejected()})
	}
	var b strings.Builder
	if d.Rejected() {
		fmt.Fprintf(&b, "%s: no digit (most like %d, %.2f %%)\n", quoted(path), d.Digit, 100*d.Probability)
	} else {
		fmt.Fprintf(&b, "%s: %d (%.2f %%)\n", quoted(path), d.Digit, 100*d.Probability)
	}
	for digit, probability := range d.Probabilities {
		fmt.Fprintf(&b, "  %d %7.3f %%\n", digit, 100*probability)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// newReader returns a reader of pictures with a model file, or kernelet's own
// model if there is no path.
func newReader(e *environment, path, isa string) (*picture.Reader, error) {
	model, err := loadModel(e, path)
	if err != nil {
		return nil, err
	}
	classifier, err := newClassifier(model, isa)
	if err != nil {
		return nil, err
	}
	return picture.NewReader(classifier), nil
}

// worthProgress is the number of pictures from which progress is shown.
const worthProgress = 50

// pictureProgress returns the progress of so many pictures. What is printed
// shows it already if that goes to a terminal, where a line that is written over
// and over would be cleared for every answer.
func pictureProgress(stdout, stderr io.Writer, pictures int) *progress {
	_, watched := terminalWidth(stdout)
	return newProgress(stderr, watched || pictures < worthProgress, "pictures")
}

// eachPicture decodes pictures and reads them on all threads, and prints what
// was read in their order. Pictures that fail are named on standard error; the
// error counts them. read gets a picture's index in paths.
func eachPicture(e *environment, paths []string, read func(i int, p *picture.Picture) (print func() error, err error)) error {
	type result struct {
		print  func() error
		frames int
		err    error
	}
	// Every picture has a place of its own, so that order costs no waiting; few
	// are on their way at a time, so that memory stays small.
	results := make([]chan result, len(paths))
	for i := range results {
		results[i] = make(chan result, 1)
	}
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(len(paths), runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i := range next {
				p, err := decodeFile(paths[i], os.Stdin)
				r := result{frames: 1, err: err}
				if err == nil {
					r.frames = p.Frames
					r.print, r.err = read(i, p)
				}
				results[i] <- r
			}
		})
	}
	stop := make(chan struct{})
	go func() {
		defer close(next)
		for i := range paths {
			select {
			case next <- i:
			case <-stop:
				return
			case <-e.ctx.Done():
				return
			}
		}
	}()
	defer func() {
		close(stop)
		if e.ctx.Err() == nil { // else one may wait for input that never comes
			workers.Wait()
		}
	}()
	bar := pictureProgress(e.stdout, e.stderr, len(paths))
	defer bar.clear()
	complain := func(path string, what any) {
		bar.clear() // until it is written again
		fmt.Fprintf(e.stderr, "kernelet: %s: %v\n", quoted(path), what)
	}
	failed := 0
	for i, path := range paths {
		var r result
		select {
		case r = <-results[i]:
		case <-e.ctx.Done():
			return e.ctx.Err()
		}
		if r.frames > 1 {
			complain(path, fmt.Sprintf("the first of %d frames is read", r.frames))
		}
		switch {
		case r.err != nil && len(paths) == 1:
			return fmt.Errorf("%s: %w", path, r.err)
		case r.err != nil:
			failed++
			complain(path, r.err)
		default:
			if err := r.print(); err != nil {
				return err
			}
		}
		bar.update(i+1, len(paths))
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d pictures could not be read", failed, len(paths))
	}
	return nil
}

func decodeFile(path string, stdin io.Reader) (*picture.Picture, error) {
	if path == standardInput {
		return picture.Decode(stdin, picture.Limits{})
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return picture.Decode(file, picture.Limits{})
}
