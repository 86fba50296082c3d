package sweep

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/lenet"
)

// TestStudentT: the quantiles of the tables that every textbook prints.
func TestStudentT(t *testing.T) {
	for freedom, want := range map[int]float64{1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764, 9: 2.2622, 29: 2.0452, 99: 1.9842, 999: 1.9623} {
		if got := studentT(freedom); math.Abs(got-want) > 6e-5 { // printed with four digits
			t.Errorf("%d degrees of freedom: expected %v, got %v", freedom, want, got)
		}
	}
}

// TestDescribe: figures worked out by hand.
func TestDescribe(t *testing.T) {
	got := describe([]float64{2, 4, 4, 6})
	sd := math.Sqrt(8. / 3)
	want := Figures{Mean: 4, SD: sd, Low: 4 - 3.1824463*sd/2, High: 4 + 3.1824463*sd/2, Min: 2, Max: 6}
	for _, pair := range [][2]float64{{got.Mean, want.Mean}, {got.SD, want.SD}, {got.Low, want.Low}, {got.High, want.High}, {got.Min, want.Min}, {got.Max, want.Max}} {
		if math.Abs(pair[0]-pair[1]) > 1e-6 {
			t.Errorf("expected %+v, got %+v", want, got)
		}
	}
	if got := describe([]float64{3}); got != (Figures{3, 0, 3, 3, 3, 3}) {
		t.Errorf("one value: got %+v", got)
	}
	for p, want := range map[float64]float64{0: 1, 0.1: 1.3, 0.5: 2.5, 0.9: 3.7, 1: 4} {
		if got := quantile([]float64{1, 2, 3, 4}, p); math.Abs(got-want) > 1e-12 {
			t.Errorf("quantile %v: expected %v, got %v", p, want, got)
		}
	}
}

// TestSummarise: groups, their figures and the best of them, worked out by hand.
func TestSummarise(t *testing.T) {
	var results []Result
	for i, accuracy := range []float64{97, 99, 98, 90} {
		settings := lenet.Tutorial()
		settings.Seed, settings.LearningRate = uint64(i%2), []float64{1e-4, 1e-3}[i/2]
		r := Result{Seconds: float64(i), Epochs: []Epoch{{TrainLoss: 9, ValLoss: 9, ValAccuracy: 9}, {TrainLoss: float64(i), ValLoss: 10 + float64(i), ValAccuracy: accuracy}}}
		r.Settings.Settings = settings
		results = append(results, r)
	}
	s := Summarise(results)
	if len(s.Groups) != 2 || s.Best != 0 {
		t.Fatalf("expected two groups, the first the best, got %+v", s)
	}
	for i, want := range []struct{ accuracy, valLoss, trainLoss, seconds float64 }{{98, 10.5, 0.5, 0.5}, {94, 12.5, 2.5, 2.5}} {
		g := s.Groups[i]
		if g.ValAccuracy.Mean != want.accuracy || g.ValLoss.Mean != want.valLoss || g.TrainLoss.Mean != want.trainLoss || g.Seconds.Mean != want.seconds || g.Count != 2 {
			t.Errorf("group %d: expected %+v, got %+v", i, want, g)
		}
	}
	if g := s.Groups[0]; g.Best != 1 || s.BestRun().Last().ValAccuracy != 99 {
		t.Errorf("best run: got %d, %+v", g.Best, s.BestRun())
	}
}

// TestFiles: the tables hold what the results say, the plots are XML, and the
// same results give the same bytes.
func TestFiles(t *testing.T) {
	results, err := Run(t.Context(), plan(t, 4, 5, 6), task(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := Write(folder, results); err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	again, err := Files(results)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range again {
		if !bytes.Equal(f.Content, read(f.Name)) {
			t.Errorf("%s: not the same bytes again", f.Name)
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(read(LinesFile)))
	var lines []Result
	for {
		var r Result
		if err := decoder.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, r)
	}
	compare(t, LinesFile, lines, results)
	for name, rows := range map[string]int{RunsFile: 1 + 6, EpochsFile: 1 + 12, SummaryFile: 1 + 2} {
		table, err := csv.NewReader(bytes.NewReader(read(name))).ReadAll()
		if err != nil || len(table) != rows {
			t.Errorf("%s: expected %d rows, got %d, error %v", name, rows, len(table), err)
		}
	}
	summary := Summarise(results)
	if len(summary.Varied) != 1 || summary.Varied[0] != "lr" || len(summary.Groups) != 2 || summary.Groups[0].Label != "lr 0.001" || summary.Groups[0].Count != 3 {
		t.Errorf("summary: %+v", summary)
	}
	best := summary.BestRun()
	for i := range results {
		if a := results[i].Last().ValAccuracy; a > best.Last().ValAccuracy {
			t.Errorf("best run has %v, another %v", best.Last().ValAccuracy, a)
		}
	}
	for _, name := range []string{DistributionFile, CurvesFile} {
		if err := wellFormed(read(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if dots := bytes.Count(read(DistributionFile), []byte("<circle")); dots != 6 {
		t.Errorf("%s: expected a dot for each of the 6 runs, got %d", DistributionFile, dots)
	}
	if page := string(read(PageFile)); !strings.Contains(page, best.WeightsSHA256) || strings.Count(page, "<svg") != 4 {
		t.Errorf("%s lacks the best run or a plot", PageFile)
	}
}

func wellFormed(content []byte) error {
	decoder := xml.NewDecoder(bytes.NewReader(content))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// TestTicks: a few round values, whatever the range.
func TestTicks(t *testing.T) {
	for _, s := range []scale{{0, 1, 0, 1}, {98.7, 99.3, 0, 1}, {1, 12, 0, 1}, {-1e-9, 1e-9, 0, 1}, {0, 1e6, 0, 1}} {
		if n := len(s.ticks()); n < 3 || n > 9 {
			t.Errorf("%v to %v: got %v", s.low, s.high, s.ticks())
		}
	}
}
