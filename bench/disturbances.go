package bench

import (
	"fmt"
	"strings"
	"time"
)

// Limits of what a run's warnings speak of.
const (
	waitedMuch = 0.02 // share of a row's time without a processor
	stolenMuch = 0.01 // share of the processors' time that the hypervisor kept
	clockMoved = 0.05 // share by which the clock of a row lies below the run's highest
	farApart   = 300  // ns that a cache line takes to a core of another cache and back; within one L3 it is below 150
	mostListed = 3    // rows named in a warning
)

// disturbances adds warnings about what spoiled the rows, and says whose doing it
// was: the scheduler's, which gave the processor to another program; the
// hypervisor's; the clock's; or that of something in the hardware that the
// system does not know, such as a neighbour on the same core, cache or memory.
func (r *Report) disturbances(stolen time.Duration) {
	warn := func(format string, arguments ...any) {
		r.Machine.Warnings = append(r.Machine.Warnings, fmt.Sprintf(format, arguments...))
	}
	highest := 0.0
	for _, row := range r.Rows {
		highest = max(highest, row.Clock)
	}
	var waited, unsteady, slow, suspect []string
	lowest := highest
	for _, row := range r.Rows {
		name := row.Key()
		switch {
		case row.Waited > waitedMuch:
			waited = append(waited, name)
		case row.Unsteady && row.Samples >= FewestSamples && row.Clock > highest*(1-clockMoved):
			unsteady = append(unsteady, name)
		}
		if row.Clock > 0 && row.Clock < highest*(1-clockMoved) {
			slow = append(slow, name)
			lowest = min(lowest, row.Clock)
		}
		if row.Suspect != "" {
			suspect = append(suspect, name+" ("+row.Suspect+")")
		}
		if row.Name == distanceName && row.Best > farApart {
			warn("a cache line takes %.0f ns to another thread and back: its core is far away, and training on several threads is slow", row.Best)
		}
	}
	if len(waited) > 0 {
		warn("scheduler: the threads of %s waited for a processor, which other programs or a quota kept", listed(waited))
	}
	if share := stolen.Seconds() / r.Seconds / float64(r.Machine.Used); share > stolenMuch {
		warn("hypervisor: it kept the processors for %.0f %% of the run", 100*share)
	}
	if len(slow) > 0 {
		warn("clock: %.2f GHz at most, but down to %.2f in %s: heat, a limit of power, or another load on the chip", highest, lowest, listed(slow))
	}
	if len(unsteady) > 0 {
		warn("hardware: %s unsteady with a processor of their own at a steady clock: neighbours share a core, a cache or memory", listed(unsteady))
	}
	if len(suspect) > 0 {
		warn("cannot be right, though measured twice: %s", listed(suspect))
	}
}

// listed names the first few of a list, and says how many there are.
func listed(names []string) string {
	shown := names[:min(len(names), mostListed)]
	text := strings.Join(shown, ", ")
	if rest := len(names) - len(shown); rest > 0 {
		text += fmt.Sprintf(" and %d more rows", rest)
	}
	return text
}
