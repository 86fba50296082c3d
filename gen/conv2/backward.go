package conv2

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/pooling"
	"github.com/kernelet/kernelet/gen/winograd"
)

// outputGrad emits two rows of dM = A dY Aᵀ for five outputs, dY being the
// pooled gradient put back to the positions that the masks remember.
func outputGrad(f *isa.File, width int) {
	k := f.Function("Conv2OutputGrad", width, "dm, dy []float32, mask []byte, pair, first int",
		"un-pools and transforms the gradient of outputs first … first+4 of conv2:",
		"dm [2][8][5][4] = the rows 0 and 7, 1 and 2, 3 and 4 or 5 and 6 (pair 0 … 3) of A dY Aᵀ,",
		"dY [50][8][8] being dy [50][4][4] at the positions that mask [50][4][4] chose.")
	dm, dy, mask, pairNumber, first := k.Pointer("dm"), k.Pointer("dy"), k.Pointer("mask"), k.Integer("pair"), k.Integer("first")
	line, maskBytes := k.Line(), pooling.MaskBytes(width)
	k.AdvanceBy(first, pooledSize*pooledSize*line, dy)
	k.AdvanceBy(first, pooledSize*pooledSize*maskBytes, mask)
	k = k.Wide()
	side := max(1, k.Lanes/width)         // tiles of a row that lie in one vector
	held := k.Target.Registers >= 2*4+2*8 // the two rows stay in registers beside what their transform needs
	var rows reg.GPVirtual
	if !held {
		rows = k.Scratch(2 * 4 * k.Bytes())
	}
	strides := []int{2 * line, 2 * pooledSize * line, 2 * pooledSize * maskBytes}
	end := k.NewLabel("end")
	for pair, pairRows := range winograd.Pairs {
		next := k.NewLabel("pair")
		k.CMPQ(pairNumber, operand.I8(int8(pair)))
		k.JNE(operand.LabelRef(next))
		k.Loop("tileRow", 2*group, pointers{dm, dy, mask}, strides, func() {
			k.EachPart(pointers{dm, dy}, pointers{mask}, func() {
				for tileColumn := range 2 / side {
					k.Commentf("columns: rows %d and %d of A dy", pairRows[0], pairRows[1])
					var halves [2][4]isa.V
					for windowColumn := range 2 {
						var windows [2]pooling.Unpooled
						for row := range windows {
							at := row*pooledSize + 2*tileColumn + windowColumn
							var gradients, masks []operand.Mem
							for s := range side {
								gradients = append(gradients, isa.At(dy, (at+2*s)*line))
								masks = append(masks, isa.At(mask, (at+2*s)*maskBytes))
							}
							windows[row] = pooling.Backward(k, k.LoadVector(gradients...), masks)
						}
						for column := range 2 {
							j := 2*windowColumn + column
							dY := make([]isa.V, 4)
							for i := range dY {
								if pair == 0 && i != 0 && i != 3 {
									continue // the outermost rows of A have one 1
								}
								dY[i] = windows[i/2].At(i%2, column)
							}
							winograd.OutputGradPair(k, dY, pair, func(i int, v isa.V) {
								r := index(pairRows, i)
								if held {
									halves[r][j] = v
								} else {
									k.StoreVector(v, isa.At(rows, (r*4+j)*k.Bytes()))
								}
							})
						}
					}
					k.Comment("rows: (A dy) Aᵀ")
					for r := range 2 {
						row := halves[r][:]
						if !held {
							for j := range row {
								row[j] = k.LoadVector(isa.At(rows, (r*4+j)*k.Bytes()))
							}
						}
						winograd.OutputGrad(k, row, func(j int, v isa.V) {
							k.StoreVector(v, isa.At(dm, (r*points+j)*groupStride(line)+tileColumn*line))
						})
					}
				}
			})
		})
		k.JMP(operand.LabelRef(end))
		k.Label(next)
	}
	k.Label(end)
	k.Return()
}

// index is the place of i in a pair of rows.
func index(rows [2]int, i int) int {
	if rows[0] == i {
		return 0
	}
	return 1
}

// inputGradProducts emits dV = Uᵀ dM for one row of frequencies and five
// channels.
func inputGradProducts(f *isa.File, width int) {
	k := f.Function("Conv2InputGradProducts", width, "dv, u, dm []float32, row, place, first int",
		"computes row (8 frequencies) and channels first … first+4 of dv [20][64][4] = Σ u dm",
		"from u [64][50][20] and dm [10 groups][2][8][5][4], which has the row in place 0 or 1 of its pair.")
	dv, u, dm := k.Pointer("dv"), k.Pointer("u"), k.Pointer("dm")
	row, place, first := k.Integer("row"), k.Integer("place"), k.Integer("first")
	line := k.Line()
	k.AdvanceBy(first, 4, u)
	k.AdvanceBy(row, points*4*inputs*outputs, u)
	k.AdvanceBy(place, points*groupStride(line), dm)
	k.AdvanceBy(row, points*tiles*line, dv)
	k.AdvanceBy(first, frequencies*tiles*line, dv)
	product{frequencies: points, chunks: outputs / group, terms: group, weightTerm: 4 * inputs, weightOutput: 4,
		fromChunk: groupBytes(line), fromFrequency: groupStride(line),
		toFrequency: tiles * line, toOutput: frequencies * tiles * line}.emit(k, dv, u, dm)
	k.Return()
}

// inputGradTransform emits dX = Σ B dV Bᵀ for five channels.
//
// Input tiles overlap by four rows and columns. Their sums are taken between the
// column pass and the row pass, and again after it, in registers.
func inputGradTransform(f *isa.File, width int) {
	k := f.Function("Conv2InputGradTransform", width, "dx, dv []float32, first int",
		"computes channels first … first+4 of the input gradient of conv2:",
		"dx [20][12][12] = Σ B dv Bᵀ over the overlapping input tiles, from dv [20][64][4].")
	dx, dv, first := k.Pointer("dx"), k.Pointer("dv"), k.Integer("first")
	line := k.Line()
	k.AdvanceBy(first, inputSize*inputSize*line, dx)
	k.AdvanceBy(first, frequencies*tiles*line, dv)
	columns := k.Scratch(2 * inputSize * points * k.Bytes()) // [tile column][y][j]
	k.Loop("channel", group, pointers{dx, dv}, []int{inputSize * inputSize * line, frequencies * tiles * line}, func() {
		k.EachPart(pointers{dx, dv}, nil, func() {
			k.Comment("columns: B dv, tiles of both tile rows added where they overlap")
			half := inputSize * points * k.Bytes() // a tile column of columns
			k.Loop("tileColumn", tilesInRow, pointers{dv, columns}, []int{line, half}, func() {
				k.Loop("column", points, pointers{dv, columns}, []int{tiles * line, k.Bytes()}, func() {
					overlapping(k, func(tileRow, i int) operand.Mem {
						return isa.At(dv, (i*points*tiles+tilesInRow*tileRow)*line)
					}, func(y int) operand.Mem {
						return isa.At(columns, y*points*k.Bytes())
					})
				})
				k.Advance(dv, -points*tiles*line)
				k.Advance(columns, -points*k.Bytes())
			})
			k.Advance(dv, -tilesInRow*line)
			k.Advance(columns, -tilesInRow*half)
			k.Comment("rows: (B dv) Bᵀ, tiles of both tile columns added")
			k.Loop("row", inputSize, pointers{columns, dx}, []int{points * k.Bytes(), inputSize * line}, func() {
				overlapping(k, func(tileColumn, j int) operand.Mem {
					return isa.At(columns, tileColumn*half+j*k.Bytes())
				}, func(x int) operand.Mem {
					return isa.At(dx, x*line)
				})
			})
			k.Advance(columns, -half)
			k.Advance(dx, -inputSize*inputSize*line)
		})
	})
	k.Return()
}

// overlapping transforms two tiles of eight values, of which the second begins
// four later, and stores their sum, twelve values.
func overlapping(k *isa.Kernel, from func(tile, i int) operand.Mem, to func(i int) operand.Mem) {
	load := func(tile int) []isa.V {
		v := make([]isa.V, points)
		for i := range v {
			v[i] = k.LoadVector(from(tile, i))
		}
		return v
	}
	var kept [4]isa.V
	winograd.InputGrad(k, load(0), func(i int, v isa.V) {
		if i < 4 {
			k.StoreVector(v, to(i))
		} else {
			kept[i-4] = v
		}
	})
	winograd.InputGrad(k, load(1), func(i int, v isa.V) {
		if i < 4 {
			v = k.Add(kept[i], v)
		}
		k.StoreVector(v, to(4+i))
	})
}
