package kernels

import (
	"math/rand/v2"

	"github.com/kernelet/kernelet/internal/shape"
)

// Layouts of fc1's rows and lists.
func rowsLayout(capacity int) layout {
	return plain(dim{Name: "slice", Size: shape.FC1Slices}, dim{Name: "image", Size: capacity}, dim{Name: "input of the slice", Size: shape.FC1Slice})
}

func imageListLayout(n int) layout {
	return plain(dim{Name: "image", Size: n}, dim{Name: "entry", Size: shape.FC1ImageList})
}

func endsLayout(n int) layout {
	return plain(dim{Name: "image", Size: n}, dim{Name: "run", Size: shape.FC1Runs})
}

func inputEndsLayout(n int) layout {
	return plain(dim{Name: "image", Size: n}, dim{Name: "run", Size: shape.FC1InputRuns})
}

var (
	outputListLayout = plain(dim{Name: "output", Size: shape.FC1Outputs}, dim{Name: "entry", Size: shape.FC1OutputList})
	countsLayout     = plain(dim{Name: "output", Size: shape.FC1Outputs})
)

// lists are those of one gradient of fc1's outputs.
type lists struct {
	dy      []float32
	images  ImageLists
	outputs OutputLists
}

// newLists makes the lists of a gradient by the twins.
func newLists(dy []float32, batch int) lists {
	const outputs = shape.FC1Outputs
	l := lists{dy: dy,
		images: ImageLists{make([]float32, shape.FC1ImageList*batch), make([]int32, shape.FC1ImageList*batch), make([]int32, shape.FC1Runs*batch)},
		outputs: OutputLists{make([]float32, shape.FC1OutputList*outputs), make([]int32, shape.FC1OutputList*outputs),
			make([]int32, outputs)}}
	for block := 0; block < batch; block += shape.Block {
		n := min(shape.Block, batch-block)
		of := l.images.Of(block, n)
		fc1ImageLists(of.Values, of.Outputs, of.Ends, dy[outputs*block:][:outputs*n])
	}
	fc1OutputLists(l.outputs.Values, l.outputs.Images, l.outputs.Counts, dy, batch, 0, outputs)
	return l
}

// sparseLists are those of a random gradient of which a share is alive.
func sparseLists(batch int) lists {
	r := rand.New(rand.NewPCG(1, uint64(batch)))
	dy := make([]float32, shape.FC1Outputs*batch)
	for i := range dy {
		if r.Float64() < alive {
			dy[i] = float32(r.IntN(9)-4) / 4
		}
	}
	return newLists(dy, batch)
}

// inImageLists: entries behind an image's last one are undefined.
func inImageLists(a *arguments, at int) bool {
	const list, runs = shape.FC1ImageList, shape.FC1Runs
	return at%list < int(a.Integers["ends"][at/list*runs+runs-1])
}

// inputListsOf are the twin's lists of x, 16-lane blocks and a half-block.
func inputListsOf(x []float32, n int) InputLists {
	l := InputLists{make([]float32, shape.FC1InputList*n), make([]int32, shape.FC1InputList*n), make([]int32, shape.FC1InputRuns*n)}
	for block := 0; block < n; block += shape.Block {
		width := min(shape.Block, n-block)
		of := l.Of(block, width)
		fc1InputLists(of.Values, of.Inputs, of.Ends, x[shape.FC1Inputs*block:][:shape.FC1Inputs*width])
	}
	return l
}

func inputListLayout(n int) layout {
	return plain(dim{Name: "image", Size: n}, dim{Name: "entry", Size: shape.FC1InputList})
}

// inInputLists: entries behind an image's last one are undefined.
func inInputLists(a *arguments, at int) bool {
	const list, runs = shape.FC1InputList, shape.FC1InputRuns
	return at%list < int(a.Integers["ends"][at/list*runs+runs-1])
}

// inOutputLists: entries behind an output's last one are undefined.
func inOutputLists(a *arguments, at int) bool {
	return at%shape.FC1OutputList < int(a.Integers["counts"][at/shape.FC1OutputList])
}

func (a argument) where(defined func(a *arguments, at int) bool) argument {
	a.defined = defined
	return a
}

// caseImage and caseCapacity say where in its rows the case of a block lies.
const caseImage, caseCapacity = 24, 40

func fc1Cases() []Case {
	var all []Case
	w, b := floats("w", plain(dimFC1W...)), bias(shape.FC1Outputs)
	imageOutside, capacityOutside := []int{-8, 4, 40}, []int{-40, 0, 44, 48}
	for _, n := range []int{8, 16, 32, 40} {
		all = append(all, Case{Kernel: "FC1ForwardReLU", Images: n, Work: float64(n), Dense: shape.FC1FLOPs, Executed: shape.FC1FLOPs + 2*shape.FC1Outputs,
			Measured: n == 2*shape.Block, Integers: true,
			arguments: []argument{batch(n), out(floats("y", lines(n, dimFC1Y...))), floats("x", lines(n, dimFC1X...)), w, b},
			bind: func(a *arguments) func(s *Set) error {
				n, y, x, w, bias := a.Numbers["images"], a.Floats["y"], a.Floats["x"], a.Floats["w"], a.Floats["bias"]
				return func(s *Set) error { return s.FC1ForwardReLU(n, y, x, w, bias) }
			}})
	}
	for _, n := range batchSizes {
		r := rand.New(rand.NewPCG(2, uint64(n)))
		x := make([]float32, shape.FC1Inputs*n)
		for i := range x {
			if r.Float64() < listed {
				x[i] = float32(r.IntN(9)-4) / 4
			}
		}
		l := inputListsOf(x, n)
		all = append(all, Case{Kernel: "FC1ListForwardReLU", Images: n, Work: batchWork(n), Dense: shape.FC1FLOPs, Executed: listed * shape.FC1FLOPs,
			Measured: n == measuredLanes, Integers: true,
			arguments: []argument{batch(n), out(floats("h", plain(dim{Name: "image", Size: n}, dim{Name: "output", Size: shape.SingleFC1Y}))),
				floats("values", inputListLayout(n)).copyOf(l.Values, nil).touching(listed), integers("inputs", inputListLayout(n)).copyOf(nil, l.Inputs).touching(listed),
				integers("ends", inputEndsLayout(n)).copyOf(nil, l.Ends), floats("w", singleW1), bias(shape.SingleFC1Y)},
			bind: func(a *arguments) func(s *Set) error {
				n, h, w, bias := a.Numbers["images"], a.Floats["h"], a.Floats["w"], a.Floats["bias"]
				lists := InputLists{a.Floats["values"], a.Integers["inputs"], a.Integers["ends"]}
				return func(s *Set) error { return s.FC1ListForwardReLU(n, h, lists, w, bias) }
			}})
	}
	for _, n := range blockSizes {
		packed := floats("packed", rowsLayout(caseCapacity)).touching(float64(n) / caseCapacity)
		image, capacity := value("image", caseImage, imageOutside...), value("capacity", caseCapacity, capacityOutside...)
		measured := n == shape.Block
		all = append(all,
			Case{Kernel: "FC1PackInput", Images: n, Work: float64(n), Measured: measured, Integers: true,
				arguments: append([]argument{images(n), out(packed), floats("x", lines(n, dimFC1X...)), image, capacity}, groups(shape.FC1SlicePair, shape.FC1Slices)...),
				bind: func(a *arguments) func(s *Set) error {
					n, packed, x, image := a.Numbers["images"], Rows{a.Floats["packed"], a.Numbers["capacity"]}, a.Floats["x"], a.Numbers["image"]
					first, count := a.Numbers["first"], a.Numbers["count"]
					return func(s *Set) error { return s.FC1PackInput(n, packed, x, image, first, count) }
				}},
			Case{Kernel: "FC1UnpackInputGrad", Images: n, Work: float64(n), Measured: measured, Integers: true,
				arguments: append([]argument{images(n), out(floats("dx", lines(n, dimFC1X...))), packed, image, capacity}, groups(shape.FC1SlicePair, shape.FC1Slices)...),
				bind: func(a *arguments) func(s *Set) error {
					n, dx, packed, image := a.Numbers["images"], a.Floats["dx"], Rows{a.Floats["packed"], a.Numbers["capacity"]}, a.Numbers["image"]
					first, count := a.Numbers["first"], a.Numbers["count"]
					return func(s *Set) error { return s.FC1UnpackInputGrad(n, dx, packed, image, first, count) }
				}},
			Case{Kernel: "FC1InputLists", Images: n, Work: float64(n), Measured: measured, Integers: true,
				arguments: []argument{images(n), out(floats("values", inputListLayout(n))).where(inInputLists).touching(listed),
					out(integers("inputs", inputListLayout(n))).where(inInputLists).touching(listed),
					out(integers("ends", inputEndsLayout(n))), floats("x", lines(n, dimFC1X...)).sparse(listed)},
				bind: func(a *arguments) func(s *Set) error {
					n, lists, x := a.Numbers["images"], InputLists{a.Floats["values"], a.Integers["inputs"], a.Integers["ends"]}, a.Floats["x"]
					return func(s *Set) error { return s.FC1InputLists(n, lists, x) }
				}},
			Case{Kernel: "FC1ImageLists", Images: n, Work: float64(n), Measured: measured, Integers: true,
				arguments: []argument{images(n), out(floats("values", imageListLayout(n))).where(inImageLists).touching(alive),
					out(integers("outputs", imageListLayout(n))).where(inImageLists).touching(alive),
					out(integers("ends", endsLayout(n))), floats("dy", lines(n, dimFC1Y...)).sparse(alive)},
				bind: func(a *arguments) func(s *Set) error {
					n, lists, dy := a.Numbers["images"], ImageLists{a.Floats["values"], a.Integers["outputs"], a.Integers["ends"]}, a.Floats["dy"]
					return func(s *Set) error { return s.FC1ImageLists(n, lists, dy) }
				}},
		)
	}
	// Ranges of outputs with the other of first and count at 0 and 500.
	first, count := value("first", 0, -1, 1, shape.FC1Outputs), value("count", shape.FC1Outputs, -1, 0, shape.FC1Outputs+1)
	count.Group = 1
	slice := every("slice", shape.FC1Slices)
	for _, n := range batchSizes {
		l := sparseLists(n)
		share := alive * float64(n) / shape.FC1OutputList
		outputLists := []argument{floats("values", outputListLayout).copyOf(l.outputs.Values, nil).touching(share),
			integers("images", outputListLayout).copyOf(nil, l.outputs.Images).touching(share),
			integers("counts", countsLayout).copyOf(nil, l.outputs.Counts)}
		imageLists := []argument{floats("values", imageListLayout(n)).copyOf(l.images.Values, nil).touching(alive),
			integers("outputs", imageListLayout(n)).copyOf(nil, l.images.Outputs).touching(alive), integers("ends", endsLayout(n)).copyOf(nil, l.images.Ends)}
		x, capacity := floats("x", rowsLayout(n)), value("capacity", n, -n, 0, n+4, n+8)
		measured := n == measuredLanes
		all = append(all,
			Case{Kernel: "FC1ForwardReLUDropout", Images: n, Work: batchWork(n), Dense: shape.FC1FLOPs, Executed: shape.FC1FLOPs / 2, Measured: measured, Integers: true,
				arguments: []argument{chunk(n), every("group", shape.FC1DropoutGroups), out(floats("y", lines(n, dimFC1Y...))), x, capacity, w, b,
					argument{Name: "keys", Kind: wordsKind, layout: lines(n)}.filled(func(r *rand.Rand, a *arguments) {
						for i := range a.Words["keys"] {
							a.Words["keys"][i] = r.Uint32()
						}
					})},
				bind: func(a *arguments) func(s *Set) error {
					from, to := a.all("group")
					n, y, x, w, bias, keys := a.Numbers["images"], a.Floats["y"], Rows{a.Floats["x"], a.Numbers["capacity"]}, a.Floats["w"], a.Floats["bias"], a.Words["keys"]
					return func(s *Set) error {
						for group := from; group < to; group++ {
							if err := s.FC1ForwardReLUDropout(n, group, y, x, w, bias, keys, &caseDropout); err != nil {
								return err
							}
						}
						return nil
					}
				}},
			Case{Kernel: "FC1OutputLists", Images: n, Work: batchWork(n), Measured: measured, Integers: true,
				arguments: []argument{chunk(n), out(floats("values", outputListLayout)).where(inOutputLists).touching(share),
					out(integers("images", outputListLayout)).where(inOutputLists).touching(share), out(integers("counts", countsLayout)),
					floats("dy", lines(n, dimFC1Y...)).sparse(alive), first, count},
				bind: func(a *arguments) func(s *Set) error {
					n, lists, dy := a.Numbers["images"], OutputLists{a.Floats["values"], a.Integers["images"], a.Integers["counts"]}, a.Floats["dy"]
					first, count := a.Numbers["first"], a.Numbers["count"]
					return func(s *Set) error { return s.FC1OutputLists(n, lists, dy, first, count) }
				}},
			Case{Kernel: "FC1InputGrad", Images: n, Work: batchWork(n), Dense: shape.FC1FLOPs, Executed: alive * shape.FC1FLOPs, Measured: measured, Integers: true,
				arguments: append([]argument{batch(n), out(floats("dx", rowsLayout(n))), capacity, w, every("slice pair", shape.FC1SlicePairs),
					value("image", 0, -8, 4, 8)}, imageLists...),
				bind: func(a *arguments) func(s *Set) error {
					from, to := a.all("slice pair")
					n, dx, w, image := a.Numbers["images"], Rows{a.Floats["dx"], a.Numbers["capacity"]}, a.Floats["w"], a.Numbers["image"]
					lists := ImageLists{a.Floats["values"], a.Integers["outputs"], a.Integers["ends"]}
					return func(s *Set) error {
						for pair := from; pair < to; pair++ {
							if err := s.FC1InputGrad(n, dx, w, lists, pair, image); err != nil {
								return err
							}
						}
						return nil
					}
				}},
			Case{Kernel: "FC1WeightGrad", Images: n, Work: batchWork(n), Dense: shape.FC1FLOPs, Executed: alive * shape.FC1FLOPs, Measured: measured, Integers: true,
				arguments: append([]argument{out(floats("dw", plain(dimFC1W...))), x, capacity, slice, first, count}, outputLists...),
				bind: func(a *arguments) func(s *Set) error {
					from, to := a.all("slice")
					dw, x, first, count := a.Floats["dw"], Rows{a.Floats["x"], a.Numbers["capacity"]}, a.Numbers["first"], a.Numbers["count"]
					lists := OutputLists{a.Floats["values"], a.Integers["images"], a.Integers["counts"]}
					return func(s *Set) error {
						for slice := from; slice < to; slice++ {
							if err := s.FC1WeightGrad(dw, x, lists, slice, first, count); err != nil {
								return err
							}
						}
						return nil
					}
				}},
			Case{Kernel: "FC1WeightGradAdam", Images: n, Work: batchWork(n), Dense: shape.FC1FLOPs, Executed: alive*shape.FC1FLOPs + adamExecuted*shape.FC1W/measuredBatch, Measured: measured,
				arguments: append([]argument{out(w), out(floats("m", plain(dimFC1W...))), out(floats("v", plain(dimFC1W...))).positive(), x, capacity, slice, first, count}, outputLists...),
				bind: func(a *arguments) func(s *Set) error {
					from, to := a.all("slice")
					w, m, v := a.Floats["w"], a.Floats["m"], a.Floats["v"]
					x, first, count := Rows{a.Floats["x"], a.Numbers["capacity"]}, a.Numbers["first"], a.Numbers["count"]
					lists := OutputLists{a.Floats["values"], a.Integers["images"], a.Integers["counts"]}
					return func(s *Set) error {
						for slice := from; slice < to; slice++ {
							if err := s.FC1WeightGradAdam(w, m, v, x, lists, slice, first, count, &caseStep); err != nil {
								return err
							}
						}
						return nil
					}
				}},
		)
	}
	return all
}

func fc2Cases() []Case {
	var all []Case
	w, b := floats("w", plain(dimFC2W...)), bias(shape.Classes)
	labels := []int32{3, 0, 9, -1, 5, 5, 1, 2, 4, 6, 7, 8, -1, 0, 1, 2}
	for _, n := range blockSizes {
		x, logits, dlogits := floats("x", lines(n, dimFC1Y...)), floats("logits", lines(n, dimLogits...)), floats("dlogits", lines(n, dimLogits...))
		measured := n == shape.Block
		all = append(all,
			Case{Kernel: "FC2Forward", Images: n, Work: float64(n), Dense: shape.FC2FLOPs, Executed: shape.FC2FLOPs, Measured: measured, Integers: true,
				arguments: []argument{images(n), out(logits), x, w, b},
				bind: func(a *arguments) func(s *Set) error {
					n, logits, x, w, bias := a.Numbers["images"], a.Floats["logits"], a.Floats["x"], a.Floats["w"], a.Floats["bias"]
					return func(s *Set) error { return s.FC2Forward(n, logits, x, w, bias) }
				}},
			Case{Kernel: "FC2ForwardLoss", Images: n, Work: float64(n), Dense: shape.FC2FLOPs, Executed: shape.FC2FLOPs, Measured: measured,
				arguments: []argument{images(n), out(logits), out(dlogits), out(floats("denominators", lines(n))), x, w, b,
					integers("labels", lines(n)).copyOf(nil, labels[:n])},
				bind: func(a *arguments) func(s *Set) error {
					n, logits, dlogits, denominators := a.Numbers["images"], a.Floats["logits"], a.Floats["dlogits"], a.Floats["denominators"]
					x, w, bias, labels := a.Floats["x"], a.Floats["w"], a.Floats["bias"], a.Integers["labels"]
					return func(s *Set) error {
						return s.FC2ForwardLoss(n, logits, dlogits, denominators, x, w, bias, labels, &caseLoss)
					}
				}},
			Case{Kernel: "FC2InputGrad", Images: n, Work: float64(n), Dense: shape.FC2FLOPs, Executed: shape.FC2FLOPs, Measured: measured, Integers: true,
				arguments: []argument{images(n), out(floats("dx", lines(n, dimFC1Y...))), dlogits, w, x},
				bind: func(a *arguments) func(s *Set) error {
					n, dx, dlogits, w, x := a.Numbers["images"], a.Floats["dx"], a.Floats["dlogits"], a.Floats["w"], a.Floats["x"]
					return func(s *Set) error { return s.FC2InputGrad(n, dx, dlogits, w, x, 2) }
				}},
		)
	}
	for _, n := range batchSizes {
		all = append(all, Case{Kernel: "FC2WeightGrad", Images: n, Work: batchWork(n), Dense: shape.FC2FLOPs, Executed: shape.FC2FLOPs, Measured: n == measuredLanes, Integers: true,
			arguments: []argument{batch(n), out(floats("dw", plain(dimFC2W...))), floats("dlogits", lines(n, dimLogits...)), floats("x", lines(n, dimFC1Y...))},
			bind: func(a *arguments) func(s *Set) error {
				n, dw, dlogits, x := a.Numbers["images"], a.Floats["dw"], a.Floats["dlogits"], a.Floats["x"]
				return func(s *Set) error { return s.FC2WeightGrad(n, dw, dlogits, x) }
			}})
	}
	return all
}
