package kernels

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func singleRows() []row {
	u2 := argument{name: "u", floats: SingleU2}
	list := []argument{{name: "values", floats: SingleList, work: true}, {name: "places", ints: SingleList, work: true}}
	rows := []row{
		{kernel: "SingleInput", shape: "image", perCall: 1,
			arguments: []argument{{name: "x", floats: ImagePixels, output: true}, {name: "image", bytes: ImagePixels, fill: randomBytes}},
			integers:  true, // the twin rounds as the kernels do
			call:      func(s *Set, _ int, b *buffers) error { return s.SingleInput(b.floats[0], b.bytes[1]) }},
		{kernel: "SingleConv1ReLUPool", shape: "image", perCall: 1, flops: conv1FLOPs,
			arguments: []argument{{name: "y", floats: SingleY1, output: true}, {name: "x", floats: ImagePixels},
				{name: "u", floats: Conv1U}, {name: "bias", floats: Conv1Row}}, integers: true,
			call: func(s *Set, _ int, b *buffers) error {
				return s.SingleConv1ReLUPool(b.floats[0], b.floats[1], b.floats[2], b.floats[3])
			}},
		{kernel: "SingleConv2InputTransform", shape: "image", perCall: 1,
			arguments: []argument{{name: "v", floats: SingleV, output: true}, {name: "x", floats: SingleY1}},
			integers:  true,
			call:      func(s *Set, _ int, b *buffers) error { return s.SingleConv2InputTransform(b.floats[0], b.floats[1]) }},
		{kernel: "SingleConv2ReLUPool", shape: "image", perCall: 1, flops: conv2FLOPs,
			arguments: []argument{{name: "y", floats: Conv2Y, output: true}, {name: "m", floats: SingleM, work: true}, u2,
				{name: "v", floats: SingleV}, {name: "bias", floats: SingleBias2}},
			integers: true,
			call: func(s *Set, _ int, b *buffers) error {
				return s.SingleConv2ReLUPool(b.floats[0], b.floats[1], b.floats[2], b.floats[3], b.floats[4])
			}},
		{kernel: "SingleFC2", shape: "image", perCall: 1,
			arguments: append([]argument{{name: "logits", floats: SingleLogits, output: true}, {name: "x", floats: SingleH, fill: halfZero},
				{name: "w", floats: SingleW2}, {name: "bias", floats: SingleLogits}}, list...),
			integers: true,
			call: func(s *Set, _ int, b *buffers) error {
				return s.SingleFC2(b.floats[0], b.floats[1], b.floats[2], b.floats[3], b.floats[4], b.ints[5])
			}},
	}
	for _, backwards := range []bool{false, true} {
		rows = append(rows, row{kernel: "SingleFC1ReLU", shape: fmt.Sprintf("backwards=%v", backwards), perCall: 1, flops: fc1FLOPs,
			arguments: append([]argument{{name: "h", floats: SingleH, output: true}, {name: "x", floats: FC1Inputs, fill: halfZero},
				{name: "w", floats: SingleW1}, {name: "bias", floats: SingleH}}, list...),
			integers: true,
			call: func(s *Set, _ int, b *buffers) error {
				return s.SingleFC1ReLU(b.floats[0], b.floats[1], b.floats[2], b.floats[3], b.floats[4], b.ints[5], backwards)
			}})
	}
	return rows
}

func randomBytes(r *rand.Rand, _ []float32, data []byte) {
	for i := range data {
		data[i] = byte(r.Uint32())
	}
}

// halfZero fills with integers from −2 to 2 and sets half of the values to 0.
func halfZero(r *rand.Rand, values []float32, _ []byte) {
	for i := range values {
		values[i] = float32(r.IntN(5)-2) * float32(r.IntN(2))
	}
}

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
	u1, bias1 := random(Conv1U, 0.3), random(Conv1Row, 0.2)
	u2, bias2 := random(Conv2U, 0.1), append(random(Conv2Outputs, 0.1), make([]float32, SingleBias2-Conv2Outputs)...)
	w1, biasF := random(FC1W, 0.04), append(random(FC1Outputs, 0.04), make([]float32, SingleH-FC1Outputs)...)
	w2, biasC := random(FC2W, 0.05), append(random(Classes, 0.05), make([]float32, SingleLogits-Classes)...)
	u2s, w1s, w2s := make([]float32, SingleU2), make([]float32, SingleW1), make([]float32, SingleW2)
	if err := PackSingleConv2(u2s, u2); err != nil {
		t.Fatal(err)
	}
	if err := PackSingleFC1(w1s, w1); err != nil {
		t.Fatal(err)
	}
	if err := PackSingleFC2(w2s, w2); err != nil {
		t.Fatal(err)
	}
	images := make([]byte, Block*ImagePixels)
	index := make([]int32, Block)
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
		const n = Block
		x, y1, v := make([]float32, ImagePixels*n), make([]float32, Conv1Y*n), make([]float32, Conv2V(n))
		y2, work, h, logits := make([]float32, Conv2Y*n), make([]float32, Conv2Work*n), make([]float32, FC1Outputs*n), make([]float32, Classes*n)
		check("gather", s.Gather(n, x, images, index))
		check("conv1", s.Conv1ForwardReLUPool(n, y1, x, u1, bias1))
		check("conv2 input", s.Conv2InputTransform(n, v, y1))
		for first := 0; first < Conv2Outputs; first += Group {
			check("conv2", s.Conv2ForwardReLUPool(n, y2, work, u2, v, bias2[:Conv2Outputs], first))
		}
		for first := 0; first < FC1Outputs; first += FC1Outs {
			check("fc1", s.FC1ForwardReLU(n, h, y2, w1, biasF[:FC1Outputs], first))
		}
		check("fc2", s.FC2Forward(n, logits, h, w2, biasC[:Classes]))
		for image := range n {
			y1s, vs, y2s, m := make([]float32, SingleY1), make([]float32, SingleV), make([]float32, Conv2Y), make([]float32, SingleM)
			hs, logitss, values, places := make([]float32, SingleH), make([]float32, SingleLogits), make([]float32, SingleList), make([]int32, SingleList)
			xs := make([]float32, ImagePixels)
			check("input of one", s.SingleInput(xs, images[image*ImagePixels:][:ImagePixels]))
			check("conv1 of one", s.SingleConv1ReLUPool(y1s, xs, u1, bias1))
			check("conv2 input of one", s.SingleConv2InputTransform(vs, y1s))
			check("conv2 of one", s.SingleConv2ReLUPool(y2s, m, u2s, vs, bias2))
			check("fc1 of one", s.SingleFC1ReLU(hs, y2s, w1s, biasF, values, places, image%2 == 1))
			check("fc2 of one", s.SingleFC2(logitss, hs, w2s, biasC, values, places))
			lane := func(lines []float32) []float32 {
				var values []float32
				for i := image; i < len(lines); i += n {
					values = append(values, lines[i])
				}
				return values
			}
			for at, want := range lane(y1) {
				if got := y1s[at%Pool1Pixels*Conv1Row+at/Pool1Pixels]; got != want {
					t.Fatalf("%s: image %d: conv1 output %d: expected %v, got %v", s.Name(), image, at, want, got)
				}
			}
			for _, stage := range []struct {
				name      string
				want, got []float32
			}{{"conv2", lane(y2), y2s}, {"fc1", lane(h), hs[:FC1Outputs]}, {"logits", lane(logits), logitss[:Classes]}} {
				if !slices.Equal(stage.want, stage.got) {
					t.Fatalf("%s: image %d: %s differs", s.Name(), image, stage.name)
				}
			}
		}
	}
}
