package kernels

import (
	"math"
	"testing"

	"github.com/kernelet/kernelet/internal/shape"
)

// TestLists compares the lists of whole batches, made block by block and in
// parts.
func TestLists(t *testing.T) {
	for _, s := range generatedSets(t) {
		for _, n := range batchSizes {
			want := sparseLists(n)
			got := newLists(make([]float32, shape.FC1Outputs*n), n)
			for block := 0; block < n; block += shape.Block {
				m := min(shape.Block, n-block)
				if err := s.FC1ImageLists(m, got.images.Of(block, m), want.dy[shape.FC1Outputs*block:][:shape.FC1Outputs*m]); err != nil {
					t.Fatal(err)
				}
			}
			for _, part := range [][2]int{{0, 123}, {123, 377}} {
				if err := s.FC1OutputLists(n, got.outputs, want.dy, part[0], part[1]); err != nil {
					t.Fatal(err)
				}
			}
			compare := func(what string, stride int, ends func(row int) (got, want int32), values, wantValues []float32, indices, wantIndices []int32) {
				for at := 0; at < len(values); at += stride {
					end, wantEnd := ends(at / stride)
					if end != wantEnd {
						t.Fatalf("%s: %d images: %s %d: expected %d entries, got %d", s.Name(), n, what, at/stride, wantEnd, end)
					}
					for i := at; i < at+int(end); i++ {
						if values[i] != wantValues[i] || indices[i] != wantIndices[i] {
							t.Fatalf("%s: %d images: %s %d, entry %d: expected (%v, %d), got (%v, %d)",
								s.Name(), n, what, at/stride, i-at, wantValues[i], wantIndices[i], values[i], indices[i])
						}
					}
				}
			}
			for run := range shape.FC1Runs {
				compare("image", shape.FC1ImageList, func(row int) (int32, int32) {
					return got.images.Ends[row*shape.FC1Runs+run], want.images.Ends[row*shape.FC1Runs+run]
				}, got.images.Values, want.images.Values, got.images.Outputs, want.images.Outputs)
			}
			compare("output", shape.FC1OutputList, func(row int) (int32, int32) { return got.outputs.Counts[row], want.outputs.Counts[row] },
				got.outputs.Values, want.outputs.Values, got.outputs.Images, want.outputs.Images)
		}
	}
}

// exponentialError bounds the relative error of exponential: Taylor's remainder
// (ln 2/2)⁷/7! = 1.2e-7, and rounding: seven steps whose later ones dominate,
// 2·2⁻²⁴, and 2⁻²⁴·87·… of the reduction, below 1e-7.
const exponentialError = 3.5e-7

// TestExponential holds the twin's exponential, which the kernels share,
// against math.Exp.
func TestExponential(t *testing.T) {
	worst := 0.0
	for x := 0.0; x >= -87; x -= 0.00137 {
		want := math.Exp(float64(float32(x)))
		worst = max(worst, math.Abs(float64(exponential(float32(x)))-want)/want)
	}
	if worst > exponentialError {
		t.Errorf("largest relative error: expected at most %g, got %g", exponentialError, worst)
	}
	if got := exponential(-1000); got != exponential(-87) {
		t.Errorf("exp(-1000): expected exp(-87), got %v", got)
	}
}
