package lenet

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"

	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/mnist"
)

// TestSameBitsEverywhere records bits: of drawn digits, augmented copies, weights
// trained by the Best recipe, and logits. In plain Go they are the same on every
// architecture, with AVX2 and AVX-512 the same on every CPU that has them. Whoever
// changes them, by another order of a sum for example, writes down those that it
// prints:
//
//	go test -run SameBitsEverywhere ./lenet
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
	trained := func(isa string) *Model {
		settings := Best()
		settings.Epochs, settings.AverageEpochs, settings.Batch, settings.Threads, settings.ISA, settings.Seed = 3, 2, 30, 1, isa, 7
		trainer := newTrainer(t, NewModel(7), settings)
		for range settings.Epochs {
			if _, err := trainer.Epoch(t.Context(), digits.Images, digits.Labels); err != nil {
				t.Fatal(err)
			}
		}
		return trainer.Model()
	}
	// logits are those of the initial weights, of one image and of a batch.
	logits := func(isa string) string {
		classifier, err := NewClassifier(NewModel(7), Options{ISA: isa})
		if err != nil {
			t.Fatal(err)
		}
		defer classifier.Close()
		values := make([]float32, 40*shape.Classes)
		if err := classifier.Logits(values, digits.Images[:40*mnist.ImageBytes]); err != nil {
			t.Fatal(err)
		}
		var content []byte
		for _, v := range values {
			content = binary.LittleEndian.AppendUint32(content, math.Float32bits(v))
		}
		return hash(content)
	}
	for _, c := range []struct{ what, got, want string }{
		{"drawn digits", hash(digits.Images), "b8f3c2d09e286bea"},
		{"augmented digits", hash(augmented), "bc2d63fa7e834839"},
		{"initial weights", NewModel(7).SHA256()[:16], "6d85069cdb92467a"},
		{"plain Go, trained weights", trained("generic").SHA256()[:16], "3eb241b2434f7dbf"},
		{"plain Go, logits", logits("generic"), "ce1523d3e80d4d1b"},
	} {
		if c.got != c.want {
			t.Errorf("%s: expected %s, got %s", c.what, c.want, c.got)
		}
	}
	for _, isa := range kernels.Available() {
		if isa == "generic" {
			continue
		}
		if got, want := trained(isa).SHA256()[:16], "a190cc879b224588"; got != want {
			t.Errorf("%s, trained weights: expected %s, got %s", isa, want, got)
		}
		if got, want := logits(isa), "f09e594093f0ae83"; got != want {
			t.Errorf("%s, logits: expected %s, got %s", isa, want, got)
		}
	}
}
