package bench

import (
	"time"

	"github.com/kernelet/kernelet/lenet"
)

// phaseGroup is the group of the rows of a step's phases.
const phaseGroup = "phase"

// restName is the part of a step that is in no phase: preparing it, and workers
// that have not begun yet or are done.
const restName = "preparing, waking, ending"

// steps are the steps of a Trainer, whose phases it measures.
type steps struct {
	trainer *lenet.Trainer
	images  int
	took    time.Duration
}

// rows are a step's phases, µs an image of a worker's time: the mean over the
// workers and over all steps. Their values add up to the steps' mean.
func (s *steps) rows(of Row) (rows []Row) {
	perImage := func(d time.Duration, threads int) float64 {
		return float64(d.Nanoseconds()) / 1e3 / float64(threads*s.images)
	}
	row := func(name string, value, waiting float64) Row {
		r := Row{Group: phaseGroup, Name: name, ISA: of.ISA, Threads: of.Threads, Batch: of.Batch, Unit: of.Unit,
			Value: value, Low: value, High: value, Waiting: waiting, Best: value, Samples: 1}
		r.Benchmark = r.Key()
		return r
	}
	rest := perImage(s.took, 1)
	for _, p := range s.trainer.PhaseTimes() {
		value := perImage(p.Work+p.Wait, of.Threads)
		rows = append(rows, row(p.Name, value, perImage(p.Wait, of.Threads)))
		rest -= value
	}
	return append(rows, row(restName, rest, 0))
}
