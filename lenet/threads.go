package lenet

import (
	"time"

	"github.com/kernelet/kernelet/internal/random"
	"github.com/kernelet/kernelet/kernels"
)

// chooseThreads sets the number of workers, at most most, by timing steps on
// random pixels: a batch may be too small for all of them. More threads have to
// be worth it: 5 % faster. The weights are garbage afterwards.
func (t *Trainer) chooseThreads(most int) error {
	n := min(t.settings.Batch, 4*maxImages)
	images, labels, batch := make([]byte, n*kernels.ImagePixels), make([]byte, n), make([]int32, n)
	for i := range images {
		images[i] = byte(random.Bits(0, uint64(i)))
	}
	for i := range batch {
		batch[i] = int32(i)
	}
	best, bestTime := 0, time.Duration(0)
	for threads := 1; ; threads = min(2*threads, most) {
		t.engine.setThreads(threads)
		fastest := time.Duration(0)
		for try := range 4 {
			start := time.Now()
			if _, _, err := t.step(images, labels, batch, 0, 1e-9); err != nil {
				return err
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
	t.engine.setThreads(best)
	t.position = position{}
	clear(t.engine.firstMoments.all)
	clear(t.engine.secondMoments.all)
	return nil
}

// setThreads replaces the workers, by no more than the engine was made for.
func (e *engine) setThreads(threads int) {
	if e.pool.threads() != threads {
		e.pool.close()
		e.pool = newPool(threads)
	}
}
