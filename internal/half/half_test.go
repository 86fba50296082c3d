package half

import (
	"math"
	"testing"
)

// value is the definition of binary16 in IEEE 754.
func value(bits uint16) float64 {
	sign := 1.0
	if bits&0x8000 != 0 {
		sign = -1
	}
	exponent, fraction := int(bits>>10)&0x1f, float64(bits&0x3ff)
	switch {
	case exponent == 0x1f && fraction != 0:
		return math.NaN()
	case exponent == 0x1f:
		return sign * math.Inf(1)
	case exponent == 0:
		return sign * math.Ldexp(fraction, -24)
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

// TestFloat16 tries all 65,536 values, and the floats beside and between them.
func TestFloat16(t *testing.T) {
	for i := range 1 << 16 {
		bits := uint16(i)
		got, want := FromFloat16(bits), value(bits)
		if float64(got) != want && !(math.IsNaN(want) && math.IsNaN(float64(got))) {
			t.Fatalf("%#04x: expected %v, got %v", bits, want, got)
		}
		if math.IsNaN(want) {
			if back := FromFloat16(ToFloat16(got)); !math.IsNaN(float64(back)) {
				t.Fatalf("%#04x: NaN became %v", bits, back)
			}
			continue
		}
		if back := ToFloat16(got); back != bits {
			t.Fatalf("%#04x is %v, which became %#04x", bits, got, back)
		}
		if bits&0x7fff >= 0x7bff {
			continue
		}
		// Half-way to the next: the even one; a little off: the nearer one.
		middle := float32((want + value(bits+1)) / 2)
		even := bits + bits&1
		if got := ToFloat16(middle); got != even {
			t.Fatalf("half-way after %#04x: expected %#04x, got %#04x", bits, even, got)
		}
		toward := math.Nextafter32(middle, float32(want))
		if got := ToFloat16(toward); got != bits {
			t.Fatalf("just before half-way after %#04x: got %#04x", bits, got)
		}
	}
	for _, large := range []float32{65520, 1e9, math.MaxFloat32, float32(math.Inf(1))} {
		if got := ToFloat16(large); got != 0x7c00 {
			t.Errorf("%v: expected infinity, got %#04x", large, got)
		}
	}
	if got := FromBFloat16(0x3fc0); got != 1.5 {
		t.Errorf("bfloat16 0x3fc0: expected 1.5, got %v", got)
	}
}
