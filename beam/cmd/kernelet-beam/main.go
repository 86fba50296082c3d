// Command kernelet-beam classifies files of digits and trains many networks on
// Apache Beam's runners: prism, in the process and with nothing to install, or
// Flink, Spark and Dataflow. The same binary is the runners' worker.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitFailure = 1 // something went wrong; one line on stderr says what
	exitUsage   = 2 // the command line is wrong
)

type commands struct {
	Classify classifyCommand `cmd:"" help:"Classify files of images and write tables of predictions."`
	Sweep    sweepCommand    `cmd:"" help:"Train many networks, by seeds and settings, and compare them."`
}

// environment is what a command may touch besides files.
type environment struct {
	ctx            context.Context
	stdout, stderr io.Writer
}

func main() {
	// Without it, AWS's client also tries the first version of a machine's own
	// service for credentials, and writes a line about that to stderr.
	if _, set := os.LookupEnv("AWS_EC2_METADATA_V1_DISABLED"); !set {
		os.Setenv("AWS_EC2_METADATA_V1_DISABLED", "true")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if isWorker(os.Args[1:]) {
		os.Exit(work(os.Args[1:], os.Stderr))
	}
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// usageError is an error of the command line.
type usageError struct{ error }

// run parses and executes a command line and returns the exit code. What follows
// -- are Beam's own flags.
func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) int {
	var beamFlags []string
	if i := slices.Index(arguments, "--"); i >= 0 {
		arguments, beamFlags = arguments[:i], arguments[i+1:]
	}
	var c commands
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("kernelet-beam"),
		kong.Description("LeNet on MNIST as code-generated kernels, on Apache Beam. What follows -- are Beam's own flags, such as --job_name=NAME."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) {
			if exited < 0 {
				exited = code
			}
		}),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "kernelet-beam:", err)
		return exitFailure
	}
	parsed, err := parser.Parse(arguments)
	if exited >= 0 {
		return exited
	}
	if err == nil {
		err = parseBeamFlags(beamFlags)
	}
	if err != nil {
		fmt.Fprintf(stderr, "kernelet-beam: %v (kernelet-beam --help shows the usage)\n", err)
		return exitUsage
	}
	err = parsed.Run(&environment{ctx: ctx, stdout: stdout, stderr: stderr})
	if err == nil {
		return 0
	}
	// One line, whatever the error is made of.
	fmt.Fprintln(stderr, "kernelet-beam:", strings.ReplaceAll(err.Error(), "\n", "; "))
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailure
}

// parseBeamFlags sets the flags that Beam's packages define.
func parseBeamFlags(arguments []string) error {
	flag.CommandLine.Init("kernelet-beam", flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	if err := flag.CommandLine.Parse(arguments); err != nil {
		return fmt.Errorf("after --: %w", err)
	}
	if rest := flag.CommandLine.Args(); len(rest) > 0 {
		return fmt.Errorf("after --: expected Beam's flags, got %q", rest[0])
	}
	return nil
}
