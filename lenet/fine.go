package lenet

import "github.com/kernelet/kernelet/internal/shape"

// fewWorkers is the number up to which the schedule of few, long tasks is the
// faster one: a block's gradient stays in its worker's caches on its way from
// fc1's layout through conv2.
const fewWorkers = 4

// Tasks of the phases for many workers.
const (
	fineImageGroups = 7  // of fc1's input gradient
	fineListTasks   = 10 // of its lists
	fineOutputParts = 5  // of fc1's weights
)

// newFineStep is newStep for many workers: fc1's gradients have more tasks, and
// conv2's weights, which need no more than its transformed gradient, fill the
// gaps beside the convolutions' blocks. Every number is computed as by newStep,
// from the same numbers in the same order.
func (e *engine) newFineStep(threads int) *schedule {
	blocks := e.job.blocks
	convolutions := &phase{name: "convolutions", task: e.convolutions, count: blocks}
	fc1 := &phase{name: "fc1", task: e.fc1, count: fixed(shape.FC1DropoutGroups), after: after(convolutions)}
	fc2 := &phase{name: "fc2, loss", task: e.fc2, count: blocks, after: after(fc1)}
	fc1InputGrad := &phase{name: "fc1, input gradient", after: after(fc2),
		task:  func(_, task int) error { return e.fc1InputGradPart(task, fineImageGroups, fineListTasks) },
		count: fixed(shape.FC1SlicePairs*fineImageGroups + fineListTasks)}
	outputGrad := &phase{name: "conv2, output gradient", task: e.conv2OutputGrad, count: blocks, after: after(fc1InputGrad)}
	convolutionsGrad := &phase{name: "convolutions, input gradient", task: e.inputGrads, count: blocks, after: after(outputGrad)}
	fc1Weights := &phase{name: "fc1, weights", after: after(fc1InputGrad),
		task:  func(_, task int) error { return e.fc1WeightsPart(task, fineOutputParts) },
		count: fixed(shape.FC1Slices * fineOutputParts)}
	conv2Weights := &phase{name: "conv2, weight gradient", task: e.conv2Weights, count: fixed(shape.Conv2WeightTasks), after: after(outputGrad)}
	update := &phase{name: "other weights", task: e.gradientAndUpdate, count: fixed(updateTasks), after: after(convolutionsGrad, conv2Weights)}
	return newSchedule(threads, convolutions, fc1, fc2, fc1InputGrad, outputGrad, convolutionsGrad, fc1Weights, conv2Weights, update)
}
