package lenet

import "github.com/kernelet/kernelet/internal/shape"

// The last phases of a step: the gradients of the weights but fc1's, and Adam.
// Their tasks are groups of conv2's outputs; then conv1 and conv2's biases; then
// fc2 and fc1's biases.
const (
	conv2UpdateTasks = shape.Conv2Outputs / shape.Conv2TrainGroup
	updateTasks      = conv2UpdateTasks + 2
)

// gradientAndUpdate is otherGradients and update.
func (e *engine) gradientAndUpdate(worker, task int) error {
	if err := e.otherGradients(worker, task); err != nil {
		return err
	}
	return e.update(worker, task)
}

// otherGradients computes the gradients of the chunk, except fc1's weights'.
func (e *engine) otherGradients(_, task int) error {
	c, s, j, g := &e.chunk, e.set, &e.job, &e.gradients
	switch {
	case task < conv2UpdateTasks:
		return s.Conv2WeightGradTransform(g.conv2, e.conv2DU, task*shape.Conv2TrainGroup, shape.Conv2TrainGroup)
	case task == conv2UpdateTasks:
		clear(g.conv1)
		for b := range j.blocks() {
			for i, value := range c.partials1[shape.Conv1WB*b:][:shape.Conv1WB] {
				g.conv1[i] += value
			}
		}
		return nil
	}
	dLogits := c.dLogits[:shape.Classes*j.lanes]
	if err := s.FC2WeightGrad(j.lanes, g.fc2, dLogits, c.h[:shape.FC2Inputs*j.lanes]); err != nil {
		return err
	}
	if err := s.LineSums(j.lanes, g.fc2Bias, dLogits, shape.Classes); err != nil {
		return err
	}
	return s.LineSums(j.lanes, g.fc1Bias, c.dH[:shape.FC1Outputs*j.lanes], shape.FC1Outputs)
}

// update adds these gradients to the batch's and, after its last chunk, updates
// the weights.
func (e *engine) update(_, task int) error {
	switch {
	case task < conv2UpdateTasks:
		return e.updateConv2(task * shape.Conv2TrainGroup)
	case task == conv2UpdateTasks:
		return e.updateConv1()
	}
	for _, part := range [...]func(p *parameters) []float32{
		func(p *parameters) []float32 { return padded(p.fc2) },
		func(p *parameters) []float32 { return padded(p.fc2Bias) },
		func(p *parameters) []float32 { return padded(p.fc1Bias) },
	} {
		if err := e.apply(part); err != nil {
			return err
		}
	}
	return nil
}

// updateConv2 updates a group of conv2's outputs.
func (e *engine) updateConv2(first int) error {
	for tap := range shape.Taps {
		from := (tap*shape.Conv2Outputs + first) * shape.Conv2Inputs
		if err := e.apply(func(p *parameters) []float32 { return p.conv2[from:][:shape.Conv2TrainGroup*shape.Conv2Inputs] }); err != nil {
			return err
		}
	}
	if !e.job.last {
		return nil
	}
	return e.set.Conv2TrainWeightTransform(e.conv2U, e.weights.conv2, first, shape.Conv2TrainGroup)
}

// updateConv1 updates conv1 and conv2's biases.
func (e *engine) updateConv1() error {
	if err := e.apply(func(p *parameters) []float32 { return padded(p.conv2Bias) }); err != nil {
		return err
	}
	if err := e.apply(func(p *parameters) []float32 { return padded(p.conv1) }); err != nil || !e.job.last {
		return err
	}
	return e.set.Conv1WeightTransform(e.conv1U, e.weights.conv1[:shape.Conv1W])
}

// apply adds a part of the chunk's gradient to the batch's, and after the last
// chunk updates the weights of that part.
func (e *engine) apply(part func(p *parameters) []float32) error {
	j := &e.job
	gradient := part(&e.gradients)
	if !j.single {
		total := part(&e.totals)
		if j.first {
			clear(total)
		}
		for i, g := range gradient {
			total[i] += g
		}
		gradient = total
	}
	if !j.last {
		return nil
	}
	return e.set.Adam(part(&e.weights), part(&e.firstMoments), part(&e.secondMoments), gradient, &j.adam)
}
