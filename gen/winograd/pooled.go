package winograd

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/pooling"
	"github.com/kernelet/kernelet/internal/shape"
)

// PooledOutput emits Y = Aᵀ M A of one tile with bias, pooling and ReLU. M at
// the first frequency lies offset bytes behind m, those that follow frequency
// bytes apart; half is working memory of 4×8 vectors; the rest is as in
// PooledRows.
func PooledOutput(k kernel, half, m reg.GPVirtual, offset, frequency int, bias, zero vector,
	place func(row, column int) (y, mask []operand.Mem)) {
	k.Comment("columns: Aᵀ m")
	k.Loop("column", shape.Points, []reg.GPVirtual{m, half}, []int{frequency, k.Bytes()}, func() {
		OutputColumn(k, func(i int) vector { return k.LoadVector(isa.At(m, i*shape.Points*frequency+offset)) }, half)
	})
	k.Advance(m, -shape.Points*frequency)
	k.Advance(half, -shape.Points*k.Bytes())
	PooledRows(k, half, bias, zero, place)
}

// OutputColumn emits Aᵀ m of a column into half, which points to it.
func OutputColumn(k kernel, m func(i int) vector, half reg.GPVirtual) {
	Output(k, m, func(i int, v vector) { k.StoreVector(v, isa.At(half, i*shape.Points*k.Bytes())) })
}

// PooledRows emits (Aᵀ M) A from half, two rows at a time, so that bias,
// pooling and ReLU follow in registers. place says where the pooled value of a
// row and column of the tile's four goes, and its window's mask, or nil.
func PooledRows(k kernel, half reg.GPVirtual, bias, zero vector, place func(row, column int) (y, mask []operand.Mem)) {
	k.Comment("two rows at a time: (Aᵀ m) A, then bias, pooling, ReLU")
	for row := range shape.TileSize / 2 {
		var values [2][shape.TileSize]vector
		for i := range values {
			Output(k, func(j int) vector {
				return k.LoadVector(isa.At(half, ((2*row+i)*shape.Points+j)*k.Bytes()))
			}, func(j int, v vector) { values[i][j] = v })
		}
		for column := range shape.TileSize / 2 {
			window := [4]vector{values[0][2*column], values[0][2*column+1], values[1][2*column], values[1][2*column+1]}
			y, mask := place(row, column)
			k.StoreVector(pooling.Forward(k, window, bias, zero, mask), y...)
		}
	}
}
