package lenet

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/kernelet/kernelet/mnist"
)

// TestSameBitsEverywhere trains by the Best recipe in plain Go: drawn digits,
// augmented copies and weights have the same bits on every architecture.
func TestSameBitsEverywhere(t *testing.T) {
	hash := func(content []byte) string {
		sum := sha256.Sum256(content)
		return hex.EncodeToString(sum[:8])
	}
	const n = 96
	digits := mnist.Synthetic(n, 5)
	var augmented []byte
	for i := range n {
		var copied [mnist.ImageBytes]byte
		augment(copied[:], digits.Images[i*mnist.ImageBytes:][:mnist.ImageBytes], int32(digits.Labels[i]), uint64(i))
		augmented = append(augmented, copied[:]...)
	}
	settings := Best()
	settings.Epochs, settings.AverageEpochs, settings.Batch, settings.Threads, settings.ISA, settings.Seed = 3, 2, 30, 1, "generic", 7
	trainer, err := NewTrainer(NewModel(7), settings)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	for range settings.Epochs {
		if _, err := trainer.Epoch(t.Context(), digits.Images, digits.Labels); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ what, got, want string }{
		{"drawn digits", hash(digits.Images), "b8f3c2d09e286bea"},
		{"augmented digits", hash(augmented), "bc2d63fa7e834839"},
		{"initial weights", NewModel(7).SHA256()[:16], "6d85069cdb92467a"},
		{"trained weights", trainer.Model().SHA256()[:16], "3eb241b2434f7dbf"},
	} {
		if c.got != c.want {
			t.Errorf("%s: expected %s, got %s", c.what, c.want, c.got)
		}
	}
}
