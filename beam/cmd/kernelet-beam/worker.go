package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/container/tools"
	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	beamruntime "github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/harness"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"
)

// A runner starts a worker with --id and the endpoints of its services, of which
// only the provision service is asked: it knows the others. Beam's own container
// "boot" would copy a staged binary, start it as a child and stay behind when
// the job is over; this process is the worker itself and ends when the runner
// closes its control stream.
var provisionEndpoint = flag.String("provision_endpoint", "", "Address of the runner's provision service; makes this process a worker.")

// isWorker reports whether a runner has started this process.
func isWorker(arguments []string) bool {
	return slices.ContainsFunc(arguments, func(a string) bool {
		return strings.HasPrefix(strings.TrimLeft(a, "-"), "provision_endpoint")
	})
}

// work does what the runner says until it says no more, and returns the exit
// code.
func work(arguments []string, stderr io.Writer) (code int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(stderr, "kernelet-beam worker: panic: %v\n%s", r, debug.Stack())
			code = exitFailure
		}
	}()
	// Runners also pass endpoints that nobody defined a flag for.
	for _, name := range []string{"logging_endpoint", "artifact_endpoint", "control_endpoint", "semi_persist_dir"} {
		if flag.Lookup(name) == nil {
			flag.String(name, "", "")
		}
	}
	if err := parseBeamFlags(arguments); err != nil {
		fmt.Fprintln(stderr, "kernelet-beam worker:", err)
		return exitUsage
	}
	if err := serve(flag.Lookup("id").Value.String()); err != nil {
		fmt.Fprintln(stderr, "kernelet-beam worker:", err)
		return exitFailure
	}
	return 0
}

func serve(id string) error {
	ctx := grpcx.WriteWorkerID(context.Background(), id)
	info, err := tools.ProvisionInfo(ctx, *provisionEndpoint)
	if err != nil {
		return fmt.Errorf("--provision_endpoint: %w", err)
	}
	text, err := tools.ProtoToJSON(info.GetPipelineOptions())
	if err != nil {
		return err
	}
	var options beamruntime.RawOptionsWrapper
	if err := json.Unmarshal([]byte(text), &options); err != nil {
		return fmt.Errorf("pipeline options: %w", err)
	}
	beamruntime.GlobalOptions.Import(options.Options)
	beam.Init()
	return harness.MainWithOptions(ctx, info.GetLoggingEndpoint().GetUrl(), info.GetControlEndpoint().GetUrl(), harness.Options{
		StatusEndpoint:     info.GetStatusEndpoint().GetUrl(),
		RunnerCapabilities: info.GetRunnerCapabilities(),
	})
}
