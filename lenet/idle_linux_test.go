package lenet

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kernelet/kernelet/mnist"
)

// TestIdleTrainer: workers that have nothing to do sleep. The least of several
// windows counts, because the time is the whole process's.
func TestIdleTrainer(t *testing.T) {
	data := mnist.Synthetic(100, 3)
	trainer := newTrainer(t, NewModel(1), Settings{Threads: 4})
	cpu := func() time.Duration {
		var usage unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
			t.Fatal(err)
		}
		return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	const window = 200 * time.Millisecond
	least := window
	for range 5 {
		if _, err := trainer.Step(data.Images, data.Labels); err != nil {
			t.Fatal(err)
		}
		before := cpu()
		time.Sleep(window)
		least = min(least, cpu()-before)
	}
	// Spinning for 100 µs before they park, three workers cost 0.3 ms; one that
	// never parks costs the window.
	if least > window/10 {
		t.Errorf("an idle trainer used %v of CPU time in %v", least, window)
	}
}
