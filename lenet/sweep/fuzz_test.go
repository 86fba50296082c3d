package sweep

import (
	"encoding/json"
	"errors"
	"testing"
)

// FuzzDecode: any content of a result's file is an error or the result that was asked for.
func FuzzDecode(f *testing.F) {
	results, err := Run(f.Context(), plan(f, 4), task(), Options{})
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range results {
		content, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content, r.ID)
	}
	f.Fuzz(func(t *testing.T, content []byte, id string) {
		r, err := Decode(content, id)
		if err != nil {
			if !errors.Is(err, ErrResult) {
				t.Errorf("expected ErrResult, got %v", err)
			}
			return
		}
		if r.ID != id || r.Error == "" && len(r.Epochs) == 0 && r.Settings.Epochs > 0 {
			t.Errorf("asked for %s, got %+v", id, r)
		}
	})
}
