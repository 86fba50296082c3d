package lenet

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestFreeList: never more than the bound, each used by one at a time, the last
// one that came back first.
func TestFreeList(t *testing.T) {
	const most = 3
	var made atomic.Int64
	l := newFreeList(most, func() *atomic.Int64 { made.Add(1); return new(atomic.Int64) })
	var wait sync.WaitGroup
	for range 20 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range 200 {
				v := l.get()
				if v.Add(1) != 1 {
					t.Error("two have the same at the same time")
				}
				v.Add(-1)
				l.put(v)
			}
		}()
	}
	wait.Wait()
	if n := made.Load(); n > most {
		t.Errorf("expected at most %d, got %d", most, n)
	}
	v := l.get()
	l.put(v)
	if l.get() != v {
		t.Error("the last one that came back does not go first")
	}
}
