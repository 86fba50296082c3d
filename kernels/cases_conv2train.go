package kernels

import "github.com/kernelet/kernelet/internal/shape"

// Of conv2's weight gradient: values at real frequencies, and the share of its
// arguments that they need.
const (
	realWeights = shape.ToomSingles * shape.Conv2Outputs * shape.Conv2Inputs
	realShare   = float64(shape.ToomSingles) / shape.ToomFrequencies
)

func conv2TrainCases() []Case {
	var all []Case
	u, w := floats("u", plain(dimTrainU...)), floats("w", plain(dimConv2W...))
	for _, n := range blockSizes {
		x, y := floats("x", lines(n, dimPool1...)), floats("y", lines(n, dimPool2...))
		dx, dy := floats("dx", lines(n, dimPool1...)), floats("dy", lines(n, dimPool2...))
		v, dm, dv := floats("v", lines(n, dimTrainV...)), floats("dm", lines(n, dimDM...)), floats("dv", lines(n, dimDV...))
		width, measured := n/shape.Block, n == shape.Block
		all = append(all,
			Case{Kernel: "Conv2TrainInputTransform", Images: n, Work: float64(n), Executed: conv2TrainInputExecuted, Measured: measured,
				arguments: append([]argument{images(n), out(v), x}, groups(shape.Conv2TrainGroup, shape.Conv2Inputs)...),
				bind: func(a *arguments) func(s *Set) error {
					n, v, x := a.Numbers["images"], a.Floats["v"], a.Floats["x"]
					first, count := a.Numbers["first"], a.Numbers["count"]
					return func(s *Set) error { return s.Conv2TrainInputTransform(n, v, x, first, count) }
				}},
			Case{Kernel: "Conv2TrainForwardReLUPoolMask", Images: n, Work: float64(n), Dense: shape.Conv2FLOPs, Executed: conv2TrainProducts + conv2TrainOutputExecuted, Measured: measured,
				arguments: append([]argument{images(n), out(y), out(mask(shape.Conv2Y, n)), working("work", shape.Conv2TrainForwardWork(n)), u, v, bias(shape.Conv2Outputs)}, groups(shape.Conv2TrainGroup, shape.Conv2Outputs)...),
				bind: func(a *arguments) func(s *Set) error {
					n, y, mask, work := a.Numbers["images"], a.Floats["y"], a.Bytes["mask"], a.Floats["work"]
					u, v, bias := a.Floats["u"], a.Floats["v"], a.Floats["bias"]
					first, count := a.Numbers["first"], a.Numbers["count"]
					return func(s *Set) error { return s.Conv2TrainForwardReLUPoolMask(n, y, mask, work, u, v, bias, first, count) }
				}},
			Case{Kernel: "Conv2OutputGrad", Images: n, Work: float64(n), Executed: conv2OutputGradExecuted, Measured: measured,
				arguments: append([]argument{images(n), out(dm), dy, randomMasks(shape.Conv2Y, n)}, groups(shape.Conv2TrainGroup, shape.Conv2Outputs)...),
				bind: func(a *arguments) func(s *Set) error {
					n, dm, dy, mask := a.Numbers["images"], a.Floats["dm"], a.Floats["dy"], a.Bytes["mask"]
					first, count := a.Numbers["first"], a.Numbers["count"]
					return func(s *Set) error { return s.Conv2OutputGrad(n, dm, dy, mask, first, count) }
				}},
			Case{Kernel: "Conv2InputGrad", Images: n, Work: float64(n), Dense: shape.Conv2FLOPs, Measured: measured,
				Executed:  conv2TrainProducts + conv2InputGradExecuted,
				arguments: append([]argument{images(n), out(dx), working("work", shape.Conv2InputGradWork(n)), u, dm}, groups(shape.Conv2TrainGroup, shape.Conv2Inputs)...),
				bind: func(a *arguments) func(s *Set) error {
					n, dx, work, u, dm := a.Numbers["images"], a.Floats["dx"], a.Floats["work"], a.Floats["u"], a.Floats["dm"]
					first, count := a.Numbers["first"], a.Numbers["count"]
					return func(s *Set) error { return s.Conv2InputGrad(n, dx, work, u, dm, first, count) }
				}},
			Case{Kernel: "Conv2InputGradProducts", Images: n, Work: float64(n), Dense: shape.Conv2FLOPs, Executed: conv2TrainProducts, Measured: measured, Integers: true, Unchecked: true,
				arguments: []argument{out(dv), u, dm},
				bind: func(a *arguments) func(s *Set) error {
					dv, u, dm := a.Floats["dv"], a.Floats["u"], a.Floats["dm"]
					return func(s *Set) error {
						for first := 0; first < shape.Conv2Inputs; first += shape.Conv2TrainGroup {
							s.conv2InputGradProducts[width](dv, u, dm, first)
						}
						return nil
					}
				}},
			Case{Kernel: "Conv2InputGradTransform", Images: n, Work: float64(n), Executed: conv2InputGradExecuted, Measured: measured, Unchecked: true,
				arguments: []argument{out(dx), dv},
				bind: func(a *arguments) func(s *Set) error {
					dx, dv := a.Floats["dx"], a.Floats["dv"]
					return func(s *Set) error {
						for first := 0; first < shape.Conv2Inputs; first += shape.Conv2TrainGroup {
							s.conv2InputGradTransform[width](dx, dv, first)
						}
						return nil
					}
				}},
		)
	}
	for _, n := range []int{8, 16, 24, 32, measuredLanes} {
		du, db := floats("du", plain(dimTrainU...)), floats("db", plain(dim{Name: "output", Size: shape.Conv2Outputs}))
		v, dm, dy := floats("v", lines(n, dimTrainV...)), floats("dm", lines(n, dimDM...)), floats("dy", lines(n, dimPool2...))
		all = append(all,
			Case{Kernel: "Conv2WeightGrad", Images: n, Work: batchWork(n), Dense: shape.Conv2FLOPs, Executed: conv2TrainProducts, Measured: n == measuredLanes, Integers: true,
				arguments: []argument{batch(n), every("task", shape.Conv2WeightTasks), out(du), out(db), dm, v, dy, randomMasks(shape.Conv2Y, n)},
				bind: func(a *arguments) func(s *Set) error {
					from, to := a.all("task")
					n, du, db, dm := a.Numbers["images"], a.Floats["du"], a.Floats["db"], a.Floats["dm"]
					v, dy, mask := a.Floats["v"], a.Floats["dy"], a.Bytes["mask"]
					return func(s *Set) error {
						for task := from; task < to; task++ {
							if err := s.Conv2WeightGrad(n, task, du, db, dm, v, dy, mask); err != nil {
								return err
							}
						}
						return nil
					}
				}},
			Case{Kernel: "Conv2WeightGradProducts", Images: n, Work: batchWork(n), Executed: 2 * shape.ToomSingles * shape.Conv2Outputs * shape.Conv2Inputs,
				Measured: n == measuredLanes, Integers: true, Unchecked: true,
				arguments: []argument{out(du), dm.touching(realShare), v.touching(realShare)},
				bind: func(a *arguments) func(s *Set) error {
					du, dm, v := a.Floats["du"], a.Floats["dm"], a.Floats["v"]
					return func(s *Set) error {
						for first := 0; first < shape.ToomSingles; first += shape.Conv2WeightSingles {
							s.conv2WeightGradProducts(du, dm, v, n, first)
						}
						return nil
					}
				}},
			Case{Kernel: "Conv2WeightGradPairProducts", Images: n, Work: batchWork(n), Executed: 8 * shape.ToomPairs * shape.Conv2Outputs * shape.Conv2Inputs,
				Measured: n == measuredLanes, Integers: true, Unchecked: true,
				arguments: []argument{out(du), dm.touching(1 - realShare), v.touching(1 - realShare)},
				bind: func(a *arguments) func(s *Set) error {
					du, dm, v := a.Floats["du"], a.Floats["dm"], a.Floats["v"]
					return func(s *Set) error {
						for first := shape.ToomSingles; first < shape.ToomFrequencies; first += 2 * shape.Conv2WeightPairs {
							s.conv2WeightGradPairProducts(du, dm, v, n, first)
						}
						return nil
					}
				}},
			Case{Kernel: "Conv2BiasGrad", Images: n, Work: batchWork(n), Executed: shape.Conv2Y, Measured: n == measuredLanes, Integers: true, Unchecked: true,
				arguments: []argument{out(db), dy, randomMasks(shape.Conv2Y, n)},
				bind: func(a *arguments) func(s *Set) error {
					db, dy, mask := a.Floats["db"], a.Floats["dy"], a.Bytes["mask"]
					return func(s *Set) error {
						s.conv2BiasGrad(db, dy, mask, n)
						return nil
					}
				}})
	}
	return append(all,
		Case{Kernel: "Conv2TrainWeightTransform", Variant: "weights", Work: measuredBatch, Measured: true,
			Executed:  shape.Conv2Outputs * shape.Conv2Inputs * toomTransforms2D * toomWeight1D / measuredBatch,
			arguments: append([]argument{out(u), w}, groups(shape.Conv2TrainGroup, shape.Conv2Outputs)...),
			bind: func(a *arguments) func(s *Set) error {
				u, w := a.Floats["u"], a.Floats["w"]
				first, count := a.Numbers["first"], a.Numbers["count"]
				return func(s *Set) error { return s.Conv2TrainWeightTransform(u, w, first, count) }
			}},
		Case{Kernel: "Conv2WeightGradTransform", Variant: "weights", Work: measuredBatch, Measured: true,
			Executed:  shape.Conv2Outputs * shape.Conv2Inputs * toomTransforms2D * toomWeightGrad1D / measuredBatch,
			arguments: append([]argument{out(floats("dw", plain(dimConv2W...))), floats("du", plain(dimTrainU...))}, groups(shape.Conv2TrainGroup, shape.Conv2Outputs)...),
			bind: func(a *arguments) func(s *Set) error {
				dw, du := a.Floats["dw"], a.Floats["du"]
				first, count := a.Numbers["first"], a.Numbers["count"]
				return func(s *Set) error { return s.Conv2WeightGradTransform(dw, du, first, count) }
			}},
	)
}
