package bench

import "math"

// ScoreVersion changes when the definition of the score does; scores of
// different versions say nothing about each other. docs/bench.md defines it.
const ScoreVersion = 2

// Score says how fast a machine is, the reference machine being 1000. Low to
// High is what the intervals of the rows that it is made of allow.
type Score struct {
	Version        int     `json:"version"`
	OneThread      float64 `json:"one_thread"`
	OneThreadLow   float64 `json:"one_thread_low"`
	OneThreadHigh  float64 `json:"one_thread_high"`
	AllThreads     float64 `json:"all_threads"`
	AllThreadsLow  float64 `json:"all_threads_low"`
	AllThreadsHigh float64 `json:"all_threads_high"`
}

// reference is a row that a score is made of, and its value in µs an image on
// the reference machine: two cores of an AMD EPYC of the fifth generation at
// 4.0 GHz, AVX-512, 2026-11-25.
type reference struct {
	name         string
	batch        int
	microseconds float64
}

var (
	oneThread  = []reference{{"train", 100, 25.9}, {"infer", 100, 8.6}, {"infer", 1, 19.9}}
	allThreads = []reference{{"train", 100, 12.5}, {"train", 1000, 11.9}, {"infer", 1000, 4.1}}
)

// score is 1000 times the geometric mean of the rates relative to the
// reference's.
func score(rows []Row) Score {
	most := 0
	for _, r := range rows {
		if r.Group == "whole" {
			most = max(most, r.Threads)
		}
	}
	s := Score{Version: ScoreVersion}
	s.OneThread, s.OneThreadLow, s.OneThreadHigh = relative(rows, oneThread, 1)
	s.AllThreads, s.AllThreadsLow, s.AllThreadsHigh = relative(rows, allThreads, most)
	return s
}

func relative(rows []Row, references []reference, threads int) (value, low, high float64) {
	var values, lows, highs []float64
	for _, reference := range references {
		for _, r := range rows {
			if r.Group == "whole" && r.Name == reference.name && r.Batch == reference.batch && r.Threads == threads {
				values = append(values, reference.microseconds/r.Value)
				lows = append(lows, reference.microseconds/r.High)
				highs = append(highs, reference.microseconds/r.Low)
			}
		}
	}
	if len(values) < len(references) {
		return 0, 0, 0
	}
	round := func(v float64) float64 { return math.Round(1000 * v) }
	return round(geometricMean(values...)), round(geometricMean(lows...)), round(geometricMean(highs...))
}
