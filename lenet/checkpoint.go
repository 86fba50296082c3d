package lenet

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/kernelet/kernelet/internal/safetensors"
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/internal/wholefile"
)

// ErrCheckpoint is wrapped by every error about the content of a checkpoint.
var ErrCheckpoint = errors.New("not a usable checkpoint")

// ErrSettings is wrapped by the error about a setting that is out of its range,
// and by Resume's when settings differ from the checkpoint's, which lists them.
var ErrSettings = errors.New("settings")

// A checkpoint is a safetensors file: the parameters under PyTorch's names,
// Adam's moments as adam.m.… and adam.v.…, the average as average.…, the
// position as U64, and in the metadata the format's version, the settings and
// the SHA-256 of all tensors' bytes in their order.
const (
	checkpointFormat = "kernelet checkpoint 2"
	positionName     = "position"
	firstPrefix      = "adam.m."
	secondPrefix     = "adam.v."
	averagePrefix    = "average."
	// PreviousSuffix is appended to the name of the checkpoint before the last.
	PreviousSuffix = ".previous"
	// maxCheckpointFile bounds what Resume reads.
	maxCheckpointFile = 4*4*shape.Parameters + 1<<20
)

// Checkpoint writes everything that training needs to go on to path. A file
// that is there becomes path.previous; at every moment path is a whole
// checkpoint, even if the machine stops. Weights that are not finite are
// refused, and the files stay what they are. Symbolic links at path are
// followed, and the file keeps its mode; a device or a pipe is written to as it
// is, without a previous one.
func (t *Trainer) Checkpoint(path string) error {
	if err := t.open(); err != nil {
		return err
	}
	content, err := t.encodeCheckpoint()
	if err == nil {
		err = keepPrevious(path)
	}
	if err == nil {
		err = wholefile.Write(path, content)
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// keepPrevious gives the file at path, if there is one, a second name.
func keepPrevious(path string) error {
	previous := path + PreviousSuffix
	// The name that Write replaces: a second name of a link would lead to the new file.
	target, err := wholefile.Resolve(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	old, err := os.Lstat(previous)
	switch {
	case err == nil && !old.Mode().IsRegular():
		return copyTo(previous, target) // follows a link, and leaves a device what it is
	case err == nil:
		err = os.Remove(previous)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Link(target, previous); err == nil {
		return nil
	}
	return copyTo(previous, target) // a file system without hard links, or another one
}

func copyTo(path, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return wholefile.Write(path, content)
}

// saved lists the parameters that a checkpoint holds by the prefix of their
// names.
func (t *Trainer) saved() iter.Seq2[string, parameters] {
	return func(yield func(string, parameters) bool) {
		_ = yield("", t.engine.weights) && yield(firstPrefix, t.engine.firstMoments) && yield(secondPrefix, t.engine.secondMoments) &&
			t.averaged() > 0 && yield(averagePrefix, t.average.mean)
	}
}

func (t *Trainer) encodeCheckpoint() ([]byte, error) {
	settings, err := json.Marshal(t.settings)
	if err != nil {
		return nil, err
	}
	var tensors []safetensors.Tensor
	for prefix, values := range t.saved() {
		m := new(Model)
		values.store(m)
		for _, tensor := range m.Tensors() {
			tensor.Name = prefix + tensor.Name
			if err := tensor.checkFinite(); err != nil {
				return nil, err
			}
			tensors = append(tensors, safetensors.Tensor{Name: tensor.Name, Type: safetensors.Float32,
				Shape: tensor.Shape, Data: encodeFloats(tensor.Values)})
		}
	}
	words := t.position.words()
	var encoded []byte
	for _, word := range words {
		encoded = binary.LittleEndian.AppendUint64(encoded, *word)
	}
	loss := binary.LittleEndian.AppendUint64(nil, math.Float64bits(t.position.loss))
	tensors = append(tensors, safetensors.Tensor{Name: positionName, Type: safetensors.Uint64, Shape: []int{len(words) + 1}, Data: append(encoded, loss...)})
	metadata := map[string]string{"format": checkpointFormat, "settings": string(settings), "sha256": hashTensors(tensors)}
	var content bytes.Buffer
	err = safetensors.Write(&content, metadata, tensors)
	return content.Bytes(), err
}

// hashTensors is the SHA-256, in hexadecimal, over the bytes of all tensors.
func hashTensors(tensors []safetensors.Tensor) string {
	hash := sha256.New()
	for _, t := range tensors {
		hash.Write(t.Data)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// words lists the position's integers in the order of the file; the loss's
// bits follow them.
func (p *position) words() []*uint64 {
	return []*uint64{&p.epoch, &p.done, &p.steps, &p.correct, &p.images}
}

// Resume returns a Trainer that goes on where a checkpoint was written, to the
// same weights as if it had never stopped. Settings must be the checkpoint's,
// but for Threads and ISA, which do not change the weights, and for Epochs where
// nothing depends on their number: with a constant learning rate and without
// AverageEpochs, a run can be made longer. The error, which wraps ErrSettings,
// lists the settings that differ. Damaged and foreign files are refused with an
// error that wraps ErrCheckpoint.
func Resume(path string, settings Settings) (*Trainer, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxCheckpointFile+1))
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	t, err := resume(content, settings)
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	return t, nil
}

func resume(content []byte, settings Settings) (*Trainer, error) {
	if len(content) > maxCheckpointFile {
		return nil, fmt.Errorf("%w: expected at most %d bytes", ErrCheckpoint, maxCheckpointFile)
	}
	metadata, tensors, err := safetensors.Read(content)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	if got := metadata["format"]; got != checkpointFormat {
		return nil, fmt.Errorf("%w: format: expected %q, got %q", ErrCheckpoint, checkpointFormat, got)
	}
	if got, want := hashTensors(tensors), metadata["sha256"]; got != want {
		return nil, fmt.Errorf("%w: sha256 of the tensors: expected %q, got %q", ErrCheckpoint, want, got)
	}
	var saved Settings
	if err := json.Unmarshal([]byte(metadata["settings"]), &saved); err != nil {
		return nil, fmt.Errorf("%w: settings: %w", ErrCheckpoint, err)
	}
	if err := sameSettings(saved, settings.withDefaults()); err != nil {
		return nil, err
	}
	p, tensors, err := takePosition(tensors)
	if err != nil {
		return nil, err
	}
	t, err := blankTrainer(settings)
	if err != nil {
		return nil, err
	}
	t.position = p
	if err = t.restore(tensors); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// restore fills what a checkpoint at the trainer's position holds.
func (t *Trainer) restore(tensors []safetensors.Tensor) error {
	models := map[string]*Model{}
	var wanted []Tensor
	for prefix := range t.saved() {
		models[prefix] = new(Model)
		for _, tensor := range models[prefix].Tensors() {
			tensor.Name = prefix + tensor.Name
			wanted = append(wanted, tensor)
		}
	}
	if err := fill(wanted, tensors); err != nil {
		return fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	for prefix, values := range t.saved() {
		values.load(models[prefix])
		if prefix != secondPrefix {
			continue
		}
		for _, tensor := range models[prefix].Tensors() {
			for i, v := range tensor.Values {
				if v < 0 {
					return fmt.Errorf("%w: tensor %q: element %d: expected at least 0, got %v", ErrCheckpoint, prefix+tensor.Name, i, v)
				}
			}
		}
	}
	if t.averaged() > 0 {
		if err := t.average.packed.transform(t.engine.set, t.average.mean); err != nil {
			return err
		}
	}
	return t.engine.transform()
}

// takePosition reads the position and returns the other tensors.
func takePosition(tensors []safetensors.Tensor) (position, []safetensors.Tensor, error) {
	var p position
	words := p.words()
	at := slices.IndexFunc(tensors, func(t safetensors.Tensor) bool { return t.Name == positionName })
	if at < 0 {
		return p, nil, fmt.Errorf("%w: tensor %q is missing", ErrCheckpoint, positionName)
	}
	t := tensors[at]
	if t.Type != safetensors.Uint64 || !slices.Equal(t.Shape, []int{len(words) + 1}) {
		return p, nil, fmt.Errorf("%w: tensor %q: expected %s %v, got %s %v", ErrCheckpoint, t.Name, safetensors.Uint64, []int{len(words) + 1}, t.Type, t.Shape)
	}
	for i, word := range words {
		*word = binary.LittleEndian.Uint64(t.Data[8*i:])
	}
	p.loss = math.Float64frombits(binary.LittleEndian.Uint64(t.Data[8*len(words):]))
	const most = 1 << 40
	if p.epoch > most || p.steps > most || p.images > math.MaxInt32 || p.done > p.images || p.correct > p.done || !(p.loss >= 0) || math.IsInf(p.loss, 0) {
		return p, nil, fmt.Errorf("%w: tensor %q: impossible values %+v", ErrCheckpoint, t.Name, p)
	}
	return p, slices.Delete(slices.Clone(tensors), at, at+1), nil
}

// sameSettings lists the settings that differ, but for those that do not
// change the weights.
func sameSettings(saved, asked Settings) error {
	saved.Threads, saved.ISA = asked.Threads, asked.ISA
	if saved.Schedule == (Schedule{}) && saved.AverageEpochs == 0 {
		saved.Epochs = asked.Epochs
	}
	differences := differences("", reflect.ValueOf(saved), reflect.ValueOf(asked))
	if differences == nil {
		return nil
	}
	return fmt.Errorf("%w differ from the checkpoint's: %s", ErrSettings, strings.Join(differences, "; "))
}

// differences lists the fields of a structure, and of those within it, that
// differ.
func differences(prefix string, saved, asked reflect.Value) (list []string) {
	for i := range saved.NumField() {
		name := prefix + saved.Type().Field(i).Name
		a, b := saved.Field(i), asked.Field(i)
		if a.Kind() == reflect.Struct {
			list = append(list, differences(name+".", a, b)...)
		} else if x, y := a.Interface(), b.Interface(); x != y {
			list = append(list, fmt.Sprintf("%s: checkpoint %v, asked %v", name, x, y))
		}
	}
	return list
}
