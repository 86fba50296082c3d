package portable

import (
	"hash/fnv"
	"math"
	"runtime"
	"testing"

	"github.com/kernelet/kernelet/internal/random"
)

// uniform returns numbers in [low, high).
func uniform(counter uint64, low, high float64) float64 {
	return low + float64((high-low)*random.Uniform(1, counter))
}

// TestMath: math's results to a few units in the last place, and, but for Exp, on
// amd64 to the last bit, so that the network's weights are what they were with math.
func TestMath(t *testing.T) {
	check := func(name string, got, want, scale float64, of ...float64) {
		t.Helper()
		if runtime.GOARCH == "amd64" && got != want || !(math.Abs(got-want) <= 4*0x1p-52*scale) {
			t.Errorf("%s(%v): math has %v (%#x), got %v (%#x)", name, of, want, math.Float64bits(want), got, math.Float64bits(got))
		}
	}
	for i := range uint64(200_000) {
		bound := []float64{.2, 2, 20, 2000}[i%4]
		x := uniform(2*i, -bound, bound)
		sin, cos := Sincos(x)
		wantSin, wantCos := math.Sincos(x)
		check("sin", sin, wantSin, 1, x)
		check("cos", cos, wantCos, 1, x)
		check("sin", sin, math.Sin(x), 1, x)
		check("cos", cos, math.Cos(x), 1, x)
		y := uniform(2*i+1, -30, 30)
		check("hypot", Hypot(x, y), math.Hypot(x, y), math.Hypot(x, y), x, y)
		base, n := 1-math.Abs(x)/bound/float64(1+i%3*500), int(i%50_000)
		check("power", Power(base, n), math.Pow(base, float64(n)), math.Pow(base, float64(n))*64, base, float64(n))
	}
	for i := range uint64(200_000) {
		x := uniform(i, []float64{-1, -30, smallest}[i%3], 0)
		if got, want := Exp(x), math.Exp(x); !(math.Abs(got-want) <= 4*0x1p-52*want) {
			t.Errorf("exp(%v): math has %v, got %v", x, want, got)
		}
	}
	for x, want := range map[float64]float64{0: 1, math.Copysign(0, -1): 1, -1000: 0, math.Inf(-1): 0} {
		if got := Exp(x); got != want {
			t.Errorf("exp(%v): expected %v, got %v", x, want, got)
		}
	}
	if got := Exp(math.NaN()); got == got {
		t.Errorf("exp(NaN): got %v", got)
	}
	for _, x := range []float64{0, 1, .5, .9, .999, 1e-300, 1.5, 0x1p1000} {
		for _, n := range []int{0, 1, 2, 3, 1000, 1 << 30, math.MaxInt} {
			if got, want := Power(x, n), math.Pow(x, float64(n)); got != want && runtime.GOARCH == "amd64" {
				t.Errorf("power(%v, %d): math has %v, got %v", x, n, want, got)
			}
		}
	}
	if got := Hypot(0, 0); got != 0 {
		t.Errorf("hypot(0, 0): got %v", got)
	}
}

// TestBits: one hash of many results, the same on every architecture.
func TestBits(t *testing.T) {
	hash := fnv.New64a()
	write := func(v float64) {
		bits := math.Float64bits(v)
		for i := range 8 {
			hash.Write([]byte{byte(bits >> (8 * i))})
		}
	}
	for i := range uint64(20_000) {
		x, y := uniform(2*i, -10, 10), uniform(2*i+1, -10, 10)
		sin, cos := Sincos(x)
		write(sin)
		write(cos)
		write(Hypot(x, y))
		write(Power(math.Abs(y)/10, int(i)))
		write(Exp(-7 * math.Abs(x)))
	}
	const want = 0xe1d19743a2f007da
	if got := hash.Sum64(); got != want {
		t.Errorf("hash of the results: expected %#x, got %#x", uint64(want), got)
	}
}
