package main

import (
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/kernelet/kernelet/beam/internal/classify"
	"github.com/kernelet/kernelet/beam/internal/storage"
)

type classifyCommand struct {
	Input       string `help:"Files of images: IDX, plain or gzip-compressed, or Parquet; local, s3:// or gs://. * and ? are wildcards." required:"" placeholder:"PATTERN"`
	Output      string `help:"Folder, or prefix as s3://bucket/name, for predictions, counts and the summary; pieces whose files are there are not classified again." required:"" placeholder:"DIR"`
	Model       string `help:"Model to classify with; kernelet's own if not given." placeholder:"FILE"`
	Format      string `help:"Of the predictions: csv or parquet." enum:"csv,parquet" default:"csv"`
	PieceImages int64  `help:"Images a file of predictions, of input that can be read from the middle: local, uncompressed IDX." default:"100000" placeholder:"N"`

	runnerFlags
}

// Run classifies. Files that could not be read are an error at the end.
func (c *classifyCommand) Run(e *environment) error {
	if c.PieceImages < 1 {
		return usageError{fmt.Errorf("--piece-images: expected at least 1, got %d", c.PieceImages)}
	}
	model, err := classify.LoadModel(e.ctx, c.Model)
	if err != nil {
		return err
	}
	options := classify.Options{Input: c.Input, Output: storage.Folder(c.Output), Model: c.Model, ModelSHA256: model.SHA256(), Format: c.Format, PieceImages: c.PieceImages}
	if err := c.execute(e, func(s beam.Scope) { classify.Build(s, options) }); err != nil {
		return err
	}
	summary, err := classify.ReadSummary(e.ctx, options.Output)
	if err != nil {
		// The output of a cluster may be out of this machine's sight.
		_, err = fmt.Fprintf(e.stdout, "done; %s is not readable from here\n", options.Output.Path(classify.SummaryFile))
		return err
	}
	fmt.Fprintf(e.stdout, "%d images in %d pieces, predictions in %s\n", summary.Images, summary.Pieces, c.Output)
	if summary.Labelled > 0 {
		printConfusion(e.stdout, summary)
	}
	if summary.Unread > 0 {
		return fmt.Errorf("%d files or pieces could not be read: %s says why", summary.Unread, options.Output.Path(classify.DeadLettersFile))
	}
	return nil
}
