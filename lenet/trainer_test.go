package lenet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/kernelet/kernelet/internal/reference"
	"github.com/kernelet/kernelet/internal/testdata"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/mnist"
)

func newTrainer(t testing.TB, m *Model, s Settings) *Trainer {
	t.Helper()
	trainer, err := NewTrainer(m, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(trainer.Close)
	return trainer
}

func referenceParameters(m *Model) *reference.Parameters {
	p := reference.NewParameters()
	for i, t := range m.Tensors() {
		for j, v := range t.Values {
			p.Groups()[i][j] = float64(v)
		}
	}
	return p
}

func normalised(images []byte) []float64 {
	x := make([]float64, len(images))
	for i, v := range images {
		x[i] = reference.Normalise(v)
	}
	return x
}

// TestGradients holds the gradient of every parameter against the float64
// reference, with dropout and label smoothing, for batches of one image, of odd
// sizes, of more than one chunk.
func TestGradients(t *testing.T) {
	data := mnist.Synthetic(300, 5)
	for _, isa := range kernels.Available() {
		for _, n := range []int{1, 7, 8, 9, 16, 17, 31, 100, 130} {
			if isa == "generic" && n > 31 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", isa, n), func(t *testing.T) {
				m := NewModel(4)
				trainer := newTrainer(t, m, Settings{Batch: n, Dropout: 0.5, LabelSmoothing: 0.1, ISA: isa, Threads: 2})
				e := trainer.engine
				// Not the last chunk: the sums stay in totals, and no weight changes.
				order := make([]int32, n)
				for i := range order {
					order[i] = int32(i)
				}
				images, labels := data.Images[:n*784], data.Labels[:n]
				const key = 99
				trainer.prepare(n, 1e-4)
				var loss float64
				correct := 0
				for from := 0; from < n; from += maxImages {
					chunkLoss, chunkCorrect, err := trainer.chunk(images, labels, order[from:min(from+maxImages, n)], key, from == 0, false)
					if err != nil {
						t.Fatal(err)
					}
					loss += chunkLoss
					correct += chunkCorrect
				}

				mask := make([]float64, n*500)
				for i := range n {
					for unit := range 500 {
						if kernels.DropoutKeeps(dropoutKey(key, int32(i)), unit, e.job.dropout.Threshold) {
							mask[i*500+unit] = 2
						}
					}
				}
				p := referenceParameters(m)
				a := reference.Forward(p, normalised(images), mask)
				want, dLogits := reference.Loss(a.Logits, labels, 0.1)
				g := reference.Backward(p, a, dLogits)
				// Sums of up to 800 products of values of order 1, rounded at 2⁻²⁴, through Winograd's transforms, which amplify by 10.
				if math.Abs(loss/float64(n)-want) > 1e-5 {
					t.Errorf("loss: expected %v, got %v", want, loss/float64(n))
				}
				right := 0
				for i := range n {
					if best(a.Logits[i*10:][:10]) == int(labels[i]) {
						right++
					}
				}
				if right != correct {
					t.Errorf("correct: expected %d, got %d", right, correct)
				}
				// Windows that rounding may decide otherwise move their gradient to a
				// neighbour, whose pixels differ by at most 2.
				undecided1 := 2 * reference.Undecided(a.Conv1, a.DPool1, n*20, 24, 1e-5)
				undecided2 := 2 * reference.Undecided(a.Conv2, a.DPool2, n*50, 8, 1e-5)
				extra := [8]float64{undecided1 + undecided2, undecided1 + undecided2, undecided2, undecided2}
				got := new(Model)
				e.totals.store(got)
				for i, tensor := range got.Tensors() {
					largest := 0.0
					for _, v := range g.Groups()[i] {
						largest = max(largest, math.Abs(v))
					}
					for j, v := range tensor.Values {
						if difference := math.Abs(float64(v) - g.Groups()[i][j]); !(difference <= 1e-4*largest+extra[i]) {
							t.Fatalf("%s[%d]: expected %v, got %v (largest %v, undecided %v)", tensor.Name, j, g.Groups()[i][j], v, largest, extra[i])
						}
					}
				}
			})
		}
	}
}

func best(logits []float64) int {
	digit := 0
	for class, v := range logits {
		if v > logits[digit] {
			digit = class
		}
	}
	return digit
}

// TestCurve compares the losses of real training with PyTorch's.
func TestCurve(t *testing.T) {
	content, err := os.ReadFile("../internal/reference/testdata/curve.json")
	if err != nil {
		t.Fatal(err)
	}
	var curve struct {
		PyTorch   string
		Mean60    float64 `json:"mean_60"`
		MeanEpoch float64 `json:"mean_epoch"`
	}
	if err := json.Unmarshal(content, &curve); err != nil {
		t.Fatal(err)
	}
	data := testdata.MNIST(t)
	for _, isa := range kernels.Available() {
		t.Run(isa, func(t *testing.T) {
			trainer := newTrainer(t, NewModel(1), Settings{NoShuffle: true, ISA: isa})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			trainer.Progress = func(done, total int) {
				if done == 6000 {
					mean := trainer.position.loss / 6000
					if relative := math.Abs(mean/curve.Mean60 - 1); relative > 2e-6 {
						t.Errorf("first 6,000 images: expected PyTorch's %v within 2e-6, got %v, off by %.2g", curve.Mean60, mean, relative)
					} else {
						t.Logf("first 6,000 images: off by %.2g", relative)
					}
					if isa == "generic" || testing.Short() {
						cancel()
					}
				}
			}
			stats, err := trainer.Epoch(ctx, data.Train.Images, data.Train.Labels)
			if errors.Is(err, context.Canceled) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			relative := math.Abs(stats.Loss/curve.MeanEpoch - 1)
			t.Logf("whole epoch: off by %.2g", relative)
			if relative > 3e-4 {
				t.Errorf("whole epoch: expected PyTorch's %v within 3e-4, got %v, off by %.2g", curve.MeanEpoch, stats.Loss, relative)
			}
		})
	}
}

// TestSameWeights trains on the same data with different threads, instruction
// sets and interruptions, which must not change a bit.
func TestSameWeights(t *testing.T) {
	data := mnist.Synthetic(1030, 2)
	sets := kernels.Available()
	if len(sets) > 1 {
		sets = sets[1:]
	}
	for _, batch := range []int{100, 13, 300} {
		want := ""
		for _, isa := range sets {
			for _, threads := range []int{1, 2, 3, 5, 8} {
				s := Tutorial()
				s.Batch, s.ISA, s.Threads = batch, isa, threads
				trainer := newTrainer(t, NewModel(1), s)
				ctx, cancel := context.WithCancel(context.Background())
				trainer.Progress = func(done, total int) {
					if threads%2 == 0 {
						cancel() // after the first step; the next call goes on
					}
				}
				for trainer.EpochsDone() < 2 {
					if _, err := trainer.Epoch(ctx, data.Images, data.Labels); err != nil {
						if !errors.Is(err, context.Canceled) {
							t.Fatal(err)
						}
						trainer.Progress = nil
						ctx = context.Background()
					}
				}
				cancel()
				got := trainer.Model().SHA256()
				if want == "" {
					want = got
				}
				if got != want {
					t.Errorf("batch %d, %s, %d threads: expected %s, got %s", batch, isa, threads, want, got)
				}
				trainer.Close()
			}
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

func TestStepAllocatesNothing(t *testing.T) {
	data := mnist.Synthetic(100, 3)
	trainer := newTrainer(t, NewModel(1), Tutorial())
	trainer.Step(data.Images, data.Labels)
	if n := testing.AllocsPerRun(20, func() { trainer.Step(data.Images, data.Labels) }); n != 0 {
		t.Errorf("a step allocates %v times", n)
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
