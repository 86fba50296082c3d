package sweep

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kernelet/kernelet/internal/wholefile"
)

// ErrResult is wrapped by the error of a file that is not a result.
var ErrResult = errors.New("not a result of a run")

// runsFolder holds one file a run.
const runsFolder = "runs"

// ResultName is the path of a run's file below a sweep's folder, with a slash.
func ResultName(id string) string { return runsFolder + "/" + id + ".json" }

// Encode returns the content of the result's file.
func (r *Result) Encode() ([]byte, error) {
	content, err := json.MarshalIndent(r, "", "  ")
	return append(content, '\n'), err
}

// Save writes the result to its file below a sweep's folder, at once.
func (r *Result) Save(folder string) error {
	content, err := r.Encode()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(folder, runsFolder), 0o755); err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(folder, filepath.FromSlash(ResultName(r.ID))), content)
}

// Read returns the result that a sweep's folder has of a run, or nil. Errors
// about the file's content wrap ErrResult.
func Read(folder, id string) (*Result, error) {
	path := filepath.Join(folder, filepath.FromSlash(ResultName(id)))
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := Decode(content, id)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; remove it to train again", path, err)
	}
	return r, nil
}

// Decode reads the content of a result's file, which must be of the run that id
// names. Errors wrap ErrResult.
func Decode(content []byte, id string) (*Result, error) {
	var r Result
	if err := json.Unmarshal(content, &r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResult, err)
	}
	switch computed, err := r.id(); {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrResult, err)
	case r.ID != id || computed != id:
		return nil, fmt.Errorf("%w: id: expected %s, got %q for the settings of %s", ErrResult, id, r.ID, computed)
	case r.Error == "" && (len(r.Epochs) != r.Settings.Epochs || r.WeightsSHA256 == ""):
		return nil, fmt.Errorf("%w: expected %d epochs and the weights' hash, got %d epochs and hash %q", ErrResult, r.Settings.Epochs, len(r.Epochs), r.WeightsSHA256)
	}
	return &r, nil
}
