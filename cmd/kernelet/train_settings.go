package main

import (
	"errors"
	"fmt"

	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
)

// settings are the recipe's, changed by what the command line says.
func (c *trainCommand) settings() (lenet.Settings, error) {
	s := map[string]func() lenet.Settings{"tutorial": lenet.Tutorial, "fast": lenet.Fast, "one-epoch": lenet.OneEpoch, "best": lenet.Best}[c.Recipe]()
	s.Seed, s.NoShuffle, s.Threads, s.ISA = c.Seed, c.NoShuffle, c.Threads, c.ISA
	for _, f := range []struct {
		flag   string
		given  *int
		target *int
	}{{"--epochs", c.Epochs, &s.Epochs}, {"--batch", c.Batch, &s.Batch}} {
		if f.given != nil {
			if *f.given < 1 {
				return s, fmt.Errorf("%s: expected at least 1, got %d", f.flag, *f.given)
			}
			*f.target = *f.given
		}
	}
	if c.LR != nil {
		if !(*c.LR > 0) {
			return s, fmt.Errorf("--lr: expected more than 0, got %g", *c.LR)
		}
		s.LearningRate = *c.LR
	}
	if c.Dropout != nil {
		s.Dropout = *c.Dropout
	}
	if c.Every < 0 {
		return s, errors.New("expected --checkpoint-every of at least 0")
	}
	if err := c.dataFlags.check(); err != nil {
		return s, err
	}
	if err := s.Check(); err != nil {
		return s, err
	}
	_, err := kernels.Select(c.ISA)
	return s, err
}
