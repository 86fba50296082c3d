package kernels

import (
	"math/rand/v2"

	"github.com/kernelet/kernelet/internal/shape"
)

// singleList is the working memory of lists.
var singleList = []argument{working("values", shape.SingleList),
	{Name: "indices", Kind: integersKind, layout: plain(dim{Name: "entry", Size: shape.SingleList}), Work: true}}

// live fills with integers from −2 to 2, of which a share is not skipped.
func (a argument) live(share float64) argument {
	return a.filled(func(r *rand.Rand, of *arguments) {
		values := of.Floats[a.Name]
		for i := range values {
			values[i] = 0
			if r.Float64() < share {
				values[i] = float32(r.IntN(5) - 2)
			}
		}
	})
}

// singleW1 is the layout of fc1's weights where lanes are outputs.
var singleW1 = plain(dim{Name: "chunk", Size: shape.SingleFC1Y / shape.SingleFC1Chunk}, dim{Name: "input", Size: shape.FC1Inputs}, dim{Name: "output of the chunk", Size: shape.SingleFC1Chunk})

func singleCases() []Case {
	channels := dim{Name: "channel", Size: shape.Conv1Row}
	y1 := plain(dim{Name: "y", Size: shape.Pool1Size}, dim{Name: "x", Size: shape.Pool1Size}, channels)
	v := floats("v", plain(dim{Name: "frequency", Size: shape.Frequencies}, dim{Name: "tile", Size: shape.Conv2Tiles}, channels))
	image := floats("x", plain(dimImage...))
	y2 := floats("y", plain(dimPool2...))
	outputs := func(n int) layout { return plain(dim{Name: "output", Size: n}) }
	w2 := plain(dim{Name: "input", Size: shape.SingleFC1Y}, dim{Name: "class", Size: shape.SingleLogits})
	all := []Case{
		{Kernel: "SingleInput", Variant: "image", Work: 1, Executed: 2 * shape.ImagePixels, Measured: true,
			Integers:  true, // the twin rounds as the kernels do
			arguments: []argument{out(image), bytesOf("image", shape.ImagePixels).randomBytes()},
			bind: func(a *arguments) func(s *Set) error {
				x, image := a.Floats["x"], a.Bytes["image"]
				return func(s *Set) error { return s.SingleInput(x, image) }
			}},
		{Kernel: "SingleConv1ReLUPool", Variant: "image", Work: 1, Dense: shape.Conv1FLOPs, Executed: conv1Executed, Measured: true, Integers: true,
			arguments: []argument{out(floats("y", y1)), image, floats("u", plain(dimConv1U...)), bias(shape.Conv1Row)},
			bind: func(a *arguments) func(s *Set) error {
				y, x, u, bias := a.Floats["y"], a.Floats["x"], a.Floats["u"], a.Floats["bias"]
				return func(s *Set) error { return s.SingleConv1ReLUPool(y, x, u, bias) }
			}},
		{Kernel: "SingleConv2InputTransform", Variant: "image", Work: 1, Executed: conv2InputExecuted, Measured: true, Integers: true,
			arguments: []argument{out(v), floats("x", y1)},
			bind: func(a *arguments) func(s *Set) error {
				v, x := a.Floats["v"], a.Floats["x"]
				return func(s *Set) error { return s.SingleConv2InputTransform(v, x) }
			}},
		{Kernel: "SingleConv2ReLUPool", Variant: "image", Work: 1, Dense: shape.Conv2FLOPs, Executed: conv2Products + conv2OutputExecuted, Measured: true, Integers: true,
			arguments: []argument{out(y2), working("m", shape.SingleConv2M), floats("u", plain(dim{Name: "weight", Size: shape.SingleConv2U})), v, bias(shape.SingleConv2Outputs)},
			bind: func(a *arguments) func(s *Set) error {
				y, m, u, v, bias := a.Floats["y"], a.Floats["m"], a.Floats["u"], a.Floats["v"], a.Floats["bias"]
				return func(s *Set) error { return s.SingleConv2ReLUPool(y, m, u, v, bias) }
			}},
		{Kernel: "SingleFC2", Variant: "image", Work: 1, Dense: shape.FC2FLOPs, Executed: alive * shape.FC2FLOPs, Measured: true, Integers: true,
			arguments: append([]argument{out(floats("logits", outputs(shape.SingleLogits))), floats("x", outputs(shape.SingleFC1Y)).live(alive),
				floats("w", w2).touching(alive), floats("bias", outputs(shape.SingleLogits))}, singleList...),
			bind: func(a *arguments) func(s *Set) error {
				logits, x, w, bias, list := a.Floats["logits"], a.Floats["x"], a.Floats["w"], a.Floats["bias"], List{a.Floats["values"], a.Integers["indices"]}
				return func(s *Set) error { return s.SingleFC2(logits, x, w, bias, list) }
			}},
	}
	for _, alternating := range []bool{false, true} {
		variant := "forwards"
		if alternating {
			variant = "alternating"
		}
		all = append(all, Case{Kernel: "SingleFC1ReLU", Variant: variant, Work: 1, Dense: shape.FC1FLOPs, Executed: liveInput * shape.FC1FLOPs, Measured: alternating, Integers: true,
			arguments: append([]argument{out(floats("h", outputs(shape.SingleFC1Y))), floats("x", plain(dimFC1X...)).live(liveInput),
				floats("w", singleW1).touching(liveInput), floats("bias", outputs(shape.SingleFC1Y))}, singleList...),
			bind: func(a *arguments) func(s *Set) error {
				h, x, w, bias, list, backwards := a.Floats["h"], a.Floats["x"], a.Floats["w"], a.Floats["bias"], List{a.Floats["values"], a.Integers["indices"]}, false
				return func(s *Set) error {
					backwards = alternating && !backwards
					return s.SingleFC1ReLU(h, x, w, bias, list, backwards)
				}
			}})
	}
	return all
}
