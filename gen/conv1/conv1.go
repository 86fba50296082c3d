// Package conv1 emits the kernels of the first convolution, 1→20 channels,
// 5×5, 28×28 → 24×24, pooled to 12×12.
//
// Lines of images side by side lie as x [28][28], y and dy [20][12][12];
// without images u is [64][24] and dw [26][24], of which the last four columns
// are unused and dw's last row is the bias.
package conv1

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/pooling"
	"github.com/kernelet/kernelet/gen/reduce"
	"github.com/kernelet/kernelet/gen/winograd"
	"github.com/kernelet/kernelet/internal/shape"
)

const (
	outputs    = shape.Conv1Outputs
	row        = shape.Conv1Row
	inputSize  = shape.ImageSize
	pooledSize = shape.Pool1Size
	tilesInRow = shape.Conv1TilesInRow
	tileSize   = shape.TileSize
	filterSize = shape.FilterSize
	taps       = shape.Taps
	points     = shape.Points
	group      = 10 // outputs whose half-transformed products are in L1 together: 20 KB
)

type pointers = []reg.GPVirtual

// Emit adds all kernels of the layer.
func Emit(f *isa.File) {
	for _, width := range isa.Widths {
		forward(f, width, false)
		forward(f, width, true)
		weightGrad(f, width)
	}
	k := f.WideFunction("Conv1WeightTransform", "u, w []float32",
		"transforms the weights of conv1: u [64][24] = G w Gᵀ from w [25][24].")
	winograd.Weights(k, row)
}

// forward emits, for each of 36 tiles, V = Bᵀ X B once and Y = Aᵀ (u V) A for
// twenty outputs, with bias, pooling and ReLU. There is one input channel, so
// the transforms are all the work: 64 products an output and tile instead of
// 400. A column of V stays in registers while the columns' pass runs over ten
// outputs, whose half-transformed products, 20 KB for a block, stay in L1.
//
// Measured on Zen 4, µs an image, with masks: AVX-512 2.57, AVX2 3.19. One output
// after the other, V from L1 for each, 2.67 and 4.00: AVX2 then makes 160 loads
// an output, tile and half-block, 80 of 169 cycles; without masks 2.36 and 2.71,
// before 2.47 and 3.37. A half-block's tiles, two in a vector of 16 lanes: Zen 5,
// 1.3 instead of 2.4 µs an image.
func forward(f *isa.File, width int, masked bool) {
	name, parameters := "Conv1ForwardReLUPool", "y, x, u, bias []float32"
	doc := []string{"computes conv1, pooled: y [20][12][12] = max(0, maxpool(Aᵀ (u (Bᵀ x B)) A) + bias)",
		"from x [28][28], u [64][24], bias [24]."}
	if masked {
		name, parameters = name+"Mask", "y []float32, mask []byte, x, u, bias []float32"
		doc = append(doc, "mask [20][12][12] receives the windows' masks.")
	}
	k := f.Function(name, width, parameters, doc...)
	y, x, u, bias := k.Pointer("y"), k.Pointer("x"), k.Pointer("u"), k.Pointer("bias")
	line, maskBytes := k.Line(), pooling.MaskBytes(width)
	k = k.Wide()
	side := max(1, k.Lanes/width) // tiles of a row that lie in one vector: two of a half-block, as in conv2
	masks := pointers{}
	with := func(lines []int, mask int) []int {
		if masked {
			return append(lines, mask)
		}
		return lines
	}
	if masked {
		masks = pointers{k.Pointer("mask")}
	}
	const tile = shape.TileSize * points // vectors of half of a tile's transform
	half := k.Scratch((max(group*tile, points*points) + points*points) * k.Bytes())
	v := max(group*tile, points*points) * k.Bytes() // offset of V from half
	k.Loop("tileRow", tilesInRow, append(pointers{x, y}, masks...),
		with([]int{(4*inputSize - 4*tilesInRow) * line, (2*pooledSize - 2*tilesInRow) * line}, (2*pooledSize-2*tilesInRow)*maskBytes), func() {
			k.Loop("tileColumn", tilesInRow/side, append(pointers{x, y}, masks...), with([]int{side * 4 * line, side * 2 * line}, side*2*maskBytes), func() {
				k.EachPart(pointers{x, y}, masks, func() {
					k.Comment("columns: Bᵀ x")
					k.Loop("column", points, pointers{x, half}, []int{line, k.Bytes()}, func() {
						d := make([]isa.V, points)
						for i := range d {
							var pixels []operand.Mem
							for s := range side {
								pixels = append(pixels, isa.At(x, (i*inputSize+tileSize*s)*line))
							}
							d[i] = k.LoadVector(pixels...)
						}
						winograd.Input(k, d, func(i int, value isa.V) {
							k.StoreVector(value, isa.At(half, i*points*k.Bytes()))
						})
					})
					k.Advance(x, -points*line)
					k.Advance(half, -points*k.Bytes())
					k.Comment("rows: V = (Bᵀ x) B")
					k.Loop("row", points, pointers{half}, []int{points * k.Bytes()}, func() {
						d := make([]isa.V, points)
						for j := range d {
							d[j] = k.LoadVector(isa.At(half, j*k.Bytes()))
						}
						winograd.Input(k, d, func(j int, value isa.V) {
							k.StoreVector(value, isa.At(half, v+j*k.Bytes()))
						})
					})
					k.Advance(half, -points*points*k.Bytes())
					k.Loop("group", outputs/group, nil, nil, func() {
						k.Comment("columns: Aᵀ (u V), a column of V in registers for all outputs of the group")
						k.Loop("column", points, pointers{u, half}, []int{4 * row, k.Bytes()}, func() {
							column := make([]isa.V, points)
							for i := range column {
								column[i] = k.LoadVector(isa.At(half, v+i*points*k.Bytes()))
							}
							k.Loop("output", group, pointers{u, half}, []int{4, tile * k.Bytes()}, func() {
								winograd.OutputColumn(k, func(i int) isa.V {
									return k.Scaled(isa.At(u, i*points*4*row), column[i])
								}, half)
							})
							k.Advance(u, -4*group)
							k.Advance(half, -group*tile*k.Bytes())
						})
						k.Advance(u, 4*group-points*4*row)
						k.Advance(half, -points*k.Bytes())
						zero := k.Zero()
						k.Loop("output", group, append(pointers{bias, half, y}, masks...),
							with([]int{4, tile * k.Bytes(), pooledSize * pooledSize * line}, pooledSize*pooledSize*maskBytes), func() {
								winograd.PooledRows(k, half, k.Broadcast(isa.At(bias, 0)), zero, func(row, column int) (to, mask []operand.Mem) {
									for s := range side {
										at := row*pooledSize + column + 2*s
										to = append(to, isa.At(y, at*line))
										if masked {
											mask = append(mask, isa.At(masks[0], at*maskBytes))
										}
									}
									return to, mask
								})
							})
						k.Advance(half, -group*tile*k.Bytes())
					})
					k.Advance(u, -4*outputs)
					k.Advance(bias, -4*outputs)
					k.Advance(y, -outputs*pooledSize*pooledSize*line)
					for _, mask := range masks {
						k.Advance(mask, -outputs*pooledSize*pooledSize*maskBytes)
					}
				})
			})
		})
	k.Return()
}

// weightGrad emits the sum over a block. Of a window's four positions at most
// one carries the gradient g, so instead of four products for each tap there
// are blends that pick the lane's own pixel, and one:
//
//	t[ky][c] = down ? x[ky+1][c] : x[ky][c]
//	dw[ky][kx] += g · (right ? t[ky][kx+1] : t[ky][kx])
//
// 55 blends and 25 products a window instead of 100 products. 25 sums and what
// they need are more than the registers: a pass takes as many rows of taps as
// fit. AVX-512 takes two neighbouring windows at a time, which share four of
// their six columns: a 512-bit load costs as much as a blend and a product
// together. AVX2 expands the masks to vectors once for all passes.
//
// Measured, µs an image, AVX-512: Zen 4 one window at a time 2.96, two 2.64; Zen
// 5 1.47, with blends that need no copy 1.25, with masks that lie as they are
// needed 1.17. AVX2 on Zen 4 5.2 to 5.8: its blends, 55 a window and half-block,
// share two ports with the products, which is 40 cycles of the 52 that it takes.
func weightGrad(f *isa.File, width int) {
	k := f.Function("Conv1WeightGrad", width, "dw, x, dy []float32, mask []byte, first int",
		"sums outputs first … first+4 of the weight gradient of conv1 over a block: dw [26][24], the last row the bias,",
		"from x [28][28], the pooled gradient dy [20][12][12] and the masks.")
	dw, x, dy, mask, first := k.Pointer("dw"), k.Pointer("x"), k.Pointer("dy"), k.Pointer("mask"), k.Integer("first")
	line, maskBytes := k.Line(), pooling.MaskBytes(width)
	parts := width / k.Lanes
	together := 2
	budget := func(rows int) int { // sums, the columns before and the gradients, pixels, the bias
		return rows*filterSize + together*(rows+1) + rows + 1 + 1
	}
	if !k.Target.Masks {
		together = 1
		budget = func(rows int) int { return rows*filterSize + rows + 3 + 1 } // masks are vectors
	}
	var passes [][]int
	for first, step := 0, k.Fit(budget, 5, 4, 3, 2, 1); first < filterSize; first += step {
		var rows []int
		for row := first; row < min(first+step, filterSize); row++ {
			rows = append(rows, row)
		}
		passes = append(passes, rows)
	}
	const windows = pooledSize * pooledSize
	k.AdvanceBy(first, 4, dw)
	k.AdvanceBy(first, windows*line, dy)
	k.AdvanceBy(first, windows*maskBytes, mask)
	walk, steps := pointers{dy, mask}, []int{line, maskBytes}
	window := func(w, part int) gradient {
		return load(k, isa.At(dy, w*line+part*k.Bytes()), isa.At(mask, w*maskBytes+part))
	}
	var ready reg.GPVirtual
	if !k.Target.Masks {
		ready = k.Scratch(windows * 3 * k.Bytes())
		walk, steps = pointers{ready}, []int{3 * k.Bytes()}
		window = func(w, _ int) gradient { return expanded(k, ready, w) }
	}
	var scratch reg.GPVirtual
	if parts > 1 {
		scratch = k.Scratch((taps + 1) * parts * k.Bytes())
	}
	k.Loop("output", shape.Conv1GradGroup, pointers{dw, dy, mask}, []int{4, windows * line, windows * maskBytes}, func() {
		for part := range parts {
			if !k.Target.Masks {
				k.Loop("window", windows, pointers{dy, mask, ready}, []int{line, maskBytes, 3 * k.Bytes()}, func() {
					k.Comment("a window's gradient, 0 where its ReLU is off, and its masks as vectors")
					expand(k, load(k, isa.At(dy, part*k.Bytes()), isa.At(mask, part)), ready)
				})
				k.Advance(dy, -windows*line)
				k.Advance(mask, -windows*maskBytes)
				k.Advance(ready, -windows*3*k.Bytes())
			}
			for p, rows := range passes {
				bias := p == len(passes)-1
				sums, biasSum := k.Vectors(len(rows)*filterSize), k.Zero()
				for _, s := range sums {
					k.VXORPS(s, s, s)
				}
				k.Commentf("dw[ky][kx] += g · (right ? t[ky][kx+1] : t[ky][kx]), t[ky][c] = down ? x[ky+1][c] : x[ky][c],"+
					" for rows %d … %d of taps, %d windows at a time", rows[0], rows[len(rows)-1], together)
				k.Loop("row", pooledSize, pointers{x}, []int{(2*inputSize - 2*pooledSize) * line}, func() {
					advances := []int{2 * together * line}
					for _, step := range steps {
						advances = append(advances, together*step)
					}
					k.Loop("column", pooledSize/together, append(pointers{x}, walk...), advances, func() {
						gradients := make([]gradient, together)
						for w := range gradients {
							gradients[w] = window(w, part)
							if bias {
								k.VADDPS(gradients[w].g, biasSum, biasSum)
							}
						}
						accumulate(k, x, rows, part*k.Bytes(), gradients, sums)
					})
				})
				k.Advance(x, -2*inputSize*pooledSize*line)
				for i, p := range walk {
					k.Advance(p, -windows*steps[i])
				}
				store := func(tap int, v isa.V) {
					if parts > 1 {
						k.StoreVector(v, isa.At(scratch, (tap*parts+part)*k.Bytes()))
						return
					}
					reduce.One(k, []isa.V{v}, isa.At(dw, tap*4*row))
				}
				for i, s := range sums {
					store(rows[0]*filterSize+i, s)
				}
				if bias {
					store(taps, biasSum)
				}
			}
		}
		if parts > 1 {
			k.Comment("dw = Σ lanes, both halves of a line")
			for tap := range taps + 1 {
				low := k.LoadVector(isa.At(scratch, tap*parts*k.Bytes()))
				high := k.LoadVector(isa.At(scratch, (tap*parts+1)*k.Bytes()))
				reduce.One(k, []isa.V{low, high}, isa.At(dw, tap*4*row))
			}
		}
	})
	k.Return()
}

// accumulate adds the products of neighbouring windows to the sums of some rows
// of taps.
func accumulate(k *isa.Kernel, x reg.GPVirtual, rows []int, at int, windows []gradient, sums []isa.V) {
	pixel := func(r, c int) operand.Mem { return isa.At(x, ((rows[0]+r)*inputSize+c)*k.Line()+at) }
	previous := make([][]isa.V, len(windows))
	for w := range previous {
		previous[w] = make([]isa.V, len(rows))
	}
	for c := range filterSize + 1 + 2*(len(windows)-1) {
		var column []isa.V
		if k.Target.Masks {
			for r := range len(rows) + 1 {
				column = append(column, k.LoadVector(pixel(r, c)))
			}
		}
		for w, g := range windows {
			own := c - 2*w // column of this window
			if own < 0 || own > filterSize {
				continue
			}
			for r := range rows {
				var t isa.V
				if k.Target.Masks {
					t = k.Pick(g.down, column[r], column[r+1])
				} else {
					t = k.Pick(g.down, k.LoadVector(pixel(r, c)), pixel(r+1, c))
				}
				if own > 0 {
					k.VFMADD231PS(k.Pick(g.right, previous[w][r], t), g.g, sums[r*filterSize+own-1])
				}
				previous[w][r] = t
			}
		}
	}
}

// gradient is what a window contributes: 0 where its ReLU is off.
type gradient struct {
	g           isa.V
	right, down isa.Mask
}

// load returns a window's gradient.
func load(k *isa.Kernel, dy, mask operand.Mem) gradient {
	return gradient{
		k.Keep(pooling.Load(k, pooling.Alive, mask), dy),
		pooling.Load(k, pooling.Right, mask), pooling.Load(k, pooling.Down, mask),
	}
}

// expand stores a window's gradient with its masks, which are vectors, and
// expanded loads that of window w.
func expand(k *isa.Kernel, from gradient, ready reg.GPVirtual) {
	for i, v := range []operand.Op{from.g, from.right, from.down} {
		k.StoreVector(v.(isa.V), isa.At(ready, i*k.Bytes()))
	}
}

func expanded(k *isa.Kernel, ready reg.GPVirtual, w int) gradient {
	vector := func(i int) isa.V { return k.LoadVector(isa.At(ready, (3*w+i)*k.Bytes())) }
	return gradient{vector(0), vector(1), vector(2)}
}
