package lenet

import "github.com/kernelet/kernelet/internal/shape"

// fewWorkers is the number up to which the schedule of few, long tasks is the
// faster one: a block's values stay in its worker's caches on their way through
// both convolutions.
const fewWorkers = 4

// Tasks of the phases for many workers.
const (
	fineImageGroups = 7  // of fc1's input gradient
	fineListTasks   = 10 // of its lists
	fineOutputParts = 5  // of fc1's weights
)

// newFineStep is newStep for many workers: a block's convolutions are tasks for
// groups of channels, fc1's gradients have more tasks, and phases that only the
// update waits for fill the gaps. Every number is computed as by newStep, from
// the same numbers in the same order.
func (e *engine) newFineStep(threads int) *schedule {
	blocks := e.job.blocks
	y1 := func(b int) []float32 { return lines(e.chunk.y1, shape.Conv1Y, b, e.job.block(b)) }
	// ofGroups are tasks for every block and group of its n channels.
	ofGroups := func(group, n int, task func(worker, b, first, count int) error) (func(worker, task int) error, func() int) {
		groups := n / group
		return func(worker, at int) error { return task(worker, at/groups, at%groups*group, group) },
			func() int { return groups * blocks() }
	}

	conv1 := &phase{name: "conv1", count: blocks, task: func(_, b int) error { return e.conv1(b, y1(b)) }}
	conv2Input := &phase{name: "conv2, input transform", after: after(conv1)}
	conv2Input.task, conv2Input.count = ofGroups(shape.Conv2TrainGroup, shape.Conv2Inputs,
		func(_, b, first, count int) error { return e.conv2Input(b, y1(b), first, count) })
	conv2 := &phase{name: "conv2", after: after(conv2Input)}
	conv2.task, conv2.count = ofGroups(shape.Conv2TrainGroup, shape.Conv2Outputs, e.conv2)
	fc1 := &phase{name: "fc1", task: e.fc1, count: fixed(shape.FC1DropoutGroups), after: after(conv2)}
	fc2 := &phase{name: "fc2, loss", task: e.fc2, count: blocks, after: after(fc1)}
	fc1InputGrad := &phase{name: "fc1, input gradient", after: after(fc2),
		task:  func(_, task int) error { return e.fc1InputGradPart(task, fineImageGroups, fineListTasks) },
		count: fixed(shape.FC1SlicePairs*fineImageGroups + fineListTasks)}
	outputGrad := &phase{name: "conv2, output gradient", after: after(fc1InputGrad)}
	outputGrad.task, outputGrad.count = ofGroups(shape.Conv2TrainGroup, shape.Conv2Outputs,
		func(_, b, first, count int) error { return e.conv2OutputGrad(b, first, count) })
	inputGrad := &phase{name: "conv2, input gradient", after: after(outputGrad)}
	inputGrad.task, inputGrad.count = ofGroups(shape.Conv2TrainGroup, shape.Conv2Inputs,
		func(worker, b, first, count int) error { return e.conv2InputGrad(worker, b, y1(b), first, count) })
	conv2Weights := &phase{name: "conv2, weight gradient", task: e.conv2Weights, count: fixed(shape.Conv2WeightTasks), after: after(outputGrad)}
	fc1Weights := &phase{name: "fc1, weights", after: after(fc1InputGrad),
		task:  func(_, task int) error { return e.fc1WeightsPart(task, fineOutputParts) },
		count: fixed(shape.FC1Slices * fineOutputParts)}
	conv1Weights := &phase{name: "conv1, weight gradient", after: after(inputGrad)}
	conv1Weights.task, conv1Weights.count = ofGroups(shape.Conv1GradGroup, shape.Conv1Outputs,
		func(_, b, first, count int) error { return e.conv1WeightGrad(b, y1(b), first, count) })
	update := &phase{name: "other weights", task: e.gradientAndUpdate, count: fixed(updateTasks), after: after(conv1Weights, conv2Weights)}
	return newSchedule(threads, conv1, conv2Input, conv2, fc1, fc2, fc1InputGrad, outputGrad, inputGrad, conv2Weights, fc1Weights, conv1Weights, update)
}
