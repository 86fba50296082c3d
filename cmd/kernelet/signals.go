package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// exitSignal and the signal's number make the exit code of a command that a
// signal ended, as in shells.
const exitSignal = 128

// errInterrupted is wrapped by the error of a command that was interrupted and
// did not come to its end.
var errInterrupted = errors.New("interrupted")

// interruption is the cause of the end of a context by a signal.
type interruption struct{ signal syscall.Signal }

func (i interruption) Error() string { return fmt.Sprintf("interrupted: %v", i.signal) }

// hangupReloads is set while SIGHUP asks the command to read its files again,
// as it asks servers, and not to end.
var hangupReloads atomic.Bool

// notify returns a context that ends with the first signal that asks to end, a
// lost terminal too. The second one ends the process at once.
func notify() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := []os.Signal{syscall.SIGTERM}
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGHUP} {
		// nohup, and shells for what runs in the background, have them ignored.
		if !signal.Ignored(s) {
			signals = append(signals, s)
		}
	}
	received := make(chan os.Signal, 1)
	signal.Notify(received, signals...)
	go func() {
		for s := range received {
			if s == syscall.SIGHUP && hangupReloads.Load() {
				continue
			}
			signal.Reset(signals...)
			cancel(interruption{s.(syscall.Signal)})
			return
		}
	}()
	// A closed pipe is an error of the write, so that training can save first.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return ctx
}

// signalled returns the exit code of a command that ended with err because of a
// signal, or 0.
func signalled(ctx context.Context, err error) int {
	var cause interruption
	switch {
	case errors.Is(err, errOutput) && errors.Is(err, syscall.EPIPE):
		return exitSignal + int(syscall.SIGPIPE)
	case (errors.Is(err, errInterrupted) || errors.Is(err, context.Canceled)) && errors.As(context.Cause(ctx), &cause):
		return exitSignal + int(cause.signal)
	}
	return 0
}

// exit ends the process: by the signal itself if a signal ended the command, so
// that a shell that runs it in a loop ends its loop.
func exit(code int) {
	if code > exitSignal {
		die(syscall.Signal(code - exitSignal))
	}
	os.Exit(code)
}
