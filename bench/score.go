package bench

import (
	"fmt"
	"math"
)

// ScoreVersion changes when the definition of the score does; scores of
// different versions say nothing about each other. docs/bench.md defines it.
const ScoreVersion = 3

// Score says how fast a machine is, the reference machine being 1000: one
// network on one thread, and a network on each thread at once. It is made of the
// best samples of its rows, because they repeat: what else runs makes samples
// slower, never faster, and in some of them nothing else runs. Low to High is
// where the score of another run of the same machine is expected.
type Score struct {
	Version        int     `json:"version"`
	OneThread      float64 `json:"one_thread"`
	OneThreadLow   float64 `json:"one_thread_low"`
	OneThreadHigh  float64 `json:"one_thread_high"`
	AllThreads     float64 `json:"all_threads"`
	AllThreadsLow  float64 `json:"all_threads_low"`
	AllThreadsHigh float64 `json:"all_threads_high"`
	Disturbed      string  `json:"disturbed,omitempty"` // why the scores are no results
}

// reference is a row that a score is made of, and its best sample on the reference
// machine, the median of seven runs: two cores of an AMD EPYC of the fifth
// generation (Zen 5) at 4.1 GHz, AVX-512, 2026-11-30.
type reference struct {
	name  string
	batch int
	unit  string
	value float64
}

var (
	oneThread = []reference{
		{Train, 100, "µs/image", 17.5}, {Infer, 100, "µs/image", 7.57}, {Infer, 1, "µs/image", 18.1},
	}
	allThreads = []reference{{TrainRate, rateBatch, imagesPerSecond, 111_500}, {InferRate, rateBatch, imagesPerSecond, 259_600}}
)

// Limits beyond which a run is too disturbed for a score.
const (
	// Parts of a run, the passes, each of which has its own best samples.
	scoreParts = passes
	// The worst part may be that much slower than the best.
	mostScatter = 0.05
	// The share of its time in which the best sample's threads may have waited for a processor.
	mostWaited = 0.02
	// Another run finds its memory elsewhere, and the clock a little different: seven
	// runs on a quiet machine had scores of one thread within 1.1 %.
	otherRun = 0.01
)

// score is 1000 times the geometric mean of the rates relative to the
// reference's.
func score(all []*measurement) Score {
	most := 0 // threads with a network each, which GOMAXPROCS may exceed
	for _, m := range all {
		if m.row.Group == "whole" && m.row.Name == TrainRate {
			most = max(most, m.row.Threads)
		}
	}
	s := Score{Version: ScoreVersion}
	var one, every string
	s.OneThread, s.OneThreadLow, s.OneThreadHigh, one = relative(all, oneThread, 1)
	s.AllThreads, s.AllThreadsLow, s.AllThreadsHigh, every = relative(all, allThreads, most)
	if s.Disturbed = one; one == "" {
		s.Disturbed = every
	}
	return s
}

// relative is a score with its interval, and why it is no result, if it is none.
func relative(all []*measurement, references []reference, threads int) (value, low, high float64, disturbed string) {
	var bests []float64 // relative to the reference's
	parts := make([][]float64, scoreParts)
	for _, reference := range references {
		for _, m := range all {
			r := &m.row
			if r.Group != "whole" || r.Name != reference.name || r.Batch != reference.batch || r.Threads != threads || r.Unit != reference.unit || len(m.samples) < scoreParts {
				continue
			}
			faster := func(v float64) float64 {
				if r.Rate() {
					return v / reference.value
				}
				return reference.value / v
			}
			fastest := m.samples[0]
			for i := range parts {
				of := 0.0
				for _, s := range m.samples[i*len(m.samples)/scoreParts : (i+1)*len(m.samples)/scoreParts] {
					of = max(of, faster(s.value))
					if faster(s.value) > faster(fastest.value) {
						fastest = s
					}
				}
				parts[i] = append(parts[i], of)
			}
			bests = append(bests, faster(fastest.value))
			if fastest.waited > mostWaited {
				disturbed = fmt.Sprintf("%s, batch %d, on %s waited for a processor for %.0f %% of its best sample: other programs ran all the time", r.Name, r.Batch, threadsText(threads), 100*fastest.waited)
			}
		}
	}
	if len(bests) < len(references) {
		return 0, 0, 0, ""
	}
	value = geometricMean(bests...)
	worst := value
	for _, part := range parts {
		worst = min(worst, geometricMean(part...))
	}
	scatter := 1 - worst/value
	if scatter > mostScatter && disturbed == "" {
		disturbed = fmt.Sprintf("the best samples on %s of a third of the run are %.0f %% slower than the best of all", threadsText(threads), 100*scatter)
	}
	// The best of a part is exceeded by the whole run's by about as much as that is by another run's.
	width := 1 + scatter + otherRun
	round := func(v float64) float64 { return math.Round(1000 * v) }
	return round(value), round(value / width), round(value * width), disturbed
}

func threadsText(n int) string {
	if n == 1 {
		return "one thread"
	}
	return fmt.Sprintf("%d threads", n)
}
