// Package sweep trains many networks at once, one a thread, each on its own
// settings, and says how their results are distributed.
//
// A Plan is the product of seeds and of values for other settings. Run trains
// its runs on all processors and keeps each result in a file of its own, so
// that a sweep that was cut goes on where it was and one with more seeds trains
// only those. Summarise gives means, standard deviations and confidence
// intervals over the seeds; Write leaves tables, plots and a page.
//
//	plan := sweep.Plan{Base: lenet.Fast(), Seeds: []uint64{1, 2, 3}}
//	runs, err := plan.Runs()
//	…
//	task := sweep.NewTask(data.Name, data.Train, data.Test)
//	results, err := sweep.Run(ctx, runs, task, sweep.Options{Folder: "seeds"})
//	…
//	err = sweep.Write("seeds", results)
//
// A run's weights are the same bits as those of a lenet.Trainer with the same
// settings, on any machine with AVX2 or AVX-512; Train alone is what a cluster's
// workers call.
package sweep
