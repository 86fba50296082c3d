package kernels

import "github.com/kernelet/kernelet/internal/shape"

func conv2Cases() []Case {
	var all []Case
	u, w := floats("u", plain(dimConv2U...)), floats("w", plain(dimConv2W...))
	for _, n := range blockSizes {
		x, y := floats("x", lines(n, dimPool1...)), floats("y", lines(n, dimPool2...))
		v := floats("v", lines(n, dimConv2V...))
		measured := n == shape.Block
		all = append(all,
			Case{Kernel: "Conv2InputTransform", Images: n, Work: float64(n), Executed: conv2InputExecuted, Measured: measured, Integers: true,
				arguments: []argument{images(n), out(v), x},
				bind: func(a *arguments) func(s *Set) error {
					n, v, x := a.Numbers["images"], a.Floats["v"], a.Floats["x"]
					return func(s *Set) error { return s.Conv2InputTransform(n, v, x) }
				}},
			Case{Kernel: "Conv2ForwardReLUPool", Images: n, Work: float64(n), Dense: shape.Conv2FLOPs, Executed: conv2Products + conv2OutputExecuted, Measured: measured, Integers: true,
				arguments: []argument{images(n), out(y), working("work", shape.Conv2ForwardWork(n)), u, v, bias(shape.Conv2Outputs)},
				bind: func(a *arguments) func(s *Set) error {
					n, y, work, u, v, bias := a.Numbers["images"], a.Floats["y"], a.Floats["work"], a.Floats["u"], a.Floats["v"], a.Floats["bias"]
					return func(s *Set) error { return s.Conv2ForwardReLUPool(n, y, work, u, v, bias) }
				}},
		)
	}
	return append(all,
		Case{Kernel: "Conv2WeightTransform", Variant: "weights", Work: measuredBatch, Measured: true,
			Executed:  shape.Conv2Outputs * shape.Conv2Inputs * transforms2D * weightTransform1D / measuredBatch,
			arguments: []argument{out(u), w},
			bind: func(a *arguments) func(s *Set) error {
				u, w := a.Floats["u"], a.Floats["w"]
				return func(s *Set) error { return s.Conv2WeightTransform(u, w) }
			}},
	)
}
