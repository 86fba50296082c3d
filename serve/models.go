package serve

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kernelet/kernelet/lenet"
	modelfile "github.com/kernelet/kernelet/lenet/weights"
	"github.com/kernelet/kernelet/picture"
)

// DefaultModel is the name of the model that Options.Model or Options.ModelFile
// give.
const DefaultModel = "lenet"

// modelSuffix ends the names of the files of a folder.
const modelSuffix = ".safetensors"

var modelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// model is one that is being served. It never changes: a new one takes its
// place, and requests that have begun keep theirs.
type model struct {
	name       string
	weights    *lenet.Model
	classifier *lenet.Classifier
	reader     *picture.Reader
	sha256     string
	loaded     time.Time
	path       string // empty: from memory
}

// models are those being served, by name.
type models struct {
	current atomic.Pointer[map[string]*model]

	changing sync.Mutex
	file     string           // Options.ModelFile
	folder   string           // Options.ModelFolder
	seen     map[string]stamp // state of every file when it was last read, or tried
	lost     bool             // the folder could not be listed
	log      *slog.Logger
	metrics  *metrics
}

// stamp is what tells a file's states apart.
type stamp struct {
	size     int64
	modified time.Time
}

func newModel(name, path string, weights *lenet.Model) (*model, error) {
	classifier, err := lenet.NewClassifier(weights, lenet.Options{})
	if err != nil {
		return nil, err
	}
	return &model{name, weights, classifier, picture.NewReader(classifier), weights.SHA256(), time.Now(), path}, nil
}

// get returns the model of a name; the empty name is the default's.
func (m *models) get(name string) (*model, error) {
	current := *m.current.Load()
	if name == "" {
		if found := current[DefaultModel]; found != nil {
			return found, nil
		}
		return m.list()[0], nil
	}
	if found := current[name]; found != nil {
		return found, nil
	}
	return nil, newProblem(http.StatusNotFound, "unknown model %q", shorten(name))
}

// version refuses versions that no model has.
func checkVersion(version string) error {
	if version != "" && version != modelVersion {
		return newProblem(http.StatusNotFound, "unknown version %q: expected %q", shorten(version), modelVersion)
	}
	return nil
}

// list returns the models by name.
func (m *models) list() []*model {
	return slices.SortedFunc(maps.Values(*m.current.Load()), func(a, b *model) int { return cmp.Compare(a.name, b.name) })
}

// put adds a model, or replaces one.
func (m *models) put(added *model) {
	m.changing.Lock()
	defer m.changing.Unlock()
	next := maps.Clone(*m.current.Load())
	next[added.name] = added
	m.store(next)
}

// store makes next what is being served.
func (m *models) store(next map[string]*model) {
	m.current.Store(&next)
	m.metrics.models(next)
}

// files lists the model files by name.
func (m *models) files() (map[string]string, error) {
	files := map[string]string{}
	if m.file != "" {
		files[DefaultModel] = m.file
	}
	if m.folder == "" {
		return files, nil
	}
	entries, err := os.ReadDir(m.folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name, found := strings.CutSuffix(e.Name(), modelSuffix)
		if found && modelName.MatchString(name) {
			files[name] = filepath.Join(m.folder, e.Name())
		}
	}
	return files, nil
}

// reload reads the files again: all of them, or those that changed. What cannot
// be read leaves the model that is being served, and is logged and counted.
// The error joins what went wrong.
func (m *models) reload(all bool) error {
	m.changing.Lock()
	defer m.changing.Unlock()
	files, err := m.files()
	if lost := err != nil; lost != m.lost || lost && all {
		if m.lost = lost; lost {
			m.log.Error("models not listed", "folder", m.folder, "error", err)
		} else {
			m.log.Info("models listed again", "folder", m.folder)
		}
	}
	if err != nil {
		return err
	}
	next := maps.Clone(*m.current.Load())
	var problems []error
	changed := false
	for name, path := range files {
		now, err := stampOf(path)
		if before, known := m.seen[path]; known && before == now && !all {
			continue
		}
		m.seen[path] = now
		var read *model
		if err == nil {
			read, err = readModel(name, path)
		}
		m.metrics.reloaded(err == nil)
		if err != nil {
			problems = append(problems, err)
			_, kept := next[name]
			m.log.Error("model not read", "model", name, "file", path, "error", err, "previous_kept", kept)
			continue
		}
		m.log.Info("model read", "model", name, "file", path, "sha256", read.sha256)
		next[name] = read
		changed = true
	}
	for name, old := range next {
		if _, found := files[name]; !found && old.path != "" && len(next) > 1 {
			m.log.Info("model removed", "model", name, "file", old.path)
			delete(next, name)
			changed = true
		}
	}
	if changed {
		m.store(next)
	}
	return errors.Join(problems...)
}

// stampOf returns a file's state; the zero stamp if there is none.
func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	return stamp{info.Size(), info.ModTime()}, nil
}

func readModel(name, path string) (*model, error) {
	loaded, _, err := modelfile.Load(path)
	if err != nil {
		return nil, err
	}
	read, err := newModel(name, path, loaded)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return read, nil
}
