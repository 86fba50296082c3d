package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kernelet/kernelet/internal/pickle"
	"github.com/kernelet/kernelet/internal/safetensors"
)

// storage is what PyTorch keeps tensors' elements in.
type storage struct {
	kind    string // of safetensors
	data    []byte
	decoded []float32 // nil until a tensor needs them
}

// floats returns the elements, or nil if they are integers.
func (s *storage) floats() (values []float32, err error) {
	if s.decoded == nil {
		s.decoded, err = decodeFloats(s.kind, s.data)
	}
	return s.decoded, err
}

// storageKinds are the names of PyTorch's storages of floats; those of
// integers may be named, and their tensors are left out.
var storageKinds = map[string]string{
	"torch.HalfStorage": safetensors.Float16, "torch.BFloat16Storage": safetensors.BFloat16,
	"torch.FloatStorage": safetensors.Float32, "torch.DoubleStorage": safetensors.Float64,
	"torch.LongStorage": "I64", "torch.IntStorage": "I32", "torch.BoolStorage": "BOOL",
}

// torchReader returns a reader of pickles of state dictionaries.
func torchReader(load func(kind, key string, elements int64) (*storage, error)) pickle.Reader {
	left := maxFile / 4 // elements of all tensors
	globals := map[string]func(pickle.Tuple) (any, error){
		"collections.OrderedDict": func(arguments pickle.Tuple) (any, error) {
			if len(arguments) > 0 {
				return nil, errors.New("expected an empty OrderedDict")
			}
			return &pickle.Dict{}, nil
		},
		"torch._utils._rebuild_tensor_v2": func(arguments pickle.Tuple) (any, error) {
			t, err := rebuildTensor(arguments)
			if left -= len(t.values); err == nil && left < 0 {
				err = fmt.Errorf("expected at most %d elements of tensors", maxFile/4)
			}
			return t, err
		},
		"torch._utils._rebuild_parameter": func(arguments pickle.Tuple) (any, error) {
			if len(arguments) == 0 {
				return nil, errors.New("expected a tensor")
			}
			return arguments[0], nil
		},
	}
	for name := range storageKinds {
		globals[name] = nil
	}
	return pickle.Reader{Globals: globals, Persistent: func(id any) (any, error) {
		parts, ok := id.(pickle.Tuple)
		if !ok || len(parts) < 5 || parts[0] != "storage" {
			return nil, errors.New("expected a storage's id")
		}
		global, isGlobal := parts[1].(pickle.Global)
		key, isText := parts[2].(string)
		n, isNumber := parts[4].(int64)
		if !isGlobal || !isText || !isNumber || n < 0 {
			return nil, errors.New("expected a storage's type, key, place and size")
		}
		return load(storageKinds[global.Module+"."+global.Name], key, n)
	}}
}

// rebuildTensor makes a tensor of a storage, an offset, a shape and strides.
func rebuildTensor(arguments pickle.Tuple) (t tensor, err error) {
	if len(arguments) < 4 {
		return t, errors.New("expected storage, offset, shape and strides")
	}
	s, isStorage := arguments[0].(*storage)
	offset, isNumber := arguments[1].(int64)
	shape, shapeErr := integers(arguments[2])
	strides, stridesErr := integers(arguments[3])
	if err := errors.Join(shapeErr, stridesErr); err != nil || !isStorage || !isNumber || offset < 0 || len(shape) != len(strides) {
		return t, errors.Join(errors.New("expected storage, offset, shape and strides"), err)
	}
	if offset > maxFile { // whose sum with the strides could exceed 64 bits
		return t, fmt.Errorf("offset: expected at most %d, got %d", maxFile, offset)
	}
	t.shape = shape
	values, err := s.floats()
	if err != nil || values == nil {
		return t, err
	}
	n, err := elements(shape)
	if err != nil {
		return t, err
	}
	last := offset
	for d, size := range shape {
		last += int64(max(0, size-1)) * int64(strides[d])
	}
	if n > 0 && last >= int64(len(values)) {
		return t, fmt.Errorf("shape %v, strides %v: expected at most %d elements, got %d", shape, strides, len(values), last+1)
	}
	if n > len(values) {
		return t, fmt.Errorf("shape %v: expected at most %d elements", shape, len(values))
	}
	t.values = make([]float32, n)
	index := make([]int, len(shape))
	for i := range t.values {
		at := int(offset)
		for d := range index {
			at += index[d] * strides[d]
		}
		t.values[i] = values[at]
		for d := len(shape) - 1; d >= 0; d-- {
			if index[d]++; index[d] < shape[d] {
				break
			}
			index[d] = 0
		}
	}
	return t, nil
}

func integers(v any) ([]int, error) {
	tuple, ok := v.(pickle.Tuple)
	if !ok || len(tuple) > 8 {
		return nil, errors.New("expected a tuple of at most 8 integers")
	}
	list := make([]int, len(tuple))
	for i, item := range tuple {
		n, ok := item.(int64)
		if !ok || n < 0 || n > maxFile {
			return nil, fmt.Errorf("expected integers from 0 to %d", maxFile)
		}
		list[i] = int(n)
	}
	return list, nil
}

// readTorch reads the zip archive that torch.save writes since PyTorch 1.6.
func readTorch(archive *zip.Reader, folder string) ([]tensor, []string, error) {
	files := map[string]*zip.File{}
	for _, f := range archive.File {
		files[f.Name] = f
	}
	if order, ok := files[path.Join(folder, "byteorder")]; ok {
		if content, err := member(order); err != nil || string(content) != "little" {
			return nil, nil, fmt.Errorf("byteorder: expected little, got %.20q", content)
		}
	}
	pickled, err := member(files[path.Join(folder, "data.pkl")])
	if err != nil {
		return nil, nil, err
	}
	storages, total := map[string]*storage{}, 0
	reader := torchReader(func(kind, key string, elements int64) (*storage, error) {
		if s, ok := storages[key]; ok {
			return s, nil
		}
		f, ok := files[path.Join(folder, "data", key)]
		if !ok || strings.Contains(key, "..") {
			return nil, fmt.Errorf("storage %.40q is missing", key)
		}
		content, err := member(f)
		if total += len(content); err == nil && total > maxFile {
			err = fmt.Errorf("expected at most %d bytes of storages", maxFile)
		}
		storages[key] = &storage{kind: kind, data: content}
		return storages[key], err
	})
	value, err := reader.Read(bytes.NewReader(pickled))
	if err != nil {
		return nil, nil, err
	}
	return stateDict(value, 2)
}

// legacyMagic begins what torch.save wrote before PyTorch 1.6: a pickle of a
// magic number.
var legacyMagic = []byte("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.")

// readLegacyTorch reads such a file: pickles of a magic number, a version, the
// machine, the object and the storages' keys, then each storage's elements after
// their number. What the object's pickle says of elements is known only after
// it, so that it is read twice.
func readLegacyTorch(content []byte) ([]tensor, []string, error) {
	r := bytes.NewReader(content)
	var plain pickle.Reader
	for range 3 {
		if _, err := plain.Read(r); err != nil {
			return nil, nil, err
		}
	}
	start := r.Len()
	kinds := map[string]string{}
	reader := torchReader(func(kind, key string, _ int64) (*storage, error) {
		kinds[key] = kind
		return &storage{}, nil // of a kind without floats, so that no element is looked for
	})
	if _, err := reader.Read(r); err != nil {
		return nil, nil, err
	}
	listed, err := plain.Read(r)
	if err != nil {
		return nil, nil, err
	}
	keys, ok := listed.(*pickle.List)
	if !ok {
		return nil, nil, errors.New("expected a list of storages")
	}
	storages := map[string]*storage{}
	for _, k := range keys.Items {
		key, ok := k.(string)
		kind := kinds[key]
		size := map[string]uint64{safetensors.Float16: 2, safetensors.BFloat16: 2, safetensors.Float32: 4, safetensors.Float64: 8, "I64": 8, "I32": 4, "BOOL": 1}[kind]
		var n uint64
		if err := binary.Read(r, binary.LittleEndian, &n); !ok || size == 0 || err != nil || n > uint64(r.Len())/size {
			return nil, nil, fmt.Errorf("storage %.40q: expected its elements, got %d of %d bytes and %d bytes", key, n, size, r.Len())
		}
		data := make([]byte, n*size)
		r.Read(data) // of which there are enough
		storages[key] = &storage{kind: kind, data: data}
	}
	reader = torchReader(func(_, key string, _ int64) (*storage, error) {
		s, ok := storages[key]
		if !ok {
			return s, fmt.Errorf("storage %.40q is missing", key)
		}
		return s, nil
	})
	value, err := reader.Read(bytes.NewReader(content[len(content)-start:]))
	if err != nil {
		return nil, nil, err
	}
	return stateDict(value, 2)
}

// stateKeys are the names under which training programs keep a state dictionary
// beside other things.
var stateKeys = []string{"state_dict", "model_state_dict", "model", "net", "network", "weights"}

// stateDict takes the tensors of a state dictionary, or of one at most so deep
// within.
func stateDict(value any, depth int) ([]tensor, []string, error) {
	dict, ok := value.(*pickle.Dict)
	if !ok {
		return nil, nil, fmt.Errorf("expected a state dictionary, torch.save(model.state_dict(), path), got %s", typeName(value))
	}
	var tensors []tensor
	for i, key := range dict.Keys {
		name, isText := key.(string)
		if t, ok := dict.Values[i].(tensor); ok && isText {
			t.name = name
			tensors = append(tensors, t)
		}
	}
	if tensors != nil {
		return tensors, nil, nil
	}
	for _, key := range stateKeys {
		if inner, ok := dict.Find(key); ok && depth > 0 {
			if _, isDict := inner.(*pickle.Dict); isDict {
				tensors, notes, err := stateDict(inner, depth-1)
				return tensors, append(notes, fmt.Sprintf("the state dictionary stands under %q", key)), err
			}
		}
	}
	var names []string
	for _, key := range dict.Keys {
		names = append(names, fmt.Sprintf("%.40s", fmt.Sprint(key)))
	}
	return nil, nil, fmt.Errorf("expected a state dictionary or one under %s, got keys %s", strings.Join(stateKeys, ", "), strings.Join(slices.Clip(names[:min(10, len(names))]), ", "))
}

func typeName(value any) string {
	switch value.(type) {
	case tensor:
		return "a tensor"
	case *pickle.List, pickle.Tuple:
		return "a list"
	}
	return fmt.Sprintf("%T", value)
}
