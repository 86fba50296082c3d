package kernels

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// argument is a buffer that a kernel reads or writes.
type argument struct {
	name   string
	floats int                                               // number of float32 values, or
	bytes  int                                               // number of bytes
	output bool                                              // the kernel writes all of it, or the part that the row's call names
	fill   func(r *rand.Rand, values []float32, data []byte) // nil: uniform in [-1, 1)
}

// buffers are a row's arguments, in its order.
type buffers struct {
	floats [][]float32
	bytes  [][]byte
}

// row is one kernel with its shape. All tests and benchmarks range over
// (row, instruction set).
type row struct {
	kernel    string
	images    int     // side by side, or in the batch
	shape     string  // what tells rows apart that have no images
	perCall   float64 // images' worth of work of the layer that one call does
	flops     float64 // of the layer by its dense algorithm, an image
	arguments []argument
	call      func(s *Set, images int, b *buffers) error

	// magnitude bounds the sum of the absolute values of what is added up to
	// an output, when inputs are in [-1, 1]; terms is the number of roundings
	// on the way. Their product with 2⁻²⁴ is the tolerance against the twin.
	magnitude, terms float64
	// integers: with small integers as inputs nothing is rounded.
	integers bool
}

func (r row) name() string {
	if r.shape != "" {
		return r.kernel + "/" + r.shape
	}
	return fmt.Sprintf("%s/images=%d", r.kernel, r.images)
}

// table lists every kernel.
func table() []row {
	return slices.Concat(inputRows(), conv1Rows(), conv2Rows(), fc1Rows(), fc2Rows(), adamRows(), directRows(), singleRows())
}

func filled(t testing.TB, r row, seed uint64, integers bool, make32 func(int) []float32, make8 func(int) []byte) *buffers {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	b := &buffers{floats: make([][]float32, len(r.arguments)), bytes: make([][]byte, len(r.arguments))}
	for i, a := range r.arguments {
		b.floats[i], b.bytes[i] = make32(a.floats), make8(a.bytes)
		for j := range b.floats[i] {
			switch {
			case integers:
				b.floats[i][j] = float32(random.IntN(5) - 2)
			default:
				b.floats[i][j] = 2*random.Float32() - 1
			}
		}
		if a.fill != nil {
			a.fill(random, b.floats[i], b.bytes[i])
		}
	}
	return b
}

func plainFloats(n int) []float32 { return make([]float32, n) }
func plainBytes(n int) []byte     { return make([]byte, n) }

// sets returns the available sets, and fails if the environment variable
// KERNELET_REQUIRE names one that is not among them.
func sets(t testing.TB) []*Set {
	t.Helper()
	available := Available()
	if required := os.Getenv("KERNELET_REQUIRE"); required != "" && !slices.Contains(available, required) {
		t.Fatalf("KERNELET_REQUIRE=%s, but this machine has %s", required, strings.Join(available, ", "))
	}
	var s []*Set
	for _, name := range available {
		s = append(s, set(name))
	}
	return s
}

// outputs calls fn with every output of two runs.
func outputs(r row, a, b *buffers, fn func(name string, a, b []float32, abytes, bbytes []byte)) {
	for i, argument := range r.arguments {
		if argument.output {
			fn(argument.name, a.floats[i], b.floats[i], a.bytes[i], b.bytes[i])
		}
	}
}

func TestTwins(t *testing.T) {
	for _, r := range table() {
		t.Run(r.name(), func(t *testing.T) {
			for _, integers := range []bool{false, true} {
				if integers && !r.integers {
					continue
				}
				var results []*buffers
				for _, s := range sets(t) {
					b := filled(t, r, 1, integers, plainFloats, plainBytes)
					if err := r.call(s, r.images, b); err != nil {
						t.Fatal(err)
					}
					results = append(results, b)
				}
				tolerance := r.magnitude * r.terms * 0x1p-24
				if integers {
					tolerance = 0
				}
				for i, b := range results[1:] {
					name := sets(t)[i+1].Name()
					outputs(r, results[0], b, func(argument string, want, got []float32, wantBytes, gotBytes []byte) {
						different := 0
						for j := range want {
							if difference := math.Abs(float64(got[j]) - float64(want[j])); !(difference <= tolerance) {
								if different++; different < 4 {
									t.Errorf("%s: %s[%d]: expected %v ± %g, got %v (integers: %v)", name, argument, j, want[j], tolerance, got[j], integers)
								}
							}
						}
						for j := range wantBytes {
							if wantBytes[j] != gotBytes[j] && integers {
								t.Fatalf("%s: %s[%d]: expected %08b, got %08b", name, argument, j, wantBytes[j], gotBytes[j])
							}
						}
					})
				}
			}
		})
	}
}

// special are values that take other paths through a floating-point unit.
var special = []float32{0, float32(math.Copysign(0, -1)), 1e-45, -1e-40, math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}

// TestSameBits holds AVX2 against AVX-512, on ordinary and on special values.
func TestSameBits(t *testing.T) {
	all := sets(t)
	if len(all) < 3 {
		t.Skipf("this machine or build has %s only", strings.Join(Available(), ", "))
	}
	for _, r := range table() {
		t.Run(r.name(), func(t *testing.T) {
			for _, specials := range []bool{false, true} {
				var results []*buffers
				for _, s := range all[1:] {
					b := filled(t, r, 2, false, plainFloats, plainBytes)
					if specials {
						random := rand.New(rand.NewPCG(3, 3))
						for i, a := range r.arguments {
							if a.fill != nil {
								continue
							}
							for range len(b.floats[i])/200 + 1 {
								if len(b.floats[i]) > 0 {
									b.floats[i][random.IntN(len(b.floats[i]))] = special[random.IntN(len(special))]
								}
							}
						}
					}
					if err := r.call(s, r.images, b); err != nil {
						t.Fatal(err)
					}
					results = append(results, b)
				}
				outputs(r, results[0], results[1], func(name string, a, b []float32, abytes, bbytes []byte) {
					for j := range a {
						bothNaN := a[j] != a[j] && b[j] != b[j]
						if math.Float32bits(a[j]) != math.Float32bits(b[j]) && !bothNaN {
							t.Fatalf("%s[%d]: avx2 %v, avx512 %v (special values: %v)", name, j, a[j], b[j], specials)
						}
					}
					if !slices.Equal(abytes, bbytes) {
						t.Fatalf("%s: masks differ (special values: %v)", name, specials)
					}
				})
			}
		})
	}
}

// TestBounds runs every kernel on buffers that lie between forbidden pages.
func TestBounds(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for _, r := range table() {
		for _, s := range sets(t)[1:] {
			for _, atEnd := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/end=%v", r.name(), s.Name(), atEnd), func(t *testing.T) {
					defer func() {
						if fault := recover(); fault != nil {
							t.Errorf("touches memory outside its arguments: %v", fault)
						}
					}()
					b := filled(t, r, 3, false,
						func(n int) []float32 { return guardedFloats(t, n, atEnd) },
						func(n int) []byte { return guarded(t, n, atEnd) })
					if err := r.call(s, r.images, b); err != nil {
						t.Fatal(err)
					}
				})
			}
		}
	}
}

// TestLengths hands every kernel buffers that are too short by one element.
func TestLengths(t *testing.T) {
	for _, r := range table() {
		for i, a := range r.arguments {
			b := filled(t, r, 4, false, plainFloats, plainBytes)
			if a.floats > 0 {
				b.floats[i] = b.floats[i][:a.floats-1]
			} else {
				b.bytes[i] = b.bytes[i][:a.bytes-1]
			}
			err := r.call(&generic, r.images, b)
			if !errors.Is(err, ErrLength) || !strings.Contains(err.Error(), r.kernel+":") {
				t.Errorf("%s: %s too short: expected ErrLength that names the kernel, got %v", r.name(), a.name, err)
			}
		}
		if r.images == 0 {
			continue
		}
		if err := r.call(&generic, 7, filled(t, r, 4, false, plainFloats, plainBytes)); !errors.Is(err, ErrLength) {
			t.Errorf("%s: images 7: expected ErrLength, got %v", r.name(), err)
		}
	}
}

func TestAllocations(t *testing.T) {
	for _, r := range table() {
		for _, s := range sets(t) {
			b := filled(t, r, 5, false, plainFloats, plainBytes)
			// The count is the process's; what a kernel allocates it allocates every time.
			least := math.Inf(1)
			for range 5 {
				least = min(least, testing.AllocsPerRun(1, func() { r.call(s, r.images, b) }))
				if least == 0 {
					break
				}
			}
			if least != 0 {
				t.Errorf("%s/%s: %v allocations", r.name(), s.Name(), least)
			}
		}
	}
}

// TestTableIsComplete fails when a method of Set has no row, or a set lacks a
// kernel.
func TestTableIsComplete(t *testing.T) {
	var names []string
	for _, r := range table() {
		names = append(names, r.kernel)
	}
	methods := reflect.TypeFor[*Set]()
	for i := range methods.NumMethod() {
		if name := methods.Method(i).Name; name != "Name" && !slices.Contains(ceilings, name) && !slices.Contains(names, name) {
			t.Errorf("%s has no row in the table", name)
		}
	}
	if len(names) == 0 {
		t.Error("the table is empty")
	}
	for _, s := range sets(t) {
		var walk func(path string, v reflect.Value)
		walk = func(path string, v reflect.Value) {
			switch v.Kind() {
			case reflect.Struct:
				for i := range v.NumField() {
					walk(path+"."+v.Type().Field(i).Name, v.Field(i))
				}
			case reflect.Array:
				for i := range v.Len() {
					walk(fmt.Sprintf("%s[%d]", path, i), v.Index(i))
				}
			case reflect.Func:
				if v.IsNil() {
					t.Errorf("%s%s is missing", s.Name(), path)
				}
			}
		}
		walk("", reflect.ValueOf(*s))
	}
}

func BenchmarkKernels(b *testing.B) {
	peaks := map[string]float64{}
	for _, s := range sets(b) {
		peaks[s.Name()] = measuredPeak(b, s)
		b.Run("FMAPeak/isa="+s.Name(), func(b *testing.B) {
			var sink [16]float32
			for b.Loop() {
				if _, err := s.FMAPeak(sink[:], 1000); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(peaks[s.Name()], "GFLOP/s")
		})
	}
	for _, r := range table() {
		for _, s := range sets(b) {
			b.Run(fmt.Sprintf("%s/isa=%s", r.name(), s.Name()), func(b *testing.B) {
				buffers := filled(b, r, 6, false, alignedFloats, plainBytes)
				for b.Loop() {
					if err := r.call(s, r.images, buffers); err != nil {
						b.Fatal(err)
					}
				}
				nanoseconds := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / r.perCall
				b.ReportMetric(nanoseconds/1000, "µs/image")
				if r.flops > 0 {
					b.ReportMetric(r.flops/nanoseconds, "dense-GFLOP/s")
					b.ReportMetric(r.flops/nanoseconds/peaks[s.Name()], "x-peak")
				}
			})
		}
	}
}

// measuredPeak returns the rate of fused multiply-adds in GFLOP/s: the median
// of runs of about 2 ms.
func measuredPeak(tb testing.TB, s *Set) float64 {
	const runs = 51
	var sink [16]float32
	iterations := 1000
	rates := make([]float64, runs)
	for i := range rates {
		start := time.Now()
		flops, err := s.FMAPeak(sink[:], iterations)
		if err != nil {
			tb.Fatal(err)
		}
		seconds := time.Since(start).Seconds()
		rates[i] = flops / seconds / 1e9
		if i == 0 {
			iterations = max(1, int(float64(iterations)*2e-3/seconds))
		}
	}
	slices.Sort(rates)
	return rates[runs/2]
}

// alignedFloats returns n values that begin at a multiple of 64 bytes.
func alignedFloats(n int) []float32 {
	raw := make([]float32, n+16)
	for i := range raw {
		if uintptr(reflect.ValueOf(&raw[i]).Pointer())%64 == 0 {
			return raw[i : i+n : i+n]
		}
	}
	return raw[:n]
}
