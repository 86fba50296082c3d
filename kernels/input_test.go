package kernels

import (
	"errors"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/internal/shape"
)

// TestGatherIndex: an index outside the data is an error.
func TestGatherIndex(t *testing.T) {
	for _, s := range sets(t) {
		for _, outside := range []int32{-1, 3, 1 << 30} {
			index := make([]int32, shape.HalfBlock)
			index[5] = outside
			err := s.Gather(shape.HalfBlock, make([]float32, shape.ImagePixels*shape.HalfBlock), make([]byte, 3*shape.ImagePixels), index)
			if !errors.Is(err, ErrLength) || !strings.Contains(err.Error(), "Gather:") {
				t.Errorf("%s: index %d: expected ErrLength that names the kernel, got %v", s.Name(), outside, err)
			}
		}
	}
}
