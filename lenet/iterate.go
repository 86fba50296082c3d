package lenet

import (
	"context"
	"iter"
)

// Epochs trains epoch by epoch up to Settings.Epochs and yields the figures of
// each; it ends after the first error, which it yields.
func (t *Trainer) Epochs(ctx context.Context, images, labels []byte) iter.Seq2[Stats, error] {
	return func(yield func(Stats, error) bool) {
		for t.EpochsDone() < t.settings.Epochs {
			stats, err := t.Epoch(ctx, images, labels)
			if !yield(stats, err) || err != nil {
				return
			}
		}
	}
}
