package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"runtime/trace"
)

// record writes what --trace and --cpuprofile ask for until stop is called.
func (c *trainCommand) record() (stop func() error, err error) {
	var ends []func() error
	stop = func() (err error) {
		for _, end := range ends {
			err = errors.Join(err, end())
		}
		return err
	}
	for _, r := range []struct {
		flag, path string
		start      func(*os.File) error
		end        func()
	}{
		{"--trace", c.Trace, func(f *os.File) error { return trace.Start(f) }, trace.Stop},
		{"--cpuprofile", c.Profile, func(f *os.File) error { return pprof.StartCPUProfile(f) }, pprof.StopCPUProfile},
	} {
		if r.path == "" {
			continue
		}
		file, err := os.Create(r.path)
		if err == nil {
			err = r.start(file)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", r.flag, err), stop())
		}
		ends = append(ends, func() error {
			r.end()
			if err := file.Close(); err != nil {
				return fmt.Errorf("%s: %w", r.flag, err)
			}
			return nil
		})
	}
	return stop, nil
}
