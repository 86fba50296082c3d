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
	centreOf := func(pixels []byte) (mass, x, y float64) {
		for i, v := range pixels {
			mass += float64(v)
			x += float64(v) * float64(i%28)
			y += float64(v) * float64(i/28)
		}
		return mass, x / mass, y / mass
	}
	mass, x, y := centreOf(image)
	var sumX, sumY float64
	const n = 400
	for key := range uint64(n) {
		warp(a[:], image, random.Key(random.Augmentation, key))
		m, ax, ay := centreOf(a[:])
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
	warp(a[:], blank[:], 3)
	ink(b[:], a[:], 3)
	if a != blank || b != blank {
		t.Error("a blank image does not stay blank")
	}
}

// TestStrokes: wider strokes contain the digit, thinner ones lie in it and keep
// two fifths of its ink.
func TestStrokes(t *testing.T) {
	image := mnist.Synthetic(1, 4).Images
	var wide, slim [784]byte
	for _, radius := range []float64{0, 0.3, 0.9, 1.5, 2} {
		widen(wide[:], image, radius, 0)
		thin(slim[:], image, radius)
		before, after := 0, 0
		for i, v := range image {
			if wide[i] < v || slim[i] > v {
				t.Fatalf("radius %g: pixel %d: %d became %d when widened and %d when thinned", radius, i, v, wide[i], slim[i])
			}
			before += int(v)
			after += int(slim[i])
		}
		if 5*after < 2*before {
			t.Errorf("radius %g: thinned to %d of %d", radius, after, before)
		}
		if radius == 0 && (!bytes.Equal(wide[:], image) || !bytes.Equal(slim[:], image)) {
			t.Error("radius 0 changes the image")
		}
	}
}
