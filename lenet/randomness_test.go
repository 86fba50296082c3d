package lenet

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/mnist"
)

// drawn is what an epoch of one batch drew.
type drawn struct {
	order   []int32                  // of the images
	dropped [][shape.FC1Outputs]bool // by image
}

// drawEpochs trains for some epochs of one batch and returns what each drew.
func drawEpochs(t *testing.T, images, epochs int, settings Settings) (all []drawn) {
	t.Helper()
	data := mnist.Synthetic(images, 1)
	model := NewModel(1)
	for i := range model.FC1Bias {
		model.FC1Bias[i] = 100 // every ReLU is on, so an output that is 0 was dropped
	}
	settings.Batch, settings.Threads, settings.LearningRate = images, 1, 0
	trainer := newTrainer(t, model, settings)
	for range epochs {
		if _, err := trainer.Epoch(t.Context(), data.Images, data.Labels); err != nil {
			t.Fatal(err)
		}
		d := drawn{slices.Clone(trainer.order), make([][shape.FC1Outputs]bool, images)}
		for lane, image := range trainer.order {
			b, job := lane/shape.Block, &trainer.engine.job
			h := lines(trainer.engine.chunk.h, shape.FC1Outputs, b, job.block(b))
			for unit := range shape.FC1Outputs {
				d.dropped[image][unit] = h[unit*job.block(b)+lane%shape.Block] == 0
			}
		}
		all = append(all, d)
	}
	return all
}

// TestDraws: what two seeds draw in two epochs each, of ten images. A change
// changes what everybody trains: it is to be a decision.
func TestDraws(t *testing.T) {
	want := map[string]string{
		"seed 1, epoch 1": "[7 0 2 1 6 4 8 3 9 5] .xxxx...xxx...x.xx..x.xx...x.xx.....xxx.",
		"seed 1, epoch 2": "[9 2 5 8 3 0 7 1 4 6] xxx.xxxxxx.x.x.x...xxxxxx..xxx...x..x.xx",
		"seed 2, epoch 1": "[1 7 0 4 3 6 2 5 9 8] ..x...x.x.......x..x.x.x.x..x.xx...x...x",
		"seed 2, epoch 2": "[3 2 7 6 1 4 9 8 5 0] ..x.x..xx.x.x.x.xxxxx...xx....x...x.x.x.",
	}
	for _, seed := range []uint64{1, 2} {
		settings := Tutorial()
		settings.Seed = seed
		for epoch, d := range drawEpochs(t, 10, 2, settings) {
			var units strings.Builder
			for _, dropped := range d.dropped[3][:40] {
				units.WriteByte(".x"[map[bool]int{true: 1}[dropped]])
			}
			name := fmt.Sprintf("seed %d, epoch %d", seed, epoch+1)
			if got := fmt.Sprintf("%v %s", d.order, &units); got != want[name] {
				t.Errorf("%s: expected order and dropped units (x) of image 3 %q, got %q", name, want[name], got)
			}
		}
	}
}

// TestDrawsDiffer: epochs and seeds have other orders, each of all images, and
// drop other units; without shuffling the order is that of the data.
func TestDrawsDiffer(t *testing.T) {
	const images, epochs = 100, 4
	orders, masks := map[string]string{}, map[string]string{}
	for seed := range uint64(3) {
		settings := Tutorial()
		settings.Seed = seed
		for epoch, d := range drawEpochs(t, images, epochs, settings) {
			name := fmt.Sprintf("seed %d, epoch %d", seed, epoch+1)
			sorted := slices.Sorted(slices.Values(d.order))
			for i, image := range sorted {
				if int(image) != i {
					t.Fatalf("%s: image %d is missing", name, i)
				}
			}
			if before, seen := orders[fmt.Sprint(d.order)]; seen {
				t.Errorf("%s has the order of %s", name, before)
			}
			orders[fmt.Sprint(d.order)] = name
			for image, units := range d.dropped {
				if before, seen := masks[fmt.Sprint(units)]; seen {
					t.Errorf("%s: image %d drops the units of %s", name, image, before)
				}
				masks[fmt.Sprint(units)] = fmt.Sprintf("%s, image %d", name, image)
			}
		}
	}
	settings := Tutorial()
	settings.NoShuffle = true
	for _, d := range drawEpochs(t, images, 2, settings) {
		if !slices.IsSorted(d.order) {
			t.Errorf("without shuffling: %v", d.order)
		}
	}
}

// TestDropoutRate: every unit, and every image, is dropped as often as the
// probability says, within 5.5 standard deviations of the binomial: of 1,200
// such counts less than one in 10,000 runs leaves them, and the draws are fixed.
func TestDropoutRate(t *testing.T) {
	const images, epochs = 100, 8
	for _, p := range []float64{0, 0.1, 0.5, 0.75} {
		settings := Tutorial()
		settings.Dropout = p
		var ofUnit [shape.FC1Outputs]int
		var ofImage [images]int
		for _, d := range drawEpochs(t, images, epochs, settings) {
			for image := range images {
				for unit, dropped := range d.dropped[image] {
					if dropped {
						ofUnit[unit]++
						ofImage[image]++
					}
				}
			}
		}
		check := func(what string, at, count, trials int) {
			mean, deviation := p*float64(trials), math.Sqrt(p*(1-p)*float64(trials))
			if math.Abs(float64(count)-mean) > 5.5*deviation {
				t.Errorf("dropout %v: %s %d is dropped %d of %d times", p, what, at, count, trials)
			}
		}
		for unit, count := range ofUnit {
			check("unit", unit, count, images*epochs)
		}
		for image, count := range ofImage {
			check("image", image, count, shape.FC1Outputs*epochs)
		}
	}
}
