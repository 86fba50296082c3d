// Package classify is a Beam pipeline that reads files of images, classifies
// them and writes a table for every piece of a file.
//
//	pattern → files → Reshuffle → pieces → Reshuffle → predictions/… and counts → summary
//
// Only names cross a Reshuffle; images never leave the DoFn that reads them.
// A piece's files have the same names and bytes whoever writes them and however
// often; a piece whose files are there is not classified again. A file that
// cannot be read is a dead letter.
package classify

import (
	"context"
	"encoding/json"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/kernelet/kernelet/beam/internal/failure"
	"github.com/kernelet/kernelet/beam/internal/storage"
	"github.com/kernelet/kernelet/lenet"
)

// Formats of the predictions.
const (
	FormatCSV     = "csv"
	FormatParquet = "parquet"
)

// Options of a job. They travel to the workers.
type Options struct {
	Input       string // pattern of files
	Output      storage.Folder
	Model       string // safetensors file; "": kernelet's own model
	ModelSHA256 string // of its weights
	Format      string
	PieceImages int64 // at most, of files that can be read from the middle
}

func init() {
	register.DoFn3x1[context.Context, []byte, func(string), error](&matchFn{})
	register.DoFn4x1[context.Context, string, func(Piece), func(Outcome), error](&planFn{})
	register.DoFn3x1[context.Context, Piece, func(Outcome), error](&classifyFn{})
	register.DoFn3x1[context.Context, int, func(*Outcome) bool, error](&reportFn{})
	register.Emitter1[string]()
	register.Emitter1[Piece]()
	register.Emitter1[Outcome]()
	register.Iter1[Outcome]()
	beam.RegisterType(reflect.TypeFor[Piece]())
	beam.RegisterType(reflect.TypeFor[Outcome]())
	beam.RegisterCoder(reflect.TypeFor[Piece](), encodePiece, decodePiece)
	beam.RegisterCoder(reflect.TypeFor[Outcome](), encodeOutcome, decodeOutcome)
}

// Coders are named functions: Beam tells functions apart by names, which those of
// one generic function share.

func encodePiece(v Piece) ([]byte, error) { return json.Marshal(v) }

func decodePiece(content []byte) (v Piece, err error) {
	err = json.Unmarshal(content, &v)
	return v, err
}

func encodeOutcome(v Outcome) ([]byte, error) { return json.Marshal(v) }

func decodeOutcome(content []byte) (v Outcome, err error) {
	err = json.Unmarshal(content, &v)
	return v, err
}

// Build adds the pipeline to a scope.
func Build(s beam.Scope, o Options) {
	files := beam.Reshuffle(s, beam.ParDo(s, &matchFn{o}, beam.Impulse(s)))
	pieces, known := beam.ParDo2(s, &planFn{o}, files)
	outcomes := beam.Flatten(s, known, beam.ParDo(s, &classifyFn{Options: o}, beam.Reshuffle(s, pieces)))
	beam.ParDo0(s, &reportFn{o}, beam.GroupByKey(s, beam.AddFixedKey(s, outcomes)))
}

type matchFn struct{ Options Options }

// ProcessElement emits the files.
func (f *matchFn) ProcessElement(ctx context.Context, _ []byte, emit func(string)) error {
	files, err := f.Options.match(ctx)
	for _, file := range files {
		emit(file)
	}
	return failure.Wrap(err)
}

type planFn struct{ Options Options }

// ProcessElement emits the pieces of a file that are to be classified, and the
// outcomes of the others.
func (f *planFn) ProcessElement(ctx context.Context, file string, emit func(Piece), outcome func(Outcome)) error {
	return failure.Wrap(f.Options.plan(ctx, file, emit, outcome))
}

type classifyFn struct {
	Options    Options
	classifier *lenet.Classifier
}

// Setup gets the process's classifier.
func (f *classifyFn) Setup(ctx context.Context) (err error) {
	f.classifier, err = f.Options.classifier(ctx)
	return failure.Wrap(err)
}

// ProcessElement classifies a piece.
func (f *classifyFn) ProcessElement(ctx context.Context, p Piece, emit func(Outcome)) error {
	outcome, err := f.Options.classify(ctx, f.classifier, p)
	if err == nil {
		emit(outcome)
	}
	return failure.Wrap(err)
}

type reportFn struct{ Options Options }

// ProcessElement writes the summary of all outcomes.
func (f *reportFn) ProcessElement(ctx context.Context, _ int, next func(*Outcome) bool) error {
	return failure.Wrap(f.Options.report(ctx, next))
}
