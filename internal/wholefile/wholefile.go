// Package wholefile replaces files atomically: a reader sees the old or the new
// content, complete, even after a crash.
package wholefile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// temporarySuffix ends the names of files that are not complete yet.
const temporarySuffix = ".tmp"

// Write writes content to a temporary file beside path, makes it durable and
// renames it to path. A new file has the permissions of any new file; one that
// is replaced keeps its mode and, where the system allows it, its owner. If path
// is a symbolic link, the file that it leads to is replaced and the link stays.
// Other names of the same file, hard links, keep what they had.
//
// Devices, pipes and standard output under any of its names cannot be replaced:
// the content is written to them as they are.
func Write(path string, content []byte) error {
	if err := write(path, content); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func write(path string, content []byte) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return errIsFolder
	case err == nil:
		for _, stream := range []*os.File{os.Stdout, os.Stderr} {
			// A second descriptor of a redirected stream would begin at the file's start.
			if open, err := stream.Stat(); err == nil && os.SameFile(info, open) {
				_, err := stream.Write(content)
				return err
			}
		}
		if !info.Mode().IsRegular() {
			return writeInto(path, content)
		}
	case errors.Is(err, fs.ErrNotExist):
		info = nil
	default:
		return err
	}
	target, err := Resolve(path)
	if err != nil {
		return err
	}
	return replace(target, info, content)
}

var errIsFolder = errors.New("expected a file, got a folder")

// writeInto writes to what is no regular file, which stays what it is.
func writeInto(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// maxLinks is the number of symbolic links after which they count as a circle,
// as in Linux.
const maxLinks = 40

// Resolve follows the symbolic links at path to the name of what they lead to,
// which need not exist.
func Resolve(path string) (string, error) {
	target := path
	for range maxLinks {
		info, err := os.Lstat(target)
		if errors.Is(err, fs.ErrNotExist) {
			return target, nil
		}
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return target, nil
		}
		next, err := os.Readlink(target)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(next) {
			// Not cleaned lexically: a folder before ".." may be a link itself.
			next = filepath.Dir(target) + string(filepath.Separator) + next
		}
		target = next
	}
	return "", fmt.Errorf("more than %d symbolic links", maxLinks)
}

// replace puts a new file with content in the place of the one that old
// describes, or of none if it is nil.
func replace(path string, old fs.FileInfo, content []byte) error {
	permissions := fs.FileMode(0o666)
	if old != nil {
		permissions = old.Mode().Perm()
		// Who may rename over a file may still not be allowed to write to it.
		if writable, err := os.OpenFile(path, os.O_WRONLY, 0); err != nil {
			return err
		} else if err := writable.Close(); err != nil {
			return err
		}
	}
	file, err := create(path, permissions)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil && old != nil {
		keepOwner(file, old)
		// Last: a change of the owner takes bits away.
		if info, statErr := file.Stat(); statErr != nil || info.Mode() != old.Mode() {
			err = file.Chmod(old.Mode())
		}
	}
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

// create opens a new temporary file for path. os.CreateTemp would hide it from
// everybody but the user, whatever the umask says.
func create(path string, permissions fs.FileMode) (*os.File, error) {
	for {
		name := filepath.Join(filepath.Dir(path), prefix(path)+strconv.FormatUint(rand.Uint64(), 36)+temporarySuffix)
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, permissions)
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
	}
}

// prefix begins the names of path's temporary files.
func prefix(path string) string { return "." + filepath.Base(path) + "." }

// syncFolder makes a rename in a folder durable, where the system lets folders
// be synced.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, d.Close())
}

// AbandonedAfter is the age at which a temporary file belongs to nobody any more.
const AbandonedAfter = time.Hour

// Sweep removes the temporary files of at least the given age that killed writers
// of path left: 0 if nobody can be writing path, or else AbandonedAfter.
func Sweep(path string, age time.Duration) error {
	folder := filepath.Dir(path)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("sweep %s: %w", path, err)
	}
	for _, entry := range entries {
		middle, ok := strings.CutPrefix(entry.Name(), prefix(path))
		if !ok {
			continue
		}
		// Only names that create makes.
		number, ok := strings.CutSuffix(middle, temporarySuffix)
		if _, err := strconv.ParseUint(number, 36, 64); !ok || err != nil {
			continue
		}
		if info, err := entry.Info(); err != nil || age > 0 && time.Since(info.ModTime()) < age {
			continue
		}
		if err := os.Remove(filepath.Join(folder, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sweep %s: %w", path, err)
		}
	}
	return nil
}
