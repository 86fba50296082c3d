package winograd

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/pooling"
	"github.com/kernelet/kernelet/internal/shape"
)

// PooledOutput emits Y = Aᵀ M A of one tile with bias, pooling and ReLU.
// product loads or computes M at a frequency; half is working memory of 4×8
// vectors; the rest is as in PooledRows.
func PooledOutput(k kernel, half reg.GPVirtual, product func(frequency int) vector, bias, zero vector,
	place func(row, column int) (y, mask []operand.Mem)) {
	k.Comment("columns: Aᵀ m")
	for j := range shape.Points {
		OutputColumn(k, func(i int) vector { return product(i*shape.Points + j) }, half, j)
	}
	PooledRows(k, half, bias, zero, place)
}

// OutputColumn emits Aᵀ m of column j into half.
func OutputColumn(k kernel, m func(i int) vector, half reg.GPVirtual, j int) {
	Output(k, m, func(i int, v vector) { k.StoreVector(v, isa.At(half, (i*shape.Points+j)*k.Bytes())) })
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
