// Package sweeps is a Beam pipeline that trains many networks, an element a run,
// and leaves the files that kernelet sweep leaves.
//
//	settings → Reshuffle → runs/ID.json → tables, plots and page
//
// A run whose file is there is not trained again.
package sweeps

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/kernelet/kernelet/beam/internal/failure"
	"github.com/kernelet/kernelet/beam/internal/storage"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/sweep"
	"github.com/kernelet/kernelet/mnist"
	_ "github.com/kernelet/kernelet/mnist/parquet" // a form that data may have
)

// Options of a job. They travel to the workers.
type Options struct {
	Output  storage.Folder
	Data    string // data set on every worker, as mnist.Open takes it; "": MNIST, fetched by each
	Init    string // model that every run starts from; "": random weights
	Limit   int    // training images; 0: all
	HoldOut int    // training images to validate on; 0: the test images
	ISA     string
}

// Run is an element: one network to train.
type Run struct {
	Index    int // in the sweep
	Settings sweep.Settings
}

// Done is the result of a Run.
type Done struct {
	Index  int
	Result sweep.Result
}

func init() {
	register.DoFn3x1[context.Context, Run, func(Done), error](&trainFn{})
	register.DoFn3x1[context.Context, int, func(*Done) bool, error](&reportFn{})
	register.Emitter1[Done]()
	register.Iter1[Done]()
	beam.RegisterType(reflect.TypeFor[Run]())
	beam.RegisterType(reflect.TypeFor[Done]())
	beam.RegisterCoder(reflect.TypeFor[Run](), encodeRun, decodeRun)
	beam.RegisterCoder(reflect.TypeFor[Done](), encodeDone, decodeDone)
}

// Coders are named functions: Beam tells functions apart by names, which those of
// one generic function share.

func encodeRun(v Run) ([]byte, error) { return json.Marshal(v) }

func decodeRun(content []byte) (v Run, err error) {
	err = json.Unmarshal(content, &v)
	return v, err
}

func encodeDone(v Done) ([]byte, error) { return json.Marshal(v) }

func decodeDone(content []byte) (v Done, err error) {
	err = json.Unmarshal(content, &v)
	return v, err
}

// Build adds the pipeline to a scope.
func Build(s beam.Scope, o Options, runs []lenet.Settings) {
	elements := make([]Run, len(runs))
	for i, r := range runs {
		elements[i] = Run{i, sweep.Settings{Settings: r}}
	}
	done := beam.ParDo(s, &trainFn{Options: o}, beam.Reshuffle(s, beam.CreateList(s, elements)))
	beam.ParDo0(s, &reportFn{o}, beam.GroupByKey(s, beam.AddFixedKey(s, done)))
}

// NewTask reads the data and the weights to start from.
func (o *Options) NewTask(ctx context.Context) (*sweep.Task, error) {
	data, err := o.load(ctx)
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	train, validation := data.Train, data.Test
	if train.Len() == 0 || train.Labels == nil {
		return nil, fmt.Errorf("--data: %s: expected training images with labels", data.Source)
	}
	if o.HoldOut == 0 && (validation.Len() == 0 || validation.Labels == nil) {
		return nil, fmt.Errorf("--data: %s: expected test images with labels, or --hold-out N", data.Source)
	}
	if n := train.Len(); o.HoldOut >= n {
		return nil, fmt.Errorf("--hold-out: expected fewer than the %d training images, got %d", n, o.HoldOut)
	} else if o.HoldOut > 0 {
		train, validation = part(train, 0, n-o.HoldOut), part(train, n-o.HoldOut, n)
	}
	if o.Limit > 0 && o.Limit < train.Len() {
		train = part(train, 0, o.Limit)
	}
	task := sweep.NewTask(data.Name, train, validation)
	task.HeldOut = o.HoldOut > 0
	if o.Init != "" {
		content, err := storage.Read(ctx, o.Init)
		if err != nil {
			return nil, fmt.Errorf("--init: %w", err)
		}
		if task.Initial, err = lenet.Read(bytes.NewReader(content)); err != nil {
			return nil, fmt.Errorf("--init: %s: %w", o.Init, err)
		}
	}
	return task, nil
}

func (o *Options) load(ctx context.Context) (*mnist.Dataset, error) {
	if o.Data == "" {
		return mnist.Load(ctx, mnist.Options{})
	}
	return mnist.Open(ctx, o.Data)
}

func part(s mnist.Set, from, to int) mnist.Set {
	return mnist.Set{Images: s.Images[from*mnist.ImageBytes : to*mnist.ImageBytes], Labels: s.Labels[from:to]}
}

// shared is what all DoFns of this process train with: the data, read once, and
// as many networks at once as there are processors, however many bundles run.
var shared struct {
	sync.Mutex
	options Options
	task    *sweep.Task
	slots   chan struct{}
}

func (o *Options) task(ctx context.Context) (*sweep.Task, chan struct{}, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.task == nil || shared.options != *o {
		task, err := o.NewTask(ctx)
		if err != nil {
			return nil, nil, err
		}
		shared.options, shared.task = *o, task
		if shared.slots == nil {
			shared.slots = make(chan struct{}, runtime.GOMAXPROCS(0))
		}
	}
	return shared.task, shared.slots, nil
}

// trainFn trains the runs of a bundle at once: prism has one bundle, whose
// elements come one after another.
type trainFn struct {
	Options Options

	task    *sweep.Task
	slots   chan struct{}
	running sync.WaitGroup
	mutex   sync.Mutex // of what follows
	done    []Done
	err     error // the first
}

// Setup gets the process's data.
func (f *trainFn) Setup(ctx context.Context) (err error) {
	f.task, f.slots, err = f.Options.task(ctx)
	return failure.Wrap(err)
}

// StartBundle forgets the bundle before.
func (f *trainFn) StartBundle(context.Context, func(Done)) {
	f.done, f.err = nil, nil
}

// ProcessElement begins a run when one of the processors is free.
func (f *trainFn) ProcessElement(ctx context.Context, r Run, _ func(Done)) error {
	f.slots <- struct{}{}
	f.mutex.Lock()
	failed := f.err
	f.mutex.Unlock()
	if failed != nil {
		<-f.slots
		return f.finish()
	}
	f.running.Go(func() {
		defer func() { <-f.slots }()
		result, err := f.Options.train(ctx, r.Settings.Settings, f.task)
		f.mutex.Lock()
		defer f.mutex.Unlock()
		if err != nil && f.err == nil {
			f.err = err
		}
		f.done = append(f.done, Done{r.Index, result})
	})
	return nil
}

// FinishBundle waits for the bundle's runs and emits their results.
func (f *trainFn) FinishBundle(_ context.Context, emit func(Done)) error {
	if err := f.finish(); err != nil {
		return err
	}
	for _, d := range f.done {
		emit(d)
	}
	return nil
}

// finish waits for all runs that have begun, and returns the first error.
func (f *trainFn) finish() error {
	f.running.Wait()
	return failure.Wrap(f.err)
}

// train returns the result that the output has, or trains and writes it.
func (o *Options) train(ctx context.Context, settings lenet.Settings, task *sweep.Task) (sweep.Result, error) {
	settings.ISA = o.ISA
	id, err := task.ID(settings)
	if err != nil {
		return sweep.Result{}, err
	}
	name := sweep.ResultName(id)
	if o.Output.Exists(ctx, name) {
		content, err := o.Output.Read(ctx, name)
		if err != nil {
			return sweep.Result{}, err
		}
		r, err := sweep.Decode(content, id)
		if err != nil {
			return sweep.Result{}, fmt.Errorf("%s: %w; remove it to train again", o.Output.Path(name), err)
		}
		return *r, nil
	}
	r, err := sweep.Train(ctx, settings, task, nil)
	if err != nil {
		return r, err
	}
	content, err := r.Encode()
	if err != nil {
		return r, err
	}
	return r, o.Output.Write(ctx, name, content)
}

type reportFn struct{ Options Options }

// ProcessElement writes the tables, the plots and the page.
func (f *reportFn) ProcessElement(ctx context.Context, _ int, next func(*Done) bool) error {
	var all []Done
	for {
		var d Done // next decodes into it
		if !next(&d) {
			break
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Done) int { return a.Index - b.Index })
	results := make([]sweep.Result, len(all))
	for i := range all {
		results[i] = all[i].Result
	}
	files, err := sweep.Files(results)
	if err != nil {
		return failure.Wrap(err)
	}
	for _, file := range files {
		if err := f.Options.Output.Write(ctx, file.Name, file.Content); err != nil {
			return failure.Wrap(err)
		}
	}
	return failure.Wrap(f.Options.Output.Sweep(ctx))
}
