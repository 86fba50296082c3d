package bench

import (
	"strconv"
	"strings"
)

// coreGroup is the group of rows of single processors and of cores.
const coreGroup = "core"

// perCore measures each processor alone, and those that share a core together,
// as the rates do: it finds slow cores, and what two threads of a core gain.
func (r *rates) perCore(isa string, on []processor, options Options) (all []*measurement) {
	add := func(of string, threads []int) {
		for _, row := range []struct{ part, name string }{{Train, TrainRate}, {Infer, InferRate}} {
			if options.wants(row.part) {
				all = append(all, r.measurement(coreGroup, row.name+", "+of, isa, threads))
			}
		}
	}
	place := map[int]int{} // of a processor's number in the list
	for i, p := range on {
		place[p.Number] = i
		add("processor "+strconv.Itoa(p.Number), []int{i})
	}
	for i, p := range on {
		var names []string
		var threads []int
		for _, sibling := range p.Siblings {
			if at, used := place[sibling]; used {
				names, threads = append(names, strconv.Itoa(sibling)), append(threads, at)
			}
		}
		if len(threads) > 1 && threads[0] == i { // once for a core
			add("processors "+strings.Join(names, "+"), threads)
		}
	}
	return all
}
