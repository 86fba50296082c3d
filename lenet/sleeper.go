package lenet

import (
	"sync/atomic"
	"time"
)

// sleeper is where one goroutine waits until a condition is met: it looks for
// spinTime, because what it waits for is mostly a matter of microseconds, and
// then sleeps until the goroutine that meets the condition calls notify.
//
// Looking takes the processor that the other one may need. So it is skipped
// after it was in vain, once, then three times, up to maxSkip times in a row.
type sleeper struct {
	asleep       atomic.Bool
	wake         chan struct{} // holds one value
	skip, inVain int
	_            [32]byte // keeps neighbours out of the cache line
}

// condition is what a sleeper waits for.
type condition interface {
	met() bool
}

const (
	// spinTime is about as long as the longest task of a phase. Waking a
	// goroutine whose processor is idle took 130 µs on a virtual machine.
	spinTime = 150 * time.Microsecond
	maxSkip  = 15
	// looks bounds the looks where the clock stands still, as in testing/synctest.
	looks = 20_000
)

// wait returns when c is met.
func (s *sleeper) wait(c condition) {
	if s.spin(c) {
		return
	}
	for !c.met() {
		s.asleep.Store(true)
		// Who met the condition meanwhile did not see that this one sleeps.
		if c.met() && s.asleep.CompareAndSwap(true, false) {
			return
		}
		<-s.wake
	}
}

// waitAtMost is wait that gives up after limit, if c is not met by then. timer
// belongs to it.
func (s *sleeper) waitAtMost(c condition, timer *time.Timer, limit time.Duration) bool {
	if s.spin(c) {
		return true
	}
	timer.Reset(limit)
	for !c.met() {
		s.asleep.Store(true)
		if c.met() && s.asleep.CompareAndSwap(true, false) {
			return true
		}
		select {
		case <-s.wake:
		case <-timer.C:
			if !s.asleep.CompareAndSwap(true, false) {
				<-s.wake
			}
			return c.met()
		}
	}
	return true
}

// notify wakes the goroutine, if it sleeps.
func (s *sleeper) notify() {
	if s.asleep.Load() && s.asleep.CompareAndSwap(true, false) {
		s.wake <- struct{}{}
	}
}

// spin looks for a while whether c is met.
func (s *sleeper) spin(c condition) bool {
	if c.met() {
		return true
	}
	if s.skip > 0 {
		s.skip--
		return false
	}
	start := time.Now()
	for range looks {
		if c.met() {
			s.inVain = 0
			return true
		}
		if time.Since(start) > spinTime {
			break
		}
	}
	s.inVain = min(2*s.inVain+1, maxSkip)
	s.skip = s.inVain
	return false
}
