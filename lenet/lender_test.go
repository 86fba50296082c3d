package lenet

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestLender: never more than the bound, each used by one at a time, the last
// one that came back first.
func TestLender(t *testing.T) {
	const most = 3
	var made atomic.Int64
	l := newLender(most, func() *atomic.Int64 { made.Add(1); return new(atomic.Int64) })
	var wait sync.WaitGroup
	for range 20 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range 200 {
				v := l.borrow()
				if v.Add(1) != 1 {
					t.Error("two have the same at the same time")
				}
				v.Add(-1)
				l.giveBack(v)
			}
		}()
	}
	wait.Wait()
	if n := made.Load(); n > most {
		t.Errorf("expected at most %d, got %d", most, n)
	}
	v := l.borrow()
	l.giveBack(v)
	if l.borrow() != v {
		t.Error("the last one that came back does not go first")
	}
}
