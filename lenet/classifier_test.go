package lenet

import (
	"bytes"
	"math"
	"sync"
	"testing"

	"github.com/kernelet/kernelet/internal/reference"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/mnist"
)

func newClassifier(t testing.TB, m *Model) *Classifier {
	t.Helper()
	c, err := NewClassifier(m)
	if err != nil {
		t.Fatal(err)
	}
	return c
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
			if err := c.WithThreads(1).Logits(one, data.Images[i*784:][:784]); err != nil {
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

func TestClassifyAllocatesNothing(t *testing.T) {
	c := newClassifier(t, NewModel(2))
	image := [784]byte(bytes.Repeat([]byte{100}, 784))
	c.Classify(&image)
	if n := testing.AllocsPerRun(50, func() { c.Classify(&image) }); n != 0 {
		t.Errorf("Classify allocates %v times", n)
	}
}
