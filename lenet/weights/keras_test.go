package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/internal/hdf5"
	"github.com/kernelet/kernelet/lenet"
)

// dataset is what hdf5File writes: numbers of 4 bytes, floats or integers.
type dataset struct {
	path     string
	shape    []int
	values   []float32
	integers bool
}

// hdf5File writes an HDF5 file of the newest form: a header for every group,
// whose messages are its links, and for every dataset. .ci/data reads files of
// Keras itself.
func hdf5File(sets []dataset) []byte {
	content := make([]byte, 48)
	header := func(messages ...[]byte) uint64 { // each a type and what follows it
		var body []byte
		for _, m := range messages {
			body = append(binary.LittleEndian.AppendUint16(append(body, m[0]), uint16(len(m)-1)), 0)
			body = append(body, m[1:]...)
		}
		at := uint64(len(content))
		content = append(content, "OHDR\x02\x02"...) // version 2, a length of four bytes
		content = binary.LittleEndian.AppendUint32(content, uint32(len(body)))
		content = append(append(content, body...), 0, 0, 0, 0) // no checksum
		return at
	}
	var group func(sets []dataset, depth int) uint64
	group = func(sets []dataset, depth int) uint64 {
		var links [][]byte
		for len(sets) > 0 {
			parts := strings.Split(sets[0].path, "/")
			n := 1
			for n < len(sets) && strings.Split(sets[n].path, "/")[depth] == parts[depth] {
				n++
			}
			var address uint64
			if len(parts) > depth+1 {
				address = group(sets[:n], depth+1)
			} else {
				address = header(dataMessages(&content, sets[0])...)
			}
			name := parts[depth]
			link := append([]byte{6, 1, 0, byte(len(name))}, name...)
			links = append(links, binary.LittleEndian.AppendUint64(link, address))
			sets = sets[n:]
		}
		return header(links...)
	}
	root := group(sets, 0)
	copy(content, hdf5.Magic+"\x02\x08\x08")
	binary.LittleEndian.PutUint64(content[36:], root)
	return content
}

// dataMessages writes a dataset's elements and returns the messages that
// describe them: shape, type, place.
func dataMessages(content *[]byte, s dataset) [][]byte {
	space := []byte{1, 2, byte(len(s.shape)), 0, 1}
	for _, n := range s.shape {
		space = binary.LittleEndian.AppendUint64(space, uint64(n))
	}
	kind := []byte{3, 0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0}
	if s.integers {
		kind = []byte{3, 0x10, 0, 0, 0, 4, 0, 0, 0, 0, 0, 32, 0}
	}
	place := []byte{8, 3, 1}
	place = binary.LittleEndian.AppendUint64(place, uint64(len(*content)))
	place = binary.LittleEndian.AppendUint64(place, uint64(4*len(s.values)))
	for _, v := range s.values {
		*content = binary.LittleEndian.AppendUint32(*content, math.Float32bits(v))
	}
	return [][]byte{space, kind, place}
}

// kerasSets are a model's weights as Keras keeps them, beside what an optimizer
// and a dropout keep.
func kerasSets(m *lenet.Model, channelsLast bool) []dataset {
	var sets, moments []dataset
	for i, w := range m.Tensors() {
		x := tensor{shape: w.Shape, values: w.Values}
		toKeras(&x, w, channelsLast)
		layer := []string{"conv2d", "conv2d_1", "dense", "dense_1"}[i/2]
		sets = append(sets, dataset{path: fmt.Sprintf("layers/%s/vars/%d", layer, i%2), shape: x.shape, values: x.values})
		moments = append(moments, dataset{path: fmt.Sprintf("optimizer/vars/%d", i+2), shape: x.shape, values: make([]float32, len(x.values))})
	}
	sets = append(sets, dataset{path: "layers/dropout/seed_generator/vars/0", shape: []int{2}, values: []float32{1, 2}, integers: true})
	return append(append(sets, dataset{path: "optimizer/vars/1", values: []float32{1e-3}}), moments...)
}

// config is what Keras says of a network's layers.
func config(changes ...string) string {
	text := `{"layers": [{"class_name": "Conv2D", "config": {"data_format": "channels_last", "activation": "relu"}}, {"class_name": "Dense", "config": {"activation": "softmax"}}]}`
	return strings.NewReplacer(changes...).Replace(text)
}

func kerasFile(t *testing.T, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		w, err := z.Create(members[i])
		if err == nil {
			_, err = w.Write([]byte(members[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestKeras: .keras files, of either order of channels, and .h5 files, with the
// description of the layers in them or without, give the weights; moments and
// the state of random numbers are left out. A file that does not say the order
// says so.
func TestKeras(t *testing.T) {
	m := lenet.NewModel(13)
	last, first := hdf5File(kerasSets(m, true)), hdf5File(kerasSets(m, false))
	for name, c := range map[string]struct {
		content []byte
		assumed bool
	}{
		"keras":          {kerasFile(t, kerasConfig, config(), kerasWeights, string(last)), false},
		"channels first": {kerasFile(t, kerasWeights, string(first), kerasConfig, config("channels_last", "channels_first")), false},
		"h5":             {append(bytes.Clone(last), config()...), false},
		"h5, first":      {append(bytes.Clone(first), config("channels_last", "channels_first")...), false},
		"weights alone":  {last, true},
		"no description": {kerasFile(t, kerasWeights, string(last)), true},
	} {
		got, notes, err := Read(c.content)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.SHA256() != m.SHA256() {
			t.Errorf("%s: other weights", name)
		}
		if slices.Contains(notes, noteChannels) != c.assumed {
			t.Errorf("%s: the order of channels is assumed: %v, notes %q", name, c.assumed, notes)
		}
	}
}

// TestKerasRefused: layers and activations that weights do not show, and damaged
// files, are errors that name them.
func TestKerasRefused(t *testing.T) {
	whole := kerasSets(lenet.NewModel(13), true)
	weights := string(hdf5File(whole))
	keras := func(changes ...string) []byte {
		return kerasFile(t, kerasConfig, config(changes...), kerasWeights, weights)
	}
	withNorm := slices.Insert(slices.Clone(whole), 0, dataset{path: "layers/batch/vars/0", shape: []int{20, 3}, values: make([]float32, 60)})
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"tanh":          {keras(`"relu"`, `"tanh"`), "activation: expected relu, and linear or softmax at the end, got tanh"},
		"tanh in h5":    {append([]byte(weights), config("softmax", "tanh")...), "got tanh"},
		"average pool":  {keras("Conv2D", "AveragePooling2D"), "layer AveragePooling2D is not part of this network"},
		"normalisation": {keras("Conv2D", "BatchNormalization"), "layer BatchNormalization is not part of this network"},
		"no HDF5":       {kerasFile(t, kerasConfig, config(), kerasWeights, "hello"), "not a readable HDF5 file"},
		"cut":           {kerasFile(t, kerasConfig, config(), kerasWeights, weights[:len(weights)-100]), "not a readable HDF5 file"},
		"a layer less":  {hdf5File(whole[2:]), "conv1.weight [20 1 5 5] is missing"},
		"a layer more":  {hdf5File(withNorm), "layers/batch/vars/0 [20 3] is not part of it"},
		"moments alone": {hdf5File(whole[len(whole)-8:]), "0 tensors"},
		"damaged zip":   {bytes.Replace(kerasFile(t, kerasConfig, strings.Repeat(config(), 50), kerasWeights, weights), []byte("PK\x01\x02"), []byte("PK\x01\x03"), 1), "zip"},
	} {
		got, _, err := Read(c.content)
		if got != nil || !errors.Is(err, lenet.ErrModel) || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: expected ErrModel and %q, got %v", name, c.says, err)
		}
	}
}

// TestDamagedMembers: a member of an archive whose content does not have its
// checksum is an error that names it, in every kind of archive.
func TestDamagedMembers(t *testing.T) {
	m := lenet.NewModel(13)
	weights := hdf5File(kerasSets(m, true))
	stored := func(name string, content []byte) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, err := z.CreateHeader(&zip.FileHeader{Name: name}) // not compressed
		if err == nil {
			_, err = w.Write(content)
		}
		if err == nil {
			err = z.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		damaged := b.Bytes()
		damaged[bytes.Index(damaged, content)+len(content)/2] ^= 1
		return damaged
	}
	var array bytes.Buffer
	array.WriteString("\x93NUMPY\x01\x00")
	array.Write(make([]byte, 300))
	for name, content := range map[string][]byte{
		kerasWeights: stored(kerasWeights, weights), "m/data.pkl": stored("m/data.pkl", dataPickle), "fc1.npy": stored("fc1.npy", array.Bytes()),
	} {
		if _, _, err := Read(content); !errors.Is(err, lenet.ErrModel) || !errors.Is(err, zip.ErrChecksum) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: expected ErrModel and ErrChecksum of it, got %v", name, err)
		}
	}
}
