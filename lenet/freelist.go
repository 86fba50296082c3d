package lenet

import "sync"

// freeList is a bounded list of buffers. The buffer that was put back last is
// handed out first, since it is still in the cache. When most are out, get
// waits. Unlike sync.Pool it survives garbage collections.
type freeList[T any] struct {
	make func() *T
	most int // 0: no bound

	mutex    sync.Mutex
	returned sync.Cond
	idle     []*T
	made     int
}

func newFreeList[T any](most int, make func() *T) *freeList[T] {
	l := &freeList[T]{make: make, most: most}
	l.returned.L = &l.mutex
	return l
}

func (l *freeList[T]) get() *T {
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

func (l *freeList[T]) put(v *T) {
	l.mutex.Lock()
	l.idle = append(l.idle, v)
	l.mutex.Unlock()
	l.returned.Signal()
}
