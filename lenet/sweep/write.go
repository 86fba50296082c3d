package sweep

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/kernelet/kernelet/internal/wholefile"
)

// Files that Write leaves in a sweep's folder, beside runs/ID.json.
const (
	LinesFile        = "runs.jsonl"  // a Result a line
	RunsFile         = "runs.csv"    // a line a run, with the figures of its last epoch
	EpochsFile       = "epochs.csv"  // a line an epoch of a run
	SummaryFile      = "summary.csv" // a line a Group
	DistributionFile = "distribution.svg"
	CurvesFile       = "curves.svg"
	PageFile         = "sweep.html" // all of it, to look at
)

// File is the content of one of the files.
type File struct {
	Name    string
	Content []byte
}

// Files returns the tables, plots and the page of results. All are the same
// bytes for the same results.
func Files(results []Result) ([]File, error) {
	for i := range results {
		if r := &results[i]; r.Error == "" && (len(r.Epochs) == 0 || len(r.Epochs) != r.Settings.Epochs) {
			return nil, fmt.Errorf("%w: result %d: expected %d epochs, got %d", ErrResult, i, r.Settings.Epochs, len(r.Epochs))
		}
	}
	summary := Summarise(results)
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for i := range results {
		if err := encoder.Encode(&results[i]); err != nil {
			return nil, err
		}
	}
	files := []File{{LinesFile, lines.Bytes()}, {RunsFile, runsTable(results)}, {EpochsFile, epochsTable(results)}, {SummaryFile, summary.table()}}
	if summary.Best < 0 {
		return files, nil // nothing to draw
	}
	distribution, curves := summary.distribution(wide), summary.curves(wide)
	page, err := summary.page(results)
	return append(files, File{DistributionFile, distribution}, File{CurvesFile, curves}, File{PageFile, page}), err
}

// Write writes Files to a folder, each at once.
func Write(folder string, results []Result) error {
	files, err := Files(results)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		if err := wholefile.Write(filepath.Join(folder, f.Name), f.Content); err != nil {
			return err
		}
	}
	return nil
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func table(header []string, rows func(write func(row []string))) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write(header) // a bytes.Buffer takes everything
	rows(func(row []string) { w.Write(row) })
	w.Flush()
	return b.Bytes()
}

func runsTable(results []Result) []byte {
	header := append([]string{"id"}, parameterNames()...)
	header = append(header, "train_loss", "train_acc", "val_loss", "val_acc", "weights_sha256", "isa", "seconds", "error")
	return table(header, func(write func([]string)) {
		for i := range results {
			r := &results[i]
			row := append([]string{r.ID}, texts(r.Settings.Settings, parameterNames())...)
			if last := r.Last(); r.Error == "" {
				row = append(row, number(last.TrainLoss), number(last.TrainAccuracy), number(last.ValLoss), number(last.ValAccuracy))
			} else {
				row = append(row, "", "", "", "")
			}
			write(append(row, r.WeightsSHA256, r.ISA, number(r.Seconds), r.Error))
		}
	})
}

func epochsTable(results []Result) []byte {
	header := append([]string{"id"}, parameterNames()...)
	header = append(header, "epoch", "train_loss", "train_acc", "val_loss", "val_acc", "epoch_seconds")
	return table(header, func(write func([]string)) {
		for i := range results {
			for _, e := range results[i].Epochs {
				row := append([]string{results[i].ID}, texts(results[i].Settings.Settings, parameterNames())...)
				write(append(row, strconv.Itoa(e.Epoch), number(e.TrainLoss), number(e.TrainAccuracy), number(e.ValLoss), number(e.ValAccuracy), number(e.Seconds)))
			}
		}
	})
}

func (s *Summary) table() []byte {
	header := append(append([]string{}, s.Varied...), "runs", "failed")
	for _, figure := range []string{"val_acc", "val_loss", "train_loss", "seconds"} {
		for _, what := range []string{"mean", "sd", "low95", "high95", "min", "max"} {
			header = append(header, figure+"_"+what)
		}
	}
	header = append(header, "best_seed", "best_val_acc", "best_weights_sha256")
	return table(header, func(write func([]string)) {
		for i := range s.Groups {
			g := &s.Groups[i]
			row := append(texts(g.Settings.Settings, s.Varied), strconv.Itoa(g.Count), strconv.Itoa(g.Failed))
			if len(g.Runs) == 0 {
				write(append(row, make([]string, len(header)-len(row))...))
				continue
			}
			for _, f := range []Figures{g.ValAccuracy, g.ValLoss, g.TrainLoss, g.Seconds} {
				row = append(row, number(f.Mean), number(f.SD), number(f.Low), number(f.High), number(f.Min), number(f.Max))
			}
			best := &g.Runs[g.Best]
			write(append(row, strconv.FormatUint(best.Settings.Seed, 10), number(best.Last().ValAccuracy), best.WeightsSHA256))
		}
	})
}
