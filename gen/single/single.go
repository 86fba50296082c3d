// Package single emits the forward pass of one image. No other images stand
// beside it, so lanes are output channels, or outputs of a layer:
//
//	x                 [28 y][28 x]
//	conv1's u         [64 frequencies][24 outputs], the last four unused
//	y1                [12 y][12 x][24 channels]
//	v                 [64 frequencies][4 tiles][24 channels]
//	conv2's u         [3 chunks][64][20 channels][16 outputs], then [64][20][8]
//	m                 [64][4][16 outputs]
//	y2                [50 channels][4 y][4 x]
//	fc1's w           [4 chunks][800 inputs][128 outputs]
//	h                 [512], the last twelve 0
//	fc2's w, logits   [512 inputs][16], [16], the last six unused
//
// Every sum has the order that it has in the kernels for many images, so the
// results are the same to the bit. Inputs of fc1 and fc2 that are zero are
// skipped, which changes no sum: its terms are finite, and a sum that begins
// with a bias other than −0 is never −0.
//
// Measured on Zen 4, AVX-512, µs: input 0.04, conv1 3.0, conv2's input 0.5,
// conv2 6.2, fc1 13.2, fc2 0.4; together with calls and softmax 24.1. AVX2 26.
package single

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/compress"
	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/transpose"
	"github.com/kernelet/kernelet/gen/winograd"
	"github.com/kernelet/kernelet/internal/shape"
)

const (
	points      = shape.Points
	frequencies = shape.Frequencies
	imageSize   = shape.ImageSize
	imagePixels = shape.ImagePixels
	tilesInRow  = shape.Conv1TilesInRow
	pool1Size   = shape.Pool1Size
	channels    = shape.Conv2Inputs
	row         = 4 * shape.Conv1Row // bytes of a pixel's 20 channels, padded to whole vectors
	tiles       = shape.Conv2Tiles
	outputs2    = shape.Conv2Outputs
	pool2Pixels = shape.Pool2Pixels
	chunk       = shape.SingleConv2Chunk
	chunks      = (shape.SingleConv2Outputs + chunk - 1) / chunk // the last one is half as large
	inputs1     = shape.FC1Inputs
	fc1Chunk    = shape.SingleFC1Chunk
	fc1Chunks   = shape.SingleFC1Y / fc1Chunk
	inputs2     = shape.SingleFC1Y
	classes     = shape.SingleLogits
)

type pointers = []reg.GPVirtual

// Emit adds all kernels.
func Emit(f *isa.File) {
	input(f)
	conv1(f)
	conv2Input(f)
	conv2(f)
	fc1(f)
	fc2(f)
}

// eachPart emits body for the vectors that make up 24 channels: one of 16 and
// one of 8 lanes, or three of 8. In between the pointers advance by a vector.
func eachPart(k *isa.Kernel, lines pointers, body func(k *isa.Kernel)) {
	strides := make([]int, len(lines))
	if k.Target.Masks {
		done := 0
		for _, view := range []*isa.Kernel{k.Wide(), k.Narrow()} {
			body(view)
			done += view.Bytes()
			for _, p := range lines {
				k.Advance(p, view.Bytes())
			}
		}
		for _, p := range lines {
			k.Advance(p, -done)
		}
		return
	}
	for i := range strides {
		strides[i] = k.Bytes()
	}
	k.Loop("part", row/k.Bytes(), lines, strides, func() { body(k) })
	for _, p := range lines {
		k.Advance(p, -row)
	}
}

// input emits the scaling of pixels.
func input(f *isa.File) {
	k := f.WideFunction("SingleInput", "x []float32, image []byte", "computes x [28][28] = image/255·2 − 1 from image [28][28].")
	k = k.Narrow()
	x, image := k.Pointer("x"), k.Pointer("image")
	scale, one := k.Splat(2.0/255), k.Splat(1)
	k.Loop("pixels", imagePixels/8, pointers{x, image}, []int{32, 8}, func() {
		k.Comment("x = byte·2/255 − 1")
		p := k.Vector()
		k.VPMOVZXBD(isa.At(image, 0), p)
		k.VCVTDQ2PS(p, p)
		k.VFMSUB213PS(one, scale, p)
		k.StoreVector(p, isa.At(x, 0))
	})
	k.Return()
}

// conv1 emits the convolution of 36 tiles with bias, pooling and ReLU. The
// transforms of the input have lanes of their own: pixels of a row for the
// columns' pass and, transposed, frequencies for the rows' pass, for all tiles
// of a row of tiles.
func conv1(f *isa.File) {
	k := f.WideFunction("SingleConv1ReLUPool", "y, x, u, bias []float32",
		"computes conv1 of one image, pooled: y [12][12][24] = max(0, maxpool(Aᵀ (u (Bᵀ x B)) A) + bias)",
		"from x [28][28], u [64][24], bias [24].")
	y, x, u, bias := k.Pointer("y"), k.Pointer("x"), k.Pointer("u"), k.Pointer("bias")
	columns := k.Scratch(4 * imageSize * points) // [28 x][8 frequencies of the columns' pass]
	square := k.Scratch(4 * points * points)
	v := k.Scratch(4 * tilesInRow * frequencies)
	half := k.Scratch(tilesInRow * shape.TileSize * points * 4 * chunk)

	k.Loop("tileRow", tilesInRow, pointers{x, y}, []int{4 * 4 * imageSize, 2 * pool1Size * row}, func() {
		narrow := k.Narrow()
		k.Comment("columns: Bᵀ x, eight pixels of a row at a time, stored by pixel")
		for _, first := range []int{0, 8, 16, 20} {
			d := make([]isa.V, points)
			for i := range d {
				d[i] = narrow.LoadVector(isa.At(x, 4*(i*imageSize+first)))
			}
			winograd.Input(narrow, d, func(i int, value isa.V) { narrow.StoreVector(value, isa.At(square, i*narrow.Bytes())) })
			for j, column := range transpose.Square(narrow, transpose.Load(narrow, isa.At(square, 0), narrow.Bytes())) {
				narrow.StoreVector(column, isa.At(columns, (first+j)*narrow.Bytes()))
			}
		}
		k.Comment("rows: (Bᵀ x) B")
		k.Loop("tile", tilesInRow, pointers{columns, v}, []int{4 * narrow.Bytes(), 4 * frequencies}, func() {
			d := make([]isa.V, points)
			for j := range d {
				d[j] = narrow.LoadVector(isa.At(columns, j*narrow.Bytes()))
			}
			winograd.Input(narrow, d, func(j int, value isa.V) { narrow.StoreVector(value, isa.At(v, j*narrow.Bytes())) })
		})
		k.Advance(columns, -tilesInRow*4*narrow.Bytes())
		k.Advance(v, -tilesInRow*4*frequencies)
		eachPart(k, pointers{u, bias, y}, func(k *isa.Kernel) {
			tile := shape.TileSize * points * k.Bytes()
			k.Comment("columns: Aᵀ (u V), a column of u in registers for all tiles")
			k.Loop("column", points, pointers{u, v, half}, []int{row, 4 * points, k.Bytes()}, func() {
				column := make([]isa.V, points)
				for i := range column {
					column[i] = k.LoadVector(isa.At(u, i*points*row))
				}
				k.Loop("tile", tilesInRow, pointers{v, half}, []int{4 * frequencies, tile}, func() {
					winograd.OutputColumn(k, func(i int) isa.V { return k.Scaled(isa.At(v, 4*i), column[i]) }, half)
				})
				k.Advance(v, -tilesInRow*4*frequencies)
				k.Advance(half, -tilesInRow*tile)
			})
			k.Advance(u, -points*row)
			k.Advance(v, -points*4*points)
			k.Advance(half, -points*k.Bytes())
			b, zero := k.LoadVector(isa.At(bias, 0)), k.Zero()
			k.Loop("tile", tilesInRow, pointers{half, y}, []int{tile, 2 * row}, func() {
				winograd.PooledRows(k, half, b, zero, func(r, c int) ([]operand.Mem, []operand.Mem) {
					return []operand.Mem{isa.At(y, (r*pool1Size+c)*row)}, nil
				})
			})
			k.Advance(half, -tilesInRow*tile)
			k.Advance(y, -tilesInRow*2*row)
		})
	})
	k.Return()
}

// conv2Input emits the transform of the four windows.
func conv2Input(f *isa.File) {
	k := f.WideFunction("SingleConv2InputTransform", "v, x []float32",
		"transforms the input of conv2 of one image: v [64][4][24] = Bᵀ x B for the windows of x [12][12][24].")
	v, x := k.Pointer("v"), k.Pointer("x")
	columns := k.Scratch(points * pool1Size * 4 * chunk)
	k.Loop("tileRow", 2, pointers{x, v}, []int{4 * pool1Size * row, 2 * row}, func() {
		eachPart(k, pointers{x, v}, func(k *isa.Kernel) {
			k.Comment("columns: Bᵀ d")
			k.Loop("column", pool1Size, pointers{x, columns}, []int{row, k.Bytes()}, func() {
				d := make([]isa.V, points)
				for i := range d {
					d[i] = k.LoadVector(isa.At(x, i*pool1Size*row))
				}
				winograd.Input(k, d, func(i int, value isa.V) {
					k.StoreVector(value, isa.At(columns, i*pool1Size*k.Bytes()))
				})
			})
			k.Advance(x, -pool1Size*row)
			k.Advance(columns, -pool1Size*k.Bytes())
			k.Comment("rows: (Bᵀ d) B")
			for tileColumn := range 2 {
				k.Loop("row", points, pointers{columns, v}, []int{pool1Size * k.Bytes(), points * tiles * row}, func() {
					d := make([]isa.V, points)
					for j := range d {
						d[j] = k.LoadVector(isa.At(columns, (4*tileColumn+j)*k.Bytes()))
					}
					winograd.Input(k, d, func(j int, value isa.V) {
						k.StoreVector(value, isa.At(v, (j*tiles+tileColumn)*row))
					})
				})
				k.Advance(columns, -points*pool1Size*k.Bytes())
				k.Advance(v, -frequencies*tiles*row)
			}
		})
	})
	k.Return()
}

// conv2 emits, for chunks of 16 outputs, the sums over the channels, the way back
// with bias, pooling and ReLU, and the transposition of the result, so that it
// lies in the order in which fc1 adds up.
func conv2(f *isa.File) {
	k := f.WideFunction("SingleConv2ReLUPool", "y, m, u, v, bias []float32",
		"computes conv2 of one image, pooled: y [50][4][4] = max(0, maxpool(Aᵀ (Σ u v) A) + bias)",
		"from u [3][64][20][16] and [64][20][8], v [64][4][24], bias [56]; m [64][4][16] is working memory.")
	y, m, u, v, bias := k.Pointer("y"), k.Pointer("m"), k.Pointer("u"), k.Pointer("v"), k.Pointer("bias")
	half, pooled := k.Scratch(4*points*4*chunk), k.Scratch(pool2Pixels*4*chunk)
	k.Loop("chunk", chunks-1, pointers{y, bias}, []int{4 * chunk * pool2Pixels, 4 * chunk}, func() {
		conv2Chunk(k, chunk, chunk, y, m, u, v, bias, half, pooled)
	})
	conv2Chunk(k, chunk/2, outputs2-(chunks-1)*chunk, y, m, u, v, bias, half, pooled)
	k.Return()
}

// conv2Chunk emits some outputs, of which the first valid ones are stored. It
// leaves u at the next chunk.
func conv2Chunk(k *isa.Kernel, outputs, valid int, y, m, u, v, bias, half, pooled reg.GPVirtual) {
	if k = k.Wide(); outputs < k.Lanes {
		k = k.Narrow()
	}
	bytes := 4 * outputs
	parts := bytes / k.Bytes()
	together := 2 / parts // frequencies; eight accumulators hide the latency
	k.Commentf("m = Σ u v, %d outputs of four tiles, %d frequencies together", outputs, together)
	k.Loop("frequency", frequencies/together, pointers{m, v, u},
		[]int{together * tiles * bytes, together * tiles * row, together * channels * bytes}, func() {
			sums := make([][]isa.V, together*tiles)
			for i := range sums {
				for range parts {
					sums[i] = append(sums[i], k.Zero())
				}
			}
			const unroll = 5
			k.Loop("channel", channels/unroll, pointers{v, u}, []int{4 * unroll, unroll * bytes}, func() {
				for c := range unroll {
					for f := range together {
						weights := make([]isa.V, parts)
						for p := range weights {
							weights[p] = k.LoadVector(isa.At(u, (f*channels+c)*bytes+p*k.Bytes()))
						}
						for tile := range tiles {
							k.Products(isa.At(v, (f*tiles+tile)*row+4*c), weights, sums[f*tiles+tile])
						}
					}
				}
			})
			k.Advance(v, -4*channels)
			k.Advance(u, -channels*bytes)
			for i, vectors := range sums {
				for p, sum := range vectors {
					k.StoreVector(sum, isa.At(m, i*bytes+p*k.Bytes()))
				}
			}
		})
	k.Advance(m, -frequencies*tiles*bytes)
	k.Advance(v, -frequencies*tiles*row)

	transform := func() {
		b, zero := k.LoadVector(isa.At(bias, 0)), k.Zero()
		k.Loop("tileRow", 2, pointers{m, pooled}, []int{2 * bytes, 8 * bytes}, func() {
			for tileColumn := range 2 {
				winograd.PooledOutput(k, half, m, tileColumn*bytes, tiles*bytes, b, zero, func(r, c int) ([]operand.Mem, []operand.Mem) {
					return []operand.Mem{isa.At(pooled, (4*r+2*tileColumn+c)*bytes)}, nil
				})
			}
		})
		k.Advance(m, -tiles*bytes)
		k.Advance(pooled, -pool2Pixels*bytes)
	}
	if parts == 1 {
		transform()
	} else {
		k.Loop("part", parts, pointers{m, pooled, bias}, []int{k.Bytes(), k.Bytes(), k.Bytes()}, transform)
		for _, p := range (pointers{m, pooled, bias}) {
			k.Advance(p, -bytes)
		}
	}
	k.Comment("from [pixel][output] to [output][pixel]")
	k = k.Narrow()
	for first := 0; first < outputs; first += 8 {
		for pixel := 0; pixel < pool2Pixels; pixel += 8 {
			for o, column := range transpose.Square(k, transpose.Load(k, isa.At(pooled, pixel*bytes+4*first), bytes)) {
				if first+o < valid {
					k.StoreVector(column, isa.At(y, 4*((first+o)*pool2Pixels+pixel)))
				}
			}
		}
	}
}

// makeList emits the list of x, whose length is a multiple of 8, in the working
// memory that the parameters values and indices name.
func makeList(k *isa.Kernel, x reg.GPVirtual, length int) compress.List {
	k = k.Narrow()
	k.Comment("the values that are not zero, and their indices")
	l := compress.List{Values: k.Pointer("values"), Indices: k.Pointer("indices"), End: k.GP64()}
	table := compress.Table(k)
	k.XORQ(l.End, l.End)
	indices, eight := compress.Indices(k)
	compress.First(k, indices)
	k.Loop("values", length/8, pointers{x}, []int{32}, func() {
		compress.Append(k, k.LoadVector(isa.At(x, 0)), indices, l.Values, l.Indices, l.End, table)
		k.VPADDD(eight, indices, indices)
	})
	return l
}

// ahead is the number of list entries by which rows of weights are fetched into
// the cache before they are used: they come from L3, and after a skipped row
// the hardware would have to find the stream again.
const ahead = 8

// each emits body for every entry of a list; fetch is the number of bytes of a
// row of w that is fetched ahead. Behind the list that is any row.
func each(k *isa.Kernel, l compress.List, w reg.GPVirtual, rowBytes, fetch int, body func(row reg.GPVirtual, value isa.V)) {
	var fetchAhead func()
	if fetch > 0 {
		fetchAhead = func() {
			row := l.Row(k, rowBytes, ahead)
			for at := 0; at < fetch; at += 64 {
				k.PREFETCHT0(operand.Mem{Base: w, Index: row, Scale: 1, Disp: at})
			}
		}
	}
	l.N = k.GP64()
	k.XORQ(l.N, l.N)
	l.Each(k, w, rowBytes, fetchAhead, body)
}

// fc1 emits the product and ReLU for chunks of 128 outputs, as many at a time as
// eight accumulators hold.
//
// Measured on Zen 4, µs an image, one image after the other, 68 % of x not zero:
// 13.2, which is 1.1 MB at 84 GB/s, L3's rate. Fetching 4 or 16 entries ahead
// makes no difference, 32 13.8, into L2 only 14.2, without fetching 13.7;
// chunks of 256 outputs 13.1; always forwards instead of to and fro 14.2.
func fc1(f *isa.File) {
	k := f.WideFunction("SingleFC1ReLU", "h, x, w, bias, values []float32, indices []int32, backwards bool",
		"computes fc1 of one image: h [512] = max(0, w x + bias) from x [800], w [4][800][128], bias [512];",
		"values, indices [832] are working memory; backwards begins with the last chunk of outputs.")
	x := k.Pointer("x")
	l := makeList(k, x, inputs1)
	h, w, bias := k.Pointer("h"), k.Pointer("w"), k.Pointer("bias")
	const rowBytes, chunkBytes = 4 * fc1Chunk, 4 * fc1Chunk * inputs1
	step, chunkStep := k.GP64(), k.GP64()
	k.MOVQ(operand.I32(rowBytes), step)
	k.MOVQ(operand.I32(chunkBytes), chunkStep)
	backwards, forwards := k.GP8(), k.NewLabel("forwards")
	k.Load(k.Param("backwards"), backwards)
	k.TESTB(backwards, backwards)
	k.JZ(operand.LabelRef(forwards))
	k.Advance(h, (fc1Chunks-1)*rowBytes)
	k.Advance(bias, (fc1Chunks-1)*rowBytes)
	k.Advance(w, (fc1Chunks-1)*chunkBytes)
	k.NEGQ(step)
	k.NEGQ(chunkStep)
	k.Label(forwards)
	held := 8 * k.Bytes()
	k.Loop("chunk", fc1Chunks, nil, nil, func() {
		k.Loop("part", rowBytes/held, pointers{h, w, bias}, []int{held, held, held}, func() {
			k.Commentf("h = max(0, bias + Σ value·w[index]), %d outputs", 8*k.Lanes)
			sums := make([]isa.V, 8)
			for i := range sums {
				sums[i] = k.LoadVector(isa.At(bias, i*k.Bytes()))
			}
			each(k, l, w, rowBytes, held, func(row reg.GPVirtual, value isa.V) {
				for i, sum := range sums {
					k.VFMADD231PS(isa.At(row, i*k.Bytes()), value, sum)
				}
			})
			zero := k.Zero()
			for i, sum := range sums {
				k.StoreVector(k.Max(zero, sum), isa.At(h, i*k.Bytes()))
			}
		})
		for _, p := range (pointers{h, w, bias}) {
			k.Advance(p, -rowBytes)
		}
		k.ADDQ(step, h)
		k.ADDQ(step, bias)
		k.ADDQ(chunkStep, w)
	})
	k.Return()
}

// fc2 emits the product as one chain of sums, four cycles an entry.
func fc2(f *isa.File) {
	k := f.WideFunction("SingleFC2", "logits, x, w, bias, values []float32, indices []int32",
		"computes the logits [16] of one image = w x + bias from x [512], w [512][16] and bias [16];",
		"values, indices [832] are working memory.")
	x := k.Pointer("x")
	l := makeList(k, x, inputs2)
	w, bias := k.Pointer("w"), k.Pointer("bias")
	k.Comment("logits = bias + Σ value·w[index]")
	sums := make([]isa.V, classes/k.Lanes)
	for i := range sums {
		sums[i] = k.LoadVector(isa.At(bias, i*k.Bytes()))
	}
	each(k, l, w, 4*classes, 0, func(row reg.GPVirtual, value isa.V) {
		for i, sum := range sums {
			k.VFMADD231PS(isa.At(row, i*k.Bytes()), value, sum)
		}
	})
	logits := k.Pointer("logits")
	for i, sum := range sums {
		k.StoreVector(sum, isa.At(logits, i*k.Bytes()))
	}
	k.Return()
}
