// Package bench measures what this CPU can do and what kernelet reaches on it:
// ceilings, kernels, training and inference, and a score. Package bench/report
// writes what was measured.
package bench

import "github.com/kernelet/kernelet/internal/shape"

// Work of the dense algorithm, floating-point operations an image. The first
// layer has no gradient of its input.
const (
	InferFLOPs = shape.Conv1FLOPs + shape.Conv2FLOPs + shape.FC1FLOPs + shape.FC2FLOPs
	TrainFLOPs = 3*InferFLOPs - shape.Conv1FLOPs
)
