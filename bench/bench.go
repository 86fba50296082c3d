// Package bench measures what this CPU can do and what kernelet reaches on it:
// ceilings, kernels, training and inference, and a score. Package bench/report
// writes what was measured.
package bench

// Work of the dense algorithm, floating-point operations an image. The first
// layer has no gradient of its input.
const (
	InferFLOPs = conv1FLOPs + conv2FLOPs + fc1FLOPs + fc2FLOPs
	TrainFLOPs = 3*InferFLOPs - conv1FLOPs
)
