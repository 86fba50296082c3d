package report

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/bench"
)

// TestSlower: a row is slower if its best sample is by more than the share, and
// its interval lies apart too.
func TestSlower(t *testing.T) {
	row := func(value, best, width float64, unit string) bench.Row {
		return bench.Row{Group: "whole", Name: "train", Threads: 1, Unit: unit, Value: value, Low: value * (1 - width), High: value * (1 + width), Best: best, Samples: 45}
	}
	of := func(r bench.Row) *bench.Report { return &bench.Report{Rows: []bench.Row{r}} }
	first := row(100, 95, .01, "µs/image")
	for name, c := range map[string]struct {
		row  bench.Row
		want int
	}{
		"slower":                     {row(110, 105, .01, "µs/image"), 1},
		"slower by less":             {row(104, 99, .01, "µs/image"), 0},
		"slower by chance":           {row(110, 105, .2, "µs/image"), 0},
		"disturbed, but as fast":     {row(200, 95, .01, "µs/image"), 0},
		"faster":                     {row(50, 45, .01, "µs/image"), 0},
		"of few samples":             {func() bench.Row { r := row(110, 105, .01, "µs/image"); r.Samples = 5; return r }(), 0},
		"of a ceiling":               {func() bench.Row { r := row(110, 105, .01, "µs/image"); r.Group = "ceiling"; return r }(), 0},
		"not in the first of them":   {row(110, 105, .01, "s"), 0},
		"slower in a report's phase": {func() bench.Row { r := row(110, 105, .01, "µs/image"); r.Group = "phase"; return r }(), 0},
	} {
		a := first
		a.Group = c.row.Group
		slower, err := Slower([]string{"a", "b"}, []*bench.Report{of(a), of(c.row)}, .05)
		if err != nil || len(slower) != c.want {
			t.Errorf("%s: expected %d rows, got %q, error %v", name, c.want, slower, err)
		}
	}
	rate, slowRate := row(1000, 1050, .01, "images/s"), row(900, 945, .01, "images/s")
	if slower, _ := Slower([]string{"a", "b"}, []*bench.Report{of(rate), of(slowRate)}, .05); len(slower) != 1 || !strings.Contains(slower[0], "11.1 % slower") {
		t.Errorf("a rate: %q", slower)
	}
	if slower, _ := Slower([]string{"a", "b"}, []*bench.Report{of(slowRate), of(rate)}, .05); len(slower) != 0 {
		t.Errorf("a rate that rose: %q", slower)
	}
}

// TestCompareForms: the forms say the same.
func TestCompareForms(t *testing.T) {
	a, b := sample(1), sample(2)
	names, reports := []string{"a|b.json", "fast"}, []*bench.Report{a, b}
	var markdown, lines, page strings.Builder
	for _, err := range []error{CompareMarkdown(&markdown, names, reports), CompareCSV(&lines, names, reports), CompareHTML(&page, names, reports)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"|  | set | threads | a\\|b.json | fast |\n", "| score, one thread |  |  | 1000 | 2.000 |\n", "| Conv2ForwardReLUPool | avx2 | 1 | 6.000 µs/image | 2.000 |\n"} {
		if !strings.Contains(markdown.String(), want) {
			t.Errorf("Markdown: expected %q in\n%s", want, markdown.String())
		}
	}
	records, err := csv.NewReader(strings.NewReader(lines.String())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	found := slices.ContainsFunc(records, func(r []string) bool {
		return slices.Equal(r, []string{"Kernel/Conv2ForwardReLUPool/isa=avx2/threads=1", "fast", "µs/image", "3", "2.97", "3.03", "", "31", "2", "true"})
	})
	if len(records) != 1+2*(2+len(a.Rows)) || !found {
		t.Errorf("CSV: %d records\n%s", len(records), lines.String())
	}
	if p := page.String(); strings.Contains(p, "<script") || strings.Contains(p, "http") || strings.Contains(p, "NaN") || strings.Contains(p, "Inf") || !strings.Contains(p, "<svg") || !strings.Contains(p, "× 2.000") {
		t.Errorf("page:\n%s", p)
	}
}

// TestCompareSets: the whole network is compared on whatever sets it ran, kernels
// on the same set only.
func TestCompareSets(t *testing.T) {
	a, b := sample(1), sample(2)
	for i := range b.Rows {
		b.Rows[i].ISA = "avx512"
	}
	var out strings.Builder
	if err := Compare(&out, []string{"a", "b"}, []*bench.Report{a, b}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"train, batch 100": "train, batch 100 avx2 1 25.00 µs/image 2.000", "Conv2ForwardReLUPool": "Conv2ForwardReLUPool avx2 1 6.000 µs/image –"} {
		if line := strings.Join(strings.Fields(lineWith(out.String(), name)), " "); line != want {
			t.Errorf("expected %q, got %q", want, line)
		}
	}
}

// TestNames: names of dots hide neither one another nor a dot, also of many that
// lie close together, and stay inside the plot.
func TestNames(t *testing.T) {
	p := newPlot(1000, 640, "")
	r := rand.New(rand.NewPCG(1, 1))
	var x, y []float64
	var names []string
	for i := range 40 {
		x, y, names = append(x, 400+200*r.Float64()), append(y, 200+100*r.Float64()), append(names, fmt.Sprintf("Conv2TrainKernel%02d", i))
	}
	places := p.names(x, y, names)
	for i, a := range places {
		if a == (box{}) {
			t.Errorf("%s has no place", names[i])
		}
		if a.x0 < p.left || a.x1 > p.right || a.y0 < p.top || a.y1 > p.bottom {
			t.Errorf("%s is outside: %+v", names[i], a)
		}
		for j, b := range places[:i] {
			if a.overlaps(b) {
				t.Errorf("%s and %s overlap", names[i], names[j])
			}
		}
		for j := range x {
			if a.overlaps(box{x[j] - dotRadius, y[j] - dotRadius, x[j] + dotRadius, y[j] + dotRadius}) {
				t.Errorf("%s hides the dot of %s", names[i], names[j])
			}
		}
	}
}

// TestStressForms: a stress run of a machine that has sensors, and of one that
// has none.
func TestStressForms(t *testing.T) {
	s := &bench.Stress{Machine: sample(1).Machine, Checked: 20}
	for i := range 100 {
		s.Moments = append(s.Moments, bench.Moment{Seconds: float64(i + 1), Rate: 1000 - float64(i), Clock: 4, ClockLow: 3.9, Celsius: 50, Watts: 100})
	}
	var text, page strings.Builder
	for _, err := range []error{WriteStressText(&text, s), WriteStressHTML(&page, s)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"rate: 906 images/s in the last tenth of the time, -9.0 % of what it was", "20 losses of all threads agree", "temperature", "energy of an image"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("expected %q in\n%s", want, text.String())
		}
	}
	if p := page.String(); strings.Count(p, "<svg") != 6 || strings.Contains(p, "NaN") || strings.Contains(p, "http") {
		t.Errorf("page:\n%s", p)
	}
	for i := range s.Moments {
		s.Moments[i].Celsius, s.Moments[i].Watts = 0, 0
	}
	s.Wrong = []int{3, 7}
	text.Reset()
	if err := WriteStressText(&text, s); err != nil || strings.Contains(text.String(), "temperature") || strings.Contains(text.String(), "energy") || !strings.Contains(text.String(), "processors 3, 7 computed other losses") {
		t.Errorf("no sensors, wrong losses: %v\n%s", err, text.String())
	}
	if got := sparkline([]float64{0, 1, 2, 4, 8}, 5); got != "▁▂▃▅█" {
		t.Errorf("sparkline: %s", got)
	}
	s.Moments = nil
	if err := WriteStressText(&text, s); err != nil {
		t.Error(err)
	}
}
