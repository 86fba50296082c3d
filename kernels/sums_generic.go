package kernels

import "github.com/kernelet/kernelet/internal/shape"

// addScaled lets sum = sum + factor·x.
func addScaled(sum []float32, factor float32, x []float32) {
	for i, value := range x {
		sum[i] += float32(factor * value)
	}
}

// addLanes adds the 16 lanes of a row: l and l+8, l and l+4, l and l+2, l and
// l+1, the order in which the generated kernels do it.
func addLanes(row *[shape.Block]float32) float32 {
	for n := shape.Block / 2; n > 0; n /= 2 {
		for l := range n {
			row[l] += row[l+n]
		}
	}
	return row[0]
}
