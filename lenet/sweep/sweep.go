package sweep

import (
	"context"
	"runtime"
	"sync"

	"github.com/kernelet/kernelet/lenet"
)

// Options say how Run works. The zero value uses all processors and keeps
// nothing.
type Options struct {
	Threads int    // networks at once; 0: as many as processors
	Folder  string // keeps the results, in runs/ID.json; runs that are there are not run again; empty: none
	// Progress, if not nil, is called after every step of any network, never
	// twice at once.
	Progress func(Progress)
	// Finished, if not nil, is called for every result when it is there, those
	// found in Folder first, never twice at once nor with Progress.
	Finished func(Result)
}

// Progress says how far a sweep is.
type Progress struct {
	Runs, RunsDone     int   // those found in Options.Folder included
	Images, ImagesDone int64 // to be trained on, in all epochs of the runs that were not found
}

// Run trains every run on one thread, several at once, and returns their results
// in the order of the runs. When it ends early, by ctx or by an error, it
// returns the results that are there; those in Options.Folder are found again.
func Run(ctx context.Context, runs []lenet.Settings, task *Task, options Options) ([]Result, error) {
	threads := options.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	s := &state{task: task, options: options, results: make([]*Result, len(runs))}
	s.progress.Runs = len(runs)
	var waiting []int
	for i, settings := range runs {
		found, err := s.find(settings)
		if err != nil {
			return s.finished(), err
		}
		if found != nil {
			s.finish(i, *found, 0)
			continue
		}
		waiting = append(waiting, i)
		s.progress.Images += int64(withDefaults(settings).Epochs) * int64(task.Train.Len())
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan int, len(waiting))
	for _, i := range waiting {
		queue <- i
	}
	close(queue)
	var workers sync.WaitGroup
	for range min(threads, len(waiting)) {
		workers.Go(func() {
			for i := range queue {
				if err := s.train(ctx, i, runs[i]); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	workers.Wait()
	if s.progress.RunsDone == len(runs) {
		return s.finished(), nil
	}
	return s.finished(), context.Cause(ctx)
}

// state is what the workers of Run share.
type state struct {
	task    *Task
	options Options

	mutex    sync.Mutex // of what follows, and around the callbacks
	results  []*Result
	progress Progress
}

// find returns the result that the folder has, or nil.
func (s *state) find(settings lenet.Settings) (*Result, error) {
	if s.options.Folder == "" {
		return nil, nil
	}
	id, err := s.task.ID(settings)
	if err != nil {
		return nil, err
	}
	return Read(s.options.Folder, id)
}

func (s *state) train(ctx context.Context, i int, settings lenet.Settings) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	var last, sum int64 // images done: of the epoch, of the run
	step := func(done, _ int) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		if int64(done) < last {
			last = 0
		}
		s.progress.ImagesDone += int64(done) - last
		sum += int64(done) - last
		last = int64(done)
		if s.options.Progress != nil {
			s.options.Progress(s.progress)
		}
	}
	result, err := Train(ctx, settings, s.task, step)
	if err == nil && s.options.Folder != "" {
		err = result.Save(s.options.Folder)
	}
	if err == nil {
		// A run whose loss was not finite ended before its last image.
		s.finish(i, result, int64(result.Settings.Epochs)*int64(s.task.Train.Len())-sum)
	}
	return err
}

// finish keeps a result; missed are the images that were counted on and not
// trained on.
func (s *state) finish(i int, result Result, missed int64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.progress.Images -= missed
	s.results[i] = &result
	s.progress.RunsDone++
	if s.options.Finished != nil {
		s.options.Finished(result)
	}
}

// finished are the results that are there, in the order of the runs.
func (s *state) finished() []Result {
	var all []Result
	for _, r := range s.results {
		if r != nil {
			all = append(all, *r)
		}
	}
	return all
}
