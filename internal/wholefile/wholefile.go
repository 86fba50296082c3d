// Package wholefile replaces files at once: whoever reads one, even after the
// machine stopped, finds what was there before or what was written, whole.
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
)

// temporarySuffix ends the names of files that are not complete yet.
const temporarySuffix = ".tmp"

// Write writes content to a temporary file beside path, makes it durable and
// renames it to path. Its permissions are those of a new file.
func Write(path string, content []byte) error {
	if err := write(path, content); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func write(path string, content []byte) error {
	file, err := create(path)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
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
func create(path string) (*os.File, error) {
	for {
		name := filepath.Join(filepath.Dir(path), prefix(path)+strconv.FormatUint(rand.Uint64(), 36)+temporarySuffix)
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
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

// Sweep removes the temporary files that killed writers of path left. Nobody
// may be writing path at the same time.
func Sweep(path string) error {
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
		if err := os.Remove(filepath.Join(folder, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sweep %s: %w", path, err)
		}
	}
	return nil
}
