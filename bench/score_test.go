package bench

import (
	"strings"
	"testing"
)

// referenceRun is a run of the reference machine, times faster, whose samples
// disturb changes.
func referenceRun(faster float64, disturb func(m *measurement, i int, s *sample)) (all []*measurement) {
	add := func(threads int, references []reference) {
		for _, reference := range references {
			m := &measurement{row: Row{Group: "whole", Name: reference.name, Threads: threads, Batch: reference.batch, Unit: reference.unit}}
			for i := range 45 {
				s := sample{value: reference.value / faster}
				if m.row.Rate() {
					s.value = reference.value * faster
				}
				disturb(m, i, &s)
				m.samples = append(m.samples, s)
			}
			all = append(all, m)
		}
	}
	add(1, oneThread)
	add(2, allThreads)
	return all
}

// slow makes a sample that many times slower.
func slow(m *measurement, s *sample, times float64) {
	if m.row.Rate() {
		s.value /= times
		return
	}
	s.value *= times
}

// TestScore: the reference machine has 1000, one that is twice as fast 2000; what
// disturbs most of the samples of every part of a run changes nothing.
func TestScore(t *testing.T) {
	calm := func(*measurement, int, *sample) {}
	if s := score(referenceRun(1, calm)); s.OneThread != 1000 || s.AllThreads != 1000 || s.OneThreadLow != 990 || s.OneThreadHigh != 1010 || s.Disturbed != "" {
		t.Errorf("the reference: %+v", s)
	}
	if s := score(referenceRun(2, calm)); s.OneThread != 2000 || s.AllThreads != 2000 {
		t.Errorf("twice as fast: %+v", s)
	}
	if s := score(nil); s.OneThread != 0 || s.Disturbed != "" {
		t.Errorf("without rows: %+v", s)
	}
	more := append(referenceRun(1, calm), &measurement{row: Row{Group: "whole", Name: Train, Threads: 8, Batch: 100, Unit: "µs/image"}})
	if s := score(more); s.AllThreads != 1000 {
		t.Errorf("more threads than processors: %+v", s)
	}
	mostly := func(m *measurement, i int, s *sample) {
		if i%9 != 4 {
			slow(m, s, 2)
			s.waited = .5
		}
	}
	if s := score(referenceRun(1, mostly)); s.OneThread != 1000 || s.AllThreads != 1000 || s.Disturbed != "" {
		t.Errorf("eight of nine samples twice as slow: %+v", s)
	}
}

// TestScoreDisturbed: a run without an undisturbed sample, or with parts that
// differ too much, is no result, and says why.
func TestScoreDisturbed(t *testing.T) {
	for want, disturb := range map[string]func(m *measurement, i int, s *sample){
		"waited for a processor": func(m *measurement, i int, s *sample) { slow(m, s, 2); s.waited = .5 },
		"a third of the run": func(m *measurement, i int, s *sample) {
			if i < 15 {
				slow(m, s, 1.2)
			}
		},
	} {
		if s := score(referenceRun(1, disturb)); !strings.Contains(s.Disturbed, want) {
			t.Errorf("expected %q: %+v", want, s)
		}
	}
}

// TestScoreInterval: parts that scatter widen the interval by as much.
func TestScoreInterval(t *testing.T) {
	s := score(referenceRun(1, func(m *measurement, i int, s *sample) {
		if i < 15 {
			slow(m, s, 1/.97)
		}
	}))
	if s.OneThread != 1000 || s.OneThreadLow != 962 || s.OneThreadHigh != 1040 || s.Disturbed != "" {
		t.Errorf("one part slower by 3 %%: %+v", s)
	}
}
