package lenet

import (
	"sync/atomic"
	"time"
)

// workers spread work over goroutines: the caller of run, which is worker 0,
// and helpers 1, 2, …, which wait for the next run when one is over. Several
// goroutines may call run at the same time; each gets the helpers that are free
// at that moment, possibly none.
//
// A helper starts when a run first needs it, and ends when it has had nothing
// to do for the workers' patience, or with close.
type workers struct {
	helpers  []helper
	patience time.Duration // a helper's, before it ends without work
}

// runnable is what a run calls on each of its workers. It takes tasks until
// there are none, so it does not matter how many workers call it, or how late.
type runnable interface {
	run(worker int) error
}

// helper is a goroutine, or the place of one. state says who may touch the
// other fields.
type helper struct {
	state atomic.Int32
	work  runnable
	err   error
	next  *helper // of those that a run has taken
	own   sleeper // where the helper waits for work
	owner sleeper // where the run waits for the helper
	_     [64]byte
}

// States of a helper.
const (
	absent  = iota // there is no goroutine
	idle           // it waits for work
	taken          // a run fills in the fields
	offered        // the helper may begin, the run may take the offer back
	running
	ended // the run may read err
)

// idleTime is the patience of new workers. Starting a helper again takes
// microseconds. Tests change it.
var idleTime = 100 * time.Millisecond

// newWorkers returns workers with at most count helpers.
func newWorkers(count int) *workers {
	w := &workers{helpers: make([]helper, count), patience: idleTime}
	for i := range w.helpers {
		w.helpers[i].own.wake = make(chan struct{}, 1)
		w.helpers[i].owner.wake = make(chan struct{}, 1)
	}
	return w
}

// close ends the helpers that have no work.
func (w *workers) close() {
	for i := range w.helpers {
		if h := &w.helpers[i]; h.state.CompareAndSwap(idle, offered) { // of nothing
			h.own.notify()
		}
	}
}

// run calls r.run on the caller and on at most count−1 helpers. It returns when
// all calls have returned, with the error of one of them. A helper that has not
// begun by the time that the caller's own call returns is not waited for: there
// is nothing left to do.
func (w *workers) run(count int, r runnable) error {
	var first *helper
	for i := range w.helpers {
		if count--; count < 1 {
			break
		}
		h := &w.helpers[i]
		if h.state.CompareAndSwap(idle, taken) {
			h.work, h.next = r, first
			h.state.Store(offered)
			h.own.notify()
		} else if h.state.CompareAndSwap(absent, taken) {
			h.work, h.next = r, first
			h.state.Store(offered)
			go h.serve(i+1, w.patience, time.NewTimer(w.patience))
		} else {
			count++ // another run has it
			continue
		}
		first = h
	}
	err := r.run(0)
	for h := first; h != nil; {
		next := h.next
		if helperErr := h.release(); err == nil {
			err = helperErr
		}
		h = next
	}
	return err
}

// release takes back an offer, or waits for the helper's end and returns its
// error. What the work refers to is forgotten, so that helpers keep nothing alive.
func (h *helper) release() (err error) {
	if !h.state.CompareAndSwap(offered, taken) {
		h.owner.wait((*helperEnd)(h))
		err = h.err
	}
	h.work, h.err, h.next = nil, nil, nil
	h.state.Store(idle)
	return err
}

// serve is the goroutine of a helper.
func (h *helper) serve(worker int, patience time.Duration, timer *time.Timer) {
	defer timer.Stop()
	for {
		if h.state.CompareAndSwap(offered, running) {
			if h.work == nil { // the workers are closed
				h.state.Store(absent)
				return
			}
			h.err = h.work.run(worker)
			h.state.Store(ended)
			h.owner.notify()
		} else if !h.own.waitAtMost((*helperOffer)(h), timer, patience) && h.state.CompareAndSwap(idle, absent) {
			return
		}
	}
}

type (
	helperOffer helper // the helper may begin
	helperEnd   helper // the helper is done
)

func (h *helperOffer) met() bool { return h.state.Load() == offered }
func (h *helperEnd) met() bool   { return h.state.Load() == ended }
