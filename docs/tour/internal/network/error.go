package network

import "math"

// relativeError is the root mean square of got − want, relative to that of want;
// got has images side by side, want one after another.
func relativeError(got []float32, want []float64, images int) float64 {
	features := len(got) / images
	var difference, size float64
	for image := range images {
		for i := range features {
			v := want[image*features+i]
			d := float64(got[i*images+image]) - v
			difference += d * d
			size += v * v
		}
	}
	return math.Sqrt(difference / size)
}
