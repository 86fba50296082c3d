package sweep

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kernelet/kernelet/lenet"
)

// ErrPlan is wrapped by the errors of plans, seeds and axes.
var ErrPlan = errors.New("not a usable plan")

// maxRuns bounds what a mistyped range can cost.
const maxRuns = 1_000_000

// parameter is a setting that changes what a run computes.
type parameter struct {
	name  string // in JSON, CSV and axes
	field func(*lenet.Settings) any
}

var parameters = []parameter{
	{"seed", func(s *lenet.Settings) any { return &s.Seed }},
	{"epochs", func(s *lenet.Settings) any { return &s.Epochs }},
	{"batch", func(s *lenet.Settings) any { return &s.Batch }},
	{"lr", func(s *lenet.Settings) any { return &s.LearningRate }},
	{"warm_up", func(s *lenet.Settings) any { return &s.Schedule.WarmUp }},
	{"decay", func(s *lenet.Settings) any { return &s.Schedule.Decay }},
	{"beta1", func(s *lenet.Settings) any { return &s.Beta1 }},
	{"beta2", func(s *lenet.Settings) any { return &s.Beta2 }},
	{"epsilon", func(s *lenet.Settings) any { return &s.Epsilon }},
	{"dropout", func(s *lenet.Settings) any { return &s.Dropout }},
	{"label_smoothing", func(s *lenet.Settings) any { return &s.LabelSmoothing }},
	{"augment", func(s *lenet.Settings) any { return &s.Augment }},
	{"average_epochs", func(s *lenet.Settings) any { return &s.AverageEpochs }},
	{"no_shuffle", func(s *lenet.Settings) any { return &s.NoShuffle }},
	{"epoch_images", func(s *lenet.Settings) any { return &s.EpochImages }},
}

func parameterNames() []string {
	var names []string
	for _, p := range parameters {
		names = append(names, p.name)
	}
	return names
}

// text is the parameter's value as tables and axes write it.
func (p parameter) text(s lenet.Settings) string {
	switch v := p.field(&s).(type) {
	case *int:
		return strconv.Itoa(*v)
	case *uint64:
		return strconv.FormatUint(*v, 10)
	case *float64:
		return strconv.FormatFloat(*v, 'g', -1, 64)
	case *bool:
		return strconv.FormatBool(*v)
	}
	return ""
}

// set reads a value as text writes it.
func (p parameter) set(s *lenet.Settings, text string) (err error) {
	switch v := p.field(s).(type) {
	case *int:
		*v, err = strconv.Atoi(text)
	case *uint64:
		*v, err = strconv.ParseUint(text, 10, 64)
	case *float64:
		*v, err = strconv.ParseFloat(text, 64)
	case *bool:
		*v, err = strconv.ParseBool(text)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: expected a value as %s, got %q", ErrPlan, p.name, p.text(lenet.Tutorial()), text)
	}
	return nil
}

// zero reports whether the parameter has its zero value.
func (p parameter) zero(s lenet.Settings) bool {
	var none lenet.Settings
	return p.text(s) == p.text(none)
}

// defaulted reports whether the parameter's zero value stands for the tutorial's.
func (p parameter) defaulted() bool {
	switch p.name {
	case "epochs", "batch", "lr", "beta1", "beta2", "epsilon":
		return true
	}
	return false
}

// withDefaults replaces the zero values that stand for the tutorial's.
func withDefaults(s lenet.Settings) lenet.Settings {
	tutorial := lenet.Tutorial()
	for _, p := range parameters {
		if p.defaulted() && p.zero(s) {
			p.set(&s, p.text(tutorial))
		}
	}
	return s
}

// Settings are a run's settings as JSON: an object with the names of train's
// flags and of lenet.Settings in lower case (seed, epochs, batch, lr, warm_up,
// decay, beta1, beta2, epsilon, dropout, label_smoothing, augment,
// average_epochs, no_shuffle). Threads, ISA and Origin, which change no weights,
// are left out.
type Settings struct{ lenet.Settings }

// MarshalJSON implements json.Marshaler.
func (s Settings) MarshalJSON() ([]byte, error) {
	object := map[string]any{}
	for _, p := range parameters {
		object[p.name] = p.field(&s.Settings)
	}
	return json.Marshal(object)
}

// UnmarshalJSON implements json.Unmarshaler. Every name must be there, and no
// other.
func (s *Settings) UnmarshalJSON(content []byte) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(content, &object); err != nil {
		return err
	}
	for _, p := range parameters {
		value, ok := object[p.name]
		if !ok {
			return fmt.Errorf("settings: expected %q, got none", p.name)
		}
		if err := json.Unmarshal(value, p.field(&s.Settings)); err != nil {
			return fmt.Errorf("settings: %s: %w", p.name, err)
		}
		delete(object, p.name)
	}
	for name := range object {
		return fmt.Errorf("settings: expected one of %s, got %q", strings.Join(parameterNames(), ", "), name)
	}
	return nil
}

// Axis is a setting that varies: its name, as Settings has it, and its values.
type Axis struct {
	Name   string
	Values []string
}

// ParseAxis reads NAME=VALUE,VALUE,…, such as lr=1e-4,3e-4; dashes in the name
// count as underscores. Errors wrap ErrPlan.
func ParseAxis(text string) (Axis, error) {
	name, values, ok := strings.Cut(text, "=")
	if !ok {
		return Axis{}, fmt.Errorf("%w: axis: expected NAME=VALUE,VALUE,…, got %q", ErrPlan, text)
	}
	a := Axis{strings.ReplaceAll(name, "-", "_"), strings.Split(values, ",")}
	return a, a.check()
}

// check parses the values, and writes them in one form so that 1e-4 and 0.0001
// are found to be the same.
func (a Axis) check() error {
	i := slices.IndexFunc(parameters, func(p parameter) bool { return p.name == a.Name && p.name != "seed" })
	if i < 0 {
		return fmt.Errorf("%w: axis: expected one of %s, got %q", ErrPlan, strings.Join(parameterNames()[1:], ", "), a.Name)
	}
	seen := map[string]bool{}
	for _, value := range a.Values {
		var s lenet.Settings
		if err := parameters[i].set(&s, value); err != nil {
			return err
		}
		if parameters[i].defaulted() && parameters[i].zero(s) {
			return fmt.Errorf("%w: %s: expected more than 0, got %s", ErrPlan, a.Name, value)
		}
		if text := parameters[i].text(s); seen[text] {
			return fmt.Errorf("%w: %s: value %s is given twice", ErrPlan, a.Name, text)
		} else {
			seen[text] = true
		}
	}
	if len(seen) == 0 {
		return fmt.Errorf("%w: %s: expected at least one value, got none", ErrPlan, a.Name)
	}
	return nil
}

// ParseSeeds reads a list of seeds and ranges, such as 1..100 or 1,2,5..8, both
// ends included. Errors wrap ErrPlan.
func ParseSeeds(text string) ([]uint64, error) {
	var seeds []uint64
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "..")
		if !isRange {
			last = first
		}
		low, err := strconv.ParseUint(first, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: seeds: expected numbers and ranges as 1..100, got %q", ErrPlan, text)
		}
		high, err := strconv.ParseUint(last, 10, 64)
		if err != nil || high < low {
			return nil, fmt.Errorf("%w: seeds: expected numbers and ranges as 1..100, got %q", ErrPlan, text)
		}
		if high-low >= uint64(maxRuns-len(seeds)) {
			return nil, fmt.Errorf("%w: seeds: expected at most %d, got %q", ErrPlan, maxRuns, text)
		}
		for i := range high - low + 1 {
			seeds = append(seeds, low+i)
		}
	}
	return seeds, nil
}

// Plan is a sweep: every combination of the axes' values with every seed.
type Plan struct {
	Base  lenet.Settings // of all runs; Seed is replaced
	Seeds []uint64
	Axes  []Axis
}

// Runs lists the settings of every run, seed by seed, so that the first results
// of a long sweep already compare all values. Errors wrap ErrPlan or
// lenet.ErrSettings.
func (p Plan) Runs() ([]lenet.Settings, error) {
	if len(p.Seeds) == 0 {
		return nil, fmt.Errorf("%w: seeds: expected at least one, got none", ErrPlan)
	}
	combinations := []lenet.Settings{withDefaults(p.Base)}
	names := map[string]bool{}
	for _, axis := range p.Axes {
		if err := axis.check(); err != nil {
			return nil, err
		}
		if names[axis.Name] {
			return nil, fmt.Errorf("%w: axis %s is given twice", ErrPlan, axis.Name)
		}
		names[axis.Name] = true
		if len(combinations)*len(axis.Values)*len(p.Seeds) > maxRuns {
			return nil, fmt.Errorf("%w: expected at most %d runs", ErrPlan, maxRuns)
		}
		set := parameters[slices.IndexFunc(parameters, func(q parameter) bool { return q.name == axis.Name })].set
		var more []lenet.Settings
		for _, s := range combinations {
			for _, value := range axis.Values {
				if err := set(&s, value); err != nil {
					return nil, err
				}
				more = append(more, withDefaults(s))
			}
		}
		combinations = more
	}
	for _, s := range combinations {
		if err := s.Check(); err != nil {
			return nil, err
		}
	}
	var runs []lenet.Settings
	seen := map[uint64]bool{}
	for _, seed := range p.Seeds {
		if seen[seed] {
			return nil, fmt.Errorf("%w: seed %d is given twice", ErrPlan, seed)
		}
		seen[seed] = true
		for _, s := range combinations {
			s.Seed = seed
			runs = append(runs, s)
		}
	}
	return runs, nil
}

// Varied names the settings, other than the seed, that have several values among
// the runs.
func Varied(runs []lenet.Settings) []string {
	var names []string
	for _, p := range parameters {
		if p.name != "seed" && slices.ContainsFunc(runs, func(s lenet.Settings) bool { return p.text(s) != p.text(runs[0]) }) {
			names = append(names, p.name)
		}
	}
	return names
}

// texts are the values of the named settings.
func texts(s lenet.Settings, names []string) []string {
	var values []string
	for _, name := range names {
		value := "?" // of a name that is no setting
		if at := slices.IndexFunc(parameters, func(p parameter) bool { return p.name == name }); at >= 0 {
			value = parameters[at].text(s)
		}
		values = append(values, value)
	}
	return values
}

// Label writes the named settings, as "lr 0.0003, dropout 0.5", with a ? for the
// value of a name that is no setting.
func Label(s lenet.Settings, names []string) string {
	parts := texts(s, names)
	for i := range parts {
		parts[i] = names[i] + " " + parts[i]
	}
	return strings.Join(parts, ", ")
}
