package conv2

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/winograd"
)

// inputTransform emits V = Bᵀ D B for the four 8×8 input tiles at offsets 0 and 4.
//
// The input tiles of a row overlap in four columns, so the column pass
// runs over all twelve columns once: 24 transforms instead of 32.
func inputTransform(f *isa.File, width int) {
	k := f.Function("Conv2InputTransform", width, "v, x []float32",
		"transforms the input of conv2:",
		"v [64][20][4] = Bᵀ x B for the input tiles of x [20][12][12], lines of images side by side.")
	v, x := k.Pointer("v"), k.Pointer("x")
	columns := k.Scratch(points * inputSize * k.Bytes())
	line := k.Line()
	frequency := inputs*tiles*line + padding // bytes
	k.Loop("channel", inputs, pointers{x, v}, []int{inputSize * inputSize * line, tiles * line}, func() {
		k.EachPart(pointers{x, v}, nil, func() {
			k.Loop("tileRow", tilesInRow, pointers{x, v}, []int{tileSize * inputSize * line, tilesInRow * line}, func() {
				k.Comment("columns: Bᵀ d")
				k.Loop("column", inputSize, pointers{x, columns}, []int{line, k.Bytes()}, func() {
					d := make([]isa.V, points)
					for i := range d {
						d[i] = k.LoadVector(isa.At(x, i*inputSize*line))
					}
					winograd.Input(k, d, func(i int, v isa.V) {
						k.StoreVector(v, isa.At(columns, i*inputSize*k.Bytes()))
					})
				})
				k.Advance(x, -inputSize*line)
				k.Advance(columns, -inputSize*k.Bytes())
				k.Comment("rows: (Bᵀ d) B")
				for tileColumn := range tilesInRow {
					k.Loop("row", points, pointers{columns, v}, []int{inputSize * k.Bytes(), points * frequency}, func() {
						d := make([]isa.V, points)
						for j := range d {
							d[j] = k.LoadVector(isa.At(columns, (tileSize*tileColumn+j)*k.Bytes()))
						}
						winograd.Input(k, d, func(j int, value isa.V) {
							at := j*frequency + tileColumn*line
							k.StoreVector(value, isa.At(v, at))
							if tileColumn*line%64 == 0 {
								k.PREFETCHT0(isa.At(v, at+tiles*line))
							}
						})
					})
					k.Advance(columns, -points*inputSize*k.Bytes())
					k.Advance(v, -frequencies*frequency)
				}
			})
			k.Advance(x, -tilesInRow*tileSize*inputSize*line)
			k.Advance(v, -tilesInRow*tilesInRow*line)
		})
	})
	k.Return()
}

// product is the shape of a matrix product to[o][f][t] = Σ_s weight[f][s][o] ·
// from[f][s][t] over five o, the four tiles t, and s ascending in chunks.
// Sizes are in bytes.
type product struct {
	frequencies              int
	chunks, terms            int // of the sum
	weightTerm, weightOutput int // distances between the weights of terms and of outputs
	fromChunk, fromFrequency int
	toFrequency, toOutput    int
}

// emit emits the product for all frequencies, and leaves to, weight and from at
// the frequency after the last.
//
// The lanes of the four tiles form one row of vectors. Register tile: five
// outputs × as many vectors of that row as registers allow beside the row's own
// and a weight (AVX-512: the whole block, 20 accumulators; AVX2: two, 10).
//
// Measured on Zen 4 in C: AVX2 5 × 2 5.15, 3 × 4 5.03 µs an image, but 3 does not divide 50.
func (p product) emit(k *isa.Kernel, to, weight, from reg.GPVirtual) {
	k = k.Wide()
	row := tiles * k.Line()
	vectors := row / k.Bytes()
	held := k.Fit(func(held int) int { return (group+1)*held + 1 }, min(vectors, 4), 2)
	k.Commentf("to[0…4][f] = Σ weight[f]·from[f] over %d; %d accumulators", p.chunks*p.terms, group*held)
	k.Loop("frequency", p.frequencies, pointers{to, from, weight}, []int{p.toFrequency, p.fromFrequency, 4 * inputs * outputs}, func() {
		for first := 0; first < vectors; first += held {
			accumulators := make([][]isa.V, group)
			for o := range accumulators {
				for range held {
					accumulators[o] = append(accumulators[o], k.Zero())
				}
			}
			k.Loop("chunk", p.chunks, pointers{weight, from}, []int{p.terms * p.weightTerm, p.fromChunk}, func() {
				for s := range p.terms {
					x := make([]isa.V, held)
					for i := range x {
						x[i] = k.LoadVector(isa.At(from, s*row+(first+i)*k.Bytes()))
					}
					for o := range group {
						k.Products(isa.At(weight, s*p.weightTerm+o*p.weightOutput), x, accumulators[o])
					}
				}
			})
			for o := range group {
				for i, v := range accumulators[o] {
					k.StoreVector(v, isa.At(to, o*p.toOutput+(first+i)*k.Bytes()))
				}
			}
			k.Advance(weight, -p.chunks*p.terms*p.weightTerm)
			k.Advance(from, -p.chunks*p.fromChunk)
		}
	})
}

// forward emits M = U V for five outputs, Y = Aᵀ M A, bias, pooling and ReLU.
//
// The products of all 64 frequencies, 82 KB for a block, go through L2. Tried on
// Zen 5, AVX-512: eight frequencies at a time, a row of the transform, whose
// products stay in L1 for half of it, 2.62 µs an image instead of 2.44.
func forward(f *isa.File, width int) {
	k := f.Function("Conv2ForwardReLUPool", width, "y, m, u, v, bias []float32, first int",
		"computes outputs first … first+4 of conv2, pooled:",
		"y [50][4][4] = max(0, maxpool(Aᵀ (Σ u v) A) + bias) from u [64][50][20], v [64][20][4], bias [50];",
		"m [5][64][4] is working memory.")
	m, u, v, first := k.Pointer("m"), k.Pointer("u"), k.Pointer("v"), k.Integer("first")
	k.AdvanceBy(first, 4*inputs, u)
	line := k.Line()
	product{frequencies: frequencies, chunks: 2, terms: inputs / 2, weightTerm: 4, weightOutput: 4 * inputs,
		fromChunk: inputs / 2 * tiles * line, fromFrequency: inputs*tiles*line + padding,
		toFrequency: tiles * line, toOutput: frequencies * tiles * line}.emit(k, m, u, v)
	k.Advance(m, -frequencies*tiles*line)

	y, bias := k.Pointer("y"), k.Pointer("bias")
	first = k.Integer("first")
	k.AdvanceBy(first, pooledSize*pooledSize*line, y)
	k.AdvanceBy(first, 4, bias)
	k = k.Wide()
	side := max(1, k.Lanes/width) // tiles of a row that lie in one vector
	rows := k.Scratch(4 * points * k.Bytes())
	zero := k.Zero()
	k.Loop("output", group, pointers{m, bias}, []int{(frequencies*tiles - tiles) * line, 4}, func() {
		b := k.Broadcast(isa.At(bias, 0))
		k.Loop("tileRow", 2, pointers{m, y}, []int{2 * line, 2 * pooledSize * line}, func() {
			k.EachPart(pointers{m, y}, nil, func() {
				for tileColumn := range 2 / side {
					winograd.PooledOutput(k, rows, m, tileColumn*line, tiles*line, b, zero, func(row, column int) (to, mask []operand.Mem) {
						for s := range side {
							at := row*pooledSize + 2*(tileColumn+s) + column
							to = append(to, isa.At(y, at*line))
						}
						return to, nil
					})
				}
			})
		})
	})
	k.Return()
}
