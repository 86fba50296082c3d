package lenet

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// pool runs the stages of a step on workers that live as long as it does. The
// caller is worker 0. Between stages workers spin briefly, since the next
// stage mostly follows within microseconds, and then park.
//
// ticket packs a stage's generation, its number of units and the next unit, so
// that one atomic addition claims a unit and says which stage it belongs to.
type pool struct {
	ticket  atomic.Uint64 // generation<<40 | units<<20 | next
	done    atomic.Int64  // units of the stage that are complete
	stage   func(worker, unit int) error
	failure atomic.Pointer[error]
	closed  atomic.Bool
	workers []parking
	wait    sync.WaitGroup
}

// parking is where one worker waits.
type parking struct {
	parked atomic.Bool
	wake   chan struct{}
	_      [48]byte // keeps neighbours out of the cache line
}

const (
	unitBits = 20
	unitMask = 1<<unitBits - 1
	// spins is how often a worker looks for a new stage before it parks, about 100 µs.
	spins = 50_000
)

func newPool(threads int) *pool {
	p := &pool{workers: make([]parking, threads-1)}
	for i := range p.workers {
		p.workers[i].wake = make(chan struct{}, 1)
		p.wait.Add(1)
		go p.work(i + 1)
	}
	return p
}

func (p *pool) threads() int { return len(p.workers) + 1 }

// close ends the workers.
func (p *pool) close() {
	p.closed.Store(true)
	for i := range p.workers {
		select {
		case p.workers[i].wake <- struct{}{}:
		default:
		}
	}
	p.wait.Wait()
}

// run calls stage for every unit in 0 … units−1 and returns when all are done.
func (p *pool) run(units int, stage func(worker, unit int) error) error {
	p.stage = stage
	p.done.Store(0)
	generation := p.ticket.Load()>>(2*unitBits) + 1
	p.ticket.Store(generation<<(2*unitBits) | uint64(units)<<unitBits)
	if units > 1 {
		for i := range p.workers {
			if w := &p.workers[i]; w.parked.CompareAndSwap(true, false) {
				w.wake <- struct{}{}
			}
		}
	}
	for p.claim(0) {
	}
	for spin := 0; p.done.Load() < int64(units); spin++ {
		if spin > spins {
			runtime.Gosched()
		}
	}
	if err := p.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// claim runs the next unit, if there is one.
func (p *pool) claim(worker int) bool {
	// Looking first keeps idle workers from counting next beyond its bits.
	if t := p.ticket.Load(); t&unitMask >= t>>unitBits&unitMask {
		return false
	}
	t := p.ticket.Add(1) - 1
	unit, units := int(t&unitMask), int(t>>unitBits&unitMask)
	if unit >= units {
		return false
	}
	if err := p.stage(worker, unit); err != nil {
		failure := err // a copy, so that err itself stays off the heap
		p.failure.CompareAndSwap(nil, &failure)
	}
	p.done.Add(1)
	return true
}

func (p *pool) work(worker int) {
	defer p.wait.Done()
	me := &p.workers[worker-1]
	for !p.closed.Load() {
		found := false
		for range spins {
			if p.claim(worker) {
				found = true
				break
			}
		}
		if found {
			continue
		}
		me.parked.Store(true)
		// A stage that began meanwhile did not see this worker parked.
		if t := p.ticket.Load(); t&unitMask < t>>unitBits&unitMask && me.parked.CompareAndSwap(true, false) {
			continue
		}
		<-me.wake
		me.parked.Store(false)
	}
}
