package lenet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/kernelet/kernelet/internal/testmnist"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/mnist"
)

// TestSameWeightsOnMNIST: two epochs on MNIST end at the same weights for any
// number of threads, on AVX2 and AVX-512, straight through and interrupted in
// the second epoch, written to a checkpoint and resumed.
func TestSameWeightsOnMNIST(t *testing.T) {
	testmnist.NeedLong(t)
	data := testmnist.MNIST(t)
	path := filepath.Join(t.TempDir(), "checkpoint")
	var sets []string
	for _, isa := range kernels.Available() {
		if isa != "generic" {
			sets = append(sets, isa)
		}
	}
	if len(sets) == 0 {
		t.Skip("this machine or build has no generated kernels")
	}
	train := func(settings Settings, resumed bool) string {
		trainer := newTrainer(t, NewModel(1), settings)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		trainer.Progress = func(done, _ int) {
			if resumed && trainer.EpochsDone() == 1 && done >= 20000 {
				cancel()
			}
		}
		for trainer.EpochsDone() < 2 {
			_, err := trainer.Epoch(ctx, data.Train.Images, data.Train.Labels)
			if errors.Is(err, context.Canceled) {
				if err := trainer.Checkpoint(path); err != nil {
					t.Fatal(err)
				}
				trainer.Close()
				if trainer, err = Resume(path, settings); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(trainer.Close)
				ctx = context.Background()
			} else if err != nil {
				t.Fatal(err)
			}
		}
		defer trainer.Close()
		return trainer.Model().SHA256()
	}
	want := ""
	for _, isa := range sets {
		for _, threads := range []int{1, 2, 3, 5, 8} {
			for _, resumed := range []bool{false, true} {
				settings := Tutorial()
				settings.ISA, settings.Threads, settings.Epochs = isa, threads, 2
				got := train(settings, resumed)
				if want == "" {
					want = got
					t.Logf("weights after two epochs: %s", want)
				}
				if got != want {
					t.Errorf("%s, %d threads, resumed %v: expected %s, got %s", isa, threads, resumed, want, got)
				}
			}
		}
	}
}

// TestManyImages: 64 goroutines that share a Classifier, alone and in batches,
// read the same as one, and memory does not grow with the images.
func TestManyImages(t *testing.T) {
	const goroutines, n = 64, 128
	initially := runtime.NumGoroutine()
	total := 100_000
	if testmnist.Long() {
		total = 10_000_000
	}
	data := mnist.Synthetic(n, 8)
	c := newClassifier(t, NewModel(2))
	if c.ISA() == "generic" {
		total /= 50 // a millisecond each
	}
	want := make([]Prediction, n)
	if err := c.onThreads(t, 1).ClassifyBatch(want, data.Images); err != nil {
		t.Fatal(err)
	}
	readAll := func(images int) error {
		var wait sync.WaitGroup
		failures := make([]error, goroutines)
		for g := range goroutines {
			wait.Add(1)
			go func() {
				defer wait.Done()
				predictions := make([]Prediction, n)
				for done := 0; done < images/goroutines; done += n + 8 {
					if err := c.ClassifyBatch(predictions, data.Images); err != nil {
						failures[g] = err
						return
					}
					for i := range 8 {
						predictions[i] = c.Classify((*[784]byte)(data.Images[i*784:]))
					}
					for i := range predictions {
						if predictions[i] != want[i] {
							failures[g] = fmt.Errorf("image %d: expected %+v, got %+v", i, want[i], predictions[i])
							return
						}
					}
				}
			}()
		}
		wait.Wait()
		return errors.Join(failures...)
	}
	type usage struct{ heap, stacks, resident, goroutines int }
	measure := func(goroutines int) usage {
		c.Close() // helpers end soon after
		for start := time.Now(); runtime.NumGoroutine() > goroutines && time.Since(start) < time.Minute; {
			runtime.Gosched()
		}
		debug.FreeOSMemory() // so that resident is what is in use
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return usage{int(m.HeapInuse), int(m.StackInuse), resident(), runtime.NumGoroutine()}
	}
	// So many that every buffer, worker and stack has been there once.
	if err := readAll(total / 10); err != nil {
		t.Fatal(err)
	}
	lendAtOnce(c.batches, batchesAtMost())
	lendAtOnce(c.singles, singlesAtMost())
	before := measure(initially)
	if err := readAll(total); err != nil {
		t.Fatal(err)
	}
	after := measure(initially)
	runtime.KeepAlive(c)
	t.Logf("%d images: %+v before, %+v after", total, before, after)
	// A leak of a byte an image, or of a stack of 2 KB for each of the calls of
	// 128 images, would be more than 4 MB over ten million images. Resident
	// memory also has what the runtime keeps for itself, such as threads.
	const most = 4 << 20
	if after.heap > before.heap+most || after.stacks > before.stacks+most || after.resident > before.resident+2*most || after.goroutines > before.goroutines {
		t.Errorf("%d images: %+v before, %+v after", total, before, after)
	}
}

// resident is the process's resident memory in bytes, or 0 where the system
// does not tell it as Linux does.
func resident() int {
	content, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int
	fmt.Sscan(string(content), &size, &pages)
	return pages * os.Getpagesize()
}
