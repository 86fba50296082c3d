package kernels

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kernelet/kernelet/internal/shape"
)

// TestSingleEqualsMany: one image alone gives the bits that it gives in a block.
func TestSingleEqualsMany(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int, scale float32) []float32 {
		values := make([]float32, n)
		for i := range values {
			values[i] = (2*r.Float32() - 1) * scale
		}
		return values
	}
	conv1U, conv1Bias := random(shape.Conv1U, 0.3), random(shape.Conv1Row, 0.2)
	conv2U, conv2Bias := random(shape.Conv2U, 0.1), append(random(shape.Conv2Outputs, 0.1), make([]float32, shape.SingleConv2Outputs-shape.Conv2Outputs)...)
	fc1W, fc1Bias := random(shape.FC1W, 0.04), append(random(shape.FC1Outputs, 0.04), make([]float32, shape.SingleFC1Y-shape.FC1Outputs)...)
	fc2W, fc2Bias := random(shape.FC2W, 0.05), append(random(shape.Classes, 0.05), make([]float32, shape.SingleLogits-shape.Classes)...)
	conv2UOfOne, fc1WOfOne, fc2WOfOne := make([]float32, shape.SingleConv2U), make([]float32, shape.SingleFC1W), make([]float32, shape.SingleFC2W)
	if err := PackSingleConv2(conv2UOfOne, conv2U); err != nil {
		t.Fatal(err)
	}
	if err := PackSingleFC1(fc1WOfOne, fc1W); err != nil {
		t.Fatal(err)
	}
	if err := PackSingleFC2(fc2WOfOne, fc2W); err != nil {
		t.Fatal(err)
	}
	images := make([]byte, shape.Block*shape.ImagePixels)
	index := make([]int32, shape.Block)
	for i := range images {
		images[i] = byte(r.Uint32()) * byte(r.Uint32N(2))
	}
	for i := range index {
		index[i] = int32(i)
	}
	for _, s := range sets(t) {
		check := func(name string, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %s: %v", s.Name(), name, err)
			}
		}
		const n = shape.Block
		x, y1, v := make([]float32, shape.ImagePixels*n), make([]float32, shape.Conv1Y*n), make([]float32, shape.Conv2V(n))
		y2, work, h, logits := make([]float32, shape.Conv2Y*n), make([]float32, shape.Conv2ForwardWork(n)), make([]float32, shape.FC1Outputs*n), make([]float32, shape.Classes*n)
		check("gather", s.Gather(n, x, images, index))
		check("conv1", s.Conv1ForwardReLUPool(n, y1, x, conv1U, conv1Bias))
		check("conv2 input", s.Conv2InputTransform(n, v, y1))
		check("conv2", s.Conv2ForwardReLUPool(n, y2, work, conv2U, v, conv2Bias[:shape.Conv2Outputs]))
		check("fc1", s.FC1ForwardReLU(n, h, y2, fc1W, fc1Bias[:shape.FC1Outputs]))
		check("fc2", s.FC2Forward(n, logits, h, fc2W, fc2Bias[:shape.Classes]))
		for image := range n {
			y1s, vs, y2s, m := make([]float32, shape.SingleConv1Y), make([]float32, shape.SingleConv2V), make([]float32, shape.Conv2Y), make([]float32, shape.SingleConv2M)
			hs, logitss := make([]float32, shape.SingleFC1Y), make([]float32, shape.SingleLogits)
			list := List{make([]float32, shape.SingleList), make([]int32, shape.SingleList)}
			xs := make([]float32, shape.ImagePixels)
			check("input of one", s.SingleInput(xs, images[image*shape.ImagePixels:][:shape.ImagePixels]))
			check("conv1 of one", s.SingleConv1ReLUPool(y1s, xs, conv1U, conv1Bias))
			check("conv2 input of one", s.SingleConv2InputTransform(vs, y1s))
			check("conv2 of one", s.SingleConv2ReLUPool(y2s, m, conv2UOfOne, vs, conv2Bias))
			check("fc1 of one", s.SingleFC1ReLU(hs, y2s, fc1WOfOne, fc1Bias, list, image%2 == 1))
			check("fc2 of one", s.SingleFC2(logitss, hs, fc2WOfOne, fc2Bias, list))
			lane := func(lines []float32) []float32 {
				var values []float32
				for i := image; i < len(lines); i += n {
					values = append(values, lines[i])
				}
				return values
			}
			for at, want := range lane(y1) {
				if got := y1s[at%shape.Pool1Pixels*shape.Conv1Row+at/shape.Pool1Pixels]; got != want {
					t.Fatalf("%s: image %d: conv1 output %d: expected %v, got %v", s.Name(), image, at, want, got)
				}
			}
			for _, stage := range []struct {
				name      string
				want, got []float32
			}{{"conv2", lane(y2), y2s}, {"fc1", lane(h), hs[:shape.FC1Outputs]}, {"logits", lane(logits), logitss[:shape.Classes]}} {
				if !slices.Equal(stage.want, stage.got) {
					t.Fatalf("%s: image %d: %s differs", s.Name(), image, stage.name)
				}
			}
		}
	}
}
