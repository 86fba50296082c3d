package winograd

import (
	"github.com/mmcloughlin/avo/reg"

	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/internal/shape"
)

// Weights emits the body of a kernel with the parameters u and w:
// u [64][columns] = G w Gᵀ from w [25][columns]; columns is a multiple of 8.
func Weights(k kernel, columns int) {
	transform(k, "u", "w", shape.Points, shape.FilterSize, columns, Weight, "G w", "(G w) Gᵀ")
}

// transform applies oneDimension to the columns, then to the rows of matrices
// whose elements are rows of columns values each; first and second say in
// comments what that gives.
func transform(k kernel, to, from string, toSize, fromSize, columns int, oneDimension func(kernel, []vector, Put), first, second string) {
	k = k.Narrow()
	target, source := k.Pointer(to), k.Pointer(from)
	half := k.Scratch(toSize * fromSize * k.Bytes())
	row := 4 * columns
	k.Loop("column", columns/k.Lanes, []reg.GPVirtual{target, source}, []int{k.Bytes(), k.Bytes()}, func() {
		k.Comment("columns: " + first)
		for j := range fromSize {
			values := make([]vector, fromSize)
			for i := range values {
				values[i] = k.LoadVector(isa.At(source, (i*fromSize+j)*row))
			}
			oneDimension(k, values, func(i int, v vector) {
				k.StoreVector(v, isa.At(half, (i*fromSize+j)*k.Bytes()))
			})
		}
		k.Comment("rows: " + second)
		for i := range toSize {
			values := make([]vector, fromSize)
			for j := range values {
				values[j] = k.LoadVector(isa.At(half, (i*fromSize+j)*k.Bytes()))
			}
			oneDimension(k, values, func(j int, v vector) {
				k.StoreVector(v, isa.At(target, (i*toSize+j)*row))
			})
		}
	})
	k.Return()
}
