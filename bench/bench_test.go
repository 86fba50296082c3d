package bench

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// TestSummary: the interval covers the true median in 95 of 100 cases, also of
// a skewed distribution.
func TestSummary(t *testing.T) {
	const trials = 4000
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{6, 11, 30, 31} {
		covered := 0
		for range trials {
			samples := make([]float64, n)
			for i := range samples {
				samples[i] = r.ExpFloat64() // its median is ln 2
			}
			if s := summarise(samples); s.low <= 0.6931471805599453 && 0.6931471805599453 <= s.high {
				covered++
			}
		}
		// Three standard deviations of the count below 95 %.
		if float64(covered) < trials*0.95-3*14 {
			t.Errorf("%d samples: %d of %d intervals cover the median", n, covered, trials)
		}
	}
	if s := summarise([]float64{5, 1, 2, 3, 4, 100}); s.median != 3.5 || s.low != 1 || s.high != 100 || s.outliers != 1 {
		t.Errorf("got %+v", s)
	}
	if s := summarise([]float64{7}); s.median != 7 || s.low != 7 || s.high != 7 {
		t.Errorf("one sample: got %+v", s)
	}
}

// TestMeasure: samples are taken in turn, and the end of the context ends it.
func TestMeasure(t *testing.T) {
	clock := time.Unix(0, 0)
	now = func() time.Time { return clock }
	defer func() { now = time.Now }()
	var order []string
	timed := func(name string, most int) *measurement {
		return &measurement{row: Row{Name: name, Unit: "µs/image"}, most: most, run: func(n int) (float64, error) {
			clock = clock.Add(time.Duration(n) * time.Microsecond)
			order = append(order, name)
			return float64(n), nil
		}}
	}
	a, b := timed("a", 0), timed("b", 2)
	if err := measure(context.Background(), []*measurement{a, b}, time.Millisecond, 4); err != nil {
		t.Fatal(err)
	}
	if len(a.samples) != 4 || len(b.samples) != 2 {
		t.Fatalf("expected 4 and 2 samples, got %d and %d", len(a.samples), len(b.samples))
	}
	// The two samples of b are spread over the four rounds.
	if last := order[len(order)-3:]; !slices.Equal(last, []string{"a", "a", "b"}) {
		t.Errorf("samples are not taken in turn: the last are %v", last)
	}
	for _, s := range append(a.samples, b.samples...) {
		if math.Abs(s.value-1) > 1e-9 {
			t.Errorf("1 µs took %v µs", s.value)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := measure(ctx, []*measurement{timed("c", 0)}, time.Millisecond, 4); !errors.Is(err, context.Canceled) {
		t.Errorf("expected context.Canceled, got %v", err)
	}
}

// TestCalibrateStalled: a stall in any one run of the calibration leaves the
// samples as long as they are to be.
func TestCalibrateStalled(t *testing.T) {
	const each = 88 * time.Nanosecond
	defer func() { now = time.Now }()
	for _, stall := range []time.Duration{time.Millisecond, 5 * time.Millisecond, 200 * time.Millisecond} {
		for stalled := range 20 {
			clock, runs := time.Unix(0, 0), 0
			now = func() time.Time { return clock }
			m := &measurement{run: func(n int) (float64, error) {
				clock = clock.Add(time.Duration(n) * each)
				if runs == stalled {
					clock = clock.Add(stall)
				}
				runs++
				return float64(n), nil
			}}
			if err := m.calibrate(10 * time.Millisecond); err != nil {
				t.Fatal(err)
			}
			if took := time.Duration(m.n) * each; took < 8*time.Millisecond || took > 12*time.Millisecond {
				t.Errorf("a stall of %v in run %d: samples of %v", stall, stalled, took)
			}
		}
	}
}

// TestShort: a sample that is much shorter than it was to be, because both runs of
// the calibration were stalled as long, calibrates again.
func TestShort(t *testing.T) {
	clock, runs := time.Unix(0, 0), 0
	now = func() time.Time { return clock }
	defer func() { now = time.Now }()
	m := &measurement{row: Row{Name: "a", Unit: "ns"}, run: func(n int) (float64, error) {
		clock = clock.Add(time.Duration(n) * time.Millisecond)
		if runs++; runs <= 2 {
			clock = clock.Add(20 * time.Millisecond)
		}
		return float64(n), nil
	}}
	if err := measure(context.Background(), []*measurement{m}, 10*time.Millisecond, 3); err != nil {
		t.Fatal(err)
	}
	if m.n < 5 || m.n > 20 || len(m.samples) != 3 {
		t.Errorf("samples of %d ms", m.n)
	}
}

// TestStall: a stall in any one run, of calibration or of sampling, changes no
// figure of a row but its interval's end, as if there were none.
func TestStall(t *testing.T) {
	const each = 88 * time.Nanosecond
	defer func() { now = time.Now }()
	for _, stall := range []time.Duration{time.Millisecond, 5 * time.Millisecond, 200 * time.Millisecond} {
		for stalled := range 60 {
			clock, runs := time.Unix(0, 0), 0
			now = func() time.Time { return clock }
			m := &measurement{row: Row{Name: "a", Unit: "ns"}, run: func(n int) (float64, error) {
				clock = clock.Add(time.Duration(n) * each)
				if runs == stalled {
					clock = clock.Add(stall)
				}
				runs++
				return float64(n), nil
			}}
			if err := measure(context.Background(), []*measurement{m}, 10*time.Millisecond, 45); err != nil {
				t.Fatal(err)
			}
			m.finish()
			if m.row.Value != 88 || m.row.Best != 88 || m.row.Samples != 45 {
				t.Errorf("a stall of %v in run %d: %+v", stall, stalled, m.row)
			}
			if took := time.Duration(m.n) * each; took < 5*time.Millisecond || took > 20*time.Millisecond {
				t.Errorf("a stall of %v in run %d: samples of %v", stall, stalled, took)
			}
		}
	}
}

// TestEveryKernel: every kernel is measured, once.
func TestEveryKernel(t *testing.T) {
	measured := map[string]int{}
	for _, c := range kernels.Cases() {
		measured[c.Kernel] += 0
		if c.Measured {
			measured[c.Kernel]++
			if c.Work <= 0 || c.Touched() <= 0 || c.Dense < 0 || c.Executed < 0 {
				t.Errorf("%s: %v images, %v bytes, %v and %v operations", c.Name(), c.Work, c.Touched(), c.Dense, c.Executed)
			}
		}
	}
	for name, n := range measured {
		if n != 1 {
			t.Errorf("%s is measured %d times", name, n)
		}
	}
}

// TestParts: a part is measured with the ceilings that its rows are set against,
// on the images and with the model that are given, and without a score.
func TestParts(t *testing.T) {
	isas := kernels.Available()
	if len(isas) == 1 {
		t.Skip("plain Go takes minutes")
	}
	isa := isas[len(isas)-1]
	images := mnist.Synthetic(fewImages, 9)
	report, err := Run(context.Background(), Options{ISA: isa, Quick: true, Parts: []string{Infer}, Images: &images, Model: lenet.NewModel(2)}) // no Progress: nobody asks
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range report.Rows {
		if row.Name == InferRate && row.TimesPeak > 0 && row.Unit == imagesPerSecond {
			continue
		}
		wanted := row.Group == "whole" && row.Name == Infer && row.ISA == isa && row.TimesPeak > 0 && row.P99 >= row.P50 && row.P50 > 0
		needed := row.Group == "ceiling" && (row.Name == clockName || row.Name == PeakName && row.ISA == isa)
		if !wanted && !needed {
			t.Errorf("not asked for: %+v", row)
		}
		if len(row.Series) != row.Samples {
			t.Errorf("%s: expected %d samples, got %d", row.Key(), row.Samples, len(row.Series))
		}
	}
	if report.Score != (Score{}) {
		t.Errorf("other images and weights have a score: %+v", report.Score)
	}
	if _, err := Run(context.Background(), Options{Parts: []string{Train}, Images: &mnist.Set{}}); err == nil || !strings.Contains(err.Error(), "expected at least 1000") {
		t.Errorf("no images: %v", err)
	}
}

// TestSamples: every kernel is measured often enough for an interval.
func TestSamples(t *testing.T) {
	plain, err := kernels.Select("generic")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range kernelMeasurements([]*kernels.Set{plain}) {
		if m.most < FewestSamples {
			t.Errorf("%s: %d samples", m.row.Name, m.most)
		}
	}
}

// TestLoad: a load that is not the run's own is a warning.
func TestLoad(t *testing.T) {
	for load, want := range map[float64]int{0: 0, 2.4: 0, 2.6: 1} {
		m := Machine{Used: 2}
		if m.after(load); len(m.Warnings) != want || m.LoadAfter != load {
			t.Errorf("load %v: %+v", load, m)
		}
	}
}

func TestTopology(t *testing.T) {
	var m Machine
	m.topology("processor\t: 0\nphysical id\t: 0\ncore id\t: 0\n\nprocessor\t: 1\nphysical id\t: 0\ncore id\t: 0\n\nprocessor\t: 2\nphysical id\t: 1\ncore id\t: 0\n")
	if m.Cores != 2 || m.Sockets != 2 {
		t.Errorf("expected two cores on two sockets, got %+v", m)
	}
	if got := bracketed("always [madvise] never"); got != "madvise" {
		t.Errorf("huge pages: %q", got)
	}
}

// TestLevels: on any number of threads, what is read comes from the level that
// is measured.
func TestLevels(t *testing.T) {
	for _, c := range []caches{
		{32 << 10, 1 << 20, 32 << 20, 1},     // two cores of a server in a virtual machine
		{32 << 10, 1 << 20, 32 << 20, 12},    // a server of twelve dies
		{48 << 10, 2 << 20, 105 << 20, 2},    // two sockets
		{32 << 10, 1 << 20, 11 << 18, 1},     // an L3 of less than 3 MB
		{32 << 10, 256 << 10, 6 << 20, 1},    // a laptop
		{128 << 10, 4 << 20, 0, 1},           // no L3
		{32 << 10, 2 << 20, 3 << 20, 1},      // an L3 that is hardly larger than L2
		{32 << 10, 1 << 20, 1152 << 20, 100}, // larger than an int of 32 bits
	} {
		for n := 1; n <= 256; n++ {
			names := ""
			for _, l := range levels(c) {
				names += l.name + " "
				each := l.each(n)
				if each <= 0 || each%(4*shape.ReadStep) != 0 {
					t.Errorf("%+v, %d threads, %s: %d bytes", c, n, l.name, each)
				}
				switch l.name {
				case "L1":
					if each > c.l1*3/4 {
						t.Errorf("%+v: L1 is read by %d bytes", c, each)
					}
				case "L2":
					if each < 2*c.l1 || each > c.l2*3/4 {
						t.Errorf("%+v: L2 is read by %d bytes", c, each)
					}
				case "L3":
					fits := n*c.l2*3/2 <= c.l3*3/4
					if each < c.l2*3/2 || fits && n*each > c.l3*3/4 {
						t.Errorf("%+v, %d threads: L3 is read by %d bytes each", c, n, each)
					}
				case "memory":
					if least := min(4*int64(c.l3)*int64(c.l3Count), math.MaxInt/2); each < 4*c.l2 || int64(n)*int64(each) < least-256<<10 {
						t.Errorf("%+v, %d threads: memory is read by %d bytes each", c, n, each)
					}
				}
			}
			if want := map[bool]string{true: "L1 L2 L3 memory ", false: "L1 L2 memory "}[c.l3 >= 2*c.l2]; names != want {
				t.Fatalf("%+v: expected %s, got %s", c, want, names)
			}
		}
	}
}

// TestCeilings: there is a peak of multiply-adds for every row of the whole
// network.
func TestCeilings(t *testing.T) {
	const threads = 6
	var sets []*kernels.Set
	for _, isa := range kernels.Available() {
		s, err := kernels.Select(isa)
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, s)
	}
	all := ceilings(sets, sets[0], threads)
	has := func(name, isa string, n int) bool {
		return slices.ContainsFunc(all, func(m *measurement) bool { return m.row.Name == name && m.row.ISA == isa && m.row.Threads == n })
	}
	for _, s := range sets {
		for _, n := range threadCounts(threads) {
			if !has(PeakName, s.Name(), n) {
				t.Errorf("no peak of %s on %d threads", s.Name(), n)
			}
			if !has("reading L2", sets[0].Name(), n) {
				t.Errorf("no reading from L2 on %d threads", n)
			}
		}
		for _, name := range []string{"FMA, memory operand", "FMA, broadcast operand"} {
			if !has(name, s.Name(), 1) || !has(name, s.Name(), threads) {
				t.Errorf("no %s of %s", name, s.Name())
			}
		}
	}
	for _, m := range all {
		if work, err := m.run(1); err != nil || work <= 0 {
			t.Errorf("%s: %v, error %v", m.row.Key(), work, err)
		}
	}
}

// TestOnMNIST: without MNIST, and on other images in its place, there is a note
// and no time.
func TestOnMNIST(t *testing.T) {
	dir := t.TempDir()
	note := func(isa, want string) {
		t.Helper()
		rows, notes, err := onMNIST(context.Background(), isa, mnist.Options{Dir: dir}, nil)
		if err != nil || len(rows) != 0 || len(notes) != 1 || !strings.Contains(notes[0], want) {
			t.Errorf("%s: expected a note with %q, got %v, %q, error %v", isa, want, rows, notes, err)
		}
	}
	note("generic", "plain Go")
	note("avx2", "not on this machine")
	one := mnist.Synthetic(1, 1)
	for _, set := range []string{"train", "t10k"} {
		for name, content := range map[string][]byte{
			"-images-idx3-ubyte": append([]byte{0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28}, one.Images...),
			"-labels-idx1-ubyte": append([]byte{0, 0, 8, 1, 0, 0, 0, 1}, one.Labels...),
		} {
			if err := os.WriteFile(filepath.Join(dir, set+name), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	note("avx2", "is not MNIST")
}
