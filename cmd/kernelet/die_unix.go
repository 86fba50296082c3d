//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// die ends the process by a signal.
func die(s syscall.Signal) {
	signal.Reset(s)
	if s == syscall.SIGPIPE {
		// Go's runtime ignores it unless a write to standard output causes it.
		os.Stdout.Write([]byte("\n"))
		return
	}
	if syscall.Kill(syscall.Getpid(), s) == nil {
		select {} // it is on its way
	}
}
