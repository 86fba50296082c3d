package lenet

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kernelet/kernelet/mnist"
)

// A model of a step on any number of workers: it replays the phases with the
// durations of their tasks.

// modelPhase is a phase of the model. Durations are in seconds.
type modelPhase struct {
	name  string
	tasks []float64
	after []int // phases
}

// modelMachine is what a machine adds to the tasks.
type modelMachine struct {
	line  float64 // moving a cache line from one core to another
	wake  float64 // until a helper that looks for work has begun, each after the other
	alone float64 // of a step, on the caller: preparing and ending it
}

// stepTime replays the phases on workers: each takes the next task of the first
// phase that has any, and waits for the phases before it. Taking a task and
// reporting it done move a phase's cache line, if another worker had it last,
// and one such move follows the other.
func stepTime(phases []modelPhase, workers int, m modelMachine) float64 {
	type line struct {
		free float64 // from when on the line can move
		last int     // who has it
	}
	touch := func(l *line, worker int, now float64) float64 {
		if l.last != worker {
			now, l.last = max(now, l.free)+m.line, worker
			l.free = now
		}
		return now
	}
	clock, at := make([]float64, workers), make([]int, workers)
	for w := range clock {
		clock[w] = m.alone + float64(w)*m.wake
	}
	taken, done := make([]line, len(phases)), make([]line, len(phases))
	next, complete := make([]int, len(phases)), make([]float64, len(phases))
	for {
		// Who is earliest goes on.
		w := -1
		for i := range clock {
			if at[i] < len(phases) && (w < 0 || clock[i] < clock[w]) {
				w = i
			}
		}
		if w < 0 {
			return slices.Max(clock)
		}
		p := at[w]
		if next[p] == len(phases[p].tasks) {
			at[w]++
			continue
		}
		now := touch(&taken[p], w, clock[w])
		duration := phases[p].tasks[next[p]]
		next[p]++
		for _, before := range phases[p].after {
			if complete[before] > now {
				now = complete[before] + m.line
			}
		}
		now = touch(&done[p], w, now+duration)
		complete[p] = max(complete[p], now)
		clock[w] = now
	}
}

// TestStepTime: the model's answers where they can be told.
func TestStepTime(t *testing.T) {
	phases := []modelPhase{
		{"a", []float64{1, 1, 1, 1, 1, 1}, nil},
		{"b", []float64{3, 3}, []int{0}},
		{"c", []float64{1, 1, 1, 1}, []int{0}},
	}
	for _, c := range []struct {
		workers int
		machine modelMachine
		want    float64
	}{
		{1, modelMachine{}, 16},
		{1, modelMachine{line: 5, wake: 7, alone: 0.5}, 16.5}, // nothing moves
		{2, modelMachine{}, 8},
		{3, modelMachine{}, 6},   // 2, then 3 beside 4 × 1 and one more
		{6, modelMachine{}, 4},   // 1, 3
		{100, modelMachine{}, 4}, // more gain nothing
		{2, modelMachine{alone: 2}, 10},
	} {
		if got := stepTime(phases, c.workers, c.machine); got != c.want {
			t.Errorf("%d workers, %+v: expected %v, got %v", c.workers, c.machine, c.want, got)
		}
	}
	// Six tasks of 10, on six workers that get the line one after the other: the
	// last begins at 5, and its report moves the line that the others' moved before.
	moves := []modelPhase{{"a", []float64{10, 10, 10, 10, 10, 10}, nil}}
	if got := stepTime(moves, 6, modelMachine{line: 1}); got != 16 {
		t.Errorf("moves of one line: expected 16, got %v", got)
	}
}

// measuredPhases returns a schedule's phases with the median durations of their
// tasks on one worker, the median duration of what a batch takes besides its
// tasks, and those of a whole batch on one worker and on two, all measured in
// turn. A batch runs the schedule so many times; a task's duration is the mean
// over them, for the last chunk is smaller.
func measuredPhases(t *testing.T, e *engine, s *schedule, runs float64, step func()) (phases []modelPhase, besides float64, whole [3]float64) {
	t.Helper()
	const rounds, steps = 15, 5
	durations, sums := make([][][]float64, len(s.phases)), make([][]float64, len(s.phases))
	measuring := false
	for i, p := range s.phases {
		task := p.task
		p.task = func(worker, n int) error {
			if !measuring {
				return task(worker, n)
			}
			for len(durations[i]) <= n {
				durations[i], sums[i] = append(durations[i], nil), append(sums[i], 0)
			}
			start := time.Now()
			err := task(worker, n)
			sums[i][n] += time.Since(start).Seconds()
			return err
		}
		defer func() { p.task = task }()
	}
	defer func(threads int) { e.threads = threads }(e.threads)
	var times [3][]float64
	var rest []float64
	for range rounds {
		for n := 1; n <= 2; n++ {
			e.threads = n
			settle(step)
			for range steps {
				start := time.Now()
				step()
				times[n] = append(times[n], time.Since(start).Seconds())
			}
		}
		// The tasks are those for two workers, and one of them does all.
		helpers := e.workers
		e.threads, e.workers, measuring = 2, newWorkers(0), true
		settle(step)
		for i := range sums {
			clear(sums[i])
		}
		for range steps {
			start := time.Now()
			step()
			left := time.Since(start).Seconds()
			for i := range sums {
				for n, sum := range sums[i] {
					left -= sum
					durations[i][n] = append(durations[i][n], sum/runs)
					sums[i][n] = 0
				}
			}
			rest = append(rest, left)
		}
		e.workers, measuring = helpers, false
	}
	median := func(v []float64) float64 {
		slices.Sort(v)
		return v[len(v)/2]
	}
	for i, p := range s.phases {
		m := modelPhase{name: p.name}
		for _, d := range durations[i] {
			m.tasks = append(m.tasks, median(d))
		}
		for _, before := range p.after {
			m.after = append(m.after, slices.Index(s.phases, before))
		}
		phases = append(phases, m)
	}
	return phases, median(rest), [3]float64{1: median(times[1]), 2: median(times[2])}
}

// settle takes steps until every value is in the caches of the worker that uses
// it: the first steps on two workers after one take a tenth longer.
func settle(step func()) {
	for range 8 {
		step()
	}
}

// lineTime measures how long a cache line takes to another core: half of there
// and back.
func lineTime() float64 {
	const turns = 20_000
	var line atomic.Int64
	var wait sync.WaitGroup
	wait.Add(1)
	go func() {
		defer wait.Done()
		for turn := int64(1); turn < 2*turns; turn += 2 {
			for line.Load() != turn {
			}
			line.Store(turn + 1)
		}
	}()
	start := time.Now()
	for turn := int64(0); turn < 2*turns; turn += 2 {
		line.Store(turn + 1)
		for line.Load() != turn+2 {
		}
	}
	took := time.Since(start)
	wait.Wait()
	return took.Seconds() / (2 * turns)
}

// TestScaling prints what docs/scaling.md has, and compares the model with what
// one and two workers take. It needs a quiet machine, so it must be asked for:
//
//	KERNELET_SCALING=1 go test -run TestScaling -v ./lenet
func TestScaling(t *testing.T) {
	if os.Getenv("KERNELET_SCALING") == "" {
		t.Skip("KERNELET_SCALING is not set: it measures, which needs a quiet machine")
	}
	if runtime.GOMAXPROCS(0) < 2 {
		t.Fatal("expected at least two processors")
	}
	line := lineTime()
	for range 8 { // the least: sometimes both goroutines share a processor for a while
		line = min(line, lineTime())
	}
	t.Logf("a cache line takes %.0f ns to the other core", line*1e9)
	for _, batch := range []int{100, 1000} {
		data := mnist.Synthetic(batch, 1)
		settings := Tutorial()
		settings.Batch, settings.Threads = batch, atOnceWorkers
		trainer := newTrainer(t, NewModel(1), settings)
		e := trainer.engine
		e.threads = atOnceWorkers
		chunks, err := e.chunksOf((batch + maxImages - 1) / maxImages)
		if err != nil {
			t.Fatal(err)
		}
		together := len(chunks)
		trainer.prepare(batch, settings.LearningRate)
		order := make([]int32, batch)
		for i := range order {
			order[i] = int32(i)
		}
		// step trains on a batch, so many chunks at a time.
		step := func(chunks []*engine) func() {
			return func() {
				for from, to := 0, 0; from < batch; from = to {
					to = min(from+len(chunks)*maxImages, batch)
					if err := trainer.chunks(chunks, data.Images, data.Labels, order[from:to], 1, from == 0, to == batch); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		ways := []way{{name: "few, long tasks", from: 1, schedule: e.step, step: step(chunks[:1]), runs: float64(together)},
			{name: "many tasks", from: fewWorkers + 1, schedule: e.fineStep, step: step(chunks[:1]), runs: float64(together)}}
		if together > 1 {
			ways = append(ways, way{name: "all chunks at once", from: atOnceWorkers, schedule: e.batchStep, step: step(chunks), runs: 1})
		}
		for i := range ways {
			w := &ways[i]
			if w.runs > 1 || together == 1 {
				e.step = w.schedule // whatever the number of workers
			}
			w.step() // warms up
			phases, besides, whole := measuredPhases(t, e, w.schedule, w.runs, w.step)
			w.phases, w.machine = phases, modelMachine{line: line, wake: 2 * line, alone: besides / w.runs}
			t.Logf("besides its tasks, a batch takes %.1f µs", besides*1e6)
			for _, n := range []int{1, 2} {
				predicted := w.time(n, line)
				t.Logf("batch %d, %s, %d workers: model %.1f, measured %.1f µs/image, ratio %.3f", batch, w.name, n,
					predicted*1e6/float64(batch), whole[n]*1e6/float64(batch), predicted/whole[n])
			}
			for _, p := range phases {
				t.Logf("  %-34s %3d tasks, %7.1f µs, longest %.1f µs", p.name, len(p.tasks), p.sum()*1e6, slices.Max(p.tasks)*1e6)
			}
		}
		for _, far := range []float64{line, 250e-9} {
			table := fmt.Sprintf("batch %d, a line takes %.0f ns\n| workers | used | speed-up | efficiency |\n| --- | --- | --- | --- |\n", batch, far*1e9)
			one := ways[0].time(1, far)
			for n := 1; n <= 128; n *= 2 {
				used := &ways[0]
				for i := range ways {
					if n >= ways[i].from {
						used = &ways[i]
					}
				}
				gain := one / used.time(n, far)
				table += fmt.Sprintf("| %d | %s | %.2f | %.0f %% |\n", n, used.name, gain, 100*gain/float64(n))
			}
			t.Log(table)
		}
	}
}

// way is a way to spread a batch.
type way struct {
	name     string
	from     int // workers
	schedule *schedule
	step     func()
	runs     float64 // of the schedule for a batch
	phases   []modelPhase
	machine  modelMachine
}

// time is the model's for a batch where a cache line takes so long to another core.
func (w *way) time(workers int, line float64) float64 {
	m := w.machine
	m.line, m.wake = line, 2*line
	return w.runs * stepTime(w.phases, workers, m)
}

func (p modelPhase) sum() (sum float64) {
	for _, d := range p.tasks {
		sum += d
	}
	return sum
}
