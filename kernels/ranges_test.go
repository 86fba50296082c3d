package kernels

import (
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// ranged is a valid call of a method of Set and, for each of its parameters of
// type int, values that do not fit.
type ranged struct {
	arguments []any
	outside   [][]int
}

// rangedCalls lists every method of Set that takes integers but the ceilings,
// whose tests are beside them.
func rangedCalls() map[string]ranged {
	const n, batch, capacity = Block, 2*Block + HalfBlock, 40
	f := func(length int) []float32 { return make([]float32, length) }
	ints := func(length int) []int32 { return make([]int32, length) }
	mask1, mask2 := make([]byte, MaskBytes(Conv1Y, n)), make([]byte, MaskBytes(Conv2Y, n))
	images, batches := []int{-8, 0, 7, 24}, []int{-8, 0, 12}
	groupsOf := func(channels int) []int { return []int{-Group, 3, channels} }
	pairs := []int{-1, Conv2Pairs}
	step := NewAdamStep(1e-3, 0.9, 0.999, 1e-8, 1)
	// Ranges of outputs of fc1 with the other of first and count at 0 and 500.
	firsts, counts := []int{-1, 1, FC1Outputs}, []int{-1, 0, FC1Outputs + 1}
	places, capacities := []int{-8, 4, 32, 40}, []int{-40, 0, 44, 48}
	return map[string]ranged{
		"Gather":                   {[]any{n, f(ImagePixels * n), make([]byte, ImagePixels), ints(n)}, [][]int{images}},
		"Conv1ForwardReLUPool":     {[]any{n, f(Conv1Y * n), f(ImagePixels * n), f(Conv1U), f(Conv1Row)}, [][]int{images}},
		"Conv1ForwardReLUPoolMask": {[]any{n, f(Conv1Y * n), mask1, f(ImagePixels * n), f(Conv1U), f(Conv1Row)}, [][]int{images}},
		"Conv1WeightGrad":          {[]any{n, f(Conv1WB), f(ImagePixels * n), f(Conv1Y * n), mask1}, [][]int{images}},
		"Conv1DirectReLUPool": {[]any{n, f(Conv1Y * n), f(ImagePixels * n), f(Conv1W), f(Conv1Row), 0},
			[][]int{images, {-1, Pool1Size}}},
		"Conv2DirectReLUPool": {[]any{n, f(Conv2Y * n), f(Conv2X * n), f(Conv2W), f(Conv2Outputs), 0},
			[][]int{images, {-1, Pool2Pixels}}},
		"Conv2InputTransform": {[]any{n, f(Conv2V(n)), f(Conv2X * n)}, [][]int{images}},
		"Conv2ForwardReLUPool": {[]any{n, f(Conv2Y * n), f(Conv2Work * n), f(Conv2U), f(Conv2V(n)), f(Conv2Outputs), 0},
			[][]int{images, groupsOf(Conv2Outputs)}},
		"Conv2ForwardReLUPoolMask": {[]any{n, f(Conv2Y * n), mask2, f(Conv2Work * n), f(Conv2U), f(Conv2V(n)), f(Conv2Outputs), 0},
			[][]int{images, groupsOf(Conv2Outputs)}},
		"Conv2OutputGrad": {[]any{n, f(Conv2M(n)), f(Conv2Y * n), mask2, 0, 0},
			[][]int{images, pairs, groupsOf(Conv2Outputs)}},
		"Conv2InputGradProducts": {[]any{n, f(Conv2DV * n), f(Conv2U), f(Conv2Groups * Conv2M(n)), 0, 0},
			[][]int{images, pairs, groupsOf(Conv2Inputs)}},
		"Conv2InputGradTransform": {[]any{n, f(Conv2X * n), f(Conv2DV * n), 0}, [][]int{images, groupsOf(Conv2Inputs)}},
		"Conv2WeightGrad": {[]any{batch, f(Conv2U), f(Conv2M(batch)), f(Conv2V(batch)), 0, 0},
			[][]int{batches, pairs, groupsOf(Conv2Outputs)}},
		"Conv2BiasGrad": {[]any{batch, f(Conv2Outputs), f(Conv2M(batch)), 0}, [][]int{batches, groupsOf(Conv2Outputs)}},
		"FC1ForwardReLU": {[]any{n, f(FC1Outputs * n), f(FC1Inputs * n), f(FC1W), f(FC1Outputs), 0},
			[][]int{images, {-FC1Outs, 50, FC1Outputs}}},
		"FC1ForwardReLUDropout": {[]any{batch, f(FC1Outputs * batch), f(FC1Inputs * capacity), f(FC1W), f(FC1Outputs), make([]uint32, batch), &Dropout{Scale: 1}, 0, capacity},
			[][]int{append(batches, MaxImages+HalfBlock), {-FC1Kept, 8, FC1KeptAll * FC1Kept}, capacities}},
		"FC1PackInput":       {[]any{n, f(FC1Inputs * capacity), f(FC1Inputs * n), 24, capacity}, [][]int{images, places, capacities}},
		"FC1UnpackInputGrad": {[]any{n, f(FC1Inputs * n), f(FC1Inputs * capacity), 24, capacity}, [][]int{images, places, capacities}},
		"FC1ImageLists":      {[]any{n, f(LiveRow * n), ints(LiveRow * n), ints(LiveRuns * n), f(FC1Outputs * n)}, [][]int{images}},
		"FC1OutputLists": {[]any{batch, f(LiveColumn * FC1Outputs), ints(LiveColumn * FC1Outputs), ints(FC1Outputs), f(FC1Outputs * batch), 0, FC1Outputs},
			[][]int{append(batches, MaxImages+HalfBlock), firsts, counts}},
		"FC1InputGrad": {[]any{n, f(FC1Inputs * capacity), f(FC1W), f(LiveRow * n), ints(LiveRow * n), ints(LiveRuns * n), 0, 24, capacity},
			[][]int{batches, {-1, FC1Slices / 2}, places, capacities}},
		"FC1WeightGrad": {[]any{f(FC1W), f(FC1Inputs * capacity), f(LiveColumn * FC1Outputs), ints(LiveColumn * FC1Outputs), ints(FC1Outputs), 0, 0, FC1Outputs, capacity},
			[][]int{{-1, FC1Slices}, firsts, counts, capacities}},
		"FC1WeightGradAdam": {[]any{f(FC1W), f(FC1W), f(FC1W), f(FC1Inputs * capacity), f(LiveColumn * FC1Outputs), ints(LiveColumn * FC1Outputs), ints(FC1Outputs), 0, 0, FC1Outputs, capacity, &step},
			[][]int{{-1, FC1Slices}, firsts, counts, capacities}},
		"FC2Forward": {[]any{n, f(Classes * n), f(FC2Inputs * n), f(FC2W), f(Classes)}, [][]int{images}},
		"FC2ForwardLoss": {[]any{n, f(Classes * n), f(Classes * n), f(n), f(FC2Inputs * n), f(FC2W), f(Classes), ints(n), &Loss{Scale: 1, Label: 1}},
			[][]int{images}},
		"FC2InputGrad":  {[]any{n, f(FC2Inputs * n), f(Classes * n), f(FC2W), f(FC2Inputs * n), float32(1)}, [][]int{images}},
		"FC2WeightGrad": {[]any{batch, f(FC2W), f(Classes * batch), f(FC2Inputs * batch)}, [][]int{batches}},
		"LineSums":      {[]any{batch, f(FC1Outputs), f(FC1Outputs * batch), FC1Outputs}, [][]int{batches, {-1, 0, FC1Outputs + 1}}},
	}
}

// TestRanges: a number that does not fit is an error that names the kernel.
func TestRanges(t *testing.T) {
	calls := rangedCalls()
	methods := reflect.TypeFor[*Set]()
	for i := range methods.NumMethod() {
		method := methods.Method(i)
		var places []int // of the integers among the arguments
		for j := 1; j < method.Type.NumIn(); j++ {
			if method.Type.In(j).Kind() == reflect.Int {
				places = append(places, j-1)
			}
		}
		call, ok := calls[method.Name]
		if len(places) == 0 || strings.HasPrefix(method.Name, "FMAPeak") || method.Name == "Read" {
			continue
		}
		if !ok || len(call.outside) != len(places) || len(call.arguments) != method.Type.NumIn()-1 {
			t.Errorf("%s: expected a call with %d arguments, %d of them integers, got %v", method.Name, method.Type.NumIn()-1, len(places), call.outside)
			continue
		}
		for _, s := range sets(t) {
			run := func(arguments []any) error {
				values := []reflect.Value{reflect.ValueOf(s)}
				for _, a := range arguments {
					values = append(values, reflect.ValueOf(a))
				}
				err, _ := method.Func.Call(values)[0].Interface().(error)
				return err
			}
			if err := run(call.arguments); err != nil {
				t.Errorf("%s: %v", s.Name(), err)
			}
			for j, outside := range call.outside {
				for _, value := range outside {
					arguments := append([]any{}, call.arguments...)
					arguments[places[j]] = value
					if err := run(arguments); !errors.Is(err, ErrLength) || !strings.Contains(err.Error(), method.Name+":") {
						t.Errorf("%s: %s: integer %d: %d: expected ErrLength that names the kernel, got %v", s.Name(), method.Name, j, value, err)
					}
				}
			}
		}
	}
}

// TestGatherIndex: an index outside the data is an error.
func TestGatherIndex(t *testing.T) {
	for _, s := range sets(t) {
		for _, outside := range []int32{-1, 3, 1 << 30} {
			index := make([]int32, HalfBlock)
			index[5] = outside
			err := s.Gather(HalfBlock, make([]float32, ImagePixels*HalfBlock), make([]byte, 3*ImagePixels), index)
			if !errors.Is(err, ErrLength) || !strings.Contains(err.Error(), "Gather:") {
				t.Errorf("%s: index %d: expected ErrLength that names the kernel, got %v", s.Name(), outside, err)
			}
		}
	}
}

// TestKeys: the keys of fc1's dropout, which are no argument of the table, are
// as many as the images and lie between forbidden pages.
func TestKeys(t *testing.T) {
	for _, s := range sets(t) {
		for _, n := range []int{HalfBlock, Block, 2 * Block, 2*Block + HalfBlock} {
			y, packed, w, bias := make([]float32, FC1Outputs*n), make([]float32, FC1Inputs*n), make([]float32, FC1W), make([]float32, FC1Outputs)
			for _, atEnd := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/images=%d/end=%v", s.Name(), n, atEnd), func(t *testing.T) {
					debug.SetPanicOnFault(true) // of this goroutine, which ends with the subtest
					defer func() {
						if fault := recover(); fault != nil {
							t.Errorf("touches memory outside the keys: %v", fault)
						}
					}()
					keys := between(t, atEnd).words(n)
					for _, first := range []int{0, FC1Kept * (FC1KeptAll - 1)} {
						if err := s.FC1ForwardReLUDropout(n, y, packed, w, bias, keys, &testDropout, first, n); err != nil {
							t.Fatal(err)
						}
					}
					if slices.ContainsFunc(keys, func(key uint32) bool { return key != 0 }) {
						t.Fatal("changes the keys")
					}
					if err := s.FC1ForwardReLUDropout(n, y, packed, w, bias, keys[1:], &testDropout, 0, n); !errors.Is(err, ErrLength) {
						t.Errorf("one key less: expected ErrLength, got %v", err)
					}
				})
			}
		}
	}
}
