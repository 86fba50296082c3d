package classify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/kernelet/kernelet/beam/internal/failure"
	"github.com/kernelet/kernelet/beam/internal/storage"
	"github.com/kernelet/kernelet/mnist"
)

// Piece is a run of a file's images: what one worker reads, classifies and
// writes at once.
type Piece struct {
	File        string
	Labels      string // file of labels, or ""
	First, Last int64  // images First to Last−1; Last 0: the whole file
	Name        string // of the piece's files
}

// Outcome is what became of a piece, or why a file could not be read. It is the
// content of the piece's file of counts.
type Outcome struct {
	File      string        `json:"file"`
	First     int64         `json:"first"`
	Images    int64         `json:"images"`
	Labelled  int64         `json:"labelled"`
	Digits    [10]int64     `json:"digits"`    // images by the digit that was read
	Confusion [10][10]int64 `json:"confusion"` // labelled images by label, then by digit
	Problem   string        `json:"problem,omitempty"`
}

// problem is the Outcome of a file that could not be read.
func problem(file string, first int64, err error) Outcome {
	return Outcome{File: file, First: first, Problem: strings.ReplaceAll(err.Error(), "\n", "; ")}
}

// job is what the pieces of an output folder have in common, kept in its
// jobFile, so that a run that goes on with other settings is refused.
type job struct {
	Input       string `json:"input"`
	ModelSHA256 string `json:"model_sha256"`
	Format      string `json:"format"`
	PieceImages int64  `json:"piece_images"`
}

// match lists the files.
func (o *Options) match(ctx context.Context) ([]string, error) {
	paths, err := storage.Glob(ctx, o.Input)
	if err != nil {
		return nil, fmt.Errorf("--input: %w", err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("--input: no file matches %s", o.Input)
	}
	want, err := json.Marshal(job{o.Input, o.ModelSHA256, o.Format, o.PieceImages})
	if err != nil {
		return nil, err
	}
	want = append(want, '\n')
	if !o.Output.Exists(ctx, jobFile) {
		return paths, o.Output.Write(ctx, jobFile, want)
	}
	got, err := o.Output.Read(ctx, jobFile)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(got, want) {
		return nil, fmt.Errorf("--output: %s is of another job: expected %s, got %s", o.Output.Path(jobFile), bytes.TrimSpace(want), bytes.TrimSpace(got))
	}
	return paths, nil
}

// plan cuts a file into pieces, and says what is known of those that are done.
func (o *Options) plan(ctx context.Context, file string, emit func(Piece), outcome func(Outcome)) error {
	pieces, err := o.pieces(ctx, file)
	if errors.Is(err, errLabels) {
		return nil // the pattern matched labels beside their images
	}
	if err != nil {
		outcome(problem(file, 0, err))
		return nil
	}
	for _, p := range pieces {
		switch done, err := o.done(ctx, p); {
		case err != nil:
			return failure.Wrap(err)
		case done != nil:
			outcome(*done)
		default:
			emit(p)
		}
	}
	return nil
}

func (o *Options) pieces(ctx context.Context, file string) ([]Piece, error) {
	name := strings.TrimPrefix(file, fixedFolder(o.Input))
	s, labels, err := openImages(ctx, file)
	if err != nil {
		return nil, err
	}
	defer s.close()
	whole := Piece{File: file, Name: name}
	if labels == nil {
		whole.Labels = labelsName(ctx, file)
	}
	if whole.Labels != "" {
		// All of them, so that no piece of the file is written if some are wrong.
		if _, err := readLabels(ctx, whole.Labels, 0, s.count, s.count); err != nil {
			return nil, err
		}
	}
	if !s.seekable {
		return []Piece{whole}, nil
	}
	var pieces []Piece
	for first := int64(0); first < s.count; first += o.PieceImages {
		p := whole
		p.First, p.Last = first, min(s.count, first+o.PieceImages)
		p.Name = fmt.Sprintf("%s-%010d-%010d", name, p.First, p.Last)
		pieces = append(pieces, p)
	}
	return pieces, nil
}

// fixedFolder is the part of a pattern before the first element with a wildcard;
// of a pattern without one, the file's folder.
func fixedFolder(pattern string) string {
	if i := strings.IndexAny(pattern, "*?["); i >= 0 {
		pattern = pattern[:i]
	}
	folder, _ := path.Split(pattern)
	return folder
}

// done returns a piece's outcome if its files are there.
func (o *Options) done(ctx context.Context, p Piece) (*Outcome, error) {
	name := o.countsName(p)
	if !o.Output.Exists(ctx, name) || !o.Output.Exists(ctx, o.predictionsName(p)) {
		return nil, nil
	}
	content, err := o.Output.Read(ctx, name)
	if err != nil {
		return nil, err
	}
	var outcome Outcome
	if err := json.Unmarshal(content, &outcome); err != nil {
		return nil, fmt.Errorf("%s: %w; remove it to classify the piece again", o.Output.Path(name), err)
	}
	return &outcome, nil
}

func (o *Options) predictionsName(p Piece) string { return "predictions/" + p.Name + "." + o.Format }

func (o *Options) countsName(p Piece) string { return "pieces/" + p.Name + ".json" }

// imageBytes of n images.
func imageBytes(n int64) int64 { return n * mnist.ImageBytes }
