package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/exec/optimized"
	beamlog "github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/dataflow"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/flink"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/spark"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal"

	"github.com/kernelet/kernelet/beam/internal/failure"
)

// runnerFlags say where a pipeline runs.
type runnerFlags struct {
	Runner      string `help:"prism (in this process), flink, spark, universal (any job server) or dataflow." enum:"prism,flink,spark,universal,dataflow" default:"prism"`
	Endpoint    string `help:"Address of the runner's job server." placeholder:"HOST:PORT"`
	Environment string `help:"Who runs the workers: process (the runner starts this binary on its machines) or loopback (this process is the worker)." enum:"process,loopback" default:"process"`
	Worker      string `help:"Path of this binary on the runner's machines; the same as here if not given." placeholder:"FILE"`
	Parallelism int    `help:"Pieces or networks at once, over all machines; 0: the runner's default." default:"0"`
	Verbose     bool   `help:"Print what Beam says."`
}

// execute runs a pipeline and waits for its end. The error is the line of what
// failed first, where it is known.
func (f *runnerFlags) execute(e *environment, build func(beam.Scope)) error {
	if needs := f.Runner != "prism" && f.Runner != "dataflow"; needs && f.Endpoint == "" {
		return usageError{fmt.Errorf("--endpoint: the job server's address is needed with --runner %s", f.Runner)}
	}
	if f.Parallelism < 0 {
		return usageError{fmt.Errorf("--parallelism: expected at least 0, got %d", f.Parallelism)}
	}
	if f.Endpoint != "" {
		if err := answers(e.ctx, f.Endpoint); err != nil {
			return err
		}
	}
	if err := f.set(); err != nil {
		return err
	}
	said := &listener{verbose: f.Verbose, w: e.stderr}
	said.begin()
	p, s := beam.NewPipelineWithRoot()
	build(s)
	_, err := beam.Run(e.ctx, f.Runner, p)
	return f.explain(e.ctx, err, said)
}

// answers reports whether somebody listens at the job server's address; Beam
// would wait for a minute and say nothing about it.
func answers(ctx context.Context, endpoint string) error {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	connection, err := dialer.DialContext(ctx, "tcp", endpoint)
	if err != nil {
		return fmt.Errorf("--endpoint: no job server: %w", err)
	}
	return connection.Close()
}

// set gives Beam its options, which are global.
func (f *runnerFlags) set() error {
	*jobopts.Endpoint = f.Endpoint
	if f.Parallelism > 0 {
		*jobopts.Parallelism = f.Parallelism
	}
	if f.Runner == "prism" || f.Runner == "dataflow" {
		return nil
	}
	if *jobopts.EnvironmentType == "" {
		*jobopts.EnvironmentType = strings.ToUpper(f.Environment)
	}
	if !strings.EqualFold(*jobopts.EnvironmentType, "process") {
		return nil
	}
	worker := f.Worker
	if worker == "" {
		var err error
		if worker, err = os.Executable(); err != nil {
			return fmt.Errorf("--worker: %w", err)
		}
	}
	if *jobopts.EnvironmentConfig == "" {
		config, err := json.Marshal(map[string]string{"command": worker})
		if err != nil {
			return err
		}
		*jobopts.EnvironmentConfig = string(config)
	}
	if *jobopts.WorkerBinary == "" {
		// Beam sends a binary to the workers' machines, which have theirs: an empty
		// file, always of this name, is the least that it sends.
		empty := filepath.Join(os.TempDir(), "kernelet-beam-no-binary")
		if err := os.WriteFile(empty, nil, 0o644); err != nil {
			return err
		}
		*jobopts.WorkerBinary = empty
	}
	return nil
}

// explain finds the reason in what the runner returned and said.
func (f *runnerFlags) explain(ctx context.Context, err error, said *listener) error {
	said.Lock()
	defer said.Unlock()
	switch {
	case ctx.Err() != nil && f.Runner == "prism":
		return errors.New("interrupted; the same command goes on with what is missing")
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted; the job goes on at %s", f.Endpoint)
	case err == nil && said.cancelled:
		return errors.New("the job was cancelled")
	case err == nil:
		return nil
	}
	if line := failure.Line(err.Error()); line != "" {
		return errors.New(line)
	}
	if said.failure != "" {
		return errors.New(said.failure)
	}
	if f.Endpoint != "" && strings.Contains(err.Error(), "code = Unavailable") {
		return fmt.Errorf("%s: the job server at %s is gone; a job that runs goes on, and the same command completes what is missing", f.Runner, f.Endpoint)
	}
	lines := strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' })
	last := strings.TrimSpace(lines[len(lines)-1]) // Beam's wrappers come first
	return fmt.Errorf("%s: %s (--verbose prints all that Beam says)", f.Runner, last)
}

// listener is Beam's logger: it keeps what matters of a job, and prints all of
// it if asked to.
type listener struct {
	sync.Mutex
	verbose   bool
	w         io.Writer
	failure   string // the first line that a worker put into what it said
	cancelled bool
}

// begin makes Beam, whose packages also write to slog, talk to the listener.
func (l *listener) begin() {
	if !beam.Initialized() {
		beam.Init()
	}
	beamlog.SetLogger(l)
	level := slog.LevelInfo
	w := l.w
	if !l.verbose {
		w = io.Discard
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})))
}

// Log implements beamlog.Logger.
func (l *listener) Log(_ context.Context, _ beamlog.Severity, _ int, text string) {
	l.Lock()
	defer l.Unlock()
	if l.failure == "" {
		l.failure = failure.Line(text)
	}
	if strings.Contains(text, "state: CANCELLED") {
		l.cancelled = true
	}
	if l.verbose {
		fmt.Fprintln(l.w, text)
	}
}
