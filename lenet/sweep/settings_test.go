package sweep

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/kernelet/kernelet/lenet"
)

func TestParseSeeds(t *testing.T) {
	for text, want := range map[string][]uint64{
		"7": {7}, "1..4": {1, 2, 3, 4}, "3,1,5..6": {3, 1, 5, 6}, "0..0": {0},
		"18446744073709551614..18446744073709551615": {1<<64 - 2, 1<<64 - 1},
	} {
		if got, err := ParseSeeds(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: expected %v, got %v, error %v", text, want, got, err)
		}
	}
	for _, text := range []string{"", "1..", "..3", "3..1", "-1", "1,,2", "a", "0..1000000", "0..18446744073709551615", "1..999999,5..9"} {
		if got, err := ParseSeeds(text); !errors.Is(err, ErrPlan) {
			t.Errorf("%q: expected an error, got %d seeds, error %v", text, len(got), err)
		}
	}
}

func TestParseAxis(t *testing.T) {
	a, err := ParseAxis("label-smoothing=0,5e-2")
	if want := (Axis{"label_smoothing", []string{"0", "5e-2"}}); err != nil || !reflect.DeepEqual(a, want) {
		t.Errorf("expected %v, got %v, error %v", want, a, err)
	}
	for _, text := range []string{"", "lr", "lr=", "lr=x", "lr=1e-4,0.0001", "speed=1", "seed=1,2", "epochs=1.5", "epochs=0", "lr=0", "augment=maybe"} {
		if _, err := ParseAxis(text); !errors.Is(err, ErrPlan) {
			t.Errorf("%q: expected an error, got %v", text, err)
		}
	}
}

// TestRuns: every combination once, seed by seed.
func TestRuns(t *testing.T) {
	plan := Plan{Base: lenet.Fast(), Seeds: []uint64{5, 3}, Axes: []Axis{{"lr", []string{"1e-3", "2e-3"}}, {"augment", []string{"false", "true"}}}}
	runs, err := plan.Runs()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range runs {
		if want := plan.Base.Batch; s.Batch != want {
			t.Errorf("batch: expected the recipe's %d, got %d", want, s.Batch)
		}
		got = append(got, Label(s, []string{"seed", "lr", "augment"}))
	}
	want := []string{
		"seed 5, lr 0.001, augment false", "seed 5, lr 0.001, augment true", "seed 5, lr 0.002, augment false", "seed 5, lr 0.002, augment true",
		"seed 3, lr 0.001, augment false", "seed 3, lr 0.001, augment true", "seed 3, lr 0.002, augment false", "seed 3, lr 0.002, augment true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("expected %q, got %q", want, got)
	}
	if varied := Varied(runs); !slices.Equal(varied, []string{"lr", "augment"}) {
		t.Errorf("varied: got %q", varied)
	}
	for _, plan := range []Plan{
		{},
		{Seeds: []uint64{1, 1}},
		{Seeds: []uint64{1}, Axes: []Axis{{"lr", []string{"1"}}, {"lr", []string{"2"}}}},
		{Seeds: []uint64{1}, Axes: []Axis{{"dropout", []string{"0.5", "1"}}}},
		{Seeds: []uint64{1}, Axes: []Axis{{"dropout", nil}}},
		{Seeds: make([]uint64, maxRuns), Axes: []Axis{{"dropout", []string{"0", "0.5"}}}},
	} {
		if runs, err := plan.Runs(); err == nil {
			t.Errorf("%d seeds, axes %v: expected an error, got %d runs", len(plan.Seeds), plan.Axes, len(runs))
		}
	}
}

// TestEverySetting: each field of lenet.Settings either has its place in the
// JSON, and comes back from it, or is known to change no weights.
func TestEverySetting(t *testing.T) {
	same := []string{"Threads", "ISA", "Origin"}
	var check func(index []int, field reflect.StructField)
	check = func(index []int, field reflect.StructField) {
		if field.Type.Kind() == reflect.Struct && field.Name != "Origin" {
			for i := range field.Type.NumField() {
				check(append(slices.Clone(index), i), field.Type.Field(i))
			}
			return
		}
		var s Settings
		switch v := reflect.ValueOf(&s.Settings).Elem().FieldByIndex(index); v.Kind() {
		case reflect.Int:
			v.SetInt(3)
		case reflect.Uint64:
			v.SetUint(1<<64 - 1)
		case reflect.Float64:
			v.SetFloat(0.1)
		case reflect.Bool:
			v.SetBool(true)
		case reflect.String:
			v.SetString("generic")
		case reflect.Struct:
			s.Origin.Images = 3
		default:
			t.Fatalf("%s: a type that this test does not know", field.Name)
		}
		content, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back Settings
		if err := json.Unmarshal(content, &back); err != nil {
			t.Fatal(err)
		}
		if kept := back == s; kept == slices.Contains(same, field.Name) {
			t.Errorf("%s: kept by the JSON: %v, in the list of those that change no weights: %v", field.Name, kept, !kept)
		}
	}
	settings := reflect.TypeFor[lenet.Settings]()
	for i := range settings.NumField() {
		check([]int{i}, settings.Field(i))
	}
	for _, content := range []string{`{}`, `[]`, `{"seed":1}`, `{"seed":-1}`} {
		if err := json.Unmarshal([]byte(content), &Settings{}); err == nil {
			t.Errorf("%s: expected an error", content)
		}
	}
}

// TestDefaults: zero values and the tutorial's are the same run.
func TestDefaults(t *testing.T) {
	tutorial := lenet.Tutorial()
	if got := withDefaults(lenet.Settings{Dropout: 0.5}); got != tutorial {
		t.Errorf("expected %+v, got %+v", tutorial, got)
	}
}
