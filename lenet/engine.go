package lenet

import (
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
)

// engine computes steps of training and evaluations: memory, kernels and
// workers, but neither data nor randomness.
//
// Images are worked on in chunks of at most 128, so that activations stay in
// the cache for any batch size. A chunk goes through the phases below; tasks of
// a phase write disjoint memory, and every sum's order is fixed by the batch
// alone, so the result does not depend on who computes what when.
type engine struct {
	set     *kernels.Set
	workers *workers
	threads int // workers in use, at most len(own)
	release func()

	weights, firstMoments, secondMoments parameters
	gradients, totals                    parameters // of the chunk, of the batch's chunks so far
	conv1U, conv2U, conv2DU              []float32  // transformed weights and gradient of the convolutions, for training

	chunk activations
	own   []workerMemory

	packed packed // the weights, for evaluations

	job        job
	step       *schedule // of a chunk, forward and back, for few workers
	fineStep   *schedule // for many; nil if there never are
	batchStep  *schedule // of several chunks, for more workers than one has blocks; nil if there never are
	used       *schedule // by the last step
	chunks     []*engine // of several chunks at once, this one first
	running    []*engine // those of them that batchStep computes
	evaluate   *schedule // of an evaluation
	evaluation evaluation
}

// workerMemory is what a worker needs for one block at a time: it stays in the
// worker's L2 cache.
type workerMemory struct {
	work      []float32 // of conv2's kernels
	y1        []float32 // conv1's output on the way forward, its gradient on the way back
	inference *inference
}

// activations hold a chunk on its way forward and back; every array is a row
// of blocks.
type activations struct {
	x, v, y2, h         []float32
	y1                  []float32 // conv1's output, later its gradient, where many workers share a block; else nil
	dM                  []float32 // conv2's transformed gradient
	mask1, mask2        []byte
	packed, dPacked     kernels.Rows // fc1's input and its gradient
	logits, dLogits, dH []float32
	denominators        []float32
	dY2, partials1      []float32          // partials1: conv1's gradient of every block, [8][26][24]
	imageLists          kernels.ImageLists // of dH
	outputLists         kernels.OutputLists
	labels              []int32
	keys                []uint32
	index               []int32
	augmented           []byte   // [128][784], of the settings that ask for it
	augmentKeys         []uint64 // of the images
	places              []int32  // 0, 1, 2, …: the index of augmented
}

// job is what the phases of a step work on.
type job struct {
	images   []byte // n×784
	count    int    // images of the chunk
	lanes    int    // these rounded up to half-blocks
	first    bool   // of the batch's chunks
	last     bool
	single   bool // the chunk is the whole batch
	augment  bool
	loss     kernels.Loss
	adam     kernels.AdamStep
	dropout  kernels.Dropout
	losses   []float64 // per image
	corrects []bool
}

const maxImages = shape.MaxImages

func newEngine(set *kernels.Set, threads int) (*engine, error) {
	e := &engine{set: set, threads: threads, own: make([]workerMemory, threads)}
	var c = &e.chunk
	var w, m, v, g, total []float32
	parts := []part{
		{&w, parametersLength}, {&m, parametersLength}, {&v, parametersLength}, {&g, parametersLength}, {&total, parametersLength},
		{&e.conv1U, shape.Conv1U}, {&e.conv2U, shape.Conv2TrainU}, {&e.conv2DU, shape.Conv2TrainU}, {&e.packed.conv2U, shape.Conv2U},
		{&c.x, shape.ImagePixels * maxImages}, {&c.v, shape.Conv2TrainV(maxImages)}, {&c.dM, shape.Conv2DM(maxImages)},
		{&c.y2, shape.Conv2Y * maxImages}, {&c.h, shape.FC1Outputs * maxImages},
		{&c.packed.Values, shape.FC1Inputs * maxImages}, {&c.dPacked.Values, shape.FC1Inputs * maxImages},
		{&c.logits, shape.Classes * maxImages}, {&c.dLogits, shape.Classes * maxImages}, {&c.dH, shape.FC1Outputs * maxImages},
		{&c.denominators, maxImages}, {&c.dY2, shape.Conv2Y * maxImages},
		{&c.partials1, shape.Conv1WB * maxImages / shape.Block},
		{&c.imageLists.Values, shape.FC1ImageList * maxImages}, {&c.outputLists.Values, shape.FC1OutputList * shape.FC1Outputs},
	}
	if threads > fewWorkers {
		parts = append(parts, part{&c.y1, shape.Conv1Y * maxImages})
	}
	memories := make([][]float32, threads)
	for i := range e.own {
		own := &e.own[i]
		parts = append(parts, part{&own.work, shape.Conv2TrainWork}, part{&own.y1, shape.Conv1Y * shape.Block}, part{&memories[i], inferenceLength})
	}
	release, err := allocate(parts)
	if err != nil {
		return nil, err
	}
	e.release = release
	e.weights, e.firstMoments, e.secondMoments, e.gradients = newParameters(w), newParameters(m), newParameters(v), newParameters(g)
	e.totals = newParameters(total)
	e.packed.conv1U = e.conv1U
	e.packed.use(e.weights)
	for i, memory := range memories {
		e.own[i].inference = newInference(set, memory)
	}
	c.mask1 = make([]byte, shape.MaskBytes(shape.Conv1Y, maxImages))
	c.mask2 = make([]byte, shape.MaskBytes(shape.Conv2Y, maxImages))
	c.packed.Capacity, c.dPacked.Capacity = maxImages, maxImages
	c.imageLists.Outputs = make([]int32, shape.FC1ImageList*maxImages)
	c.imageLists.Ends = make([]int32, shape.FC1Runs*maxImages)
	c.outputLists.Images = make([]int32, shape.FC1OutputList*shape.FC1Outputs)
	c.outputLists.Counts = make([]int32, shape.FC1Outputs)
	c.labels, c.index = make([]int32, maxImages), make([]int32, maxImages)
	c.keys = make([]uint32, maxImages)
	c.augmented, c.augmentKeys = make([]byte, shape.ImagePixels*maxImages), make([]uint64, maxImages)
	c.places = make([]int32, maxImages)
	for i := range c.places {
		c.places[i] = int32(i)
	}
	e.job.losses, e.job.corrects = make([]float64, maxImages), make([]bool, maxImages)

	e.step = e.newStep(threads)
	if threads > fewWorkers {
		e.fineStep = e.newFineStep(threads)
	}
	if threads >= atOnceWorkers {
		e.batchStep = e.newBatchStep(threads)
	}
	e.used, e.chunks = e.step, []*engine{e}
	e.evaluate = newSchedule(threads, &phase{name: "evaluation", task: e.evaluateImages, count: e.evaluation.tasks})
	e.workers = newWorkers(threads - 1)
	return e, nil
}

// newStep is the schedule of a chunk on its way forward and back. Blocks that
// would leave workers without one, the seventh of batch 100 on two, are shared:
// one worker computes conv1, all of them groups of conv2's outputs.
func (e *engine) newStep(threads int) *schedule {
	blocks := e.job.blocks
	whole := func() int { return blocks() - e.sharedBlocks() }
	sharedConv1 := &phase{name: "shared blocks, conv1", count: e.sharedBlocks,
		task: func(worker, task int) error { return e.conv1AndInput(worker, whole()+task) }}
	convolutions := &phase{name: "convolutions", task: e.convolutions, count: whole}
	const groups = shape.Conv2Outputs / shape.Conv2TrainGroup
	sharedConv2 := &phase{name: "shared blocks, conv2", after: after(sharedConv1),
		count: func() int { return groups * e.sharedBlocks() },
		task: func(worker, task int) error {
			return e.conv2(worker, whole()+task/groups, task%groups*shape.Conv2TrainGroup, shape.Conv2TrainGroup)
		}}
	fc1 := &phase{name: "fc1", task: e.fc1, count: fixed(shape.FC1DropoutGroups), after: after(convolutions, sharedConv2)}
	fc2 := &phase{name: "fc2, loss", task: e.fc2, count: blocks, after: after(fc1)}
	fc1InputGrad := &phase{name: "fc1, input gradient", task: e.fc1InputGrad, count: fixed(inputGradTasks + listTasks), after: after(fc2)}
	convolutionsGrad := &phase{name: "convolutions, input gradient", task: e.convolutionsGrad, count: blocks, after: after(fc1InputGrad)}
	fc1Weights := &phase{name: "fc1, weights", task: e.fc1Weights, count: fixed(fc1GradTasks), after: after(fc1InputGrad)}
	conv2Weights := &phase{name: "conv2, weight gradient", task: e.conv2Weights, count: fixed(shape.Conv2WeightTasks), after: after(convolutionsGrad)}
	update := &phase{name: "other weights", task: e.gradientAndUpdate, count: fixed(updateTasks), after: after(conv2Weights)}
	return newSchedule(threads, sharedConv1, convolutions, sharedConv2, fc1, fc2, fc1InputGrad, convolutionsGrad, fc1Weights, conv2Weights, update)
}

func (e *engine) close() {
	e.workers.close()
	for _, c := range e.chunks {
		c.release()
	}
}

// setWeights copies a model into the engine.
func (e *engine) setWeights(m *Model) error {
	e.weights.load(m)
	return e.transform()
}

// transform makes the convolutions' transformed weights for training.
func (e *engine) transform() error {
	if err := e.set.Conv1WeightTransform(e.conv1U, e.weights.conv1[:shape.Conv1W]); err != nil {
		return err
	}
	return e.set.Conv2TrainWeightTransform(e.conv2U, e.weights.conv2, 0, shape.Conv2Outputs)
}

// block returns the number of images side by side in block b of the chunk.
func (j *job) block(b int) int { return min(shape.Block, j.lanes-b*shape.Block) }

func (j *job) blocks() int { return (j.lanes + shape.Block - 1) / shape.Block }

// results returns the sum of the losses of the chunk's images, and how many were
// classified right.
func (j *job) results() (loss float64, correct int) {
	for i := range j.count {
		loss += j.losses[i]
		if j.corrects[i] {
			correct++
		}
	}
	return loss, correct
}

// lines returns the part of an array of features lines that belongs to block b.
func lines[T any](array []T, features, b, images int) []T {
	return array[features*shape.Block*b:][:features*images]
}

// masks is lines for the masks of features windows.
func masks(array []byte, features, b, images int) []byte {
	return array[shape.MaskBytes(features, shape.Block)*b:][:shape.MaskBytes(features, images)]
}

// train runs chunks, which chunksOf gave, forward and back. The caller has
// filled their chunk.index, labels and keys, and their jobs' settings. The last
// chunk of a batch updates the weights.
func (e *engine) train(chunks []*engine) error {
	e.used = e.step
	if len(chunks) > 1 {
		e.used, e.running = e.batchStep, chunks
	} else if e.threads > fewWorkers {
		e.used = e.fineStep
	}
	return e.run(e.used)
}

// measurePhases makes steps from now on measure their phases.
func (e *engine) measurePhases() {
	for _, s := range [...]*schedule{e.step, e.fineStep, e.batchStep} {
		if s != nil {
			s.measure()
		}
	}
}

// run runs the tasks of a schedule on the workers in use.
func (e *engine) run(s *schedule) error {
	s.begin(e.threads)
	return e.workers.run(e.threads, s)
}

// convolutions brings a block's images into lanes and computes both
// convolutions.
func (e *engine) convolutions(worker, b int) error {
	if err := e.conv1AndInput(worker, b); err != nil {
		return err
	}
	return e.conv2(worker, b, 0, shape.Conv2Outputs)
}

// conv1AndInput brings a block's images into lanes, computes conv1, and
// transforms conv2's input.
func (e *engine) conv1AndInput(worker, b int) error {
	y1 := e.own[worker].y1[:shape.Conv1Y*e.job.block(b)]
	if err := e.conv1(b, y1); err != nil {
		return err
	}
	return e.conv2Input(b, y1, 0, shape.Conv2Inputs)
}

// sharedBlocks is the number of blocks that remain when every worker has had
// the same number of them; they are the last ones.
func (e *engine) sharedBlocks() int { return e.job.blocks() % e.threads }

// conv1 brings a block's images into lanes and computes y1.
func (e *engine) conv1(b int, y1 []float32) error {
	c, s, n := &e.chunk, e.set, e.job.block(b)
	x, images, index := lines(c.x, shape.ImagePixels, b, n), e.job.images, lines(c.index, 1, b, n)
	if e.job.augment {
		for lane, image := range index {
			at := b*shape.Block + lane
			augment(c.augmented[at*shape.ImagePixels:][:shape.ImagePixels], images[int(image)*shape.ImagePixels:][:shape.ImagePixels], c.labels[at], c.augmentKeys[at])
		}
		images, index = c.augmented, lines(c.places, 1, b, n)
	}
	if err := s.Gather(n, x, images, index); err != nil {
		return err
	}
	return s.Conv1ForwardReLUPoolMask(n, y1, masks(c.mask1, shape.Conv1Y, b, n), x, e.conv1U, e.weights.conv1[shape.Conv1W:])
}

// conv2Input transforms channels of a block's y1.
func (e *engine) conv2Input(b int, y1 []float32, first, count int) error {
	n := e.job.block(b)
	return e.set.Conv2TrainInputTransform(n, e.chunk.v[shape.Conv2TrainV(b*shape.Block):][:shape.Conv2TrainV(n)], y1, first, count)
}

// conv2 computes some of a block's outputs of conv2, and brings them into fc1's
// layout.
func (e *engine) conv2(worker, b, first, count int) error {
	c, s, n := &e.chunk, e.set, e.job.block(b)
	v, y2 := c.v[shape.Conv2TrainV(b*shape.Block):][:shape.Conv2TrainV(n)], lines(c.y2, shape.Conv2Y, b, n)
	if err := s.Conv2TrainForwardReLUPoolMask(n, y2, masks(c.mask2, shape.Conv2Y, b, n), e.own[worker].work, e.conv2U, v, e.weights.conv2Bias, first, count); err != nil {
		return err
	}
	return s.FC1PackInput(n, c.packed, y2, b*shape.Block, fc1Slices(first), fc1Slices(count))
}

// fc1Slices is the number of fc1's slices that so many outputs of conv2 are.
func fc1Slices(conv2Outputs int) int { return conv2Outputs * shape.FC1Slices / shape.Conv2Outputs }

// fc1 computes a few of fc1's outputs of all images.
func (e *engine) fc1(_, task int) error {
	c, lanes := &e.chunk, e.job.lanes
	return e.set.FC1ForwardReLUDropout(lanes, task, c.h[:shape.FC1Outputs*lanes], c.packed, e.weights.fc1, e.weights.fc1Bias, c.keys[:lanes], &e.job.dropout)
}

// fc2 computes a block's logits, losses and the gradient down to fc1's outputs.
func (e *engine) fc2(_, b int) error {
	c, s, j := &e.chunk, e.set, &e.job
	n := j.block(b)
	h, dH := lines(c.h, shape.FC1Outputs, b, n), lines(c.dH, shape.FC1Outputs, b, n)
	logits, dLogits := lines(c.logits, shape.Classes, b, n), lines(c.dLogits, shape.Classes, b, n)
	denominators, labels := lines(c.denominators, 1, b, n), lines(c.labels, 1, b, n)
	if err := s.FC2ForwardLoss(n, logits, dLogits, denominators, h, e.weights.fc2, e.weights.fc2Bias, labels, &j.loss); err != nil {
		return err
	}
	for lane, label := range labels {
		if label >= 0 {
			i := b*shape.Block + lane
			logits := logitsOf(logits, n, lane)
			j.losses[i] = crossEntropy(&logits, largest(&logits), int(label), float64(denominators[lane]), &j.loss)
			j.corrects[i] = largest(&logits) == int(label)
		}
	}
	if err := s.FC2InputGrad(n, dH, dLogits, e.weights.fc2, h, j.dropout.Scale); err != nil {
		return err
	}
	return s.FC1ImageLists(n, c.imageLists.Of(b*shape.Block, n), dH)
}

// Tasks of the phase between fc1 and conv2: pairs of slices times groups of
// images, then ranges of outputs whose lists the weight gradient needs.
const (
	imageGroups    = 2
	inputGradTasks = shape.FC1SlicePairs * imageGroups
	listTasks      = 5
)

func (e *engine) fc1InputGrad(_, task int) error {
	return e.fc1InputGradPart(task, imageGroups, listTasks)
}

// fc1InputGradPart is a task where there are so many groups of images and parts
// of the lists.
func (e *engine) fc1InputGradPart(task, groups, lists int) error {
	c, s, j := &e.chunk, e.set, &e.job
	if list := task - shape.FC1SlicePairs*groups; list >= 0 {
		outputs := shape.FC1Outputs / lists
		return s.FC1OutputLists(j.lanes, c.outputLists, c.dH[:shape.FC1Outputs*j.lanes], list*outputs, outputs)
	}
	// Groups of half-blocks, as equal as they can be.
	edge := func(group int) int { return (j.lanes/shape.HalfBlock*group + groups - 1) / groups * shape.HalfBlock }
	from, to := edge(task%groups), edge(task%groups+1)
	if from == to {
		return nil
	}
	return s.FC1InputGrad(to-from, c.dPacked, e.weights.fc1, c.imageLists.Of(from, to-from), task/groups, from)
}

// convolutionsGrad takes a block's gradient back through conv2 and sums conv1's
// weight gradient over the block.
func (e *engine) convolutionsGrad(worker, b int) error {
	if err := e.conv2OutputGrad(b, 0, shape.Conv2Outputs); err != nil {
		return err
	}
	dY1 := e.own[worker].y1[:shape.Conv1Y*e.job.block(b)]
	if err := e.conv2InputGrad(worker, b, dY1, 0, shape.Conv2Inputs); err != nil {
		return err
	}
	return e.conv1WeightGrad(b, dY1, 0, shape.Conv1Outputs)
}

// conv2OutputGrad brings a block's gradient of some outputs from fc1's layout
// into conv2's, and transforms it.
func (e *engine) conv2OutputGrad(b, first, count int) error {
	c, s, n := &e.chunk, e.set, e.job.block(b)
	dY2 := lines(c.dY2, shape.Conv2Y, b, n)
	if err := s.FC1UnpackInputGrad(n, dY2, c.dPacked, b*shape.Block, fc1Slices(first), fc1Slices(count)); err != nil {
		return err
	}
	return s.Conv2OutputGrad(n, c.dM[shape.Conv2DM(b*shape.Block):][:shape.Conv2DM(n)], dY2, masks(c.mask2, shape.Conv2Y, b, n), first, count)
}

// conv2InputGrad computes channels of the gradient of a block's y1.
func (e *engine) conv2InputGrad(worker, b int, dY1 []float32, first, count int) error {
	n := e.job.block(b)
	return e.set.Conv2InputGrad(n, dY1, e.own[worker].work, e.conv2U, e.chunk.dM[shape.Conv2DM(b*shape.Block):][:shape.Conv2DM(n)], first, count)
}

// conv1WeightGrad sums the weight gradient of some outputs of conv1 over a block.
func (e *engine) conv1WeightGrad(b int, dY1 []float32, first, count int) error {
	c, n := &e.chunk, e.job.block(b)
	return e.set.Conv1WeightGrad(n, c.partials1[shape.Conv1WB*b:][:shape.Conv1WB], lines(c.x, shape.ImagePixels, b, n),
		dY1, masks(c.mask1, shape.Conv1Y, b, n), first, count)
}

// Tasks of fc1's weights: slices and halves of the outputs.
const (
	outputHalves = 2
	fc1GradTasks = shape.FC1Slices * outputHalves
)

// conv2Weights computes a part of conv2's transformed weight gradient.
func (e *engine) conv2Weights(_, task int) error {
	c, s, n := &e.chunk, e.set, e.job.lanes
	return s.Conv2WeightGrad(n, task, e.conv2DU, e.gradients.conv2Bias, c.dM[:shape.Conv2DM(n)], c.v[:shape.Conv2TrainV(n)],
		c.dY2[:shape.Conv2Y*n], c.mask2[:shape.MaskBytes(shape.Conv2Y, n)])
}

// fc1Weights computes a part of fc1's weight gradient and updates the weights.
func (e *engine) fc1Weights(_, task int) error { return e.fc1WeightsPart(task, outputHalves) }

// fc1WeightsPart is a task where the outputs have so many parts.
func (e *engine) fc1WeightsPart(task, parts int) error {
	c, s, j := &e.chunk, e.set, &e.job
	slice, count := task/parts, shape.FC1Outputs/parts
	first := task % parts * count
	if j.single {
		return s.FC1WeightGradAdam(e.weights.fc1, e.firstMoments.fc1, e.secondMoments.fc1, c.packed, c.outputLists, slice, first, count, &j.adam)
	}
	at, length := (slice*shape.FC1Outputs+first)*shape.FC1Slice, count*shape.FC1Slice
	if j.first {
		clear(e.totals.fc1[at:][:length])
	}
	if err := s.FC1WeightGrad(e.totals.fc1, c.packed, c.outputLists, slice, first, count); err != nil || !j.last {
		return err
	}
	return s.Adam(e.weights.fc1[at:][:length], e.firstMoments.fc1[at:][:length], e.secondMoments.fc1[at:][:length], e.totals.fc1[at:][:length], &j.adam)
}
