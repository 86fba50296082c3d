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
)

const (
	outputs    = 20
	row        = 24 // values of a row of weights: 20 outputs and padding
	inputSize  = 28
	pooledSize = 12
	tilesInRow = 6
	group      = 10 // outputs whose half-transformed products are in L1 together: 20 KB
	points     = winograd.Points
	taps       = winograd.Taps
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
// before 2.47 and 3.37.
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
	const tile = winograd.Outputs * points // vectors of half of a tile's transform
	half := k.Scratch((max(group*tile, points*points) + points*points) * k.Bytes())
	v := max(group*tile, points*points) * k.Bytes() // offset of V from half
	k.Loop("tileRow", tilesInRow, append(pointers{x, y}, masks...),
		with([]int{(4*inputSize - 4*tilesInRow) * line, (2*pooledSize - 2*tilesInRow) * line}, (2*pooledSize-2*tilesInRow)*maskBytes), func() {
			k.Loop("tileColumn", tilesInRow, append(pointers{x, y}, masks...), with([]int{4 * line, 2 * line}, 2*maskBytes), func() {
				k.EachPart(pointers{x, y}, masks, func() {
					k.Comment("V = Bᵀ X B")
					for j := range points {
						d := make([]isa.V, points)
						for i := range d {
							d[i] = k.LoadVector(isa.At(x, (i*inputSize+j)*line))
						}
						winograd.Input(k, d, func(i int, value isa.V) {
							k.StoreVector(value, isa.At(half, (i*points+j)*k.Bytes()))
						})
					}
					for i := range points {
						d := make([]isa.V, points)
						for j := range d {
							d[j] = k.LoadVector(isa.At(half, (i*points+j)*k.Bytes()))
						}
						winograd.Input(k, d, func(j int, value isa.V) {
							k.StoreVector(value, isa.At(half, v+(i*points+j)*k.Bytes()))
						})
					}
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
								}, half, 0)
							})
							k.Advance(u, -4*group)
							k.Advance(half, -group*tile*k.Bytes())
						})
						k.Advance(u, 4*group-points*4*row)
						k.Advance(half, -points*k.Bytes())
						zero := k.Zero()
						k.Loop("output", group, append(pointers{bias, half, y}, masks...),
							with([]int{4, tile * k.Bytes(), pooledSize * pooledSize * line}, pooledSize*pooledSize*maskBytes), func() {
								winograd.PooledRows(k, half, k.Broadcast(isa.At(bias, 0)), zero, func(row, column int) (operand.Mem, *operand.Mem) {
									at := row*pooledSize + column
									if !masked {
										return isa.At(y, at*line), nil
									}
									mask := isa.At(masks[0], at*maskBytes)
									return isa.At(y, at*line), &mask
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
// fit, and the gradients and masks are made ready once for all passes. AVX-512
// takes two neighbouring windows at a time, which share four of their six
// columns: a 512-bit load costs as much as a blend and a product together.
//
// Measured on Zen 4, µs an image: AVX-512 one window at a time 2.96, two 2.64.
// AVX2 5.2 to 5.8, with the masks expanded in every pass 5.2: its blends, 55 a
// window and half-block, share two ports with the products, which is 40 cycles
// of the 52 that it takes.
func weightGrad(f *isa.File, width int) {
	k := f.Function("Conv1WeightGrad", width, "dw, x, dy []float32, mask []byte",
		"sums the weight gradient of conv1 over a block: dw [26][24], the last row the bias,",
		"from x [28][28], the pooled gradient dy [20][12][12] and the masks.")
	dw, x, dy, mask := k.Pointer("dw"), k.Pointer("x"), k.Pointer("dy"), k.Pointer("mask")
	line, maskBytes := k.Line(), pooling.MaskBytes(width)
	parts := width / k.Lanes
	passes, together := [][]int{{0, 1, 2}, {3, 4}}, 2
	if !k.Target.Masks {
		passes, together = [][]int{{0, 1}, {2, 3}, {4}}, 1
	}
	const windows = pooledSize * pooledSize
	// Of every window: the gradient, 0 where no position is chosen, and which
	// lanes chose a right and a lower position.
	entry := k.Bytes() // opmasks lie behind all gradients, so that these stay aligned
	if !k.Target.Masks {
		entry = 3 * k.Bytes()
	}
	ready := k.Scratch(windows * (entry + 4))
	chosen := k.GP64()
	k.LEAQ(isa.At(ready, windows*entry), chosen)
	var scratch reg.GPVirtual
	if parts > 1 {
		scratch = k.Scratch((taps*taps + 1) * parts * k.Bytes())
	}
	k.Loop("output", outputs, pointers{dw, dy, mask}, []int{4, windows * line, windows * maskBytes}, func() {
		for part := range parts {
			k.Loop("window", windows, pointers{dy, mask, ready, chosen}, []int{line, maskBytes, entry, 4}, func() {
				prepare(k, isa.At(dy, part*k.Bytes()), isa.At(mask, part), ready, chosen)
			})
			k.Advance(dy, -windows*line)
			k.Advance(mask, -windows*maskBytes)
			k.Advance(ready, -windows*entry)
			k.Advance(chosen, -windows*4)
			for p, rows := range passes {
				bias := p == len(passes)-1
				sums, biasSum := k.Vectors(len(rows)*taps), k.Zero()
				for _, s := range sums {
					k.VXORPS(s, s, s)
				}
				k.Loop("row", pooledSize, pointers{x}, []int{(2*inputSize - 2*pooledSize) * line}, func() {
					k.Loop("column", pooledSize/together, pointers{x, ready, chosen}, []int{2 * together * line, together * entry, together * 4}, func() {
						gradients := make([]gradient, together)
						for w := range gradients {
							gradients[w] = load(k, isa.At(ready, w*entry), isa.At(chosen, 4*w))
							if bias {
								k.VADDPS(gradients[w].g, biasSum, biasSum)
							}
						}
						accumulate(k, x, rows, part*k.Bytes(), gradients, sums)
					})
				})
				k.Advance(x, -2*inputSize*pooledSize*line)
				k.Advance(ready, -windows*entry)
				k.Advance(chosen, -windows*4)
				store := func(tap int, v isa.V) {
					if parts > 1 {
						k.StoreVector(v, isa.At(scratch, (tap*parts+part)*k.Bytes()))
						return
					}
					reduce.One(k, []isa.V{v}, isa.At(dw, tap*4*row))
				}
				for i, s := range sums {
					store(rows[0]*taps+i, s)
				}
				if bias {
					store(taps*taps, biasSum)
				}
			}
		}
		if parts > 1 {
			for tap := range taps*taps + 1 {
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
	for c := range taps + 1 + 2*(len(windows)-1) {
		var column []isa.V
		if k.Target.Masks {
			for r := range len(rows) + 1 {
				column = append(column, k.LoadVector(pixel(r, c)))
			}
		}
		for w, g := range windows {
			own := c - 2*w // column of this window
			if own < 0 || own > taps {
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
					k.VFMADD231PS(k.Pick(g.right, previous[w][r], t), g.g, sums[r*taps+own-1])
				}
				previous[w][r] = t
			}
		}
	}
}

// gradient is what a window contributes.
type gradient struct {
	g           isa.V
	right, down operand.Op // opmask registers, or vectors of ones
}

// prepare stores a window's gradient, and masks if they are vectors, at ready,
// and opmasks at chosen.
func prepare(k *isa.Kernel, dy, mask operand.Mem, ready, chosen reg.GPVirtual) {
	step := k.Width / 8
	if k.Target.Masks {
		var positions [4]reg.OpmaskVirtual
		for i := range positions {
			positions[i] = k.K()
			if k.Lanes == 16 {
				k.KMOVW(mask.Offset(i*step), positions[i])
			} else {
				k.KMOVB(mask.Offset(i*step), positions[i])
			}
		}
		right, down, alive, g := k.K(), k.K(), k.K(), k.Vector()
		k.KORW(positions[1], positions[3], right)
		k.KORW(positions[2], positions[3], down)
		k.KORW(positions[0], positions[1], alive)
		k.KORW(alive, down, alive)
		k.VMOVUPS_Z(dy, alive, g)
		k.StoreVector(g, isa.At(ready, 0))
		k.KMOVW(right, isa.At(chosen, 0))
		k.KMOVW(down, isa.At(chosen, 2))
		return
	}
	bits := k.Words("bits", 1, 2, 4, 8, 16, 32, 64, 128)
	expand := func(positions ...int) isa.V {
		byte32 := k.GP32()
		k.MOVBLZX(mask.Offset(positions[0]*step), byte32)
		for _, p := range positions[1:] {
			k.ORB(mask.Offset(p*step), byte32.As8())
		}
		v := k.Vector()
		k.VMOVD(byte32, v.AsX())
		k.VPBROADCASTB(v.AsX(), v)
		k.VPAND(bits, v, v)
		k.VPCMPEQD(bits, v, v)
		return v
	}
	g := expand(0, 1, 2, 3)
	k.VANDPS(dy, g, g)
	k.StoreVector(g, isa.At(ready, 0))
	k.StoreVector(expand(1, 3), isa.At(ready, k.Bytes()))
	k.StoreVector(expand(2, 3), isa.At(ready, 2*k.Bytes()))
}

// load returns what prepare stored.
func load(k *isa.Kernel, ready, chosen operand.Mem) gradient {
	g := k.LoadVector(ready)
	if k.Target.Masks {
		right, down := k.K(), k.K()
		k.KMOVW(chosen, right)
		k.KMOVW(chosen.Offset(2), down)
		return gradient{g, right, down}
	}
	return gradient{g, k.LoadVector(ready.Offset(k.Bytes())), k.LoadVector(ready.Offset(2 * k.Bytes()))}
}
