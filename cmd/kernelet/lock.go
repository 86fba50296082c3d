package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// lockFile is there while a command writes a folder's files; it holds the
// process's number.
const lockFile = ".lock"

// lock makes a folder this process's own until unlock, or says which process
// has it. It goes with the process, however that ends. Where the file system
// has no locks, locked is false.
func lock(folder string) (locked bool, unlock func(), err error) {
	path := filepath.Join(folder, lockFile)
	for {
		l := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o644))
		switch locked, err := l.TryLock(); {
		case err != nil && errors.Is(err, errors.ErrUnsupported):
			return false, func() {}, nil
		case err != nil:
			return false, nil, fmt.Errorf("lock: %w", err)
		case !locked:
			return false, nil, fmt.Errorf("%s: %s writes to this folder; wait for it, or choose another folder with --out", folder, owner(path))
		}
		// Its last owner may have removed the file after this one had opened it.
		held, heldErr := l.Stat()
		there, thereErr := os.Stat(path)
		if heldErr == nil && thereErr == nil && os.SameFile(held, there) {
			os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o666) // no more than a help; Windows refuses it
			return true, func() {
				os.Remove(path) // before it is free: nobody else's goes
				l.Close()
			}, nil
		}
		if err := l.Close(); err != nil {
			return false, nil, fmt.Errorf("lock: %w", err)
		}
	}
}

// owner names the process that has a lock.
func owner(path string) string {
	content, err := os.ReadFile(path)
	if pid := strings.TrimSpace(string(content)); err == nil && pid != "" {
		return "process " + pid
	}
	return "another process"
}
