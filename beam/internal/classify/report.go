package classify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/kernelet/kernelet/beam/internal/storage"
)

// Files in the output folder, beside predictions/ and pieces/.
const (
	jobFile         = "job.json"
	SummaryFile     = "summary.json"
	DeadLettersFile = "dead-letters.jsonl" // only if a file could not be read
)

// Summary counts a whole job.
type Summary struct {
	Images    int64         `json:"images"`
	Labelled  int64         `json:"labelled"`
	Correct   int64         `json:"correct"`
	Accuracy  float64       `json:"accuracy"` // per cent of the labelled images
	Digits    [10]int64     `json:"digits"`
	Confusion [10][10]int64 `json:"confusion"` // labelled images by label, then by digit
	Pieces    int64         `json:"pieces"`
	Unread    int64         `json:"unread"` // dead letters
}

// add counts an outcome.
func (s *Summary) add(o *Outcome) {
	if o.Problem != "" {
		s.Unread++
		return
	}
	s.Pieces++
	s.Images += o.Images
	s.Labelled += o.Labelled
	for label := range o.Confusion {
		s.Digits[label] += o.Digits[label]
		s.Correct += o.Confusion[label][label]
		for digit := range o.Confusion[label] {
			s.Confusion[label][digit] += o.Confusion[label][digit]
		}
	}
	s.Accuracy = 100 * float64(s.Correct) / float64(max(1, s.Labelled))
}

// report writes the summary and the dead letters.
func (o *Options) report(ctx context.Context, next func(*Outcome) bool) error {
	var s Summary
	var problems []Outcome
	for {
		var outcome Outcome // next decodes into it
		if !next(&outcome) {
			break
		}
		s.add(&outcome)
		if outcome.Problem != "" {
			problems = append(problems, outcome)
		}
	}
	slices.SortFunc(problems, func(a, b Outcome) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.First, b.First)) })
	var letters bytes.Buffer
	encoder := json.NewEncoder(&letters)
	for _, p := range problems {
		if err := encoder.Encode(struct {
			File   string `json:"file"`
			First  int64  `json:"first"`
			Reason string `json:"reason"`
		}{p.File, p.First, p.Problem}); err != nil {
			return err
		}
	}
	if len(problems) == 0 {
		if err := o.Output.Remove(ctx, DeadLettersFile); err != nil {
			return err
		}
	} else if err := o.Output.Write(ctx, DeadLettersFile, letters.Bytes()); err != nil {
		return err
	}
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := o.Output.Write(ctx, SummaryFile, append(content, '\n')); err != nil {
		return err
	}
	return o.Output.Sweep(ctx)
}

// ReadSummary reads what the job has written.
func ReadSummary(ctx context.Context, output storage.Folder) (*Summary, error) {
	content, err := output.Read(ctx, SummaryFile)
	if err != nil {
		return nil, err
	}
	var s Summary
	return &s, json.Unmarshal(content, &s)
}
