package reference_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/kernelet/kernelet/internal/reference"
	"github.com/kernelet/kernelet/lenet"
)

var names = []string{"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}

func parameters(seed uint64) *reference.Parameters {
	p := reference.NewParameters()
	for i, t := range lenet.NewModel(seed).Tensors() {
		for j, v := range t.Values {
			p.Groups()[i][j] = float64(v)
		}
	}
	return p
}

// inputs are those of golden.py.
func inputs() (images []float64, labels []byte, mask []float64) {
	images, mask = make([]float64, 3*784), make([]float64, 3*500)
	for i := range images {
		images[i] = reference.Normalise(byte((i*7919 + i/28*104729) % 256))
	}
	for i := range mask {
		mask[i] = float64(i*31/7%2) * 2
	}
	return images, []byte{3, 0, 9}, mask
}

type digest struct {
	Sum, Squares float64
	Step         int
	Values       []float64
}

// compare allows for sums of up to 800 products in another order: 1e-12 of the
// largest value, and of the whole sums.
func (d digest) compare(t *testing.T, name string, values []float64) {
	t.Helper()
	sum, squares, largest := 0.0, 0.0, 0.0
	for _, v := range values {
		sum += v
		squares += v * v
		largest = max(largest, math.Abs(v))
	}
	const tolerance = 1e-12
	if math.Abs(sum-d.Sum) > tolerance*largest*float64(len(values)) || math.Abs(squares-d.Squares) > tolerance*d.Squares {
		t.Errorf("%s: expected sum %v and squares %v, got %v and %v", name, d.Sum, d.Squares, sum, squares)
	}
	for i, want := range d.Values {
		if got := values[i*d.Step]; math.Abs(got-want) > tolerance*largest {
			t.Errorf("%s[%d]: expected %v, got %v", name, i*d.Step, want, got)
		}
	}
}

func TestGolden(t *testing.T) {
	content, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		PyTorch                    string
		Initial                    string `json:"initial_sha256"`
		Losses                     []float64
		Layers, Gradients, Weights map[string]digest
	}
	if err := json.Unmarshal(content, &golden); err != nil {
		t.Fatal(err)
	}
	t.Logf("golden values from PyTorch %s", golden.PyTorch)
	if got := lenet.NewModel(7).SHA256(); got != golden.Initial {
		t.Fatalf("initial weights: expected %s, got %s", golden.Initial, got)
	}
	p, m, v := parameters(7), reference.NewParameters(), reference.NewParameters()
	images, labels, mask := inputs()
	for step, want := range golden.Losses {
		a := reference.Forward(p, images, mask)
		loss, dLogits := reference.Loss(a.Logits, labels, 0)
		if math.Abs(loss-want) > 1e-12*want {
			t.Errorf("loss of step %d: expected %v, got %v", step, want, loss)
		}
		g := reference.Backward(p, a, dLogits)
		if step == 0 {
			golden.Layers["pool1"].compare(t, "pool1", a.Pool1)
			golden.Layers["pool2"].compare(t, "pool2", a.Pool2)
			golden.Layers["fc1"].compare(t, "fc1", a.FC1)
			golden.Layers["logits"].compare(t, "logits", a.Logits)
			for i, name := range names {
				golden.Gradients[name].compare(t, "gradient of "+name, g.Groups()[i])
			}
		}
		reference.Adam(p, m, v, g, 1e-3, step+1)
	}
	for i, name := range names {
		// Adam divides by √v: a gradient's error of 1e-12 of the largest becomes
		// more for small gradients, at most rate·1e-12·largest/gradient; 1e-9 of a
		// step. Sums over all values see one weight that is off by a step of 1e-3.
		d, values := golden.Weights[name], p.Groups()[i]
		tolerance := func(w float64) float64 { return 1e-9*3e-3 + 1e-12*math.Abs(w) }
		for j, want := range d.Values {
			if got := values[j*d.Step]; math.Abs(got-want) > tolerance(want) {
				t.Errorf("%s[%d] after three steps: expected %v, got %v", name, j*d.Step, want, got)
			}
		}
		sum, squares, sumTolerance, squaresTolerance := 0.0, 0.0, 0.0, 0.0
		for _, w := range values {
			sum += w
			squares += w * w
			sumTolerance += tolerance(w)
			squaresTolerance += 2 * math.Abs(w) * tolerance(w)
		}
		if math.Abs(sum-d.Sum) > sumTolerance || math.Abs(squares-d.Squares) > squaresTolerance {
			t.Errorf("%s after three steps: expected sum %v and squares %v, got %v and %v", name, d.Sum, d.Squares, sum, squares)
		}
	}
}

// TestFiniteDifferences checks gradients against (loss(w+h) − loss(w−h))/2h,
// whose error is h²/6 of the third derivative and 1e-16/h of rounding.
func TestFiniteDifferences(t *testing.T) {
	p := parameters(3)
	images, labels, mask := inputs()
	const smoothing = 0.1
	loss := func() float64 {
		l, _ := reference.Loss(reference.Forward(p, images, mask).Logits, labels, smoothing)
		return l
	}
	a := reference.Forward(p, images, mask)
	_, dLogits := reference.Loss(a.Logits, labels, smoothing)
	g := reference.Backward(p, a, dLogits)
	const h = 1e-6
	for i, group := range p.Groups() {
		for _, j := range []int{0, len(group) / 3, len(group) - 1} {
			w := group[j]
			group[j] = w + h
			above := loss()
			group[j] = w - h
			below := loss()
			group[j] = w
			want, got := (above-below)/(2*h), g.Groups()[i][j]
			if math.Abs(got-want) > 1e-8 {
				t.Errorf("%s[%d]: expected %v, got %v", names[i], j, want, got)
			}
		}
	}
}
