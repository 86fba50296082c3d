package lenet

import (
	"errors"
	"slices"
	"time"

	"github.com/kernelet/kernelet/internal/random"
	"github.com/kernelet/kernelet/internal/shape"
)

// chooseThreads sets the number of workers that Settings.Threads leaves open, by
// timing steps of Settings.Batch images of random pixels with the trainer's
// weights: a batch may be too small for all of them. More threads have to be
// worth it: 5 % faster. Everything that steps change is as before afterwards.
func (t *Trainer) chooseThreads() error {
	most := len(t.engine.own)
	if t.settings.Threads != 0 || most == 1 {
		return nil
	}
	e := t.engine
	changed := [][]float32{e.weights.all, e.firstMoments.all, e.secondMoments.all}
	var kept [][]float32
	for _, values := range changed {
		kept = append(kept, slices.Clone(values))
	}
	at := t.position
	best, err := t.fastestThreads(most)
	for i, values := range changed {
		copy(values, kept[i])
	}
	t.position = at
	if err != nil {
		return err
	}
	e.threads = best
	return e.packed.transform(e.set, e.weights)
}

// fastestThreads is the number of workers, at most most, that steps are fastest
// with.
func (t *Trainer) fastestThreads(most int) (int, error) {
	n := min(t.settings.Batch, 4*maxImages)
	images, labels, batch := make([]byte, n*shape.ImagePixels), make([]byte, n), make([]int32, n)
	for i := range images {
		images[i] = byte(random.Bits(0, uint64(i)))
	}
	for i := range batch {
		batch[i] = int32(i)
	}
	best, bestTime := 0, time.Duration(0)
	for threads := 1; ; threads = min(2*threads, most) {
		t.engine.threads = threads
		fastest := time.Duration(0)
		for try := range 4 {
			start := time.Now()
			// A loss that is not finite is for the first real step to report.
			if _, _, err := t.step(images, labels, batch, 0, 1e-9); err != nil && !errors.Is(err, ErrNotFinite) {
				return 0, err
			}
			if took := time.Since(start); try == 0 || took < fastest {
				fastest = took
			}
			if fastest > 20*time.Millisecond {
				break // slow enough to be timed well at once
			}
		}
		if best == 0 || fastest < bestTime*95/100 {
			best, bestTime = threads, fastest
		}
		if threads == most {
			break
		}
	}
	return best, nil
}
