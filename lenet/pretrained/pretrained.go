// Package pretrained carries weights that read MNIST's test images with the
// accuracy that Accuracy says. It is a package of its own so that programs
// which load other weights do not carry these 1.7 MB.
//
// The weights come from
//
//	kernelet train --recipe best --seed 8
//
// which gives the same bits on every machine with AVX2 or AVX-512, and the
// calibration from
//
//	go generate ./lenet/pretrained
//
// which fits a temperature and a rejection score to these weights.
package pretrained

import (
	"bytes"
	_ "embed" // the weights
	"fmt"

	"github.com/kernelet/kernelet/lenet"
)

//go:generate go run ../../internal/calibrate -model model.safetensors -out calibration.go

//go:embed model.safetensors
var content []byte

const (
	// SHA256 is what Model().SHA256() returns.
	SHA256 = "a70f785411f328492ce1690e2b2f2a804da2acb64cb939c87c4d32dbc8d68369"
	// Accuracy on MNIST's 10,000 test images, in per cent.
	Accuracy = 99.65
)

// Model returns a copy of the weights.
func Model() (*lenet.Model, error) {
	m, err := lenet.Read(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("pretrained: %w", err)
	}
	c := calibration
	m.Calibration = &c
	return m, nil
}
