package sweep

import (
	"cmp"
	"math"
	"slices"

	"github.com/kernelet/kernelet/lenet"
)

// Figures describe how one figure of several runs is distributed.
type Figures struct {
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`    // of the sample, by n − 1; 0 for one run
	Low  float64 `json:"low95"` // 95 % confidence interval of the mean, by Student's t; the mean itself for one run
	High float64 `json:"high95"`
	Min  float64 `json:"min"`
	Max  float64 `json:"max"`
}

// Group are the runs that differ by nothing but their seed.
type Group struct {
	Label       string   `json:"label"`    // values of the settings that vary, as "lr 0.0003, dropout 0.5"
	Settings    Settings `json:"settings"` // of its first run
	Runs        []Result `json:"-"`        // in the order that Summarise got them; with finite losses only
	Count       int      `json:"runs"`
	Failed      int      `json:"failed"`  // runs whose loss was not finite
	ValAccuracy Figures  `json:"val_acc"` // of the last epoch, like the losses; per cent
	ValLoss     Figures  `json:"val_loss"`
	TrainLoss   Figures  `json:"train_loss"`
	Seconds     Figures  `json:"seconds"`
	Best        int      `json:"-"` // index in Runs: highest validation accuracy, then lowest validation loss, then lowest seed
}

// Summary is what a sweep found.
type Summary struct {
	Varied []string `json:"varied"` // settings with several values, without the seed
	Groups []Group  `json:"groups"`
	Best   int      `json:"best_group"` // index in Groups: highest mean of the validation accuracy; −1: no run has finite losses
}

// Summarise groups results by their settings.
func Summarise(results []Result) Summary {
	var runs []lenet.Settings
	for _, r := range results {
		runs = append(runs, r.Settings.Settings)
	}
	s := Summary{Varied: Varied(runs), Best: -1}
	index := map[string]int{}
	for _, r := range results {
		label := Label(r.Settings.Settings, s.Varied)
		i, ok := index[label]
		if !ok {
			i = len(s.Groups)
			index[label] = i
			s.Groups = append(s.Groups, Group{Label: label, Settings: r.Settings})
		}
		if g := &s.Groups[i]; r.Error != "" {
			g.Failed++
		} else {
			g.Runs = append(g.Runs, r)
			g.Count++
		}
	}
	for i := range s.Groups {
		g := &s.Groups[i]
		if len(g.Runs) == 0 {
			continue
		}
		g.ValAccuracy = g.figures(func(r *Result) float64 { return r.Last().ValAccuracy })
		g.ValLoss = g.figures(func(r *Result) float64 { return r.Last().ValLoss })
		g.TrainLoss = g.figures(func(r *Result) float64 { return r.Last().TrainLoss })
		g.Seconds = g.figures(func(r *Result) float64 { return r.Seconds })
		for j := range g.Runs {
			if better(&g.Runs[j], &g.Runs[g.Best]) {
				g.Best = j
			}
		}
		if s.Best < 0 || g.ValAccuracy.Mean > s.Groups[s.Best].ValAccuracy.Mean {
			s.Best = i
		}
	}
	return s
}

// better orders runs by what the last epoch's validation says.
func better(a, b *Result) bool {
	return cmp.Or(cmp.Compare(b.Last().ValAccuracy, a.Last().ValAccuracy), cmp.Compare(a.Last().ValLoss, b.Last().ValLoss),
		cmp.Compare(a.Settings.Seed, b.Settings.Seed)) < 0
}

// BestRun is the run with the highest validation accuracy of all, or nil.
func (s *Summary) BestRun() *Result {
	var best *Result
	for i := range s.Groups {
		for j := range s.Groups[i].Runs {
			if r := &s.Groups[i].Runs[j]; best == nil || better(r, best) {
				best = r
			}
		}
	}
	return best
}

func (g *Group) figures(of func(*Result) float64) Figures {
	values := make([]float64, len(g.Runs))
	for i := range g.Runs {
		values[i] = of(&g.Runs[i])
	}
	return describe(values)
}

// describe needs at least one value.
func describe(values []float64) Figures {
	n := float64(len(values))
	f := Figures{Min: slices.Min(values), Max: slices.Max(values)}
	for _, v := range values {
		f.Mean += v / n
	}
	half := 0.0
	if len(values) > 1 {
		for _, v := range values {
			f.SD += (v - f.Mean) * (v - f.Mean) / (n - 1)
		}
		f.SD = math.Sqrt(f.SD)
		half = studentT(len(values)-1) * f.SD / math.Sqrt(n)
	}
	f.Low, f.High = f.Mean-half, f.Mean+half
	return f
}

// studentT is the 0.975 quantile of Student's t distribution. With t = √ν tan θ
// its distribution function is 1/2 + c ∫₀^θ cos^(ν−1), c = Γ((ν+1)/2) / (√π Γ(ν/2))
// (Abramowitz and Stegun, 26.7); θ is found by bisection, the integral is
// Simpson's.
func studentT(freedom int) float64 {
	nu := float64(freedom)
	above, _ := math.Lgamma((nu + 1) / 2)
	below, _ := math.Lgamma(nu / 2)
	c := math.Exp(above-below) / math.Sqrt(math.Pi)
	probability := func(theta float64) float64 {
		const panels = 2000
		h := theta / panels
		sum := 0.0
		for i := range panels + 1 {
			weight := 2.0 + 2*float64(i%2)
			if i == 0 || i == panels {
				weight = 1
			}
			sum += weight * math.Pow(math.Cos(float64(i)*h), nu-1)
		}
		return c * sum * h / 3
	}
	low, high := 0.0, math.Pi/2
	for range 60 {
		if middle := (low + high) / 2; probability(middle) < 0.475 {
			low = middle
		} else {
			high = middle
		}
	}
	return math.Sqrt(nu) * math.Tan(low)
}

// quantile interpolates between the sorted values, as R's type 7 does.
func quantile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
