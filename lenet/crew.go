package lenet

import (
	"sync"
	"sync/atomic"

	"github.com/kernelet/kernelet/internal/aligned"
	"github.com/kernelet/kernelet/kernels"
)

// crew are the workers of a Classifier. They start with the first call that is
// large enough, and wait in a channel when there is nothing to do.
//
// A call does not depend on them: it invites workers and walks through its own
// groups of images meanwhile. So calls at the same time share the workers, and
// an invitation that is opened too late finds nothing to do.
type crew struct {
	set         *kernels.Set
	invitations chan *call
	calls       *lender[call]
	hiring      sync.Mutex
	workers     atomic.Int64
}

// call is a request in progress.
type call struct {
	classifier Classifier
	request    request
	n, group   int           // images, and images in a group
	next       atomic.Int64  // group
	left       atomic.Int64  // groups that are not done
	done       chan struct{} // gets a value from who does the last group
	users      atomic.Int64  // the caller and the invitations under way
	failure    atomic.Pointer[error]
}

// maxInvitations bounds what waits for the workers; calls beyond that go on
// without them.
const maxInvitations = 1024

func newCrew(set *kernels.Set) *crew {
	return &crew{
		set:         set,
		invitations: make(chan *call, maxInvitations),
		calls:       newLender(0, func() *call { return &call{done: make(chan struct{}, 1)} }),
	}
}

// close lets the workers go. There are no calls any more.
func (w *crew) close() { close(w.invitations) }

// serve answers a request for n images, group by group.
func (w *crew) serve(c Classifier, r request, n, group int) error {
	groups := (n + group - 1) / group
	helpers := min(c.threads, groups, maxThreads) - 1
	w.hire(helpers)
	k := w.calls.borrow()
	k.classifier, k.request, k.n, k.group = c, r, n, group
	k.next.Store(0)
	k.left.Store(int64(groups))
	k.users.Store(1)
invite:
	for range helpers {
		k.users.Add(1)
		select {
		case w.invitations <- k:
		default:
			k.users.Add(-1)
			break invite
		}
	}
	k.walk(nil)
	for spin := 0; len(k.done) == 0 && spin < spins; spin++ {
		// Sleeping and being woken mostly takes longer than what is left to do.
	}
	<-k.done
	var err error
	if failure := k.failure.Load(); failure != nil {
		err = *failure
	}
	w.leave(k)
	return err
}

// hire starts workers until there are count.
func (w *crew) hire(count int) {
	if int(w.workers.Load()) >= count {
		return
	}
	w.hiring.Lock()
	defer w.hiring.Unlock()
	for ; int(w.workers.Load()) < count; w.workers.Add(1) {
		go w.work()
	}
}

// crewMemory is a worker's own, 1 MB that stay in its core's caches: what the
// last call left in another core's would have to come from there.
type crewMemory struct {
	inference *inference
	single    *single
}

func (w *crew) work() {
	own := &crewMemory{newInference(w.set, aligned.Floats(inferenceLength)), newSingle()}
	for {
		k, open := w.wait()
		if !open {
			return
		}
		k.walk(own)
		w.leave(k)
	}
}

// wait returns the next call. It looks for one for a while before it sleeps:
// waking took 130 µs on a virtual machine, in which sixteen images are read.
func (w *crew) wait() (k *call, open bool) {
	for range spins {
		select {
		case k, open = <-w.invitations:
			return k, open
		default:
		}
	}
	k, open = <-w.invitations
	return k, open
}

// walk serves groups until all are taken.
func (k *call) walk(own *crewMemory) {
	for {
		first := (int(k.next.Add(1)) - 1) * k.group
		if first >= k.n {
			return
		}
		if err := k.classifier.serve(own, k.request, first, min(k.group, k.n-first)); err != nil {
			failure := err // a copy, so that err itself stays off the heap
			k.failure.CompareAndSwap(nil, &failure)
		}
		if k.left.Add(-1) == 0 {
			k.done <- struct{}{}
		}
	}
}

// leave ends a use of k; the last one makes it ready for another call. What it
// referred to is forgotten, so that workers that wait keep nothing alive.
func (w *crew) leave(k *call) {
	if k.users.Add(-1) > 0 {
		return
	}
	k.classifier, k.request = Classifier{}, request{}
	k.failure.Store(nil)
	w.calls.giveBack(k)
}
