package lenet

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/kernelet/kernelet/internal/random"
	"github.com/kernelet/kernelet/mnist"
)

// machine tells how long a step takes on a number of workers at a time since
// the start.
type machine func(workers int, at time.Duration) time.Duration

// quietMachine has eight processors; from four on, nothing is gained.
func quietMachine(workers int, _ time.Duration) time.Duration {
	return 4 * time.Millisecond / time.Duration(min(workers, 4))
}

// busyMachine delays every step in which more than one worker takes part.
func busyMachine(workers int, _ time.Duration) time.Duration {
	if workers == 1 {
		return 5 * time.Millisecond
	}
	return 10 * time.Millisecond
}

// changingMachine is one and the other in turn, for two seconds each.
func changingMachine(workers int, at time.Duration) time.Duration {
	if at/time.Second/2%2 == 0 {
		return quietMachine(workers, at)
	}
	return busyMachine(workers, at)
}

// sharedMachine has two processors, which two other programs use too: the
// scheduler gives slices of 4 ms, and more of them to two workers than to one.
func sharedMachine(workers int, at time.Duration) time.Duration {
	need, share := 8*time.Millisecond, 0.65
	if workers > 1 {
		need, share = 4400*time.Microsecond, 0.5
	}
	const slice = 4 * time.Millisecond
	took := time.Duration(0)
	for n := uint64(at / slice); need > 0; n++ {
		if random.Uniform(uint64(workers), n) < share {
			need -= slice
		}
		took += slice
	}
	return took + need
}

// TestThreadChoice: on a quiet machine, a busy one and one that changes, with
// noise, the steps take little longer than with the better number of workers at
// every moment, and the number does not go up and down.
func TestThreadChoice(t *testing.T) {
	const most, steps, images = 8, 20_000, 100
	for _, c := range []struct {
		name    string
		machine machine
		noise   float64 // share
		longer  float64 // than with the best number at every step
		moves   int     // at most
	}{
		{"quiet", quietMachine, 0.02, 1.04, 1},
		{"quiet, noise", quietMachine, 0.3, 1.05, 8},
		{"busy", busyMachine, 0.02, 1.03, 4},
		{"busy, noise", busyMachine, 0.3, 1.05, 10},
		{"changing", changingMachine, 0.1, 1.2, 1000},
	} {
		choice := newThreadChoice(most)
		source := rand.New(rand.NewPCG(1, 2))
		var at, best time.Duration
		moves, last := 0, choice.now
		for range steps {
			took := c.machine(choice.workers(), at)
			best += min(c.machine(1, at), c.machine(most, at))
			took += time.Duration(c.noise * (2*source.Float64() - 1) * float64(took))
			at += took
			choice.took(took, images)
			if choice.now != last {
				moves, last = moves+1, choice.now
			}
		}
		ratio := at.Seconds() / best.Seconds()
		t.Logf("%s: %.3f of the best, %d moves in %v, %d workers in the end", c.name, ratio, moves, at.Round(time.Second), choice.now)
		if ratio > c.longer || moves > c.moves {
			t.Errorf("%s: expected at most %.2f of the best and %d moves, got %.3f and %d", c.name, c.longer, c.moves, ratio, moves)
		}
	}
}

// TestThreadChoiceMoves: what is known is relative to the present number.
func TestThreadChoiceMoves(t *testing.T) {
	c := newThreadChoice(8)
	for workers, gain := range map[int]float64{1: 0.5, 4: 0.125} {
		c.tried = workers
		c.learn(gain)
	}
	c.tried = 1
	c.move()
	for workers, want := range map[int]float64{8: -0.5, 4: -0.375} {
		if got := c.about(workers).gain; c.now != 1 || got != want {
			t.Errorf("%d workers on %d: expected %v, got %v", workers, c.now, want, got)
		}
	}
}

// TestThreadChoiceShared: where the scheduler's slices are most of what is seen, the
// better number is used most of the time.
func TestThreadChoiceShared(t *testing.T) {
	const images = 100
	run := func(seed uint64, steps int, workers func() int, took func(time.Duration)) time.Duration {
		at := time.Duration(0)
		for range steps {
			d := sharedMachine(workers(), at+time.Duration(seed)*time.Hour)
			at += d
			took(d)
		}
		return at
	}
	for _, steps := range []int{200, 1200} {
		var one, two, chosen time.Duration
		for seed := range uint64(20) {
			one += run(seed, steps, func() int { return 1 }, func(time.Duration) {})
			two += run(seed, steps, func() int { return 2 }, func(time.Duration) {})
			choice := newThreadChoice(2)
			chosen += run(seed, steps, choice.workers, func(d time.Duration) { choice.took(d, images) })
		}
		ratio := chosen.Seconds() / min(one, two).Seconds()
		t.Logf("%d steps: one %v, two %v, chosen %v: %.3f of the better", steps, one/20, two/20, chosen/20, ratio)
		if ratio > 1.1 {
			t.Errorf("%d steps: expected at most 1.1 times the better number's time, got %.3f", steps, ratio)
		}
	}
}

// TestChangingThreads: the number of workers may change at random between any
// two steps, and be watched and chosen, without a trace in the weights.
func TestChangingThreads(t *testing.T) {
	data := mnist.Synthetic(fewer(330), 3)
	weights := func(threads int, change func(*Trainer)) string {
		trainer := newTrainer(t, NewModel(1), Settings{Dropout: 0.5, Batch: 13, Threads: threads})
		trainer.Progress = func(int, int) { change(trainer) }
		for range 2 {
			if _, err := trainer.Epoch(context.Background(), data.Images, data.Labels); err != nil {
				t.Fatal(err)
			}
		}
		return trainer.Model().SHA256()
	}
	want := weights(1, func(*Trainer) {})
	random := rand.New(rand.NewPCG(3, 4))
	if got := weights(32, func(t *Trainer) { t.engine.threads = 1 + random.IntN(32) }); got != want {
		t.Errorf("changing at random: expected %s, got %s", want, got)
	}
	if got := weights(0, func(*Trainer) {}); got != want {
		t.Errorf("chosen: expected %s, got %s", want, got)
	}
}

// TestAfterClose: no method of a closed Trainer panics.
func TestAfterClose(t *testing.T) {
	data := mnist.Synthetic(10, 3)
	for _, settings := range []Settings{Tutorial(), Best()} {
		trainer := newTrainer(t, NewModel(1), settings)
		trainer.Close()
		trainer.Close()
		ctx := context.Background()
		_, stepErr := trainer.Step(data.Images, data.Labels)
		_, epochErr := trainer.Epoch(ctx, data.Images, data.Labels)
		_, evaluateErr := trainer.Evaluate(ctx, data.Images, data.Labels)
		for _, err := range []error{stepErr, epochErr, evaluateErr, trainer.Checkpoint(filepath.Join(t.TempDir(), "checkpoint"))} {
			if !errors.Is(err, ErrClosed) {
				t.Errorf("expected ErrClosed, got %v", err)
			}
		}
		trainer.MeasurePhases()
		if trainer.ISA() != "" || trainer.Threads() != 0 || trainer.Model() != nil || trainer.PhaseTimes() != nil || trainer.EpochsDone() != 0 {
			t.Error("a closed Trainer still tells something")
		}
	}
}

// TestPhaseTimes: the workers' time in the phases is at most that of the steps,
// and no phase is without work.
func TestPhaseTimes(t *testing.T) {
	data := mnist.Synthetic(fewer(330), 3)
	trainer := newTrainer(t, NewModel(1), Settings{Threads: 2})
	trainer.MeasurePhases()
	start := time.Now()
	for range 3 {
		if _, err := trainer.Step(data.Images, data.Labels); err != nil {
			t.Fatal(err)
		}
	}
	took := time.Since(start)
	var sum time.Duration
	for _, p := range trainer.PhaseTimes() {
		if p.Name == "" || p.Work <= 0 || p.Wait < 0 {
			t.Errorf("not a phase's time: %+v", p)
		}
		sum += p.Work + p.Wait
	}
	if sum > 2*took {
		t.Errorf("two workers spent %v in %v", sum, took)
	}
}
