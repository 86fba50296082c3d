package kernels

import "github.com/kernelet/kernelet/internal/shape"

func gather(x []float32, data []byte, index []int32) {
	for lane, i := range index {
		for pixel, value := range data[int(i)*shape.ImagePixels:][:shape.ImagePixels] {
			x[pixel*len(index)+lane] = normalised(value)
		}
	}
}

// normalised returns value/255·2 − 1. The product is exact in float64, so this
// rounds once, like a fused multiply-add.
func normalised(value byte) float32 {
	const scale = float64(float32(2.0 / 255))
	return float32(float64(float64(value)*scale) - 1)
}
