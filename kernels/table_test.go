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

// between is memory between two pages that cannot be touched, see guarded.
func between(t testing.TB, atEnd bool) memory {
	return func(bytes int) []byte { return guarded(t, bytes, atEnd) }
}

func (m memory) floats(n int) []float32 { return sliceOf[float32](m(4*n), n) }
func (m memory) ints(n int) []int32     { return sliceOf[int32](m(4*n), n) }

// run calls a case's kernel and fails if that changes what it only reads.
func (c Case) run(t *testing.T, s *Set, a *arguments) {
	t.Helper()
	before := a.clone()
	if err := c.bind(a)(s); err != nil {
		t.Fatal(err)
	}
	for _, argument := range c.arguments {
		if !argument.Output && !argument.Work {
			if at := difference(argument, before, a); at >= 0 {
				t.Fatalf("%s: changes %s%s, which it only reads", s.Name(), argument.Name, argument.layout.At(at))
			}
		}
	}
}

// difference returns the first element of an argument that differs in its bits
// but for those of NaN, or −1.
func difference(argument argument, one, other *arguments) int {
	name := argument.Name
	switch argument.Kind {
	case floatsKind:
		for at, v := range one.Floats[name] {
			w := other.Floats[name][at]
			if math.Float32bits(v) != math.Float32bits(w) && !(v != v && w != w) && argument.isDefined(one, at) {
				return at
			}
		}
	case bytesKind:
		return firstDifference(one.Bytes[name], other.Bytes[name], func(int) bool { return true })
	case integersKind:
		return firstDifference(one.Integers[name], other.Integers[name], func(at int) bool { return argument.isDefined(one, at) })
	case wordsKind:
		return firstDifference(one.Words[name], other.Words[name], func(int) bool { return true })
	}
	return -1
}

func firstDifference[T comparable](one, other []T, matters func(at int) bool) int {
	for at, v := range one {
		if other[at] != v && matters(at) {
			return at
		}
	}
	return -1
}

// element is an element of an argument, to print.
func element(argument argument, a *arguments, at int) any {
	switch argument.Kind {
	case floatsKind:
		return a.Floats[argument.Name][at]
	case bytesKind:
		return fmt.Sprintf("%08b", a.Bytes[argument.Name][at])
	case integersKind:
		return a.Integers[argument.Name][at]
	}
	return a.Words[argument.Name][at]
}

// mistakes prints what is wrong with a case's values, a few of each output and
// the number of the others, so that one wrong coefficient fits a screen.
type mistakes struct {
	t     *testing.T
	n     int
	where string
}

func (m *mistakes) report(argument argument, at int, format string, a ...any) {
	m.t.Helper()
	if m.n++; m.n <= 2 {
		m.t.Errorf("%s: %s%s: "+format, append([]any{m.where, argument.Name, argument.layout.At(at)}, a...)...)
	}
}

func (m *mistakes) end() {
	m.t.Helper()
	if m.n > 2 {
		m.t.Errorf("%s: and %d other values", m.where, m.n-2)
	}
	m.n = 0
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

// eachCase runs a test on every case. After two that fail it stops: one wrong
// coefficient is wrong in many.
func eachCase(t *testing.T, test func(t *testing.T, c Case)) {
	failed := 0
	for _, c := range Cases() {
		if !t.Run(c.Name(), func(t *testing.T) { test(t, c) }) {
			failed++
		}
		if failed == 2 {
			t.Fatal("two cases fail; the others are not run")
		}
	}
}

// TestTwins holds the generated kernels against plain Go on small integers, where
// nothing is rounded. TestExact holds both against float64.
func TestTwins(t *testing.T) {
	generated := generatedSets(t)
	eachCase(t, func(t *testing.T, c Case) {
		if !c.Integers {
			return
		}
		want := c.filled(1, true, nil)
		c.run(t, &generic, want)
		for _, s := range generated {
			got := c.filled(1, true, nil)
			c.run(t, s, got)
			for _, argument := range c.arguments {
				if argument.Output {
					compareWithTwin(t, s, argument, want, got)
				}
			}
		}
	})
}

// compareWithTwin holds an output against the twin's. Zeros of either sign are
// the same.
func compareWithTwin(t *testing.T, s *Set, argument argument, want, got *arguments) {
	t.Helper()
	m := mistakes{t: t, where: s.Name()}
	for at := range argument.length() {
		w, g := element(argument, want, at), element(argument, got, at)
		if w != g && argument.isDefined(want, at) {
			m.report(argument, at, "expected %v, got %v", w, g)
		}
	}
	m.end()
}

// special are values that take other paths through a floating-point unit.
var special = []float32{0, float32(math.Copysign(0, -1)), 1e-45, -1e-40, math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}

// setSpecials puts special values among those arguments that are not filled
// in a way of their own, one in so many.
func setSpecials(c Case, a *arguments, values []float32, oneIn int) {
	random := rand.New(rand.NewPCG(3, 3))
	for _, argument := range c.arguments {
		if argument.fill != nil || argument.Kind != floatsKind {
			continue
		}
		of := a.Floats[argument.Name]
		for range len(of)/oneIn + 1 {
			of[random.IntN(len(of))] = values[random.IntN(len(values))]
		}
	}
}

// TestSameBits holds AVX2 against AVX-512, on ordinary and on special values.
func TestSameBits(t *testing.T) {
	all := sets(t)
	if len(all) < 3 {
		t.Skipf("this machine or build has %s only", strings.Join(Available(), ", "))
	}
	eachCase(t, func(t *testing.T, c Case) {
		for _, specials := range []bool{false, true} {
			var results []*arguments
			for _, s := range all[1:] {
				a := c.filled(2, false, nil)
				if specials {
					setSpecials(c, a, special, 200)
				}
				c.run(t, s, a)
				results = append(results, a)
			}
			for _, argument := range c.arguments {
				if !argument.Output {
					continue
				}
				if at := difference(argument, results[0], results[1]); at >= 0 {
					t.Fatalf("%s%s: avx2 %v, avx512 %v (special values: %v)", argument.Name, argument.layout.At(at),
						element(argument, results[0], at), element(argument, results[1], at), specials)
				}
			}
		}
	})
}

// TestBounds runs every kernel on buffers that lie between forbidden pages.
func TestBounds(t *testing.T) {
	generated := generatedSets(t)
	for _, c := range Cases() {
		for _, s := range generated {
			for _, atEnd := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/end=%v", c.Name(), s.Name(), atEnd), func(t *testing.T) {
					debug.SetPanicOnFault(true) // of this goroutine, which ends with the subtest
					defer func() {
						if fault := recover(); fault != nil {
							t.Errorf("touches memory outside its arguments: %v", fault)
						}
					}()
					if err := c.bind(c.filled(3, false, between(t, atEnd)))(s); err != nil {
						t.Fatal(err)
					}
				})
			}
		}
	}
}

// TestContracts hands every method of Set buffers that are too short by one
// element and numbers that do not fit: errors that name kernel and argument.
func TestContracts(t *testing.T) {
	for _, c := range Cases() {
		if c.Unchecked {
			continue
		}
		check := func(what string, argument argument, a *arguments) {
			t.Helper()
			err := c.bind(a)(&generic)
			if !errors.Is(err, ErrLength) || !strings.Contains(err.Error(), c.Kernel+":") {
				t.Errorf("%s: %s %s: expected ErrLength that names the kernel, got %v", c.Name(), argument.Name, what, err)
			} else if argument.Name == "images" && !strings.Contains(err.Error(), ": images: ") {
				// Another argument is too short for so many images; the number itself went through.
				t.Errorf("%s: images %s: expected an error that names them, got %v", c.Name(), what, err)
			}
		}
		for _, argument := range c.arguments {
			name, n := argument.Name, argument.length()
			a := c.filled(4, false, nil)
			switch argument.Kind {
			case floatsKind:
				a.Floats[name] = a.Floats[name][:n-1]
			case bytesKind:
				a.Bytes[name] = a.Bytes[name][:n-1]
			case integersKind:
				a.Integers[name] = a.Integers[name][:n-1]
			case wordsKind:
				a.Words[name] = a.Words[name][:n-1]
			case numberKind:
				if len(argument.Outside) == 0 {
					t.Errorf("%s: %s has no values that do not fit", c.Name(), name)
				}
				for _, value := range argument.Outside {
					if value != argument.Value {
						other := *a // has the same slices
						other.Numbers, other.counts = copiedMap(a.Numbers), copiedMap(a.counts)
						other.Numbers[name] = value
						delete(other.counts, name)
						check(fmt.Sprint(value), argument, &other)
					}
				}
				continue
			}
			check("too short", argument, a)
		}
	}
}

func TestAllocations(t *testing.T) {
	for _, c := range Cases() {
		for _, s := range sets(t) {
			call := c.bind(c.filled(5, false, nil))
			// The count is the process's; what a kernel allocates it allocates every time.
			least := math.Inf(1)
			for range 5 {
				least = min(least, testing.AllocsPerRun(1, func() { call(s) }))
				if least == 0 {
					break
				}
			}
			if least != 0 {
				t.Errorf("%s/%s: %v allocations", c.Name(), s.Name(), least)
			}
		}
	}
}

// TestTableIsComplete fails when a method of Set or a generated kernel has no
// case, or a set lacks a kernel.
func TestTableIsComplete(t *testing.T) {
	var names []string
	for _, c := range Cases() {
		names = append(names, c.Kernel)
	}
	methods := reflect.TypeFor[*Set]()
	for i := range methods.NumMethod() {
		if name := methods.Method(i).Name; name != "Name" && !slices.Contains(ceilings, name) && !slices.Contains(names, name) {
			t.Errorf("%s has no case", name)
		}
	}
	extensions := []string{"clock", "vnniPeak", "bf16Peak"}
	for _, s := range sets(t) {
		kernels := reflect.ValueOf(s.functions)
		for i := range kernels.NumField() {
			name, field := kernels.Type().Field(i).Name, kernels.Field(i)
			if slices.Contains(extensions, name) {
				continue
			}
			same := func(other string) bool { return strings.EqualFold(other, name) }
			if !slices.ContainsFunc(names, same) && !slices.ContainsFunc(ceilings, same) {
				t.Errorf("%s has no case", name)
			}
			if field.Kind() == reflect.Func && field.IsNil() {
				t.Errorf("%s: %s is missing", s.Name(), name)
			}
			for j := 0; field.Kind() == reflect.Array && j < field.Len(); j++ {
				if field.Index(j).IsNil() {
					t.Errorf("%s: %s[%d] is missing", s.Name(), name, j)
				}
			}
		}
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
	for _, c := range Cases() {
		for _, s := range sets(b) {
			b.Run(fmt.Sprintf("%s/isa=%s", c.Name(), s.Name()), func(b *testing.B) {
				call := c.bind(c.filled(6, false, nil))
				for b.Loop() {
					if err := call(s); err != nil {
						b.Fatal(err)
					}
				}
				nanoseconds := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / c.Work
				b.ReportMetric(nanoseconds/1000, "µs/image")
				if c.Dense > 0 {
					b.ReportMetric(c.Dense/nanoseconds, "dense-GFLOP/s")
					b.ReportMetric(c.Dense/nanoseconds/peaks[s.Name()], "x-peak")
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
