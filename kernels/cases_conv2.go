package kernels

import "github.com/kernelet/kernelet/internal/shape"

func conv2Cases() []Case {
	var all []Case
	u, w := floats("u", plain(dimConv2U...)), floats("w", plain(dimConv2W...))
	for _, n := range blockSizes {
		x, y := floats("x", lines(n, dimPool1...)), floats("y", lines(n, dimPool2...))
		dx, dy := floats("dx", lines(n, dimPool1...)), floats("dy", lines(n, dimPool2...))
		v, dv := floats("v", lines(n, dimConv2V...)), floats("dv", lines(n, dimConv2DV...))
		group := floats("dm", plain(dim{Name: "group", Size: shape.Conv2Groups}, dim{Name: "value", Size: shape.Conv2M(n)}))
		pairs := floats("dm", plain(dim{Name: "pair", Size: shape.Conv2Pairs}, dim{Name: "value", Size: shape.Conv2M(n)}))
		width, measured := n/shape.Block, n == shape.Block
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
			Case{Kernel: "Conv2ForwardReLUPoolMask", Images: n, Work: float64(n), Dense: shape.Conv2FLOPs, Executed: conv2Products + conv2OutputExecuted, Measured: measured, Integers: true,
				arguments: []argument{images(n), out(y), out(mask(shape.Conv2Y, n)), working("work", shape.Conv2ForwardWork(n)), u, v, bias(shape.Conv2Outputs)},
				bind: func(a *arguments) func(s *Set) error {
					n, y, mask, work := a.Numbers["images"], a.Floats["y"], a.Bytes["mask"], a.Floats["work"]
					u, v, bias := a.Floats["u"], a.Floats["v"], a.Floats["bias"]
					return func(s *Set) error { return s.Conv2ForwardReLUPoolMask(n, y, mask, work, u, v, bias) }
				}},
			Case{Kernel: "Conv2InputGrad", Images: n, Work: float64(n), Dense: shape.Conv2FLOPs, Measured: measured, Integers: true,
				Executed:  conv2OutputGradExecuted + conv2Products + conv2InputGradExecuted,
				arguments: []argument{images(n), out(dx), working("work", shape.Conv2InputGradWork(n)), u, dy, randomMasks(shape.Conv2Y, n)},
				bind: func(a *arguments) func(s *Set) error {
					n, dx, work, u, dy, mask := a.Numbers["images"], a.Floats["dx"], a.Floats["work"], a.Floats["u"], a.Floats["dy"], a.Bytes["mask"]
					return func(s *Set) error { return s.Conv2InputGrad(n, dx, work, u, dy, mask) }
				}},
			// The last group of each pair is left in dm.
			Case{Kernel: "Conv2OutputGrad", Images: n, Work: float64(n), Executed: conv2OutputGradExecuted, Measured: measured, Integers: true, Unchecked: true,
				arguments: []argument{out(pairs), dy, randomMasks(shape.Conv2Y, n)},
				bind: func(a *arguments) func(s *Set) error {
					dm, dy, mask, length := a.Floats["dm"], a.Floats["dy"], a.Bytes["mask"], shape.Conv2M(n)
					return func(s *Set) error {
						for task := range shape.Conv2WeightTasks {
							pair, group := task/shape.Conv2Groups, task%shape.Conv2Groups
							s.conv2OutputGrad[width](dm[pair*length:][:length], dy, mask, pair, group*shape.Conv2Group)
						}
						return nil
					}
				}},
			// Every pair is handed the same dm.
			Case{Kernel: "Conv2InputGradProducts", Images: n, Work: float64(n), Dense: shape.Conv2FLOPs, Executed: conv2Products, Measured: measured, Integers: true, Unchecked: true,
				arguments: []argument{out(dv), u, group},
				bind: func(a *arguments) func(s *Set) error {
					dv, u, dm := a.Floats["dv"], a.Floats["u"], a.Floats["dm"]
					return func(s *Set) error {
						for pair := range shape.Conv2Pairs {
							row0, row1 := conv2PairRows(pair)
							for first := 0; first < shape.Conv2Inputs; first += shape.Conv2Group {
								s.conv2InputGradProducts[width](dv, u, dm, row0, 0, first)
								s.conv2InputGradProducts[width](dv, u, dm, row1, 1, first)
							}
						}
						return nil
					}
				}},
			Case{Kernel: "Conv2InputGradTransform", Images: n, Work: float64(n), Executed: conv2InputGradExecuted, Measured: measured, Integers: true, Unchecked: true,
				arguments: []argument{out(dx), dv},
				bind: func(a *arguments) func(s *Set) error {
					dx, dv := a.Floats["dx"], a.Floats["dv"]
					return func(s *Set) error {
						for first := 0; first < shape.Conv2Inputs; first += shape.Conv2Group {
							s.conv2InputGradTransform[width](dx, dv, first)
						}
						return nil
					}
				}},
		)
	}
	for _, n := range []int{8, 16, 24, 32, measuredLanes} {
		du, db := floats("du", plain(dimConv2U...)), floats("db", plain(dim{Name: "output", Size: shape.Conv2Outputs}))
		v, dm := floats("v", lines(n, dimConv2V...)), floats("dm", lines(n, dimConv2M...))
		measured := n == measuredLanes
		all = append(all,
			Case{Kernel: "Conv2WeightGrad", Images: n, Work: batchWork(n), Dense: shape.Conv2FLOPs, Measured: measured, Integers: true,
				Executed: conv2OutputGradExecuted + conv2Products,
				arguments: []argument{batch(n), every("task", shape.Conv2WeightTasks), out(du), out(db), working("work", shape.Conv2WeightGradWork(n)),
					v, floats("dy", lines(n, dimPool2...)), randomMasks(shape.Conv2Y, n)},
				bind: func(a *arguments) func(s *Set) error {
					from, to := a.all("task")
					n, du, db, work := a.Numbers["images"], a.Floats["du"], a.Floats["db"], a.Floats["work"]
					v, dy, mask := a.Floats["v"], a.Floats["dy"], a.Bytes["mask"]
					return func(s *Set) error {
						for task := from; task < to; task++ {
							if err := s.Conv2WeightGrad(n, task, du, db, work, v, dy, mask); err != nil {
								return err
							}
						}
						return nil
					}
				}},
			// Every pair and group is handed the same dm.
			Case{Kernel: "Conv2WeightGradProducts", Images: n, Work: batchWork(n), Dense: shape.Conv2FLOPs, Executed: conv2Products, Measured: measured, Integers: true, Unchecked: true,
				arguments: []argument{out(du), dm, v},
				bind: func(a *arguments) func(s *Set) error {
					du, dm, v := a.Floats["du"], a.Floats["dm"], a.Floats["v"]
					return func(s *Set) error {
						for task := range shape.Conv2WeightTasks {
							row0, row1 := conv2PairRows(task / shape.Conv2Groups)
							s.conv2WeightGradProducts(du, dm, v, n, row0, row1, task%shape.Conv2Groups*shape.Conv2Group)
						}
						return nil
					}
				}},
			// It reads one of 16 frequencies of dm.
			Case{Kernel: "Conv2BiasGrad", Images: n, Work: batchWork(n), Executed: shape.Conv2Outputs * shape.Conv2Tiles, Measured: measured, Integers: true, Unchecked: true,
				arguments: []argument{out(db), dm.touching(1. / (2 * shape.Points))},
				bind: func(a *arguments) func(s *Set) error {
					db, dm := a.Floats["db"], a.Floats["dm"]
					return func(s *Set) error {
						for first := 0; first < shape.Conv2Outputs; first += shape.Conv2Group {
							s.conv2BiasGrad(db, dm, n, first)
						}
						return nil
					}
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
		Case{Kernel: "Conv2WeightGradTransform", Variant: "weights", Work: measuredBatch, Measured: true,
			Executed:  shape.Conv2Outputs * shape.Conv2Inputs * transforms2D * weightGrad1D / measuredBatch,
			arguments: []argument{out(floats("dw", plain(dimConv2W...))), floats("du", plain(dimConv2U...))},
			bind: func(a *arguments) func(s *Set) error {
				dw, du := a.Floats["dw"], a.Floats["du"]
				return func(s *Set) error { return s.Conv2WeightGradTransform(dw, du) }
			}},
	)
}
