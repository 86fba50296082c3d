package bench

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kernelet/kernelet/kernels"
)

// processTimes are how long the process's threads were ready without a processor,
// and how long they ran, in all. Linux counts the first in the second number of
// /proc/PID/task/TID/schedstat, in ns; elsewhere both are 0.
func processTimes() (waited, ran time.Duration) {
	// The pattern is well formed, so there is no error.
	paths, _ := filepath.Glob("/proc/self/task/[0-9]*/schedstat")
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		if fields := strings.Fields(string(content)); len(fields) > 1 {
			nanoseconds, _ := strconv.ParseInt(fields[1], 10, 64)
			waited += time.Duration(nanoseconds)
		}
	}
	return waited, processorTime()
}

// tick is the time between two looks of Linux's scheduler at a processor.
const tick = 4 * time.Millisecond

// lost is the share of a time on so many threads that the scheduler kept them
// without a processor. Waiting alone does not lose: a thread of Go's runtime that
// wakes behind one that works waits up to a tick, which takes nothing from the
// work. So a tick is not counted, and no more than the work's threads did not run.
func lost(took, waited, ran time.Duration, threads int) float64 {
	whole := took.Seconds() * float64(max(1, threads))
	return max(0, min((waited-tick).Seconds(), whole-ran.Seconds())) / whole
}

// stolen is how long the hypervisor kept the processors, in all, as Linux
// counts it (the eighth number of the first line of /proc/stat, in hundredths
// of a second); elsewhere 0.
func stolen() time.Duration {
	fields := strings.Fields(firstLine("/proc/stat"))
	if len(fields) < 9 {
		return 0
	}
	ticks, _ := strconv.ParseInt(fields[8], 10, 64)
	return time.Duration(ticks) * (time.Second / 100)
}

// clockNow is the clock, in GHz, of the core that runs this, or 0 without
// generated kernels. A core keeps the clock that a load made it choose longer
// than these 75 µs. The fastest of three: what interrupts a chain of additions
// makes it longer, never shorter.
func clockNow() float64 {
	fastest := 0.0
	for range 3 {
		start := time.Now()
		cycles, err := kernels.Clock(1000)
		if err != nil {
			return 0
		}
		fastest = max(fastest, cycles/1e9/time.Since(start).Seconds())
	}
	return fastest
}

// What WaitForQuiet looks at, and calls quiet.
const (
	quietLook  = 400 * time.Millisecond
	quietLooks = 5    // in a row
	quietShare = 0.02 // of all threads' time that something else took
)

// WaitForQuiet returns when nothing else has taken more than 2 % of the
// processors for two seconds, or with the context's error. say is told after
// every look which share something else took.
func WaitForQuiet(ctx context.Context, threads int, say func(share float64)) error {
	for quiet := 0; quiet < quietLooks; {
		if err := ctx.Err(); err != nil {
			return err
		}
		share := disturbance(threads, quietLook)
		say(share)
		quiet++
		if share > quietShare {
			quiet = 0
		}
	}
	return nil
}

// disturbance is the share of the time that threads lose to something else
// while each does the same short work again and again: the time beyond what
// each time would take if all were like the fastest quarter. It needs nothing
// of the system.
func disturbance(threads int, look time.Duration) float64 {
	threads = max(1, threads)
	shares := make([]float64, threads)
	var wait sync.WaitGroup
	for thread := range threads {
		wait.Go(func() {
			var times []float64
			x := uint64(1)
			for began := time.Now(); len(times) == 0 || time.Since(began) < look; {
				start := time.Now()
				x = chain(x, 20_000)
				times = append(times, time.Since(start).Seconds())
			}
			runtime.KeepAlive(x)
			total := 0.0
			for _, t := range times {
				total += t
			}
			shares[thread] = max(0, 1-float64(len(times))*percentile(times, .25)/total)
		})
	}
	wait.Wait()
	sum := 0.0
	for _, s := range shares {
		sum += s
	}
	return sum / float64(threads)
}

// chain takes a time in proportion to n: each of its operations needs the one
// before.
func chain(x uint64, n int) uint64 {
	for range n {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}
