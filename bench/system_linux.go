package bench

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// mostProcessors is what a unix.CPUSet has room for.
const mostProcessors = 1024

// allowed are the numbers of the processors that the process may use, at most
// GOMAXPROCS of them.
func allowed() []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return unnamed()
	}
	var list []int
	for n := range mostProcessors {
		if set.IsSet(n) && len(list) < runtime.GOMAXPROCS(0) {
			list = append(list, n)
		}
	}
	return list
}

// bind binds the calling system thread to a processor. Where it is refused the
// thread runs on any.
func bind(processor int) {
	if processor < 0 {
		return
	}
	var set unix.CPUSet
	set.Set(processor)
	_ = unix.SchedSetaffinity(0, &set)
}

// processorTime is how long the process's threads have run, in all.
func processorTime() time.Duration { return clock(unix.CLOCK_PROCESS_CPUTIME_ID) }

// threadTime is how long the calling system thread has run.
func threadTime() time.Duration { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

func clock(id int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
