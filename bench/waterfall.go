package bench

import "github.com/kernelet/kernelet/internal/shape"

// Waterfall leads from what the dense algorithm would take at the peak of fused
// multiply-adds to what a step took, in µs an image. The bars add up to Measured.
type Waterfall struct {
	ISA      string  `json:"isa"`
	Threads  int     `json:"threads"`
	Batch    int     `json:"batch"`
	Bars     []Bar   `json:"bars"`
	Measured float64 `json:"measured"` // a step's mean
}

// Bar is a part of a Waterfall; what saves time is below 0.
type Bar struct {
	Name         string  `json:"name"`
	Microseconds float64 `json:"microseconds"` // an image
}

// A part of a step that kernels belong to by what they save against the dense
// algorithm.
const (
	winogradPart = iota
	poolingPart
	fc1Part
	otherPart
)

// stepKernels are the kernels of a step of training and their parts.
var stepKernels = map[string]int{
	"Conv1ForwardReLUPoolMask": winogradPart, "Conv1WeightTransform": winogradPart,
	"Conv2TrainInputTransform": winogradPart, "Conv2TrainForwardReLUPoolMask": winogradPart, "Conv2TrainWeightTransform": winogradPart,
	"Conv2OutputGrad": winogradPart, "Conv2InputGrad": winogradPart, "Conv2WeightGrad": winogradPart, "Conv2WeightGradTransform": winogradPart,
	"Conv1WeightGrad":       poolingPart,
	"FC1ForwardReLUDropout": fc1Part, "FC1InputGrad": fc1Part, "FC1WeightGradAdam": fc1Part,
	"Gather": otherPart, "FC1PackInput": otherPart, "FC1UnpackInputGrad": otherPart, "FC1ImageLists": otherPart, "FC1OutputLists": otherPart,
	"FC2ForwardLoss": otherPart, "FC2InputGrad": otherPart, "FC2WeightGrad": otherPart, "LineSums": otherPart, "Adam": otherPart,
}

// Operations of the dense algorithm's parts, an image: forward, and the gradients
// of weights and, but for the first layer, of inputs.
var denseParts = map[int]float64{
	winogradPart: shape.Conv1FLOPs + 3*shape.Conv2FLOPs,
	poolingPart:  shape.Conv1FLOPs,
	fc1Part:      3 * shape.FC1FLOPs,
}

// kept is the share of fc1's outputs that dropout leaves.
const kept = 0.5

// waterfall makes the bars of a row of training, or false where the kernels or
// the phases were not measured.
func (r *Report) waterfall(of *Row) (w Waterfall, ok bool) {
	peak := r.Ceiling(PeakName, of.ISA, of.Threads)
	if peak == 0 {
		return w, false
	}
	executed := map[int]float64{} // operations an image
	kernels, found := 0.0, 0      // µs an image of one thread
	for _, row := range r.Rows {
		if row.Group != "kernel" || row.ISA != of.ISA {
			continue
		}
		operations := row.ExecutedGFLOPs * 1e3 * row.Value
		switch row.Name {
		case "Conv2InputGradProducts", "Conv2InputGradTransform": // the two halves of Conv2InputGrad, which has no count of its own
			executed[winogradPart] += operations
			continue
		case "Adam": // but for fc1's weights, which FC1WeightGradAdam updates
			share := float64(shape.Parameters-shape.FC1W) / shape.Parameters
			operations *= share
			row.Value *= share
		}
		if part, used := stepKernels[row.Name]; used {
			executed[part] += operations
			kernels += row.Value
			found++
		}
	}
	work, waiting, rest := 0.0, 0.0, 0.0
	for _, row := range r.Rows {
		if row.Group != phaseGroup || row.Threads != of.Threads || row.Batch != of.Batch || row.ISA != of.ISA {
			continue
		}
		w.Measured += row.Value
		if row.Name == restName {
			rest += row.Value
			continue
		}
		waiting += row.Waiting
		work += row.Value - row.Waiting
	}
	if found != len(stepKernels) || work == 0 {
		return w, false
	}
	at := func(operations float64) float64 { return operations / peak / 1e3 }
	dropped := at(denseParts[fc1Part] * (1 - kept))
	limit := at(executed[winogradPart] + executed[poolingPart] + executed[fc1Part] + executed[otherPart])
	own := kernels / float64(of.Threads)
	w.ISA, w.Threads, w.Batch = of.ISA, of.Threads, of.Batch
	w.Bars = []Bar{
		{"the dense algorithm at the peak", at(TrainFLOPs)},
		{"Winograd's algorithm", at(executed[winogradPart] - denseParts[winogradPart])},
		{"zeros: pooling", at(executed[poolingPart] - denseParts[poolingPart])},
		{"dropout", -dropped},
		{"zeros: ReLU", at(executed[fc1Part]-denseParts[fc1Part]) + dropped},
		{"Adam, loss, lists", at(executed[otherPart] - 3*shape.FC2FLOPs)},
		{"kernels below the peak", own - limit},
		{"memory, and kernels beside one another", work - own},
		{"waiting for other threads", waiting},
		{restName, rest},
	}
	return w, true
}
