package bench

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/klauspost/cpuid/v2"

	"github.com/kernelet/kernelet/internal/shape"
	"github.com/kernelet/kernelet/kernels"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// text is a file of a made-up /sys.
func text(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s + "\n")} }

// TestSensors: the packages' energy adds up over the end of a counter's range;
// parts of packages, the whole board and the temperatures of disks do not count.
func TestSensors(t *testing.T) {
	system := fstest.MapFS{
		"class/powercap/intel-rapl:0/name":                  text("package-0"),
		"class/powercap/intel-rapl:0/energy_uj":             text("1000000"),
		"class/powercap/intel-rapl:0/max_energy_range_uj":   text("65532610987"),
		"class/powercap/intel-rapl:1/name":                  text("package-1"),
		"class/powercap/intel-rapl:1/energy_uj":             text("65532000000"),
		"class/powercap/intel-rapl:1/max_energy_range_uj":   text("65532610987"),
		"class/powercap/intel-rapl:0:0/name":                text("core"),
		"class/powercap/intel-rapl:0:0/energy_uj":           text("5"),
		"class/powercap/intel-rapl:0:0/max_energy_range_uj": text("10"),
		"class/powercap/intel-rapl:2/name":                  text("psys"),
		"class/powercap/intel-rapl:2/energy_uj":             text("5"),
		"class/powercap/intel-rapl:2/max_energy_range_uj":   text("10"),
		"class/hwmon/hwmon0/name":                           text("nvme"),
		"class/hwmon/hwmon0/temp1_input":                    text("90000"),
		"class/hwmon/hwmon1/name":                           text("k10temp"),
		"class/hwmon/hwmon1/temp1_input":                    text("61500"),
		"class/hwmon/hwmon1/temp3_input":                    text("58000"),
	}
	s := newSensors(system)
	if joules, ok := s.joules(); !ok || joules != 0 {
		t.Errorf("at the beginning: %v, %v", joules, ok)
	}
	system["class/powercap/intel-rapl:0/energy_uj"] = text("4000000")
	system["class/powercap/intel-rapl:1/energy_uj"] = text("1389013") // 2 J later, over the end
	if joules, ok := s.joules(); !ok || math.Abs(joules-5) > 1e-9 {
		t.Errorf("expected 3 + 2 J, got %v, %v", joules, ok)
	}
	if celsius, ok := s.hottest(); !ok || celsius != 61.5 {
		t.Errorf("expected 61.5 °C, got %v, %v", celsius, ok)
	}
	delete(system, "class/powercap/intel-rapl:1/energy_uj")
	if joules, ok := s.joules(); ok {
		t.Errorf("a counter that cannot be read any more: %v", joules)
	}
	zones := newSensors(fstest.MapFS{"class/thermal/thermal_zone0/type": text("acpitz"), "class/thermal/thermal_zone0/temp": text("20000"),
		"class/thermal/thermal_zone1/type": text("x86_pkg_temp"), "class/thermal/thermal_zone1/temp": text("47000")})
	if celsius, ok := zones.hottest(); !ok || celsius != 47 {
		t.Errorf("a thermal zone: expected 47 °C, got %v, %v", celsius, ok)
	}
	none := newSensors(fstest.MapFS{})
	if _, ok := none.joules(); ok {
		t.Error("energy without counters")
	}
	if _, ok := none.hottest(); ok {
		t.Error("a temperature without sensors")
	}
}

// TestStress: all threads compute the same bits, moments are seen, with the
// energy and temperature of a made-up system; the end of the context ends it.
func TestStress(t *testing.T) {
	isas := kernels.Available()
	if len(isas) == 1 {
		t.Skip("plain Go takes minutes")
	}
	system := fstest.MapFS{"class/thermal/thermal_zone1/type": text("x86_pkg_temp"), "class/thermal/thermal_zone1/temp": text("47000"),
		"class/powercap/intel-rapl:0/name": text("package-0"), "class/powercap/intel-rapl:0/energy_uj": text("7"), "class/powercap/intel-rapl:0/max_energy_range_uj": text("9")}
	seen := 0
	s, err := RunStress(context.Background(), StressOptions{Duration: 900 * time.Millisecond, Every: 200 * time.Millisecond, System: system, Progress: func(Moment) { seen++ }})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 || seen != len(s.Moments) || s.Checked == 0 || len(s.Wrong) != 0 {
		t.Errorf("%d moments, %+v", seen, s)
	}
	for _, m := range s.Moments {
		if m.Rate < 0 || m.Celsius != 47 || m.Watts != 0 || m.ClockLow > m.Clock*(1+1e-5) {
			t.Errorf("moment %+v", m)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	s, err = RunStress(ctx, StressOptions{Duration: time.Hour, Every: 50 * time.Millisecond, Progress: func(Moment) { cancel() }})
	if !errors.Is(err, context.Canceled) || s == nil || len(s.Moments) == 0 {
		t.Errorf("cancelled: %+v, error %v", s, err)
	}
	if _, err := RunStress(context.Background(), StressOptions{}); err == nil {
		t.Error("no duration: expected an error")
	}
}

// TestStressCompare: the processors whose losses differ are named, and all if
// nobody knows who is right.
func TestStressCompare(t *testing.T) {
	for _, c := range []struct {
		losses [][]uint64
		want   []int
	}{
		{[][]uint64{{1, 2, 3}, {1, 2}, {1}}, nil},
		{[][]uint64{{1, 2, 3}, {1, 2}, {1, 9}}, []int{12}},
		{[][]uint64{{1, 2}, {1, 9}}, []int{10, 11}},
		{[][]uint64{{1}, {9}, {9}}, []int{10}},
	} {
		threads := make([]stressed, len(c.losses))
		for i, l := range c.losses {
			threads[i].losses = l
		}
		s := &Stress{}
		if s.compare(threads, []int{10, 11, 12}); !slices.Equal(s.Wrong, c.want) {
			t.Errorf("%v: expected %v, got %v", c.losses, c.want, s.Wrong)
		}
	}
}

// TestPerCore: each processor alone, and both of a core together.
func TestPerCore(t *testing.T) {
	r := &rates{threads: &pinned{}}
	on := []processor{{0, []int{0, 2}}, {1, []int{1, 3}}, {2, []int{0, 2}}, {3, []int{1, 3}}, {7, []int{7, 8}}}
	var names []string
	for _, m := range r.perCore("avx2", on, Options{Parts: []string{Train}}) {
		if want := 1 + strings.Count(m.row.Name, "+"); m.row.Threads != want || m.row.Group != coreGroup {
			t.Errorf("%+v", m.row)
		}
		names = append(names, m.row.Name)
	}
	if got, want := strings.Join(names, "; "), "train rate, processor 0; train rate, processor 1; train rate, processor 2; train rate, processor 3; train rate, processor 7; train rate, processors 0+2; train rate, processors 1+3"; got != want {
		t.Errorf("expected %s, got %s", want, got)
	}
}

// TestProcessors: lists of processors as Linux writes them, and those of this
// machine, each once.
func TestProcessors(t *testing.T) {
	for list, want := range map[string][]int{"0": {0}, "0,64": {0, 64}, "0-3,8": {0, 1, 2, 3, 8}, "": nil, "a-b": nil, "1-": nil, "0-99999999": nil} {
		if got := numbers(list); !slices.Equal(got, want) {
			t.Errorf("%q: expected %v, got %v", list, want, got)
		}
	}
	seen := map[int]bool{}
	for _, p := range processors() {
		if seen[p.Number] || !slices.Contains(p.Siblings, p.Number) {
			t.Errorf("processor %+v", p)
		}
		seen[p.Number] = true
	}
	if len(seen) == 0 {
		t.Error("no processors")
	}
}

// TestRate: the rate is the sum of the threads' own, and an error of one ends all.
func TestRate(t *testing.T) {
	p := newPinned([]int{-1, -2})
	defer p.close()
	var done [2]int
	rate, lost, err := p.rate([]int{0, 1}, 40*time.Millisecond, 10, func(thread int) error {
		time.Sleep(time.Duration(thread+1) * time.Millisecond)
		done[thread]++
		return nil
	})
	// A sleep can be longer than asked, never shorter: 10 images in 1 and in 2 ms.
	if err != nil || rate <= 0 || rate > 15_000 || lost < 0 || lost > 1 || done[0] == 0 || done[1] == 0 {
		t.Errorf("%v images a second, error %v, %v", rate, err, done)
	}
	failure := errors.New("no")
	if _, _, err := p.rate([]int{1}, time.Millisecond, 10, func(int) error { return failure }); !errors.Is(err, failure) {
		t.Errorf("expected the work's error, got %v", err)
	}
}

// TestRatesMeasure: networks of their own on every thread train and classify.
func TestRatesMeasure(t *testing.T) {
	isas := kernels.Available()
	set, err := kernels.Select(isas[len(isas)-1])
	if err != nil {
		t.Fatal(err)
	}
	if len(isas) == 1 {
		t.Skip("plain Go takes minutes")
	}
	data := mnist.Synthetic(400, 1)
	r, err := newRates(context.Background(), set, processors(), &data, lenet.NewModel(1))
	defer r.close()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{TrainRate, InferRate} {
		m := r.measurement("whole", name, set.Name(), first(len(r.trainers)))
		if err := measure(context.Background(), []*measurement{m}, 5*time.Millisecond, 3); err != nil {
			t.Fatal(err)
		}
		if m.finish(); !(m.row.Value > 0) || m.row.Best < m.row.Value || m.row.DenseGFLOPs <= 0 || !m.row.Rate() {
			t.Errorf("%+v", m.row)
		}
	}
}

// TestSuspicion: rows that no machine can have, and those of a real one.
func TestSuspicion(t *testing.T) {
	report := func(rows ...Row) *Report {
		r := &Report{Rows: rows}
		r.Machine.Clock = 4
		return r
	}
	ceiling := func(name, isa string, threads int, value float64) Row {
		return Row{Group: "ceiling", Name: name, ISA: isa, Threads: threads, Unit: "GFLOP/s", Value: value, Best: value}
	}
	peak := ceiling(PeakName, "avx512", 1, 250)
	for name, c := range map[string]struct {
		row  Row
		want string
	}{
		"a real peak":             {ceiling(PeakName, "avx512", 2, 500), ""},
		"an impossible peak":      {ceiling(PeakName, "avx512", 1, 400), "multiply-adds"},
		"two threads, four times": {ceiling(PeakName, "avx512", 2, 751), "more than 3 times as fast as one thread"},
		"far from the best":       {Row{Group: "ceiling", Name: PeakName, ISA: "avx2", Unit: "GFLOP/s", Value: 3.5, Best: 113}, "slower than the best"},
		"L2 faster than L1":       {ceiling(ReadingPrefix+"L2", "avx512", 1, 700), "nearer level"},
		"memory in a cycle":       {ceiling(ReadingPrefix+"L1", "avx512", 1, 1100), "bytes a cycle"},
		"469 × peak":              {Row{Group: "whole", Name: Train, ISA: "avx512", Threads: 1, Unit: "µs/image", Value: 1, Best: 1, TimesPeak: 469}, "× the peak"},
		"kernel beyond the peak":  {Row{Group: "kernel", Name: "Adam", ISA: "avx512", Threads: 1, Unit: "µs/image", Value: 1, Best: 1, ExecutedGFLOPs: 400}, "times the peak"},
		"a real kernel":           {Row{Group: "kernel", Name: "Adam", ISA: "avx512", Threads: 1, Unit: "µs/image", Value: 1, Best: 1, ExecutedGFLOPs: 260}, ""},
	} {
		r := report(peak, ceiling(ReadingPrefix+"L1", "avx512", 1, 500), c.row)
		if got := r.suspicion(&c.row); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: expected %q, got %q", name, c.want, got)
		}
	}
}

// TestDisturbances: a warning says whose doing it was.
func TestDisturbances(t *testing.T) {
	quiet := Row{Group: "whole", Name: "quiet", Threads: 1, Samples: 45, Clock: 4}
	waited, throttled, unsteady, suspect := quiet, quiet, quiet, quiet
	waited.Name, waited.Waited, waited.Unsteady = "waited", .3, true
	throttled.Name, throttled.Clock, throttled.Unsteady = "throttled", 3, true
	unsteady.Name, unsteady.Unsteady = "unsteady", true
	suspect.Name, suspect.Suspect = "suspect", "too fast"
	r := &Report{Rows: []Row{quiet, waited, throttled, unsteady, suspect}, Seconds: 10}
	r.Machine.Used = 2
	r.disturbances(time.Second)
	warnings := strings.Join(r.Machine.Warnings, "\n")
	for _, want := range []string{"scheduler: the threads of Whole/waited/threads=1 waited", "hypervisor: it kept the processors for 5 %", "clock: 4.00 GHz at most, but down to 3.00 in Whole/throttled",
		"hardware: Whole/unsteady/threads=1 unsteady", "Whole/suspect/threads=1 (too fast)"} {
		if !strings.Contains(warnings, want) {
			t.Errorf("expected %q in\n%s", want, warnings)
		}
	}
	if strings.Contains(warnings, "quiet") || len(r.Machine.Warnings) != 5 {
		t.Errorf("warnings:\n%s", warnings)
	}
	calm := &Report{Rows: []Row{quiet}, Seconds: 10}
	calm.Machine.Used = 2
	if calm.disturbances(0); len(calm.Machine.Warnings) != 0 {
		t.Errorf("a quiet run: %q", calm.Machine.Warnings)
	}
	if got := listed([]string{"a", "b", "c", "d", "e"}); got != "a, b, c and 2 more rows" {
		t.Errorf("listed: %s", got)
	}
}

// TestWaterfall: the bars of a made-up run add up to the measured step, and are
// what their names say.
func TestWaterfall(t *testing.T) {
	r := &Report{Rows: []Row{{Group: "ceiling", Name: PeakName, ISA: "avx2", Threads: 1, Unit: "GFLOP/s", Value: 100}}}
	for name, part := range stepKernels {
		operations := map[int]float64{winogradPart: 1e5, poolingPart: 2e5, fc1Part: 3e5, otherPart: 4e4}[part]
		r.Rows = append(r.Rows, Row{Group: "kernel", Name: name, ISA: "avx2", Threads: 1, Unit: "µs/image", Value: 2, ExecutedGFLOPs: operations / 2e3})
	}
	of := Row{Group: "whole", Name: Train, ISA: "avx2", Threads: 1, Batch: 100}
	if _, ok := r.waterfall(&of); ok {
		t.Error("a waterfall without phases")
	}
	r.Rows = append(r.Rows, Row{Group: phaseGroup, Name: "a", ISA: "avx2", Threads: 1, Batch: 100, Value: 50, Waiting: 3}, Row{Group: phaseGroup, Name: restName, ISA: "avx2", Threads: 1, Batch: 100, Value: 1.5})
	w, ok := r.waterfall(&of)
	if !ok || w.Measured != 51.5 {
		t.Fatalf("%+v, %v", w, ok)
	}
	sum, bars := 0.0, map[string]float64{}
	for _, b := range w.Bars {
		sum += b.Microseconds
		bars[b.Name] = b.Microseconds
	}
	if math.Abs(sum-w.Measured) > 1e-9 {
		t.Errorf("the bars add up to %v, measured %v", sum, w.Measured)
	}
	for name, want := range map[string]float64{
		"the dense algorithm at the peak": TrainFLOPs / 1e5, "waiting for other threads": 3, restName: 1.5,
		"zeros: pooling": (2e5 - shape.Conv1FLOPs) / 1e5, "dropout": -1.5 * shape.FC1FLOPs / 1e5, "zeros: ReLU": (9e5 - 1.5*shape.FC1FLOPs) / 1e5,
	} {
		if math.Abs(bars[name]-want) > 1e-9 {
			t.Errorf("%s: expected %v, got %v", name, want, bars[name])
		}
	}
}

// TestMicroarchitecture: models at the edges of the ranges, and unknown ones.
func TestMicroarchitecture(t *testing.T) {
	for _, c := range []struct {
		vendor        cpuid.Vendor
		family, model int
		want          string
	}{
		{cpuid.AMD, 25, 17, "Zen 4"}, {cpuid.AMD, 25, 0x0f, "Zen 3"}, {cpuid.AMD, 25, 0x61, "Zen 4"}, {cpuid.AMD, 26, 2, "Zen 5"}, {cpuid.AMD, 26, 0x50, ""},
		{cpuid.Intel, 6, 0x8f, "Golden Cove"}, {cpuid.Intel, 6, 0x55, "Skylake"}, {cpuid.Intel, 6, 1, ""}, {cpuid.VendorUnknown, 6, 0x8f, ""},
	} {
		if got := microarchitecture(c.vendor, c.family, c.model); got != c.want {
			t.Errorf("%v, %d, %d: expected %q, got %q", c.vendor, c.family, c.model, c.want, got)
		}
	}
	for i, a := range microarchitectures {
		for _, b := range microarchitectures[:i] {
			if a.vendor == b.vendor && a.family == b.family && a.first <= b.last && b.first <= a.last {
				t.Errorf("%+v and %+v overlap", a, b)
			}
		}
	}
}

// TestLost: what threads waited for counts as far as they did not run.
func TestLost(t *testing.T) {
	for _, c := range []struct {
		took, waited, ran time.Duration
		threads           int
		want              float64
	}{
		{100, 0, 100, 1, 0},
		{100, 40, 100, 1, 0},   // other threads waited behind the one that works
		{100, 4, 90, 2, 0},     // one of them, while another of two slept
		{100, 54, 50, 1, .5},   // half of the processor was another program's
		{100, 0, 50, 2, 0},     // one slept, waiting for the other
		{100, 60, 150, 2, .25}, // 50 of 200 were lost
		{100, 500, 0, 1, 1},
		{100, 10, 300, 1, 0},
		{100, 24, 80, 0, .2},
	} {
		if got := lost(c.took*time.Millisecond, c.waited*time.Millisecond, c.ran*time.Millisecond, c.threads); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

// TestWaitForQuiet: it ends with the context.
func TestWaitForQuiet(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	looks := 0
	err := WaitForQuiet(ctx, 1, func(share float64) {
		if looks++; share < 0 || share > 1 {
			t.Errorf("share %v", share)
		}
		cancel()
	})
	if !errors.Is(err, context.Canceled) || looks != 1 {
		t.Errorf("%d looks, error %v", looks, err)
	}
}
