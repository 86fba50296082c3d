package weights

import (
	"archive/zip"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kernelet/kernelet/internal/hdf5"
	"github.com/kernelet/kernelet/internal/safetensors"
)

var hdf5Magic = []byte(hdf5.Magic)

// Members of a .keras archive.
const (
	kerasWeights = "model.weights.h5"
	kerasConfig  = "config.json"
)

func readKeras(archive *zip.Reader) ([]tensor, []string, error) {
	var content, config []byte
	for _, f := range archive.File {
		var err error
		switch f.Name {
		case kerasWeights:
			content, err = member(f)
		case kerasConfig:
			config, err = member(f)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return readHDF5(content, config)
}

// Patterns of what a Keras model's description says of its layers.
var (
	activationPattern = regexp.MustCompile(`"activation": ?"([a-z_]+)"`)
	foreignPattern    = regexp.MustCompile(`"class_name": ?"(AveragePooling2D|BatchNormalization|GlobalAveragePooling2D|SeparableConv2D|DepthwiseConv2D|Normalization|Rescaling)"`)
	formatPattern     = regexp.MustCompile(`"data_format": ?"channels_`)
	firstPattern      = regexp.MustCompile(`"data_format": ?"channels_first"`)
)

// noteChannels is said of files of weights alone.
const noteChannels = "the file does not say the order of channels: channels_last is taken, Keras's default (a whole model, model.save, says it)"

// readHDF5 reads Keras's weights. What config, which may be the file itself,
// says of the model is looked at for what weights do not show.
func readHDF5(content, config []byte) ([]tensor, []string, error) {
	if layer := foreignPattern.FindSubmatch(config); layer != nil {
		return nil, nil, fmt.Errorf("layer %s is not part of this network", layer[1])
	}
	for _, activation := range activationPattern.FindAllSubmatch(config, -1) {
		if !slices.Contains([]string{"relu", "linear", "softmax"}, string(activation[1])) {
			return nil, nil, fmt.Errorf("activation: expected relu, and linear or softmax at the end, got %s", activation[1])
		}
	}
	datasets, err := hdf5.Read(content)
	if err != nil {
		return nil, nil, err
	}
	var notes []string
	if !formatPattern.Match(config) {
		notes = []string{noteChannels}
	}
	channelsLast := !firstPattern.Match(config)
	var tensors []tensor
	for _, d := range datasets {
		if strings.HasPrefix(d.Path, "/optimizer") {
			continue // Adam's moments, of the weights' shapes
		}
		kind := map[int]string{2: safetensors.Float16, 4: safetensors.Float32, 8: safetensors.Float64}[d.Bytes]
		values, err := decodeFloats(kind, d.Data)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", d.Path, err)
		}
		if len(d.Shape) == 0 {
			continue // a rate or a count
		}
		tensors = append(tensors, tensor{name: strings.TrimPrefix(d.Path, "/"), shape: d.Shape, values: values, channelsLast: channelsLast})
	}
	return tensors, notes, nil
}
