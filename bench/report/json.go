package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/internal/plaintext"
)

// ErrReport is wrapped by every error about the content of a report's file.
var ErrReport = errors.New("not a usable benchmark report")

// errNone is the error of writing no report.
var errNone = errors.New("bench: expected a report, got none")

// WriteJSON writes a report as one JSON object, in the form of bench.Schema, and
// in ASCII, which survives a shell that takes output for another encoding.
func WriteJSON(w io.Writer, r *bench.Report) error {
	if r == nil {
		return errNone
	}
	return writeJSON(w, r)
}

func writeJSON(w io.Writer, v any) error {
	content, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(ascii(content), '\n'))
	return err
}

// maxReport bounds what Read reads.
const maxReport = 16 << 20

// Read reads what WriteJSON wrote, also after a shell made UTF-16 of it. The error about a file that is damaged or of
// another schema wraps ErrReport.
func Read(path string) (*bench.Report, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxReport+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxReport {
		return nil, fmt.Errorf("%s: %w: expected at most %d bytes", path, ErrReport, maxReport)
	}
	r := new(bench.Report)
	if err := json.Unmarshal(plaintext.UTF8(content), r); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrReport, err)
	}
	if r.Schema != bench.Schema {
		return nil, fmt.Errorf("%s: %w: schema: expected %q, got %q", path, ErrReport, bench.Schema, r.Schema)
	}
	if len(r.Rows) == 0 {
		return nil, fmt.Errorf("%s: %w: rows: expected at least one", path, ErrReport)
	}
	for i, row := range r.Rows {
		if row.Unit == "" || !(row.Value > 0) || math.IsInf(row.Value, 0) || !(row.Low > 0 && row.Low <= row.Value && row.Value <= row.High) {
			return nil, fmt.Errorf("%s: %w: row %d, %s: expected a unit and 0 < low ≤ value ≤ high, got %v to %v %q", path, ErrReport, i, row.Name, row.Low, row.High, row.Unit)
		}
	}
	return r, nil
}
