package lenet

import (
	"bytes"
	"testing"

	"github.com/kernelet/kernelet/internal/random"
	"github.com/kernelet/kernelet/mnist"
)

func TestAugment(t *testing.T) {
	image := mnist.Synthetic(1, 4).Images
	var a, b, c [784]byte
	augment(a[:], image, 3, 1)
	augment(b[:], image, 3, 1)
	augment(c[:], image, 3, 2)
	if a != b || a == c {
		t.Error("a copy depends on more or less than its key")
	}
	ink := func(pixels []byte) (mass, x, y float64) {
		for i, v := range pixels {
			mass += float64(v)
			x += float64(v) * float64(i%28)
			y += float64(v) * float64(i/28)
		}
		return mass, x / mass, y / mass
	}
	mass, x, y := ink(image)
	var sumX, sumY float64
	const n = 400
	for key := range uint64(n) {
		augment(a[:], image, 3, random.Key(random.Augmentation, key))
		m, ax, ay := ink(a[:])
		// The area changes with the scales, at most (1.12)² and the bends; nothing is lost at the border.
		if m < 0.6*mass || m > 1.6*mass {
			t.Fatalf("key %d: ink %.0f of %.0f", key, m, mass)
		}
		// The centre moves by the shift, and by what turn, slant, scale and bends do to a digit that is not quite central.
		const most = augmentShift + augmentElastic + 2
		if ax < x-most || ax > x+most || ay < y-most || ay > y+most {
			t.Fatalf("key %d: centre moved from (%.1f, %.1f) to (%.1f, %.1f)", key, x, y, ax, ay)
		}
		sumX, sumY = sumX+ax, sumY+ay
	}
	// On average it stays: shifts are uniform in ±1.8, their mean's error over 400 is 0.05.
	if d := sumX/n - x; d < -0.6 || d > 0.6 {
		t.Errorf("on average x moves by %.2f", d)
	}
	if d := sumY/n - y; d < -0.6 || d > 0.6 {
		t.Errorf("on average y moves by %.2f", d)
	}
	var blank [784]byte
	augment(a[:], blank[:], 3, 3)
	if !bytes.Equal(a[:], blank[:]) {
		t.Error("a blank image does not stay blank")
	}
}
