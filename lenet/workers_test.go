package lenet

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/kernelet/kernelet/mnist"
)

// counting is work of tasks that count how often they ran and whether two
// goroutines were the same worker at the same time.
type counting struct {
	next  atomic.Int64
	tasks [200]atomic.Int64
	busy  [5]atomic.Int64
	fail  error
	clash atomic.Bool
}

func (c *counting) run(worker int) error {
	if c.busy[worker].Add(1) > 1 && worker > 0 {
		c.clash.Store(true)
	}
	defer c.busy[worker].Add(-1)
	for {
		task := c.next.Add(1) - 1
		if task >= int64(len(c.tasks)) {
			return c.fail
		}
		c.tasks[task].Add(1)
		runtime.Gosched()
	}
}

// TestWorkers: every task runs once, whoever else calls; a helper belongs to one
// run at a time; an error ends with its run.
func TestWorkers(t *testing.T) {
	w := newWorkers(4)
	defer w.close()
	failure := errors.New("a failure")
	var wait sync.WaitGroup
	for caller := range 3 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for i := range 200 {
				var want error
				if i%3 == caller {
					want = failure
				}
				work := &counting{fail: want}
				if err := w.run(1+i%5, work); err != want {
					t.Errorf("run %d: expected error %v, got %v", i, want, err)
				}
				for task := range work.tasks {
					if n := work.tasks[task].Load(); n != 1 {
						t.Errorf("run %d: task %d ran %d times", i, task, n)
					}
				}
				if work.clash.Load() {
					t.Errorf("run %d: two goroutines are the same worker", i)
				}
			}
		}()
	}
	wait.Wait()
}

// classifyAndTrain does what starts helpers.
func classifyAndTrain(t *testing.T) {
	onMachineOf(t, 3)
	data := mnist.Synthetic(100, 3)
	classifier := newClassifier(t, NewModel(1))
	if err := classifier.ClassifyBatch(make([]Prediction, 100), data.Images); err != nil {
		t.Error(err)
	}
	classifier.Close()
	trainer, err := NewTrainer(NewModel(1), Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trainer.Step(data.Images, data.Labels); err != nil {
		t.Error(err)
	}
	if _, err := trainer.Evaluate(context.Background(), data.Images, data.Labels); err != nil {
		t.Error(err)
	}
	trainer.Close()
}

// TestNoGoroutineLeft: the tools with which services look for forgotten
// goroutines find none, goleak even without closing a Classifier.
func TestNoGoroutineLeft(t *testing.T) {
	classifyAndTrain(t)
	goleak.VerifyNone(t)
	classifier := newClassifier(t, NewModel(1))
	for range 2 { // after Close too
		if err := classifier.ClassifyBatch(make([]Prediction, 100), make([]byte, 784*100)); err != nil {
			t.Error(err)
		}
		classifier.Close()
	}
	for i := range classifier.workers.helpers {
		for classifier.workers.helpers[i].state.Load() != absent {
			runtime.Gosched()
		}
	}
	if err := classifier.ClassifyBatch(make([]Prediction, 100), make([]byte, 784*100)); err != nil {
		t.Error(err)
	}
	goleak.VerifyNone(t)
	synctest.Test(t, classifyAndTrain)
}

// TestDroppedClassifiers: the garbage collector sees the memory of Classifiers
// and keeps to the program's limit.
func TestDroppedClassifiers(t *testing.T) {
	if resident() == 0 {
		t.Skip("this system does not tell a process's resident memory")
	}
	const megabyte = 1 << 20
	var m runtime.MemStats
	debug.FreeOSMemory()
	runtime.ReadMemStats(&m)
	limit := int64(m.Sys-m.HeapReleased) + 100*megabyte
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(limit))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	model, before := NewModel(1), resident()
	for range 100 { // of 5 MB each
		newClassifier(t, model)
	}
	if grown := resident() - before; grown > 200*megabyte {
		t.Errorf("100 classifiers that nobody uses any more: %d MB of resident memory over a limit of 100 MB", grown/megabyte)
	}
}
