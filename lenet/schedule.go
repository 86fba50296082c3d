package lenet

import (
	"context"
	"runtime"
	"runtime/trace"
	"strconv"
	"sync/atomic"
	"time"
)

// schedule runs phases of tasks on any number of workers. Every worker goes
// through the phases in order and takes free tasks. A task waits until the
// phases that its own depends on are complete; all tasks of these have been
// taken by then, so nobody waits for work that no one is doing.
type schedule struct {
	phases   []*phase
	sleepers []sleeper // of the workers
	asleep   atomic.Int32
	yields   bool // workers let other goroutines run now and then

	measures bool
	times    [][]PhaseTime // of each worker, of each phase
}

// phase is a number of tasks that may run in any order, at the same time, on
// any worker: they write disjoint memory.
type phase struct {
	name  string
	task  func(worker, task int) error
	count func() int // number of tasks
	after []*phase   // complete before a task of this one runs

	tasks int // of this run
	_     [64]byte
	taken atomic.Uint64 // from the front<<32 | from the back
	_     [56]byte
	done  atomic.Int32
	_     [60]byte
}

// PhaseTime is how long the workers of a Trainer spent in a phase of the steps.
type PhaseTime struct {
	Name string
	Work time.Duration // on its tasks
	Wait time.Duration // for the phase before it
}

// yieldTime is how long a worker computes before it lets other goroutines run:
// while all processors compute, nobody else looks at the timers of the program.
const yieldTime = 200 * time.Microsecond

func after(phases ...*phase) []*phase { return phases }

func fixed(n int) func() int { return func() int { return n } }

func newSchedule(workers int, phases ...*phase) *schedule {
	s := &schedule{phases: phases, sleepers: make([]sleeper, workers), times: make([][]PhaseTime, workers)}
	for i := range s.sleepers {
		s.sleepers[i].wake = make(chan struct{}, 1)
		s.times[i] = make([]PhaseTime, len(phases), len(phases)+4) // + 4: neighbours are not in a cache line
	}
	return s
}

// begin makes all tasks free, for so many workers.
func (s *schedule) begin(workers int) {
	for _, p := range s.phases {
		p.tasks = p.count()
		p.taken.Store(0)
		p.done.Store(0)
	}
	s.yields = workers >= runtime.GOMAXPROCS(0)
}

// measure makes runs from now on add up the time of their phases, from 0.
func (s *schedule) measure() {
	s.measures = true
	for _, times := range s.times {
		clear(times)
	}
}

// sums adds up the times of all workers, of the phases that had tasks in the last run.
func (s *schedule) sums() (sums []PhaseTime) {
	for i, p := range s.phases {
		if p.tasks == 0 {
			continue
		}
		sum := PhaseTime{Name: p.name}
		for _, times := range s.times {
			sum.Work += times[i].Work
			sum.Wait += times[i].Wait
		}
		sums = append(sums, sum)
	}
	return sums
}

// run takes part in all phases and returns the first error of its tasks. It
// continues after an error, so that workers that wait are released.
func (s *schedule) run(worker int) (err error) {
	fromBack := 2*worker >= len(s.sleepers) && worker > 0
	now := time.Now()
	yielded := now
	for i, p := range s.phases {
		var region *trace.Region
		traced := trace.IsEnabled()
		if traced {
			region = trace.StartRegion(context.Background(), p.name)
		}
		spent := &s.times[worker][i]
		for {
			task, found := p.take(fromBack)
			if !found {
				break
			}
			for _, before := range p.after {
				if before.met() {
					continue
				}
				s.await(worker, before)
				waited := time.Now()
				if s.measures {
					spent.Wait += waited.Sub(now)
				}
				now = waited
			}
			if traced {
				trace.Log(context.Background(), p.name, strconv.Itoa(task))
			}
			if taskErr := p.task(worker, task); err == nil {
				err = taskErr
			}
			if int(p.done.Add(1)) == p.tasks {
				s.notifyAll()
			}
			worked := time.Now()
			if s.measures {
				spent.Work += worked.Sub(now)
			}
			now = worked
			if s.yields && now.Sub(yielded) > yieldTime {
				runtime.Gosched()
				yielded = now
			}
		}
		if region != nil {
			region.End()
		}
	}
	return err
}

// await returns when p is complete.
func (s *schedule) await(worker int, p *phase) {
	if trace.IsEnabled() {
		defer trace.StartRegion(context.Background(), "waiting for: "+p.name).End()
	}
	s.asleep.Add(1)
	s.sleepers[worker].wait(p)
	s.asleep.Add(-1)
}

// notifyAll wakes workers, some of which may wait for another phase.
func (s *schedule) notifyAll() {
	if s.asleep.Load() == 0 {
		return
	}
	for i := range s.sleepers {
		s.sleepers[i].notify()
	}
}

// met reports whether all tasks are done.
func (p *phase) met() bool { return int(p.done.Load()) >= p.tasks }

// take returns a task that nobody has taken. Half of the workers take from the
// front, the others from the back. So a worker mostly gets the same blocks on
// the way back as forward, and the same weights in every step, which are in its
// own caches; but faster workers take more.
//
// Measured on two threads of a virtual machine, µs an image at batch 100: while
// it had two cores of one cache (a line there and back takes 55 to 150 ns) 22.3
// instead of 23.1 with one queue; while they were far apart (550 to 800 ns) 36.6
// instead of 41.1. What is left there is mostly conv2's transformed input, which
// one worker writes and all read for the weight gradient.
func (p *phase) take(fromBack bool) (task int, found bool) {
	for {
		taken := p.taken.Load()
		front, back := int(taken>>32), int(taken&(1<<32-1))
		if front+back >= p.tasks {
			return 0, false
		}
		next, task := taken+1<<32, front
		if fromBack {
			next, task = taken+1, p.tasks-1-back
		}
		if p.taken.CompareAndSwap(taken, next) {
			return task, true
		}
	}
}
