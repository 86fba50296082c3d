package kernels

import (
	"math"
	"testing"

	"github.com/kernelet/kernelet/internal/shape"
)

// TestAdamSmall takes steps with moments so small that ε matters, on either
// side of the floor below which they become 0, and denormal ones.
func TestAdamSmall(t *testing.T) {
	const floor = float32(shape.MomentFloor)
	below, above := math.Nextafter32(floor, 0), math.Nextafter32(floor, 1)
	type weight struct{ w, m, v, g float32 }
	var weights []weight
	// With g = m the first moment stays what it is, rounded or not.
	for _, m := range []float32{0, floor, below, above, 1e-45, 1e-39, 1e-32, 1e-28, 1e-12, 1e-8} {
		for _, v := range []float32{0, floor, above, 1.0005e-30, 1.002e-30, 1e-45, 1e-39, 2e-30, 1e-20, 1e-16, 1e-10} {
			weights = append(weights, weight{0.5, m, v, m}, weight{0.5, -m, v, -m})
		}
	}
	for len(weights)%8 != 0 || len(weights)%16 == 0 { // whole vectors and half a one
		weights = append(weights, weight{})
	}
	n := len(weights)
	for _, s := range sets(t) {
		w, m, v, dw := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
		for i, x := range weights {
			w[i], m[i], v[i], dw[i] = x.w, x.m, x.v, x.g
		}
		if err := s.Adam(w, m, v, dw, &caseStep); err != nil {
			t.Fatal(err)
		}
		for i, x := range weights {
			wantW, wantM, wantV := adamNumbers(float64(x.w), float64(x.m), float64(x.v), float64(x.g), 0, &caseStep)
			if m[i] != float32(wantM.value) {
				t.Errorf("%s: m of %v: expected %v, got %v", s.Name(), x, wantM.value, m[i])
			}
			for _, c := range []struct {
				name string
				got  float32
				want number
			}{{"v", v[i], wantV}, {"w", w[i], wantW}} {
				if tolerance := gamma(1) * c.want.magnitude; !(math.Abs(float64(c.got)-c.want.value) <= tolerance) {
					t.Errorf("%s: %s of %v: expected %v ± %g, got %v", s.Name(), c.name, x, c.want.value, tolerance, c.got)
				}
			}
		}
	}
}
