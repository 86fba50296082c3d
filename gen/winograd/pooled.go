package winograd

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/pooling"
)

// PooledOutput emits Y = Aᵀ M A of one tile, two rows at a time, so that bias,
// pooling and ReLU follow in registers. product loads or computes M at a
// frequency; place says where the pooled value of a row and column of the
// tile's four goes, and its window's mask, or nil. half is working memory of
// 4×8 vectors.
func PooledOutput(k kernel, half reg.GPVirtual, product func(frequency int) vector, bias, zero vector,
	place func(row, column int) (y operand.Mem, mask *operand.Mem)) {
	k.Comment("columns: Aᵀ m")
	for j := range Points {
		m := make([]vector, Points)
		for i := range m {
			m[i] = product(i*Points + j)
		}
		Output(k, m, func(i int, v vector) {
			k.StoreVector(v, isa.At(half, (i*Points+j)*k.Bytes()))
		})
	}
	k.Comment("two rows at a time: (Aᵀ m) A, then bias, pooling, ReLU")
	for row := range Outputs / 2 {
		var values [2][Outputs]vector
		for i := range values {
			m := make([]vector, Points)
			for j := range m {
				m[j] = k.LoadVector(isa.At(half, ((2*row+i)*Points+j)*k.Bytes()))
			}
			Output(k, m, func(j int, v vector) { values[i][j] = v })
		}
		for column := range Outputs / 2 {
			window := [4]vector{values[0][2*column], values[0][2*column+1], values[1][2*column], values[1][2*column+1]}
			y, mask := place(row, column)
			k.StoreVector(pooling.Forward(k, window, bias, zero, mask), y)
		}
	}
}
