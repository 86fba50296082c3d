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
	"unsafe"

	"github.com/kernelet/kernelet/internal/aligned"
)

// argument is a buffer that a kernel reads or writes.
type argument struct {
	name     string
	floats   int                                               // number of float32 values, or
	bytes    int                                               // number of bytes, or
	ints     int                                               // number of int32 values
	output   bool                                              // the kernel writes all of it, or the part that the row's call names
	work     bool                                              // working memory: what is left there means nothing
	fill     func(r *rand.Rand, values []float32, data []byte) // nil: uniform in [-1, 1)
	fillInts func(values []int32)                              // nil: zeros

	// defined says whether an element of an output means something, nil that
	// all do.
	defined func(b *buffers, at int) bool
}

// buffers are a row's arguments, in its order.
type buffers struct {
	floats [][]float32
	bytes  [][]byte
	ints   [][]int32
}

// memory makes a buffer of a number of bytes that begins at a multiple of 4.
type memory func(bytes int) []byte

// between is memory between two pages that cannot be touched, see guarded.
func between(t testing.TB, atEnd bool) memory {
	return func(bytes int) []byte { return guarded(t, bytes, atEnd) }
}

func (m memory) floats(n int) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(m(4*n)))), n)
}

func (m memory) words(n int) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(m(4*n)))), n)
}

func (m memory) ints(n int) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(m(4*n)))), n)
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

	integers bool // with small integers as inputs nothing is rounded
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

// filled makes a row's arguments.
func filled(r row, seed uint64, integers bool, m memory) *buffers {
	random := rand.New(rand.NewPCG(seed, 1))
	b := &buffers{make([][]float32, len(r.arguments)), make([][]byte, len(r.arguments)), make([][]int32, len(r.arguments))}
	for i, a := range r.arguments {
		switch {
		case a.floats > 0:
			b.floats[i] = m.floats(a.floats)
		case a.ints > 0:
			b.ints[i] = m.ints(a.ints)
		default:
			b.bytes[i] = m(a.bytes)
		}
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
		if a.fillInts != nil {
			a.fillInts(b.ints[i])
		}
	}
	return b
}

// clone copies all arguments.
func (b *buffers) clone() *buffers {
	c := &buffers{slices.Clone(b.floats), slices.Clone(b.bytes), slices.Clone(b.ints)}
	for i := range c.floats {
		c.floats[i], c.bytes[i], c.ints[i] = slices.Clone(b.floats[i]), slices.Clone(b.bytes[i]), slices.Clone(b.ints[i])
	}
	return c
}

// runRow calls a row's kernel and fails if that changes what it only reads.
func runRow(t *testing.T, s *Set, r row, b *buffers) {
	t.Helper()
	before := b.clone()
	if err := r.call(s, r.images, b); err != nil {
		t.Fatal(err)
	}
	for i, a := range r.arguments {
		if a.output || a.work {
			continue
		}
		same := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
		if !slices.EqualFunc(b.floats[i], before.floats[i], same) || !slices.Equal(b.bytes[i], before.bytes[i]) || !slices.Equal(b.ints[i], before.ints[i]) {
			t.Fatalf("%s: changes %s, which it only reads", s.Name(), a.name)
		}
	}
}

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

// generatedSets returns the sets that are not plain Go, and skips the test
// where there are none.
func generatedSets(t *testing.T) []*Set {
	t.Helper()
	all := sets(t)
	if len(all) == 1 {
		t.Skip("needs generated kernels: this machine or build has none")
	}
	return all[1:]
}

// isDefined reports whether an element of an output means something; b has what
// a kernel wrote.
func (a argument) isDefined(b *buffers, at int) bool { return a.defined == nil || a.defined(b, at) }

// TestTwins holds the generated kernels against plain Go on small integers, where
// nothing is rounded. TestExact holds both against float64.
func TestTwins(t *testing.T) {
	generated := generatedSets(t)
	for _, r := range table() {
		if !r.integers {
			continue
		}
		t.Run(r.name(), func(t *testing.T) {
			want := filled(r, 1, true, aligned.Bytes)
			runRow(t, &generic, r, want)
			for _, s := range generated {
				got := filled(r, 1, true, aligned.Bytes)
				runRow(t, s, r, got)
				for i, a := range r.arguments {
					if a.output {
						compareWithTwin(t, s, a, i, want, got)
					}
				}
			}
		})
	}
}

// compareWithTwin holds output i of a row against the twin's.
func compareWithTwin(t *testing.T, s *Set, a argument, i int, want, got *buffers) {
	t.Helper()
	different := 0
	report := func(at int, want, got any) {
		if different++; different < 4 {
			t.Errorf("%s: %s[%d]: expected %v, got %v", s.Name(), a.name, at, want, got)
		}
	}
	for j, value := range want.floats[i] {
		if got.floats[i][j] != value && a.isDefined(want, j) {
			report(j, value, got.floats[i][j])
		}
	}
	for j, value := range want.ints[i] {
		if got.ints[i][j] != value && a.isDefined(want, j) {
			report(j, value, got.ints[i][j])
		}
	}
	for j, value := range want.bytes[i] {
		if got.bytes[i][j] != value {
			report(j, value, got.bytes[i][j])
		}
	}
}

// special are values that take other paths through a floating-point unit.
var special = []float32{0, float32(math.Copysign(0, -1)), 1e-45, -1e-40, math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}

// setSpecials puts special values among those arguments that are not filled
// in a way of their own, one in so many.
func setSpecials(r row, b *buffers, values []float32, oneIn int) {
	random := rand.New(rand.NewPCG(3, 3))
	for i, a := range r.arguments {
		if a.fill != nil || a.floats == 0 {
			continue
		}
		for range a.floats/oneIn + 1 {
			b.floats[i][random.IntN(a.floats)] = values[random.IntN(len(values))]
		}
	}
}

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
					b := filled(r, 2, false, aligned.Bytes)
					if specials {
						setSpecials(r, b, special, 200)
					}
					runRow(t, s, r, b)
					results = append(results, b)
				}
				one, other := results[0], results[1]
				for i, argument := range r.arguments {
					if !argument.output {
						continue
					}
					for j, a := range one.floats[i] {
						b := other.floats[i][j]
						bothNaN := a != a && b != b
						if math.Float32bits(a) != math.Float32bits(b) && !bothNaN && argument.isDefined(one, j) {
							t.Fatalf("%s[%d]: avx2 %v, avx512 %v (special values: %v)", argument.name, j, a, b, specials)
						}
					}
					for j, a := range one.ints[i] {
						if b := other.ints[i][j]; a != b && argument.isDefined(one, j) {
							t.Fatalf("%s[%d]: avx2 %v, avx512 %v (special values: %v)", argument.name, j, a, b, specials)
						}
					}
					if !slices.Equal(one.bytes[i], other.bytes[i]) {
						t.Fatalf("%s: masks differ (special values: %v)", argument.name, specials)
					}
				}
			}
		})
	}
}

// TestBounds runs every kernel on buffers that lie between forbidden pages.
func TestBounds(t *testing.T) {
	generated := generatedSets(t)
	for _, r := range table() {
		for _, s := range generated {
			for _, atEnd := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/end=%v", r.name(), s.Name(), atEnd), func(t *testing.T) {
					debug.SetPanicOnFault(true) // of this goroutine, which ends with the subtest
					defer func() {
						if fault := recover(); fault != nil {
							t.Errorf("touches memory outside its arguments: %v", fault)
						}
					}()
					if err := r.call(s, r.images, filled(r, 3, false, between(t, atEnd))); err != nil {
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
			b := filled(r, 4, false, aligned.Bytes)
			switch {
			case a.floats > 0:
				b.floats[i] = b.floats[i][:a.floats-1]
			case a.ints > 0:
				b.ints[i] = b.ints[i][:a.ints-1]
			default:
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
		if err := r.call(&generic, 7, filled(r, 4, false, aligned.Bytes)); !errors.Is(err, ErrLength) {
			t.Errorf("%s: images 7: expected ErrLength, got %v", r.name(), err)
		}
	}
}

func TestAllocations(t *testing.T) {
	for _, r := range table() {
		for _, s := range sets(t) {
			b := filled(r, 5, false, aligned.Bytes)
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
				extension := strings.HasSuffix(path, ".clock") || strings.HasSuffix(path, ".vnniPeak") || strings.HasSuffix(path, ".bf16Peak")
				if v.IsNil() && !extension {
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
				buffers := filled(r, 6, false, aligned.Bytes)
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
