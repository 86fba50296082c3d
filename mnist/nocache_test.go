package mnist

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/kernelet/kernelet/internal/smalldisk"
)

// loadUncached loads from a mirror, and fails unless Source says that and why
// nothing was kept.
func loadUncached(t *testing.T, options Options, because string) {
	t.Helper()
	data, err := Load(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	if data.Name != "mnist" || !bytes.Equal(data.Train.Images, Synthetic(30, 1).Images) || !bytes.Equal(data.Test.Labels, Synthetic(10, 1).Labels) {
		t.Errorf("name %q, or other images and labels than the mirror's", data.Name)
	}
	if !strings.Contains(data.Source, "not kept: ") || !strings.Contains(data.Source, because) {
		t.Errorf("source: expected that nothing was kept because of %q, got %q", because, data.Source)
	}
}

// TestNoCache: without a folder for caches, or with one that cannot be written
// to, data are fetched all the same.
func TestNoCache(t *testing.T) {
	contents := small(t)
	var requests atomic.Int32
	options := Options{Mirrors: []string{server(t, serve(contents, &requests))}}
	for _, variable := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData", "home"} {
		t.Setenv(variable, "")
	}
	loadUncached(t, options, "no cache folder")
	if folder, locations, err := Locate(options); err != nil || folder != "" || len(locations) != 4 || locations[0].Path != "" {
		t.Errorf("Locate: folder %q, %+v, error %v", folder, locations, err)
	}
	// A file where the cache's parent is to be: unlike permissions it stops root too.
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	options.Cache = filepath.Join(blocked, "mnist")
	loadUncached(t, options, blocked)
	if requests.Load() != 8 {
		t.Errorf("expected 8 requests, got %d", requests.Load())
	}
}

// TestFullCache: a cache without room keeps what it has, and no parts.
func TestFullCache(t *testing.T) {
	contents := small(t)
	cache := smalldisk.Mount(t, 4096)
	var requests atomic.Int32
	loadUncached(t, Options{Cache: cache, Mirrors: []string{server(t, serve(contents, &requests))}}, syscall.ENOSPC.Error())
	if entries, err := os.ReadDir(cache); err != nil || len(entries) != 0 {
		t.Errorf("the cache holds %v, error %v", entries, err)
	}
}

// TestNamedMirrors: what the environment names is asked first, and instead of
// the module and the usual mirrors.
func TestNamedMirrors(t *testing.T) {
	contents := small(t)
	var requests, others atomic.Int32
	good, other := server(t, serve(contents, &requests)), server(t, serve(contents, &others))
	original := mirrors
	t.Cleanup(func() { mirrors = original })
	mirrors = []string{other}
	fakeGo(t, `touch "$ASKED"; exit 1`)
	asked := filepath.Join(t.TempDir(), "asked")
	t.Setenv("ASKED", asked)
	t.Setenv(mirrorVariable, good+"/nowhere  "+good)
	if _, err := Load(context.Background(), Options{Cache: t.TempDir()}); err != nil || requests.Load() != 8 || others.Load() != 0 {
		t.Errorf("expected 8 and 0 requests, got %d and %d, error %v", requests.Load(), others.Load(), err)
	}
	if _, err := os.Stat(asked); err == nil {
		t.Error("the go command was run")
	}
	t.Setenv(mirrorVariable, good+"/nowhere")
	if _, err := Load(context.Background(), Options{Cache: t.TempDir()}); !errors.Is(err, ErrUnavailable) || others.Load() != 0 {
		t.Errorf("expected ErrUnavailable and no other requests, got %v and %d", err, others.Load())
	}
	if _, err := Load(context.Background(), Options{Cache: t.TempDir(), Mirrors: []string{other}}); err != nil || others.Load() != 4 {
		t.Errorf("mirrors of the options: expected 4 requests, got %d, error %v", others.Load(), err)
	}
}

// TestModuleWithoutHome: a go command that has no module cache, or none that
// can be written to, gets one that is gone afterwards.
func TestModuleWithoutHome(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell script as the go command")
	}
	contents := small(t)
	given := t.TempDir()
	for name, content := range contents {
		if err := os.WriteFile(filepath.Join(given, filepath.Base(name)), content, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GIVEN", given)
	used := filepath.Join(t.TempDir(), "used")
	t.Setenv("USED", used)
	// As the go command: GOPATH for the checksums, GOMODCACHE for the module.
	path := os.Getenv("PATH")
	fakeGo(t, `PATH=/usr/bin:/bin
if [ "$1" = env ]; then echo "$GOMODCACHE"; exit; fi
if [ -z "$GOPATH" ] || ! mkdir -p "$GOMODCACHE/m/data" 2>/dev/null; then echo '{"Error": "module cache not found"}'; exit 1; fi
case $GOFLAGS in *-modcacherw*) ;; *) exit 4;; esac
cp "$GIVEN"/* "$GOMODCACHE/m/data" && echo "$GOMODCACHE" >"$USED" && echo "{\"Dir\": \"$GOMODCACHE/m\"}"`)
	t.Setenv("PATH", path)
	t.Setenv("GOPATH", "")
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, cache := range []string{"", filepath.Join(blocked, "mod")} {
		t.Setenv("GOMODCACHE", cache)
		data, err := Load(context.Background(), Options{Cache: t.TempDir(), Mirrors: []string{}})
		if err != nil || !bytes.Equal(data.Test.Images, Synthetic(10, 1).Images) {
			t.Fatalf("module cache %q: %v", cache, err)
		}
		folder, err := os.ReadFile(used)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(strings.TrimSpace(string(folder))); err == nil {
			t.Errorf("%s is left", folder)
		}
	}
}
