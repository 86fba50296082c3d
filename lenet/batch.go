package lenet

import "github.com/kernelet/kernelet/internal/shape"

// chunksAtOnce is the number of chunks of a batch that many workers compute at
// the same time; of a larger batch they follow one another in such groups.
const chunksAtOnce = 8

// atOnceWorkers is the number of workers from which that is the faster way:
// they are more than a chunk has blocks. For fewer, a chunk at a time stays in
// the caches that they share.
const atOnceWorkers = maxImages/shape.Block + 1

// newChunkEngine returns an engine for another chunk of the batches of e: with
// activations and gradients of its own, but the weights, moments, sums of
// gradients and workers' memory of e. What it has of these itself is never
// touched, so it is not really there.
func (e *engine) newChunkEngine() (*engine, error) {
	c, err := newEngine(e.set, 1)
	if err != nil {
		return nil, err
	}
	c.weights, c.firstMoments, c.secondMoments, c.totals = e.weights, e.firstMoments, e.secondMoments, e.totals
	c.conv1U, c.conv2U = e.conv1U, e.conv2U
	c.own = e.own
	return c, nil
}

// chunksOf returns the engines for the next chunks of a batch that has so many
// left: e alone if a chunk is computed at a time.
func (e *engine) chunksOf(left int) ([]*engine, error) {
	if e.threads < atOnceWorkers {
		return e.chunks[:1], nil
	}
	count := min(left, chunksAtOnce)
	for len(e.chunks) < count {
		c, err := e.newChunkEngine()
		if err != nil {
			return nil, err
		}
		e.chunks = append(e.chunks, c)
	}
	return e.chunks[:count], nil
}

// newBatchStep is newFineStep for several chunks at once, e.running. A task
// computes what it would compute of a chunk alone; what is summed over chunks is
// summed in their order.
func (e *engine) newBatchStep(threads int) *schedule {
	blocks := func() (n int) {
		for _, c := range e.running {
			n += c.job.blocks()
		}
		return n
	}
	// ofBlocks are tasks for each block; every chunk but the last is full.
	ofBlocks := func(task func(e *engine, worker, b int) error) func(worker, b int) error {
		const full = maxImages / shape.Block
		return func(worker, b int) error { return task(e.running[b/full], worker, b%full) }
	}
	// ofChunks are count tasks for each chunk.
	ofChunks := func(count int, task func(e *engine, worker, task int) error) (func(worker, task int) error, func() int) {
		return func(worker, n int) error { return task(e.running[n/count], worker, n%count) },
			func() int { return count * len(e.running) }
	}
	// inOrder is a task that goes through the chunks.
	inOrder := func(worker, task int, of func(e *engine, worker, task int) error) error {
		for _, c := range e.running {
			if err := of(c, worker, task); err != nil {
				return err
			}
		}
		return nil
	}
	convolutions := &phase{name: "convolutions", task: ofBlocks((*engine).convolutions), count: blocks}
	fc1 := &phase{name: "fc1", after: after(convolutions)}
	fc1.task, fc1.count = ofChunks(shape.FC1DropoutGroups, (*engine).fc1)
	fc2 := &phase{name: "fc2, loss", task: ofBlocks((*engine).fc2), count: blocks, after: after(fc1)}
	fc1InputGrad := &phase{name: "fc1, input gradient", after: after(fc2)}
	fc1InputGrad.task, fc1InputGrad.count = ofChunks(inputGradTasks+listTasks, func(e *engine, _, task int) error { return e.fc1InputGrad(0, task) })
	convolutionsGrad := &phase{name: "convolutions, input gradient", task: ofBlocks((*engine).convolutionsGrad), count: blocks, after: after(fc1InputGrad)}
	conv2Weights := &phase{name: "conv2, weight gradient", after: after(convolutionsGrad)}
	conv2Weights.task, conv2Weights.count = ofChunks(shape.Conv2WeightTasks, (*engine).conv2Weights)
	otherGradients := &phase{name: "other gradients", after: after(conv2Weights)}
	otherGradients.task, otherGradients.count = ofChunks(updateTasks, (*engine).otherGradients)
	update := &phase{name: "other weights", after: after(otherGradients), count: fixed(updateTasks),
		task: func(worker, task int) error { return inOrder(worker, task, (*engine).update) }}
	fc1Weights := &phase{name: "fc1, weights", after: after(fc1InputGrad), count: fixed(shape.FC1Slices * batchOutputParts),
		task: func(worker, task int) error {
			return inOrder(worker, task, func(e *engine, _, task int) error { return e.fc1WeightsPart(task, batchOutputParts) })
		}}
	return newSchedule(threads, convolutions, fc1, fc2, fc1InputGrad, convolutionsGrad, conv2Weights, otherGradients, update, fc1Weights)
}

// batchOutputParts is the number of parts of fc1's outputs whose weights are a
// task: 100 tasks of the 10 slices.
const batchOutputParts = 10
