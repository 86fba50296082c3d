package lenet

import (
	"errors"
	"math"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"

	"github.com/kernelet/kernelet/internal/aligned"
	"github.com/kernelet/kernelet/internal/reference"
	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/mnist"
)

func newClassifier(t testing.TB, m *Model) *Classifier {
	t.Helper()
	c, err := NewClassifier(m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// onThreads returns a Classifier on c's weights that spreads large batches over
// so many goroutines, whatever the machine has. All of its memory is there.
func (c *Classifier) onThreads(t testing.TB, threads int) *Classifier {
	other := *c
	other.threads, other.workers, other.own = threads, newWorkers(threads-1), make([]classifierMemory, threads-1)
	for i := range other.own {
		other.own[i].made(other.set)
	}
	t.Cleanup(other.Close)
	return &other
}

// TestClassifierISA: a classifier runs on the set that is asked for, whatever
// KERNELET_ISA says, or else on that variable's.
func TestClassifierISA(t *testing.T) {
	model := NewModel(1)
	for _, isa := range kernels.Available() {
		for _, c := range []struct{ variable, isa string }{{"generic", isa}, {isa, ""}} {
			t.Setenv("KERNELET_ISA", c.variable)
			if classifier, err := NewClassifier(model, Options{ISA: c.isa}); err != nil || classifier.ISA() != isa {
				t.Errorf("KERNELET_ISA=%s, isa %q: expected %s, got error %v", c.variable, c.isa, isa, err)
			}
		}
	}
	if _, err := NewClassifier(model, Options{ISA: "sse9"}); !errors.Is(err, ErrISA) {
		t.Errorf("an unknown set: expected ErrISA, got %v", err)
	}
	for _, threads := range []int{-1, maxThreads + 1} {
		if _, err := NewClassifier(model, Options{Threads: threads}); !errors.Is(err, ErrSettings) {
			t.Errorf("%d threads: expected ErrSettings, got %v", threads, err)
		}
	}
	onMachineOf(t, 4)
	for threads, expected := range map[int]int{0: 4, 1: 1, 3: 3, 200: 4} {
		if c, err := NewClassifier(model, Options{Threads: threads}); err != nil || c.threads != expected || len(c.workers.helpers) != expected-1 {
			t.Errorf("%d threads asked for on 4 processors: expected %d, got %+v, error %v", threads, expected, c, err)
		}
	}
}

// TestLogitsStandAlone: an image's logits depend neither on its neighbours nor
// on the number of images, threads or, among AVX2 and AVX-512, the ISA.
func TestLogitsStandAlone(t *testing.T) {
	const n = 333
	data := mnist.Synthetic(n, 8)
	var all [][]float32
	for _, isa := range kernels.Available() {
		t.Setenv("KERNELET_ISA", isa)
		c := newClassifier(t, NewModel(2))
		logits := make([]float32, n*10)
		if err := c.Logits(logits, data.Images); err != nil {
			t.Fatal(err)
		}
		if isa != "generic" {
			all = append(all, logits)
		}
		step := 1
		if isa == "generic" {
			step = 50
		}
		for i := 0; i < n; i += step {
			one := make([]float32, 10)
			if err := c.onThreads(t, 1).Logits(one, data.Images[i*784:][:784]); err != nil {
				t.Fatal(err)
			}
			for class := range one {
				if one[class] != logits[i*10+class] {
					t.Fatalf("%s: image %d alone: expected %v, got %v", isa, i, logits[i*10:][:10], one)
				}
			}
		}
	}
	for _, other := range all[min(1, len(all)):] {
		for i := range other {
			if other[i] != all[0][i] {
				t.Fatalf("logit %d differs between instruction sets: %v, %v", i, all[0][i], other[i])
			}
		}
	}
}

// sparseModel is a model most of whose inputs of fc1 are zero.
func sparseModel(seed uint64) *Model {
	m := NewModel(seed)
	for i := range m.Conv2Bias {
		m.Conv2Bias[i] -= 0.3
	}
	return m
}

// TestListed: an image's logits are the same bits from the lists of fc1's inputs,
// from all of them, and alone; and the lists are for models with many zeros.
func TestListed(t *testing.T) {
	const n = 61
	data := mnist.Synthetic(n, 8)
	for _, isa := range kernels.Available() {
		t.Setenv("KERNELET_ISA", isa)
		for _, c := range []struct {
			name   string
			model  *Model
			listed bool
		}{{"many zeros", sparseModel(2), true}, {"few zeros", NewModel(2), false}} {
			classifier := newClassifier(t, c.model)
			listing, dense := newListingInference(classifier.set), newInference(classifier.set, aligned.Floats(inferenceLength))
			for _, f := range []*inference{listing, dense} {
				if err := f.forward(&classifier.packed, &classifier.single, pixels{bytes: data.Images}, 0, n); err != nil {
					t.Fatal(err)
				}
			}
			live := listing.live(shape.Block) / (shape.Block * shape.FC1Inputs)
			if (live < mostListed) != c.listed {
				t.Errorf("%s, %s: %.2f of fc1's inputs are not zero", isa, c.name, live)
			}
			for _, i := range []int{0, 1, 17, n - 1} {
				alone := make([]float32, shape.Classes)
				if err := classifier.Logits(alone, data.Images[i*shape.ImagePixels:][:shape.ImagePixels]); err != nil {
					t.Fatal(err)
				}
				if got, want := listing.logitsOf(i), dense.logitsOf(i); got != want || got != [shape.Classes]float32(alone) {
					t.Errorf("%s, %s: image %d: listing %v, from all inputs %v, alone %v", isa, c.name, i, got, want, alone)
				}
			}
		}
	}
}

func TestClassifierAgainstReference(t *testing.T) {
	const n = 40
	data := mnist.Synthetic(n, 8)
	m := NewModel(2)
	c := newClassifier(t, m)
	logits := make([]float32, n*10)
	if err := c.Logits(logits, data.Images); err != nil {
		t.Fatal(err)
	}
	predictions := make([]Prediction, n)
	if err := c.ClassifyBatch(predictions, data.Images); err != nil {
		t.Fatal(err)
	}
	a := reference.Forward(referenceParameters(m), normalised(data.Images), nil)
	for i, want := range a.Logits {
		if math.Abs(float64(logits[i])-want) > 5e-6 {
			t.Errorf("logit %d of image %d: expected %v, got %v", i%10, i/10, want, logits[i])
		}
	}
	for i, p := range predictions {
		if p.Digit != best(a.Logits[i*10:][:10]) || p.Probability != p.Probabilities[p.Digit] {
			t.Errorf("image %d: expected digit %d, got %+v", i, best(a.Logits[i*10:][:10]), p)
		}
		sum := float32(0)
		for _, v := range p.Probabilities {
			sum += v
		}
		if math.Abs(float64(sum)-1) > 10*0x1p-24 {
			t.Errorf("image %d: probabilities add up to %v", i, sum)
		}
		if one := c.Classify((*[784]byte)(data.Images[i*784:])); one != p {
			t.Errorf("image %d: alone %+v, in a batch %+v", i, one, p)
		}
	}
}

func TestClassifierConcurrently(t *testing.T) {
	const n = 64
	data := mnist.Synthetic(n, 8)
	c := newClassifier(t, NewModel(2))
	want := make([]Prediction, n)
	if err := c.ClassifyBatch(want, data.Images); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for g := range 64 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for i := range 10 {
				at := (g + 7*i) % n
				if got := c.Classify((*[784]byte)(data.Images[at*784:])); got != want[at] {
					t.Errorf("image %d: expected %+v, got %+v", at, want[at], got)
				}
			}
		}()
	}
	wait.Wait()
}

// TestClassifierAllocatesNothing: no call of any kind and size allocates or
// starts a goroutine, once there were as many at the same time, after a garbage
// collection either.
func TestClassifierAllocatesNothing(t *testing.T) {
	neverIdle(t)
	n := fewer(100)
	data := mnist.Synthetic(n, 8)
	image := [784]byte(data.Images)
	predictions, logits := make([]Prediction, n), make([]float32, 10*n)
	floats := make([]float32, n*784)
	all := newClassifier(t, NewModel(2))
	lendAtOnce(all.batches, batchesAtMost())
	lendAtOnce(all.singles, 3)
	lendAtOnce(all.calls, 50)
	for _, threads := range []int{1, 2, 3} {
		c := all.onThreads(t, threads)
		for name, call := range map[string]func() error{
			"Classify":      func() error { c.Classify(&image); return nil },
			"ClassifyBatch": func() error { return c.ClassifyBatch(predictions, data.Images) },
			"Logits":        func() error { return c.Logits(logits, data.Images) },
			"LogitsFloats":  func() error { return c.LogitsFloats(logits, floats) },
			"a few":         func() error { return c.ClassifyBatch(predictions[:9], data.Images[:9*784]) },
		} {
			var err error
			check := func(when string) {
				t.Helper()
				started := goroutinesStarted()
				if n := fewestAllocations(func() { err = errors.Join(err, call()) }); n != 0 || err != nil {
					t.Errorf("%s, %d threads, %s: %v allocations, error %v", name, threads, when, n, err)
				}
				if n := goroutinesStarted() - started; n != 0 {
					t.Errorf("%s, %d threads, %s: %d goroutines were started", name, threads, when, n)
				}
			}
			err = call() // starts the helpers
			check("warm")
			runtime.GC()
			runtime.GC() // what sync.Pool keeps over one is gone after two
			check("after a garbage collection")
		}
	}
}

// lendAtOnce is what n calls at the same time do.
func lendAtOnce[T any](l *freeList[T], n int) {
	var lent []*T
	for range n {
		lent = append(lent, l.get())
	}
	for _, v := range lent {
		l.put(v)
	}
}

// goroutinesStarted is the number of goroutines that the program ever started,
// or 0 if this version of Go does not count them.
func goroutinesStarted() uint64 {
	samples := []metrics.Sample{{Name: "/sched/goroutines-created:goroutines"}}
	metrics.Read(samples)
	if samples[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return samples[0].Value.Uint64()
}

// TestSameLogits: batches of every size give the bits of images read one by one
// in one thread, on any number of threads and on AVX2 and AVX-512.
func TestSameLogits(t *testing.T) {
	const most = 10_000
	data := mnist.Synthetic(most, 8)
	var want []float32 // of AVX2 and AVX-512
	for _, isa := range kernels.Available() {
		t.Setenv("KERNELET_ISA", isa)
		c := newClassifier(t, NewModel(2))
		sizes := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 100, most}
		single := want
		if isa == "generic" { // a millisecond an image
			sizes, single = []int{1, 2, 5, 6, 7, 8, 9, 16, 17, 100}, nil
		}
		if single == nil {
			single = make([]float32, 10*sizes[len(sizes)-1])
			for i := range len(single) / 10 {
				if err := c.onThreads(t, 1).Logits(single[10*i:][:10], data.Images[784*i:][:784]); err != nil {
					t.Fatal(err)
				}
			}
			if isa != "generic" {
				want = single
			}
		}
		got := make([]float32, len(single))
		for _, threads := range []int{1, 2, 3, 5} {
			for _, size := range sizes {
				first := (7 * size) % (len(single)/10 - size + 1) // not always the same neighbours
				got := got[:10*size]
				clear(got)
				if err := c.onThreads(t, threads).Logits(got, data.Images[784*first:][:784*size]); err != nil {
					t.Fatal(err)
				}
				for i, logit := range got {
					if expected := single[10*first+i]; math.Float32bits(logit) != math.Float32bits(expected) {
						t.Fatalf("%s, %d threads, %d images: logit %d of image %d: expected %v, got %v", isa, threads, size, i%10, first+i/10, expected, logit)
					}
				}
			}
		}
	}
}

// TestRejectionStandsAlone: the rejection score is that of its formula, the same
// bits alone and in batches, of models with many and with few zeros.
func TestRejectionStandsAlone(t *testing.T) {
	const n = 333
	data := mnist.Synthetic(n, 8)
	for _, isa := range kernels.Available() {
		t.Setenv("KERNELET_ISA", isa)
		for name, m := range map[string]*Model{"many zeros": sparseModel(2), "few zeros": NewModel(2)} {
			m.Calibration = &Calibration{Temperature: 0.7}
			for i := range m.Calibration.Hidden {
				m.Calibration.Hidden[i] = float32(i%7) - 3
			}
			for i := range m.Calibration.Rejection {
				m.Calibration.Rejection[i] = float32(i%5) / 2
			}
			c := newClassifier(t, m)
			predictions := make([]Prediction, n)
			if err := c.ClassifyBatch(predictions, data.Images); err != nil {
				t.Fatal(err)
			}
			// Places in whole blocks, in half-blocks and among those read alone.
			for _, i := range []int{0, 1, 17, 100, 200, n - 2, n - 1} {
				image := (*[784]byte)(data.Images[i*784:])
				if got := c.Classify(image); got != predictions[i] {
					t.Errorf("%s, %s: image %d alone: expected %+v, got %+v", isa, name, i, predictions[i], got)
				}
				var logits [10]float32
				if err := c.Logits(logits[:], image[:]); err != nil {
					t.Fatal(err)
				}
				uncalibrated, hidden := Predict(&logits), c.Hidden(image)
				uncalibrated.Rejection = predictions[i].Rejection
				if got := c.ClassifyUncalibrated(image); got != uncalibrated {
					t.Errorf("%s, %s: image %d uncalibrated: expected %+v, got %+v", isa, name, i, uncalibrated, got)
				}
				want, size := 0.0, 0.0
				for k, f := range RejectionFeatures(&logits) {
					want += float64(m.Calibration.Rejection[k]) * f
				}
				for k, h := range hidden {
					want += float64(m.Calibration.Hidden[k]) * float64(h)
					size += math.Abs(float64(m.Calibration.Hidden[k]) * float64(h))
				}
				// 500 sums of float32, each within half a unit of its last place.
				if got := float64(predictions[i].Rejection); size == 0 || math.Abs(got-want) > (size+math.Abs(want))*500/(1<<24) {
					t.Errorf("%s, %s: image %d: expected %v, got %v", isa, name, i, want, got)
				}
			}
		}
	}
}

// TestRejectionFeatures: by hand, of logits whose order is another.
func TestRejectionFeatures(t *testing.T) {
	logits := [10]float32{0: -1, 1: 3, 2: -2, 3: 5, 4: 0, 5: -3, 6: -4, 7: -5, 8: -6, 9: -7}
	sum := 0.0
	for _, l := range logits {
		sum += math.Exp(float64(l))
	}
	want := [Features]float64{1, 5, 3, 0, -1, -2, -3, -4, -5, -6, -7, math.Log(sum), 25, 9, 15, 0.08, 16 + 3: 1}
	for i, got := range RejectionFeatures(&logits) {
		if math.Abs(got-want[i]) > 1e-12 {
			t.Errorf("feature %d: expected %v, got %v", i, want[i], got)
		}
	}
}
