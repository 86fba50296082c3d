// Package zeros holds a test of the whole public API: every exported function and
// method, called with nil, zero and negative arguments, returns.
package zeros

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/bench/report"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/lenet/sweep"
	"github.com/kernelet/kernelet/lenet/weights"
	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/mnist/parquet"
	"github.com/kernelet/kernelet/mnist/pictures"
	"github.com/kernelet/kernelet/picture"
)

// functions are the exported functions of the packages, by their names.
var functions = map[string]any{
	"bench.Inspect":            bench.Inspect,
	"bench.Run":                bench.Run,
	"bench.RunStress":          bench.RunStress,
	"bench.WaitForQuiet":       bench.WaitForQuiet,
	"lenet.Best":               lenet.Best,
	"lenet.Fast":               lenet.Fast,
	"lenet.ISAs":               lenet.ISAs,
	"lenet.Load":               lenet.Load,
	"lenet.NewClassifier":      lenet.NewClassifier,
	"lenet.NewModel":           lenet.NewModel,
	"lenet.NewOrigin":          lenet.NewOrigin,
	"lenet.NewTrainer":         lenet.NewTrainer,
	"lenet.OneEpoch":           lenet.OneEpoch,
	"lenet.Predict":            lenet.Predict,
	"lenet.Read":               lenet.Read,
	"lenet.RejectionFeatures":  lenet.RejectionFeatures,
	"lenet.Resume":             lenet.Resume,
	"lenet.Tutorial":           lenet.Tutorial,
	"mnist.Labels":             mnist.Labels,
	"mnist.Load":               mnist.Load,
	"mnist.Locate":             mnist.Locate,
	"mnist.Open":               mnist.Open,
	"mnist.ReadImages":         mnist.ReadImages,
	"mnist.ReadLabels":         mnist.ReadLabels,
	"mnist.ReadPicture":        mnist.ReadPicture,
	"mnist.RegisterFormat":     mnist.RegisterFormat,
	"mnist.RegisterPictures":   mnist.RegisterPictures,
	"mnist.Synthetic":          mnist.Synthetic,
	"mnist.WriteImages":        mnist.WriteImages,
	"mnist.WriteLabels":        mnist.WriteLabels,
	"parquet.Read":             parquet.Read,
	"pictures.Read":            pictures.Read,
	"picture.Decode":           picture.Decode,
	"picture.NewReader":        picture.NewReader,
	"picture.Prepare":          picture.Prepare,
	"pretrained.Model":         pretrained.Model,
	"report.Compare":           report.Compare,
	"report.CompareCSV":        report.CompareCSV,
	"report.CompareHTML":       report.CompareHTML,
	"report.CompareMarkdown":   report.CompareMarkdown,
	"report.Read":              report.Read,
	"report.Slower":            report.Slower,
	"report.WriteBenchmarks":   report.WriteBenchmarks,
	"report.WriteHTML":         report.WriteHTML,
	"report.WriteJSON":         report.WriteJSON,
	"report.WriteStressHTML":   report.WriteStressHTML,
	"report.WriteStressJSON":   report.WriteStressJSON,
	"report.WriteStressText":   report.WriteStressText,
	"report.WriteText":         report.WriteText,
	"sweep.Decode":             sweep.Decode,
	"sweep.Files":              sweep.Files,
	"sweep.Label":              sweep.Label,
	"sweep.NewTask":            sweep.NewTask,
	"sweep.ParseAxis":          sweep.ParseAxis,
	"sweep.ParseSeeds":         sweep.ParseSeeds,
	"sweep.Read":               sweep.Read,
	"sweep.ResultName":         sweep.ResultName,
	"sweep.Run":                sweep.Run,
	"sweep.Summarise":          sweep.Summarise,
	"sweep.Train":              sweep.Train,
	"sweep.Varied":             sweep.Varied,
	"sweep.Write":              sweep.Write,
	"weights.Load":             weights.Load,
	"weights.Read":             weights.Read,
	"weights.WriteC":           weights.WriteC,
	"weights.WriteGo":          weights.WriteGo,
	"weights.WriteNPZ":         weights.WriteNPZ,
	"weights.WriteSafetensors": weights.WriteSafetensors,
}

// packages are the folders whose exported functions the test covers. Package
// kernels has contracts and tests of its own.
var packages = []string{"bench", "bench/report", "lenet", "lenet/pretrained", "lenet/sweep", "lenet/weights", "mnist", "mnist/parquet", "mnist/pictures", "picture"}

// excepted are functions that are not called, with the reason.
var excepted = map[string]string{
	"mnist.RegisterFormat":   "changes what the process reads, for package init",
	"mnist.RegisterPictures": "changes what the process reads, for package init",
}

// receivers are values with exported methods: zero values, nil pointers, what
// constructors make, and what was closed.
func receivers(t *testing.T) map[string]any {
	t.Helper()
	model := lenet.NewModel(1)
	settings := lenet.Tutorial()
	settings.Threads = 1
	all := map[string]any{
		"a zero Model": &lenet.Model{}, "a zero Report": &bench.Report{}, "a zero Row": bench.Row{}, "a zero Moment": bench.Moment{},
		"a zero Prediction": lenet.Prediction{}, "a zero Settings": lenet.Settings{}, "a zero Stats": lenet.Stats{}, "a zero Calibration": &lenet.Calibration{},
		"a zero Set": mnist.Set{}, "a zero Pixels": &mnist.Pixels{}, "a zero Result": &sweep.Result{}, "zero sweep Settings": &sweep.Settings{}, "a zero Summary": &sweep.Summary{},
		"a zero Task": &sweep.Task{}, "a zero Plan": sweep.Plan{},
	}
	for name, closed := range map[string]bool{"a Trainer": false, "a closed Trainer": true} {
		trainer, err := lenet.NewTrainer(model, settings)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(trainer.Close)
		if closed {
			trainer.Close()
		}
		all[name] = trainer
	}
	for name, closed := range map[string]bool{"a Classifier": false, "a closed Classifier": true} {
		classifier, err := lenet.NewClassifier(model, lenet.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if closed {
			classifier.Close()
		}
		all[name] = classifier
		all["a Reader with "+name] = picture.NewReader(classifier)
	}
	return all
}

// TestZeros calls every exported function and method with zero values, with nil,
// and with negative numbers.
func TestZeros(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("MNIST_DIR", t.TempDir())
	for name, f := range functions {
		if excepted[name] == "" {
			call(t, name, reflect.ValueOf(f))
		}
	}
	for name, receiver := range receivers(t) {
		v := reflect.ValueOf(receiver)
		for i := range v.NumMethod() {
			call(t, name+"."+v.Type().Method(i).Name, v.Method(i))
		}
	}
}

// call calls a function with every kind of bad argument.
func call(t *testing.T, name string, f reflect.Value) {
	for kind := range kinds {
		arguments := make([]reflect.Value, f.Type().NumIn())
		for i := range arguments {
			arguments[i] = argument(f.Type().In(i), kind)
		}
		func() {
			defer func() {
				if failure := recover(); failure != nil {
					t.Errorf("%s with %v: panic: %v", name, arguments, failure)
				}
			}()
			results := f.Call
			if f.Type().IsVariadic() {
				results = f.CallSlice
			}
			for _, r := range results(arguments) {
				if sequence, ok := r.Interface().(iter.Seq2[lenet.Stats, error]); ok {
					for range sequence {
					}
				}
			}
		}()
	}
}

// kinds of arguments: zero, negative, and one of everything.
const kinds = 3

// argument is a bad one of a type. Interfaces of the standard library are never
// nil, as their callers everywhere promise: a context that has ended, a writer
// of nothing, an empty reader. A pointer to an array is what a conversion makes, never
// nil.
func argument(of reflect.Type, kind int) reflect.Value {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, value := range []any{ended, io.Discard, strings.NewReader("")} {
		if of.Kind() == reflect.Interface && of.NumMethod() > 0 && reflect.TypeOf(value).Implements(of) {
			return reflect.ValueOf(value)
		}
	}
	v := reflect.New(of).Elem()
	switch of.Kind() {
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt([]int64{0, -1, 1}[kind])
	case reflect.Float64, reflect.Float32:
		v.SetFloat([]float64{0, -1, 1}[kind])
	case reflect.Slice:
		v.Set(reflect.MakeSlice(of, []int{0, 0, 1}[kind], 1))
	case reflect.Pointer:
		if of.Elem().Kind() == reflect.Array || kind == 2 {
			v.Set(reflect.New(of.Elem()))
		}
	case reflect.Func:
		v.Set(reflect.MakeFunc(of, func([]reflect.Value) (results []reflect.Value) {
			for i := range of.NumOut() {
				results = append(results, reflect.Zero(of.Out(i)))
			}
			return results
		}))
	}
	return v
}

// TestAllAreCalled: no exported function is missing in the table.
func TestAllAreCalled(t *testing.T) {
	var missing []string
	for _, folder := range packages {
		paths, err := filepath.Glob(filepath.Join("..", "..", folder, "*.go"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d files, error %v", folder, len(paths), err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, content, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, declaration := range file.Decls {
				f, ok := declaration.(*ast.FuncDecl)
				if !ok || f.Recv != nil || !f.Name.IsExported() {
					continue
				}
				if name := file.Name.Name + "." + f.Name.Name; functions[name] == nil {
					missing = append(missing, name)
				}
			}
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("not in the table: %v", missing)
	}
}
