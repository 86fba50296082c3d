package lenet

import "sync"

// lender lends memory that calls need and keeps what they give back, the last
// first, because that is still in the cache. Unlike sync.Pool it keeps it over
// garbage collections, and there are never more than most; who comes then
// waits.
type lender[T any] struct {
	make func() *T
	most int // 0: no bound

	mutex    sync.Mutex
	returned sync.Cond
	idle     []*T
	made     int
}

func newLender[T any](most int, make func() *T) *lender[T] {
	l := &lender[T]{make: make, most: most}
	l.returned.L = &l.mutex
	return l
}

func (l *lender[T]) borrow() *T {
	l.mutex.Lock()
	for len(l.idle) == 0 && l.made == l.most && l.most > 0 {
		l.returned.Wait()
	}
	if last := len(l.idle) - 1; last >= 0 {
		v := l.idle[last]
		l.idle = l.idle[:last]
		l.mutex.Unlock()
		return v
	}
	l.made++
	l.mutex.Unlock()
	return l.make()
}

func (l *lender[T]) giveBack(v *T) {
	l.mutex.Lock()
	l.idle = append(l.idle, v)
	l.mutex.Unlock()
	l.returned.Signal()
}
