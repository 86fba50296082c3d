package classify

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/parquet-go/parquet-go"

	"github.com/kernelet/kernelet/beam/internal/storage"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/mnist"
)

// blockImages are read and classified at once: 784 kB.
const blockImages = 1000

// classifiers are this process's, by model; there is one in practice.
var classifiers struct {
	sync.Mutex
	by map[string]*lenet.Classifier
}

// classifier returns the process's classifier, which uses all processors. The
// weights must be those that the submitter has.
func (o *Options) classifier(ctx context.Context) (*lenet.Classifier, error) {
	classifiers.Lock()
	defer classifiers.Unlock()
	if c := classifiers.by[o.ModelSHA256]; c != nil {
		return c, nil
	}
	model, err := LoadModel(ctx, o.Model)
	if err != nil {
		return nil, err
	}
	if got := model.SHA256(); got != o.ModelSHA256 {
		return nil, fmt.Errorf("--model: %s: expected weights %s as where the job was submitted, got %s", o.Model, o.ModelSHA256, got)
	}
	c, err := lenet.NewClassifier(model, lenet.Options{})
	if err != nil {
		return nil, err
	}
	if classifiers.by == nil {
		classifiers.by = map[string]*lenet.Classifier{}
	}
	classifiers.by[o.ModelSHA256] = c
	return c, nil
}

// LoadModel reads a model from any of Beam's filesystems; kernelet's own if there
// is no name.
func LoadModel(ctx context.Context, name string) (*lenet.Model, error) {
	if name == "" {
		return pretrained.Model()
	}
	file, err := storage.Open(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("--model: %w", err)
	}
	defer file.Close()
	model, err := lenet.Read(file)
	if err != nil {
		return nil, fmt.Errorf("--model: %s: %w", name, err)
	}
	return model, nil
}

// inputError is an error of what is read: it ends a piece, not the job.
type inputError struct{ error }

// Unwrap implements errors.Unwrap.
func (e inputError) Unwrap() error { return e.error }

// classify reads, classifies and writes a piece: predictions first, then the
// counts, whose file says that the piece is done. An error of the input is an
// Outcome, one of the output ends the job.
func (o *Options) classify(ctx context.Context, classifier *lenet.Classifier, p Piece) (Outcome, error) {
	s, labels, err := openImages(ctx, p.File)
	if err != nil {
		return problem(p.File, p.First, err), nil
	}
	defer s.close()
	last := p.Last
	if last == 0 {
		last = s.count
	}
	if p.Labels != "" {
		if labels, err = readLabels(ctx, p.Labels, p.First, last, s.count); err != nil {
			return problem(p.File, p.First, err), nil
		}
	}
	if p.First > 0 {
		// Where pieces start in the middle, files can be sought.
		if _, err := s.Reader.(io.Seeker).Seek(imagesHeader+imageBytes(p.First), io.SeekStart); err != nil {
			return problem(p.File, p.First, err), nil
		}
	}
	outcome := Outcome{File: p.File, First: p.First, Images: last - p.First}
	err = o.Output.WriteTo(ctx, o.predictionsName(p), func(w io.Writer) error {
		t := newTable(w, o.Format)
		if err := outcome.read(s, classifier, labels, t); err != nil {
			return err
		}
		if p.Last == 0 {
			if n, err := io.Copy(io.Discard, s); err != nil || n > 0 { // gzip checks its sum here
				return inputError{fmt.Errorf("%s: %w: %d bytes follow the last image, error %w", p.File, mnist.ErrFormat, n, err)}
			}
		}
		return t.close()
	})
	var bad inputError
	if errors.As(err, &bad) {
		return problem(p.File, p.First, bad.error), nil
	}
	if err != nil {
		return Outcome{}, err
	}
	content, err := json.Marshal(outcome)
	if err != nil {
		return Outcome{}, err
	}
	return outcome, o.Output.Write(ctx, o.countsName(p), append(content, '\n'))
}

// read classifies o.Images images and counts them.
func (o *Outcome) read(r io.Reader, classifier *lenet.Classifier, labels []byte, t table) error {
	images := make([]byte, blockImages*mnist.ImageBytes)
	predictions := make([]lenet.Prediction, blockImages)
	for done := int64(0); done < o.Images; {
		n := min(blockImages, o.Images-done)
		if _, err := io.ReadFull(r, images[:imageBytes(n)]); err != nil {
			return inputError{fmt.Errorf("%s: %w: images %d to %d: %w", o.File, mnist.ErrFormat, o.First+done, o.First+done+n, err)}
		}
		if err := classifier.ClassifyBatch(predictions[:n], images[:imageBytes(n)]); err != nil {
			return err
		}
		for i, p := range predictions[:n] {
			label := -1
			if labels != nil {
				label = int(labels[done+int64(i)])
				o.Labelled++
				o.Confusion[label][p.Digit]++
			}
			o.Digits[p.Digit]++
			if err := t.add(o.First+done+int64(i), label, p); err != nil {
				return err
			}
		}
		done += n
	}
	return nil
}

// table takes the predictions of a piece.
type table interface {
	add(index int64, label int, p lenet.Prediction) error
	close() error
}

func newTable(w io.Writer, format string) table {
	if format == FormatParquet {
		return &parquetTable{w: parquet.NewGenericWriter[parquetRow](w, parquet.Compression(&parquet.Zstd))}
	}
	t := &csvTable{w: bufio.NewWriterSize(w, 1<<16)}
	t.w.WriteString("index,label,digit,probability\n") // its error stays for close
	return t
}

// csvTable writes index in the file, label or nothing, digit, and the digit's
// probability with six digits.
type csvTable struct {
	w    *bufio.Writer
	line []byte
}

func (t *csvTable) add(index int64, label int, p lenet.Prediction) error {
	t.line = append(strconv.AppendInt(t.line[:0], index, 10), ',')
	if label >= 0 {
		t.line = strconv.AppendInt(t.line, int64(label), 10)
	}
	t.line = append(strconv.AppendInt(append(t.line, ','), int64(p.Digit), 10), ',')
	t.line = append(strconv.AppendFloat(t.line, float64(p.Probability), 'f', 6, 32), '\n')
	_, err := t.w.Write(t.line)
	return err
}

func (t *csvTable) close() error { return t.w.Flush() }

type parquetRow struct {
	Index       int64   `parquet:"index"`
	Label       *int32  `parquet:"label,optional"`
	Digit       int32   `parquet:"digit"`
	Probability float32 `parquet:"probability"`
}

type parquetTable struct {
	w    *parquet.GenericWriter[parquetRow]
	rows []parquetRow
}

func (t *parquetTable) add(index int64, label int, p lenet.Prediction) error {
	row := parquetRow{Index: index, Digit: int32(p.Digit), Probability: p.Probability}
	if label >= 0 {
		row.Label = new(int32)
		*row.Label = int32(label)
	}
	if t.rows = append(t.rows, row); len(t.rows) < blockImages {
		return nil
	}
	return t.flush()
}

func (t *parquetTable) flush() error {
	_, err := t.w.Write(t.rows)
	t.rows = t.rows[:0]
	return err
}

func (t *parquetTable) close() error {
	if err := t.flush(); err != nil {
		return err
	}
	return t.w.Close()
}
