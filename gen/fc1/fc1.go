// Package fc1 emits the kernels of the first fully connected layer, 800→500.
//
// In inference lanes are images, or outputs where most inputs are zero: then
// the inputs of an image that are not are listed. In training dropout keeps half of the outputs,
// and on the way back about 27 % of them carry a gradient, but almost always at
// least one of eight neighbouring images has one, so zeros cannot be skipped with
// images as lanes. There lanes are inputs instead: images' inputs are transposed
// to rows, bits say which outputs of an image are kept, and lists which outputs
// of an image, and which images of an output, carry a gradient.
//
// Layout: w, m, v, dw [10 slices][500][80 inputs], packed [10][capacity images][80],
// lists of an image [512 entries] and of an output [144 entries];
// for lists of inputs [816 entries] w is [4][800][128 outputs].
package fc1

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/adam"
	"github.com/kernelet/kernelet/gen/compress"
	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/transpose"
	"github.com/kernelet/kernelet/internal/shape"
)

const (
	inputs     = shape.FC1Inputs
	outputs    = shape.FC1Outputs
	slice      = shape.FC1Slice
	slices     = shape.FC1Slices
	sliceBytes = 4 * slice
	run        = shape.FC1Run
	runs       = shape.FC1Runs
	imageList  = shape.FC1ImageList
	inputList  = shape.FC1InputList
	inputRun   = shape.FC1InputRun
	inputRuns  = shape.FC1InputRuns
	outputList = shape.FC1OutputList
	ahead      = 4 // outputs whose weights the gradient with Adam fetches ahead
)

type pointers = []reg.GPVirtual

// Emit adds all kernels of the layer.
func Emit(f *isa.File) {
	for _, width := range isa.Widths {
		forwardAll(f, width)
		pack(f, width)
		unpack(f, width)
		imageLists(f, width)
		inputLists(f, width)
	}
	forwardAll(f, 32)
	forwardKept(f)
	forwardLists(f)
	outputLists(f)
	inputGrad(f)
	weightGrad(f, false)
	weightGrad(f, true)
}

// pack and unpack emit the transposition between lines and rows, 8×8 values
// at a time.
func pack(f *isa.File, width int) {
	k := f.Function("FC1PackInput", width, "packed, x []float32, image, capacity, slice int",
		"transposes slices slice and slice+1 of x [800] into images image, image+1, … of packed [10][capacity][80].")
	packing(k.Narrow(), "x", func(k *isa.Kernel, lines, rows reg.GPVirtual) {
		for i, v := range transpose.Square(k, transpose.Load(k, isa.At(lines, 0), k.Line())) {
			k.StoreVector(v, isa.At(rows, i*sliceBytes))
		}
	})
}

func unpack(f *isa.File, width int) {
	k := f.Function("FC1UnpackInputGrad", width, "dx, packed []float32, image, capacity, slice int",
		"transposes slices slice and slice+1 of images image, image+1, … of packed [10][capacity][80] into dx [800].")
	packing(k.Narrow(), "dx", func(k *isa.Kernel, lines, rows reg.GPVirtual) {
		for i, v := range transpose.Square(k, transpose.Load(k, isa.At(rows, 0), sliceBytes)) {
			k.StoreVector(v, isa.At(lines, i*k.Line()))
		}
	})
}

func packing(k *isa.Kernel, lineName string, square func(k *isa.Kernel, lines, rows reg.GPVirtual)) {
	lines, rows := k.Pointer(lineName), k.Pointer("packed")
	k.AdvanceBy(k.Integer("image"), sliceBytes, rows)
	next := k.Times(k.Integer("capacity"), sliceBytes)
	first := k.Integer("slice")
	k.AdvanceBy(first, slice*k.Line(), lines)
	k.IMULQ(next, first)
	k.ADDQ(first, rows)
	k.SUBQ(operand.I32(sliceBytes), next) // from the end of a row to the next slice's
	k.Loop("slice", shape.FC1SlicePair, nil, nil, func() {
		k.Loop("input", slice/8, pointers{lines, rows}, []int{8 * k.Line(), 32}, func() {
			k.Comment("8 inputs × 8 images, transposed")
			k.Loop("lanes", k.Width/8, pointers{lines, rows}, []int{32, 8 * sliceBytes}, func() { square(k, lines, rows) })
			k.Advance(lines, -k.Line())
			k.Advance(rows, -k.Width*sliceBytes)
		})
		k.ADDQ(next, rows)
	})
	k.Return()
}

// imageLists emits the lists by image of what has a gradient.
func imageLists(f *isa.File, width int) {
	k := f.Function("FC1ImageLists", width, "values []float32, outputs, ends []int32, dy []float32",
		"lists for every image the values of dy [500] that are not 0, ascending by output:",
		"values, outputs [images][512], ends [images][11] the entries below output 48, 96, ….")
	byImage(k.Narrow(), "outputs", "dy", outputs, run, imageList)
}

// inputLists emits the lists by image of fc1's inputs.
func inputLists(f *isa.File, width int) {
	k := f.Function("FC1InputLists", width, "values []float32, inputs, ends []int32, x []float32",
		"lists for every image the values of x [800] that are not 0, ascending by input:",
		"values, inputs [images][816], ends [images][13] the entries below input 64, 128, ….")
	byImage(k.Narrow(), "inputs", "x", inputs, inputRun, inputList)
}

// byImage emits lists of the values of length lines, with the lines' numbers,
// each with room for list entries, and after every run of lines and after the
// last how many entries there are by then. Eight lines of eight images at a
// time are transposed in registers, so that a vector holds lines of one image.
func byImage(k *isa.Kernel, indexName, lineName string, length, run, list int) {
	values, indexList, ends, lines := k.Pointer("values"), k.Pointer(indexName), k.Pointer("ends"), k.Pointer(lineName)
	line := k.Line()
	table := compress.Table(k)
	counts := k.Scratch(8 * 8)
	indices, eight := compress.Indices(k)
	tile := func(n int) {
		k.Commentf("%d lines × 8 images, transposed; of each image append what is not 0", n)
		var rows [8]isa.V
		for i := range rows {
			if i < n {
				rows[i] = k.LoadVector(isa.At(lines, i*line))
			} else {
				rows[i] = k.Zero()
			}
		}
		columns := transpose.Square(k, rows)
		for i, v := range columns {
			end := k.GP64()
			k.MOVQ(isa.At(counts, 8*i), end)
			valueRow, indexRow := k.GP64(), k.GP64()
			k.LEAQ(isa.At(values, 4*list*i), valueRow)
			k.LEAQ(isa.At(indexList, 4*list*i), indexRow)
			compress.Append(k, v, indices, valueRow, indexRow, end, table)
			k.MOVQ(end, isa.At(counts, 8*i))
		}
		k.VPADDD(eight, indices, indices)
	}
	tiles := func(n int) {
		k.Loop("tile", n, pointers{lines}, []int{8 * line}, func() { tile(8) })
	}
	parts := (length + run - 1) / run
	storeEnds := func() {
		for i := range 8 {
			end := k.GP64()
			k.MOVQ(isa.At(counts, 8*i), end)
			k.MOVL(end.As32(), isa.At(ends, 4*parts*i))
		}
		k.ADDQ(operand.I8(4), ends)
	}
	rest := length % run
	k.Loop("lanes", k.Width/8, pointers{values, indexList}, []int{4 * list * 8, 4 * list * 8}, func() {
		zero := k.Zero()
		k.VMOVUPS(zero, isa.At(counts, 0))
		k.VMOVUPS(zero, isa.At(counts, 32))
		compress.First(k, indices)
		k.Loop("run", length/run, nil, nil, func() {
			tiles(run / 8)
			storeEnds()
		})
		if rest > 0 {
			tiles(rest / 8)
			tile(rest % 8)
			storeEnds()
		}
		k.Advance(lines, -(length-rest%8)*line+32)
		k.Advance(ends, 4*parts*8-4*parts)
	})
	k.Return()
}

// outputLists emits the lists by output.
func outputLists(f *isa.File) {
	k := f.WideFunction("FC1OutputLists", "values []float32, images, counts []int32, dy []float32, batch, first, count int",
		"lists for outputs first … first+count−1 the values of dy [blocks][500] that are not 0, ascending by image:",
		"values, images [500][144], counts [500]. batch is a multiple of 8, the last block a half-block if it is none of 16.")
	k = k.Narrow()
	values, images, counts, dy := k.Pointer("values"), k.Pointer("images"), k.Pointer("counts"), k.Pointer("dy")
	blocks, first, count := k.BlockCount("batch"), k.Integer("first"), k.Integer("count")
	tail := k.Behind(dy, blocks, outputs*64)
	k.AdvanceBy(first, 4*outputList, values, images)
	k.AdvanceBy(first, 4, counts)
	k.AdvanceBy(first, 64, dy)
	k.AdvanceBy(first, 32, tail)
	table := compress.Table(k)
	indices, eight := compress.Indices(k)
	k.LoopCounter("output", count, pointers{values, images, counts, dy, tail}, []int{4 * outputList, 4 * outputList, 4, 64, 32}, func() {
		end := k.GP64()
		k.XORQ(end, end)
		compress.First(k, indices)
		add := func(from operand.Mem) {
			compress.Append(k, k.LoadVector(from), indices, values, images, end, table)
			k.VPADDD(eight, indices, indices)
		}
		k.Blocks(blocks, "batch", pointers{dy}, []int{outputs * 64}, func(p pointers) {
			k.Comment("append what is not 0 of 16 images")
			add(isa.At(p[0], 0))
			add(isa.At(p[0], 32))
		}, func() { add(isa.At(tail, 0)) })
		k.MOVL(end.As32(), isa.At(counts, 0))
	})
	k.Return()
}

// inputGrad emits dx[image] = Σ value·w[output] over an image's list, for two
// slices of inputs. The weights of a run of 48 outputs, 30 KB, stay in L1 while
// all images go by; what an image has so far is added up in registers.
//
// AVX-512 holds both slices, 10 accumulators; AVX2 goes over the lists once a
// slice. Measured in C: 2.84 µs an image in blocks of outputs, 4.0 with all of
// w from L2.
func inputGrad(f *isa.File) {
	k := f.WideFunction("FC1InputGrad", "packed, w, values []float32, outputs, ends []int32, slice, image, images, capacity int",
		"computes inputs 160·slice … 160·slice+159 of images image … image+images−1 of packed [10][capacity][80]",
		"from w [10][500][80] and the images' lists, values, outputs [images][512], ends [images][11].")
	const wSlice = outputs * sliceBytes
	packed, w, slicePair := k.Pointer("packed"), k.Pointer("w"), k.Integer("slice")
	second := k.Times(k.Integer("capacity"), sliceBytes) // the distance of the second slice
	offset := k.GP64()
	k.LEAQ(operand.Mem{Base: slicePair, Index: slicePair, Scale: 1}, offset)
	k.IMULQ(second, offset)
	k.ADDQ(offset, packed)
	k.AdvanceBy(k.Integer("image"), sliceBytes, packed)
	k.AdvanceBy(slicePair, 2*wSlice, w)

	halves := 1
	if !k.Target.Masks {
		halves = 2
	}
	perSlice := slice / k.Lanes
	body := func() {
		ends := k.Pointer("ends")
		next := newNextRun(k, w)
		for phase := range 2 { // the first run begins with zeros
			again := func() {
				to, list, outputRow, images := k.GP64(), k.GP64(), k.GP64(), k.Integer("images")
				k.MOVQ(packed, to)
				k.Load(k.Param("values").Base(), list)
				k.Load(k.Param("outputs").Base(), outputRow)
				k.LoopCounter("image", images, pointers{to, list, outputRow, ends}, []int{sliceBytes, 4 * imageList, 4 * imageList, 4 * runs}, func() {
					next.fetch()
					sums := make([]isa.V, 0, 10)
					memory := func(i int) operand.Mem {
						m := isa.At(to, i%perSlice*k.Bytes())
						if i >= perSlice {
							m.Index, m.Scale = second, 1
						}
						return m
					}
					k.Comment("dx = (dx of the runs before, or 0) + Σ value · w[output], the outputs of this run in the image's list")
					for i := range perSlice * 2 / halves {
						if phase == 0 {
							sums = append(sums, k.Zero())
						} else {
							sums = append(sums, k.LoadVector(memory(i)))
						}
					}
					n, last := k.GP64(), k.GP64()
					if phase == 0 {
						k.XORQ(n, n)
					} else {
						k.MOVLQSX(isa.At(ends, -4), n)
					}
					k.MOVLQSX(isa.At(ends, 0), last)
					// The next image's list goes on about here. (Zen 5: 1.46 µs an image, without 1.54.)
					for _, list := range []reg.GPVirtual{list, outputRow} {
						k.PREFETCHT0(operand.Mem{Base: list, Index: n, Scale: 4, Disp: 4 * imageList})
					}
					compress.List{Values: list, Indices: outputRow, N: n, End: last}.Each(k, w, sliceBytes, nil, func(row reg.GPVirtual, value isa.V) {
						for i, sum := range sums {
							k.VFMADD231PS(isa.At(row, i/perSlice*wSlice+i%perSlice*k.Bytes()), value, sum)
						}
					})
					for i, sum := range sums {
						k.StoreVector(sum, memory(i))
					}
				})
				// Back to the first image, and on to the next run.
				k.SUBQ(k.Times(k.Integer("images"), 4*runs), ends)
				k.ADDQ(operand.I8(4), ends)
				next.advance()
			}
			if phase == 0 {
				again()
			} else {
				k.Loop("run", runs-1, nil, nil, again)
			}
		}
	}
	if halves == 1 {
		body()
	} else {
		k.Loop("slice", 2, pointers{w}, []int{wSlice}, func() {
			body()
			k.ADDQ(second, packed)
		})
	}
	k.Return()
}

// nextRun fetches the weights of the next run into L2 while the images of this one
// go by: with every image a row of both slices, so 48 images fetch all of them. Rows
// behind the last run are fetched too, which costs little and reads nothing. AVX2 has
// no register left for it.
// Measured on Zen 4, one thread, in a step: 3.69 µs an image without, 3.53 with it.
type nextRun struct {
	k  *isa.Kernel
	at reg.GPVirtual // the row to fetch
}

func newNextRun(k *isa.Kernel, w reg.GPVirtual) *nextRun {
	if !k.Target.Masks {
		return nil
	}
	n := &nextRun{k: k, at: k.GP64()}
	k.LEAQ(isa.At(w, run*sliceBytes), n.at)
	return n
}

func (n *nextRun) fetch() {
	if n == nil {
		return
	}
	for s := range shape.FC1SlicePair {
		for cacheLine := 0; cacheLine < sliceBytes; cacheLine += 64 {
			n.k.PREFETCHT1(isa.At(n.at, s*outputs*sliceBytes+cacheLine))
		}
	}
	n.k.ADDQ(operand.U32(sliceBytes), n.at)
}

// advance goes from behind the rows of a run's images to the row of the next run.
func (n *nextRun) advance() {
	if n == nil {
		return
	}
	n.k.SUBQ(n.k.Times(n.k.Integer("images"), sliceBytes), n.at)
	n.k.ADDQ(operand.U32(run*sliceBytes), n.at)
}

// weightGrad emits dw[output] += Σ value·x[image] over an output's list, for
// one slice of inputs: 100 images' inputs of a slice are 32 KB and stay in L1.
// With the optimiser, the sum never leaves the registers before the step, and
// the rows of weights and moments, 4.8 MB in L3, are fetched four outputs ahead.
// Measured on Zen 5, AVX-512, 104 images, µs an image: two or four ahead 1.91,
// eight 2.04, sixteen 2.15; without the optimiser 1.33. On Zen 4, in a step, two,
// four, eight, and twelve into L2 are level, at 4.4 to 4.8.
func weightGrad(f *isa.File, update bool) {
	name, parameters := "FC1WeightGrad", "dw, packed, values []float32, images, counts []int32, slice, first, count, capacity int"
	doc := []string{"adds to dw [10][500][80] the gradient of inputs 80·slice … and outputs first … first+count−1",
		"from packed [10][capacity][80] and the outputs' lists, values, images [500][144], counts [500]."}
	targets := []string{"dw"}
	if update {
		name, parameters = name+"Adam", "w, m, v, packed, values []float32, images, counts []int32, slice, first, count, capacity int, "+adam.Parameters
		doc = []string{"computes the gradient of FC1WeightGrad in registers and applies a step of Adam",
			"to w, m and v, [10][500][80] each."}
		targets = []string{"w", "m", "v"}
	}
	k := f.WideFunction(name, parameters, doc...)
	var factors adam.Factors
	if update {
		factors = adam.Load(k)
	}
	sliceNumber, first := k.Integer("slice"), k.Integer("first")
	packed, values, images, counts := k.Pointer("packed"), k.Pointer("values"), k.Pointer("images"), k.Pointer("counts")
	rows := make(pointers, len(targets))
	for i, t := range targets {
		rows[i] = k.Pointer(t)
	}
	k.AdvanceBy(sliceNumber, outputs*sliceBytes, rows...)
	k.AdvanceBy(first, sliceBytes, rows...)
	offset := k.Integer("capacity")
	k.IMULQ(sliceNumber, offset)
	k.AdvanceBy(offset, sliceBytes, packed)
	k.AdvanceBy(first, 4*outputList, values, images)
	k.AdvanceBy(first, 4, counts)
	count := k.Integer("count")
	vectors := slice / k.Lanes
	walk := append(pointers{values, images, counts}, rows...)
	strides := []int{4 * outputList, 4 * outputList, 4}
	for range rows {
		strides = append(strides, sliceBytes)
	}
	k.LoopCounter("output", count, walk, strides, func() {
		if update {
			for cacheLine := 0; cacheLine < sliceBytes; cacheLine += 64 {
				for _, row := range rows {
					k.PREFETCHT0(isa.At(row, ahead*sliceBytes+cacheLine))
				}
			}
		}
		k.Comment("dw[output] = (dw[output] or, before Adam, 0) + Σ value · x[image], the images in the output's list")
		sums := make([]isa.V, vectors)
		for i := range sums {
			if update {
				sums[i] = k.Zero()
			} else {
				sums[i] = k.LoadVector(isa.At(rows[0], i*k.Bytes()))
			}
		}
		n, last := k.GP64(), k.GP64()
		k.XORQ(n, n)
		k.MOVLQSX(isa.At(counts, 0), last)
		compress.List{Values: values, Indices: images, N: n, End: last}.Each(k, packed, sliceBytes, nil, func(row reg.GPVirtual, value isa.V) {
			for i, sum := range sums {
				k.VFMADD231PS(isa.At(row, i*k.Bytes()), value, sum)
			}
		})
		for i, sum := range sums {
			if update {
				adam.Step(k, factors, sum, isa.At(rows[0], i*k.Bytes()), isa.At(rows[1], i*k.Bytes()), isa.At(rows[2], i*k.Bytes()))
			} else {
				k.StoreVector(sum, isa.At(rows[0], i*k.Bytes()))
			}
		}
	})
	k.Return()
}
