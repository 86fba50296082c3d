package lenet

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kernelet/kernelet/internal/reference"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/mnist"
)

// newTrainer returns a Trainer on as many threads as the settings ask for,
// whatever the machine has.
func newTrainer(t testing.TB, m *Model, s Settings) *Trainer {
	t.Helper()
	onMachineOf(t, max(s.Threads, processors()))
	trainer, err := NewTrainer(m, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(trainer.Close)
	return trainer
}

// onMachineOf lets Trainers and Classifiers that are made during the test use n
// processors.
func onMachineOf(t testing.TB, n int) {
	kept := processors
	t.Cleanup(func() { processors = kept })
	processors = func() int { return n }
}

// fewer is n, or a part of it where plain Go computes, at a millisecond or more
// an image.
func fewer(n int) int {
	if set, err := kernels.Select(""); err == nil && set.Name() == "generic" {
		return max(1, n*2/5)
	}
	return n
}

// TestSameWeights: neither the number of threads, nor AVX2 or AVX-512, nor an
// interruption with a checkpoint, nor a number of threads that changes at random
// from step to step changes a bit of the weights.
func TestSameWeights(t *testing.T) {
	data := mnist.Synthetic(430, 2)
	sets := kernels.Available()
	if len(sets) > 1 {
		sets = sets[1:]
	}
	const straight, resumed, changing = 0, 1, 2
	train := func(s Settings, way int) string {
		trainer := newTrainer(t, NewModel(1), s)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		random := rand.New(rand.NewPCG(uint64(s.Threads), uint64(s.Batch)))
		trainer.Progress = func(int, int) {
			switch way {
			case resumed:
				cancel()
			case changing:
				trainer.engine.threads = 1 + random.IntN(s.Threads)
			}
		}
		path := filepath.Join(t.TempDir(), "checkpoint")
		for trainer.EpochsDone() < 2 {
			_, err := trainer.Epoch(ctx, data.Images, data.Labels)
			if errors.Is(err, context.Canceled) {
				err = trainer.Checkpoint(path)
				trainer.Close()
				if err == nil {
					trainer, err = Resume(path, s)
				}
				ctx = context.Background()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		defer trainer.Close()
		return trainer.Model().SHA256()
	}
	for _, batch := range []int{13, 100, 300} {
		want := ""
		for _, isa := range sets {
			for _, threads := range []int{1, 2, 3, 5, 8, 13, 32} {
				for way, name := range []string{"straight", "resumed", "changing"} {
					s := Tutorial()
					s.Batch, s.ISA, s.Threads = batch, isa, threads
					got := train(s, way)
					if want == "" {
						want = got
					}
					if got != want {
						t.Errorf("batch %d, %s, %d threads, %s: expected %s, got %s", batch, isa, threads, name, want, got)
					}
				}
			}
		}
	}
}

// TestEpochImages: an epoch takes so many images, other ones in every epoch, and
// an interruption changes none of it.
func TestEpochImages(t *testing.T) {
	data := mnist.Synthetic(200, 5)
	settings := Tutorial()
	settings.Batch, settings.EpochImages, settings.Threads = 30, 100, 1
	trainer := newTrainer(t, NewModel(1), settings)
	var orders [2][]int32
	for epoch := range orders {
		ctx, cancel := context.WithCancel(t.Context())
		trainer.Progress = func(done, total int) {
			if total != settings.EpochImages {
				t.Errorf("epoch %d: expected %d images, got %d", epoch, settings.EpochImages, total)
			}
			if done == 60 {
				cancel()
			}
		}
		if stats, err := trainer.Epoch(ctx, data.Images, data.Labels); !errors.Is(err, context.Canceled) || stats.Images != 60 {
			t.Fatalf("epoch %d, interrupted: %d images, %v", epoch, stats.Images, err)
		}
		trainer.Progress = nil
		stats, err := trainer.Epoch(t.Context(), data.Images, data.Labels)
		if err != nil || stats.Images != settings.EpochImages {
			t.Fatalf("epoch %d: expected %d images, got %d, %v", epoch, settings.EpochImages, stats.Images, err)
		}
		orders[epoch] = slices.Sorted(slices.Values(trainer.order[:settings.EpochImages]))
	}
	if slices.Equal(orders[0], orders[1]) {
		t.Error("both epochs have the same images")
	}
	straight := newTrainer(t, NewModel(1), settings)
	for range orders {
		if _, err := straight.Epoch(t.Context(), data.Images, data.Labels); err != nil {
			t.Fatal(err)
		}
	}
	if straight.Model().SHA256() != trainer.Model().SHA256() {
		t.Error("an interruption changes the weights")
	}
	settings.EpochImages = len(data.Labels) + 1
	all := newTrainer(t, NewModel(1), settings)
	if stats, err := all.Epoch(t.Context(), data.Images, data.Labels); err != nil || stats.Images != len(data.Labels) {
		t.Errorf("more than there are: %d images, %v", stats.Images, err)
	}
}

// TestChunksAtOnce: a batch of more chunks than are computed at once ends at the
// loss and the weights of one chunk after the other.
func TestChunksAtOnce(t *testing.T) {
	n := (chunksAtOnce+1)*maxImages + 20
	data := mnist.Synthetic(n, 5)
	var want Stats
	hash := ""
	for _, threads := range []int{1, atOnceWorkers, 32} {
		s := Best()
		s.Batch, s.Threads = n, threads
		trainer := newTrainer(t, NewModel(1), s)
		var got Stats
		for range 2 {
			var err error
			if got, err = trainer.Step(data.Images, data.Labels); err != nil {
				t.Fatal(err)
			}
		}
		got.Duration = 0
		if hash == "" {
			want, hash = got, trainer.Model().SHA256()
		}
		if got != want || trainer.Model().SHA256() != hash {
			t.Errorf("%d threads: expected %+v, %s, got %+v, %s", threads, want, hash, got, trainer.Model().SHA256())
		}
		if atOnce := threads >= atOnceWorkers; atOnce != (len(trainer.engine.chunks) == chunksAtOnce) {
			t.Errorf("%d threads: %d chunks at once", threads, len(trainer.engine.chunks))
		}
	}
}

func TestEvaluate(t *testing.T) {
	data := mnist.Synthetic(77, 3)
	m := NewModel(9)
	p := referenceParameters(m)
	for _, isa := range kernels.Available() {
		trainer := newTrainer(t, m, Settings{ISA: isa, Threads: 2})
		for _, n := range []int{1, 15, 17, 64, 77} {
			stats, err := trainer.Evaluate(context.Background(), data.Images[:n*784], data.Labels[:n])
			if err != nil {
				t.Fatal(err)
			}
			a := reference.Forward(p, normalised(data.Images[:n*784]), nil)
			want, _ := reference.Loss(a.Logits, data.Labels[:n], 0)
			if math.Abs(stats.Loss-want) > 1e-5 || stats.Images != n {
				t.Errorf("%s, %d images: expected loss %v, got %+v", isa, n, want, stats)
			}
		}
	}
}

// TestNoGoroutineInAStep: helpers live from step to step, and end with Close.
func TestNoGoroutineInAStep(t *testing.T) {
	neverIdle(t)
	data := mnist.Synthetic(100, 3)
	trainer := newTrainer(t, NewModel(1), Settings{Threads: 3})
	step := func() {
		if _, err := trainer.Step(data.Images, data.Labels); err != nil {
			t.Fatal(err)
		}
	}
	step()
	started := goroutinesStarted()
	for range 5 {
		step()
	}
	if n := goroutinesStarted() - started; n != 0 {
		t.Errorf("%d goroutines were started in five steps", n)
	}
	helpers := trainer.engine.workers.helpers
	trainer.Close()
	for i := range helpers {
		for helpers[i].state.Load() != absent { // the test's limit of time ends this
			runtime.Gosched()
		}
	}
}

// neverIdle lets helpers live as long as the test, however slow the machine is.
func neverIdle(t *testing.T) {
	kept := idleTime
	t.Cleanup(func() { idleTime = kept })
	idleTime = time.Hour
}

// fewestAllocations returns the allocations of a call in the quietest of several
// tries: now and then the runtime allocates too, for a thread of the system when
// the machine is busy.
func fewestAllocations(call func()) float64 {
	least := math.Inf(1)
	for try := 0; try < 5 && least > 0; try++ {
		least = min(least, testing.AllocsPerRun(3, call))
	}
	return least
}

// TestStepAllocatesNothing: a step of one chunk, of several, and of augmented
// images.
func TestStepAllocatesNothing(t *testing.T) {
	sizes := []int{fewer(100), fewer(330)}
	data := mnist.Synthetic(330, 3)
	for name, settings := range map[string]Settings{"tutorial": Tutorial(), "fast": Fast(), "best": Best()} {
		for _, n := range sizes {
			settings.Threads = 2
			trainer := newTrainer(t, NewModel(1), settings)
			images, labels := data.Images[:n*784], data.Labels[:n]
			var err error
			step := func() {
				_, stepErr := trainer.Step(images, labels)
				err = errors.Join(err, stepErr)
			}
			step()
			if allocations := fewestAllocations(step); allocations != 0 || err != nil {
				t.Errorf("%s: a step of %d images allocates %v times, error %v", name, n, allocations, err)
			}
			trainer.Close()
		}
	}
}

// TestRecipes: the recipes' augmentation, smoothing, schedule and averaging
// give the same bits on any number of threads and after an interruption and a
// resumption in every epoch.
func TestRecipes(t *testing.T) {
	data := mnist.Synthetic(fewer(200), 12)
	for name, recipe := range map[string]Settings{"fast": Fast(), "best": Best()} {
		recipe.Epochs, recipe.AverageEpochs = 3, min(recipe.AverageEpochs, 2)
		want := ""
		for _, threads := range []int{1, 2, 3} {
			for _, interrupted := range []bool{false, true} {
				settings := recipe
				settings.Threads = threads
				trainer := newTrainer(t, NewModel(1), settings)
				path := filepath.Join(t.TempDir(), "checkpoint")
				for trainer.EpochsDone() < settings.Epochs {
					ctx, cancel := context.WithCancel(context.Background())
					if interrupted {
						trainer.Progress = func(done, _ int) {
							if done < 2*settings.Batch { // once in every epoch
								cancel()
							}
						}
					}
					_, err := trainer.Epoch(ctx, data.Images, data.Labels)
					cancel()
					if errors.Is(err, context.Canceled) {
						err = trainer.Checkpoint(path)
						trainer.Close()
						if err == nil {
							trainer, err = Resume(path, settings)
						}
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				got := trainer.Model().SHA256()
				trainer.Close()
				if want == "" {
					want = got
				}
				if got != want {
					t.Errorf("%s, %d threads, interrupted %v: expected %s, got %s", name, threads, interrupted, want, got)
				}
			}
		}
	}
}

func TestNotFinite(t *testing.T) {
	data := mnist.Synthetic(30, 3)
	m := NewModel(1)
	m.FC1Weight[0] = float32(math.Inf(1))
	trainer := newTrainer(t, m, Settings{Batch: 10})
	_, err := trainer.Epoch(context.Background(), data.Images, data.Labels)
	if !errors.Is(err, ErrNotFinite) || err.Error() != "epoch 1, step 1: loss is not finite" {
		t.Errorf("expected ErrNotFinite in epoch 1, step 1, got %v", err)
	}
}

// TestNotFiniteAfterTheLastStep: weights that the last step of an epoch made NaN
// are found by the evaluation, and neither saved nor written as a checkpoint.
func TestNotFiniteAfterTheLastStep(t *testing.T) {
	data := mnist.Synthetic(30, 3)
	for _, value := range []float64{math.NaN(), math.Inf(1)} {
		trainer := newTrainer(t, NewModel(1), Settings{Batch: 10, Threads: 1})
		if _, err := trainer.Epoch(context.Background(), data.Images, data.Labels); err != nil {
			t.Fatal(err)
		}
		trainer.engine.weights.fc2Bias[3] = float32(value)
		_, err := trainer.Evaluate(context.Background(), data.Images, data.Labels)
		if !errors.Is(err, ErrNotFinite) || err.Error() != "evaluation after epoch 1: loss is not finite" {
			t.Errorf("%v: expected ErrNotFinite after epoch 1, got %v", value, err)
		}
		path := filepath.Join(t.TempDir(), "m")
		if err := trainer.Model().Save(path); !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), `tensor "fc2.bias": element 3`) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v: expected Save to name file, tensor and element, got %v", value, err)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: a file was written: %v", value, err)
		}
	}
	if s := (Stats{Images: 5}); math.IsInf(s.ImagesPerSecond(), 0) || math.IsNaN(Stats{}.Accuracy()) {
		t.Errorf("a clock that did not move, or no images: %v, %v", s.ImagesPerSecond(), Stats{}.Accuracy())
	}
}

func TestBadArguments(t *testing.T) {
	for _, s := range []Settings{{Batch: -1}, {LearningRate: math.NaN()}, {Dropout: 1}, {Threads: -1}, {LabelSmoothing: 2}, {ISA: "sse"}} {
		if trainer, err := NewTrainer(NewModel(1), s); err == nil {
			trainer.Close()
			t.Errorf("%+v: expected an error", s)
		}
	}
	trainer := newTrainer(t, NewModel(1), Settings{})
	for _, c := range [][2]int{{784, 2}, {783, 1}, {0, 0}} {
		if _, err := trainer.Epoch(context.Background(), make([]byte, c[0]), make([]byte, c[1])); !errors.Is(err, ErrData) {
			t.Errorf("%d bytes, %d labels: expected ErrData, got %v", c[0], c[1], err)
		}
	}
	if _, err := trainer.Step(make([]byte, 784), []byte{10}); !errors.Is(err, ErrData) {
		t.Errorf("label 10: expected ErrData, got %v", err)
	}
}
