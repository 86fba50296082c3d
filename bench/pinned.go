package bench

import (
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// pinned are system threads, each bound to a processor of its own where the
// system allows it. Work on them does not move, and what it allocates first
// lies in that processor's memory.
type pinned struct{ threads []chan func() }

// newPinned starts a thread for every processor of the list.
func newPinned(processors []int) *pinned {
	p := &pinned{}
	for _, processor := range processors {
		work := make(chan func())
		p.threads = append(p.threads, work)
		go func() {
			// Never unlocked: the thread, which is of no use to others, ends with this function.
			runtime.LockOSThread()
			bind(processor)
			for f := range work {
				f()
			}
		}()
	}
	return p
}

// together runs f on some of the threads at once and returns when all are done.
func (p *pinned) together(threads []int, f func(thread int)) {
	var wait sync.WaitGroup
	wait.Add(len(threads))
	for _, thread := range threads {
		p.threads[thread] <- func() {
			defer wait.Done()
			f(thread)
		}
	}
	wait.Wait()
}

// close ends the threads.
func (p *pinned) close() {
	for _, t := range p.threads {
		close(t)
	}
}

// processor is one that the process may use, and its place in the machine.
type processor struct {
	Number   int
	Siblings []int // all processors of its core, itself among them, as far as the system says
}

// processors are those that the process may use: first one of every core, then
// the second ones, so that the first n of them share as few cores as possible.
func processors() []processor {
	var list []processor
	for _, number := range allowed() {
		siblings := numbers(firstLine("/sys/devices/system/cpu/cpu" + strconv.Itoa(number) + "/topology/thread_siblings_list"))
		if !slices.Contains(siblings, number) {
			siblings = []int{number}
		}
		list = append(list, processor{number, siblings})
	}
	slices.SortStableFunc(list, func(a, b processor) int {
		return slices.Index(a.Siblings, a.Number) - slices.Index(b.Siblings, b.Number)
	})
	return list
}

// numbersOf are the numbers of processors.
func numbersOf(list []processor) []int {
	numbers := make([]int, len(list))
	for i, p := range list {
		numbers[i] = p.Number
	}
	return numbers
}

// numbers reads a list such as "0,64" or "0-3,8", as Linux writes it.
func numbers(list string) (all []int) {
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, err := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err != nil || err2 != nil || to-from > 1<<16 {
			return nil
		}
		for n := from; n <= to; n++ {
			all = append(all, n)
		}
	}
	return all
}

// unnamed are as many processors as GOMAXPROCS says, numbered below 0 because
// the system does not say which they are.
func unnamed() []int {
	list := make([]int, runtime.GOMAXPROCS(0))
	for i := range list {
		list[i] = -1 - i
	}
	return list
}
