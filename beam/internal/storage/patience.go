package storage

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// patience bounds a single call to a filesystem: Google's client asks an address
// that refuses again for ever. Tests change it.
var patience = time.Minute

// within bounds a call about a path, whose errors then name it.
func within(ctx context.Context, path string, limit time.Duration, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return explained(path, limit, ctx.Err, call(ctx))
}

// explained puts the path before an error that lacks it, and says so where the
// patience was at its end. io.EOF stays as it is.
func explained(path string, limit time.Duration, over func() error, err error) error {
	switch {
	case err == nil || err == io.EOF:
		return err
	case over() == context.DeadlineExceeded:
		return fmt.Errorf("%s: no success within %v: %w", path, limit, err)
	}
	return named(path, err)
}

// named puts the path before errors that lack it.
func named(path string, err error) error {
	if strings.Contains(err.Error(), path) {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// calls are the calls about one path that share a context, because a file is read
// or written by several.
type calls struct {
	ctx  context.Context
	stop context.CancelCauseFunc
	path string
}

// begin returns calls, which end ends.
func begin(ctx context.Context, path string) *calls {
	c := &calls{path: path}
	c.ctx, c.stop = context.WithCancelCause(ctx)
	return c
}

func (c *calls) end() { c.stop(nil) }

// do bounds one of the calls.
func (c *calls) do(call func() error) error {
	timer := time.AfterFunc(patience, func() { c.stop(context.DeadlineExceeded) })
	defer timer.Stop()
	return explained(c.path, patience, func() error { return context.Cause(c.ctx) }, call())
}
