package mnist

import (
	"errors"
	"math"
	"testing"
)

// TestPixels: every byte comes back from a float near it, from 0 to 1 as from 0
// to 255, rounded and not cut; what is no pixel is an error.
func TestPixels(t *testing.T) {
	var unit, whole Pixels
	unit.Floats(true)
	whole.Floats(true)
	if err := whole.Add(255); err != nil {
		t.Fatal(err)
	}
	for v := range 256 {
		// The float of 32 bits below the nearest one.
		if err := unit.Add(float64(math.Nextafter32(float32(v)/255, 0))); err != nil {
			t.Fatal(err)
		}
		if err := whole.Add(max(0, float64(v)-0.3)); err != nil {
			t.Fatal(err)
		}
	}
	for v, got := range unit.Bytes() {
		if int(got) != v {
			t.Errorf("%d/255 became %d", v, got)
		}
	}
	for v, got := range whole.Bytes()[1:] {
		if int(got) != v {
			t.Errorf("%d - 0.3 became %d", v, got)
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 255.1} {
		if err := new(Pixels).Add(v); !errors.Is(err, ErrFormat) {
			t.Errorf("%v: expected ErrFormat, got %v", v, err)
		}
	}
}
