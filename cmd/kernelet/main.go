// Command kernelet trains LeNet on MNIST, evaluates it, reads digits from
// pictures, and says what the machine can do.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"syscall"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"

	"github.com/kernelet/kernelet"
)

// Exit codes.
const (
	exitFailure  = 1 // something went wrong; one line on stderr says what
	exitUsage    = 2 // the command line is wrong
	exitNoResult = 3 // bench measured, but the machine was too busy for a result
)

type commands struct {
	Train   trainCommand   `cmd:"" help:"Train the network and write model, history and pictures."`
	Sweep   sweepCommand   `cmd:"" help:"Train many networks at once, by seeds and settings, and compare them."`
	Eval    evalCommand    `cmd:"" help:"Measure a model on the test images."`
	Predict predictCommand `cmd:"" help:"Read pictures of one digit each."`
	Read    readCommand    `cmd:"" help:"Read numbers in pictures: rows of digits, or the cells of a table."`
	Export  exportCommand  `cmd:"" help:"Write a model for other runtimes."`
	Data    dataCommand    `cmd:"" help:"Fetch and verify MNIST, and say where it is."`
	Bench   benchCommand   `cmd:"" help:"Measure training and inference against the CPU's peak."`
	Serve   serveCommand   `cmd:"" help:"Serve a page to draw on, HTTP and gRPC."`
	Info    infoCommand    `cmd:"" help:"Show the version, the CPU and the instruction sets."`

	Completion kongcompletion.Completion `cmd:"" help:"Show how to complete commands and flags in bash, zsh or fish."`
	Version    kong.VersionFlag          `help:"Print the version."`
}

// environment is what a command may touch besides files.
type environment struct {
	ctx            context.Context
	stdout, stderr io.Writer
	stepped        func(done, total int) // called after every step of train; only tests set it
}

func main() {
	exit(run(notify(), os.Args[1:], os.Stdout, os.Stderr))
}

// usageError is an error of the command line.
type usageError struct{ error }

// help prints a command's help.
func help(options kong.HelpOptions, parsed *kong.Context) error {
	if command := parsed.Selected(); command != nil {
		addDefaultFlags(command)
	}
	return kong.DefaultHelpPrinter(options, parsed)
}

// addDefaultFlags lists the flags of a command's default command, which may be
// left out, as the command's own: for help and completion, not for parsing.
func addDefaultFlags(command *kong.Node) {
	if command.DefaultCmd != nil {
		command.Flags = append(command.Flags, command.DefaultCmd.Flags...)
	}
}

// complete answers a shell that asks for completions, which then is all there
// is to do.
func complete(parser *kong.Kong) (done bool) {
	if os.Getenv("COMP_LINE") == "" {
		return false
	}
	for _, command := range parser.Model.Children {
		addDefaultFlags(command)
	}
	kongcompletion.Register(parser, kongcompletion.WithExitFunc(func(int) {}))
	return true
}

// run parses and executes a command line and returns the exit code: 0, one of
// those above, or exitSignal and the number of the signal that ended it.
func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) int {
	var c commands
	out := &output{w: stdout}
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("kernelet"),
		kong.Description("LeNet on MNIST as code-generated kernels."),
		kong.Writers(out, stderr),
		kong.KindMapper(reflect.String, kong.MapperFunc(stringArgument)),
		kong.Exit(func(code int) {
			if exited < 0 {
				exited = code
			}
		}),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Help(help),
		kong.Vars{"version": "kernelet " + kernelet.Version()},
	)
	if err != nil {
		fmt.Fprintln(stderr, "kernelet:", err)
		return exitFailure
	}
	if complete(parser) {
		return 0
	}
	if len(arguments) == 0 {
		arguments = []string{"--help"}
	}
	parsed, err := parser.Parse(arguments)
	if exited >= 0 {
		return finish(ctx, out.close(), exited, stderr)
	}
	if errors.Is(err, errOutput) {
		return finish(ctx, err, 0, stderr)
	}
	if err != nil {
		fmt.Fprintf(stderr, "kernelet: %s (kernelet --help shows the usage)\n", oneLine(err.Error()))
		return exitUsage
	}
	err = parsed.Run(&environment{ctx: ctx, stdout: out, stderr: stderr})
	if lost := out.close(); err == nil {
		err = lost
	}
	return finish(ctx, err, 0, stderr)
}

// finish says on one line of stderr what went wrong, and returns the exit code,
// which is code if nothing did.
func finish(ctx context.Context, err error, code int, stderr io.Writer) int {
	if err == nil {
		return code
	}
	ended := signalled(ctx, err)
	switch {
	case ended == exitSignal+int(syscall.SIGPIPE) && !errors.Is(err, errInterrupted):
		return ended // whoever reads no more does not want to know
	case errors.Is(err, context.Canceled) && ctx.Err() != nil && !errors.Is(err, errInterrupted):
		err = errInterrupted
	}
	fmt.Fprintln(stderr, "kernelet:", oneLine(err.Error()))
	if ended != 0 {
		return ended
	}
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	if errors.Is(err, errNoResult) {
		return exitNoResult
	}
	return exitFailure
}
