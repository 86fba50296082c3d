package lenet

import (
	"errors"
	"testing"
)

// TestErrorOfATask: the error of any task is that of the run, whatever comes
// after it, and the next run has none of it.
func TestErrorOfATask(t *testing.T) {
	failure := errors.New("a failure")
	for failing := range 5 {
		broken := true
		first := &phase{name: "first", count: fixed(3), task: func(_, task int) error {
			if broken && task == failing {
				return failure
			}
			return nil
		}}
		second := &phase{name: "second", count: fixed(2), after: after(first), task: func(_, task int) error {
			if broken && 3+task == failing {
				return failure
			}
			return nil
		}}
		s := newSchedule(1, first, second)
		s.begin(1)
		if err := s.run(0); err != failure {
			t.Errorf("task %d: expected its error, got %v", failing, err)
		}
		broken = false
		s.begin(1)
		if err := s.run(0); err != nil {
			t.Errorf("after task %d: expected no error, got %v", failing, err)
		}
	}
}

// failing is work of two workers, of which one fails; the caller's goes on until
// the helper's has begun.
type failing struct {
	worker int
	err    error
	began  chan struct{}
}

func (f *failing) run(worker int) error {
	if worker == 0 {
		<-f.began
	} else {
		close(f.began)
	}
	if worker == f.worker {
		return f.err
	}
	return nil
}

// TestErrorOfAWorker: the error of the caller's own work or of a helper's is that
// of the run, and of no other.
func TestErrorOfAWorker(t *testing.T) {
	w := newWorkers(1)
	defer w.close()
	failure := errors.New("a failure")
	for _, worker := range []int{0, 1, -1, 1, 0, -1} {
		var want error
		if worker >= 0 {
			want = failure
		}
		if err := w.run(2, &failing{worker, failure, make(chan struct{})}); err != want {
			t.Errorf("worker %d fails: expected %v, got %v", worker, want, err)
		}
	}
}

// TestTies: of equal logits the lowest class is the digit, as PyTorch's argmax
// has it.
func TestTies(t *testing.T) {
	for _, c := range []struct {
		logits [10]float32
		want   int
	}{
		{[10]float32{}, 0}, {[10]float32{3: 2, 7: 2}, 3}, {[10]float32{0: -1, 9: 1}, 9}, {[10]float32{-5, -5, -4, -4, -5, -5, -5, -5, -5, -5}, 2},
	} {
		if p := Predict(&c.logits); p.Digit != c.want {
			t.Errorf("%v: expected %d, got %d", c.logits, c.want, p.Digit)
		}
	}
}

// TestBestISA: what is chosen by itself is the fastest set that there is.
func TestBestISA(t *testing.T) {
	t.Setenv("KERNELET_ISA", "")
	available := ISAs()
	for _, isa := range []string{"", "auto"} {
		c, err := NewClassifier(NewModel(1), Options{ISA: isa})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := c.ISA(), available[len(available)-1]; got != want {
			t.Errorf("%q: expected %s, got %s", isa, want, got)
		}
		c.Close()
	}
}
