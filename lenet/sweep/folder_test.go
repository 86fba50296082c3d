package sweep

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/lenet"
)

// TestSave: a result that is saved is read again; where it cannot be saved, or is
// damaged, the error names the file.
func TestSave(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "not", "there")
	if r, err := Read(folder, "x"); r != nil || err != nil {
		t.Errorf("nothing saved: got %v, %v", r, err)
	}
	want := Result{Settings: Settings{plan(t, 7)[0]}, Error: "diverged"}
	var err error
	if want.ID, err = want.id(); err != nil {
		t.Fatal(err)
	}
	if err := want.Save(folder); err != nil {
		t.Fatal(err)
	}
	got, err := Read(folder, want.ID)
	if err != nil || got.ID != want.ID || got.Error != want.Error || got.Settings != want.Settings {
		t.Errorf("expected %+v, got %+v, error %v", want, got, err)
	}
	path := filepath.Join(folder, filepath.FromSlash(ResultName(want.ID)))
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string]string{
		"cut": string(content[:len(content)/2]), "another run": strings.Replace(string(content), want.ID, "other", 1),
		"another seed": strings.Replace(string(content), `"seed": 7`, `"seed": 8`, 1), "no epochs": strings.Replace(string(content), `"diverged"`, `""`, 1),
	} {
		if damaged == string(content) {
			t.Fatalf("%s: the file is as it was:\n%s", name, content)
		}
		if err := os.WriteFile(path, []byte(damaged), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(folder, want.ID); !errors.Is(err, ErrResult) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "remove it to train again") {
			t.Errorf("%s: expected ErrResult of the file, got %v", name, err)
		}
	}
	// A file where the folder is to be, and a folder where the file is to be.
	if err := want.Save(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a file in the folder's place: got %v", err)
	}
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := want.Save(folder); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a folder in the file's place: got %v", err)
	}
	if _, err := Read(folder, want.ID); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder in the file's place: read %v", err)
	}
	// JSON has no NaN: nothing is left of a result that cannot be written.
	broken := Result{ID: "nan", Epochs: []Epoch{{TrainLoss: math.NaN()}}, Settings: Settings{lenet.Tutorial()}}
	if err := broken.Save(folder); err == nil {
		t.Error("NaN: no error")
	}
	if _, err := os.Stat(filepath.Join(folder, filepath.FromSlash(ResultName("nan")))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("NaN: a file is left, or %v", err)
	}
}
