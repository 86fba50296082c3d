//go:build unix

package wholefile

import (
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// asWriter makes the test's binary write "new" to the file that it names.
const asWriter = "WHOLEFILE_TEST_WRITE"

func TestMain(m *testing.M) {
	if path := os.Getenv(asWriter); path != "" {
		os.Stdout.WriteString("before ")
		if err := Write(path, []byte("new")); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Stdout.WriteString(" after")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func write666(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestDevices: what is no regular file is written to and stays.
func TestDevices(t *testing.T) {
	folder := t.TempDir()
	// Devices of the machine are never written to under their own names: a
	// mistake would replace them.
	null := filepath.Join(folder, "null")
	if os.Getuid() == 0 {
		if err := syscall.Mknod(null, syscall.S_IFCHR|0o666, 1<<8|3); err != nil {
			t.Logf("no device of its own: %v", err)
			null = ""
		}
	} else {
		null = os.DevNull // without root it cannot be replaced
	}
	if null != "" {
		// A container may forbid to open what it lets be made.
		if f, err := os.OpenFile(null, os.O_WRONLY, 0); err != nil {
			t.Logf("the device cannot be opened: %v", err)
		} else {
			f.Close()
			if err := Write(null, []byte("x")); err != nil {
				t.Error(err)
			}
		}
		if info, err := os.Lstat(null); err != nil || info.Mode()&fs.ModeDevice == 0 {
			t.Errorf("the device became %v, error %v", info, err)
		}
	}
	pipe := filepath.Join(folder, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(folder, "link")
	if err := os.Symlink("pipe", link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, link} {
		got := make(chan string)
		go func() {
			reader, err := os.Open(pipe)
			if err != nil {
				got <- err.Error()
				return
			}
			content, _ := io.ReadAll(reader)
			reader.Close()
			got <- string(content)
		}()
		if err := Write(path, []byte("through")); err != nil {
			t.Fatal(err)
		}
		if content := <-got; content != "through" {
			t.Errorf("%s: got %q", path, content)
		}
		if info, err := os.Lstat(pipe); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
			t.Fatalf("the pipe became %v, error %v", info, err)
		}
	}
}

// TestStandardOutput: a name of standard output is standard output, be it a
// file or a pipe, at the place where the stream is.
func TestStandardOutput(t *testing.T) {
	for _, name := range []string{"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"} {
		if _, err := os.Stat(name); err != nil {
			continue
		}
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), asWriter+"="+name)
		if out, err := command.Output(); err != nil || string(out) != "before new after" {
			t.Errorf("%s, a pipe: got %q, error %v", name, out, err)
		}
		path := filepath.Join(t.TempDir(), "out")
		for _, flag := range []int{os.O_TRUNC, os.O_APPEND} {
			write666(t, path)
			file, err := os.OpenFile(path, os.O_WRONLY|flag, 0)
			if err != nil {
				t.Fatal(err)
			}
			command := exec.Command(os.Args[0])
			command.Env = append(os.Environ(), asWriter+"="+name)
			command.Stdout = file
			if err := command.Run(); err != nil {
				t.Errorf("%s, a file: %v", name, err)
			}
			file.Close()
			want := "before new after"
			if flag == os.O_APPEND {
				want = "old" + want
			}
			if got := read(t, path); got != want {
				t.Errorf("%s, a file: expected %q, got %q", name, want, got)
			}
		}
	}
}

// TestLinks: the file behind symbolic links is replaced, the links stay, and a
// second name of the old file keeps the old content.
func TestLinks(t *testing.T) {
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	if err := os.MkdirAll(in("far/deep"), 0o777); err != nil {
		t.Fatal(err)
	}
	write666(t, in("far/a"))
	for name, target := range map[string]string{
		"relative": "far/a", "absolute": in("far/a"), "chain": "relative", "folder": "far/deep", "through": "folder/../a",
		"dangling": "far/new", "circle": "circle", "nowhere": "none/a",
	} {
		if err := os.Symlink(target, in(name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"relative": "far/a", "absolute": "far/a", "chain": "far/a", "through": "far/a", "dangling": "far/new"} {
		if err := Write(in(name), []byte(name)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if info, err := os.Lstat(in(name)); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is a link no more: %v, error %v", name, info, err)
		}
		if got := read(t, in(target)); got != name {
			t.Errorf("%s: expected it in %s, got %q", name, target, got)
		}
	}
	for _, name := range []string{"circle", "nowhere"} {
		if err := Write(in(name), nil); err == nil {
			t.Errorf("%s: expected an error", name)
		}
	}
	if err := os.Link(in("far/a"), in("second")); err != nil {
		t.Fatal(err)
	}
	before := read(t, in("second"))
	if err := Write(in("far/a"), []byte("newest")); err != nil || read(t, in("second")) != before {
		t.Errorf("a second name: error %v, content %q", err, read(t, in("second")))
	}
	if got := names(t, in("far")); !slices.Equal(got, []string{"a", "deep", "new"}) {
		t.Errorf("the folder holds %v", got)
	}
}

// TestMode: a replaced file keeps mode and owner, and one that may not be
// written is refused.
func TestMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	write666(t, path)
	root := os.Getuid() == 0
	for _, mode := range []fs.FileMode{0o600, 0o664, 0o777, 0o640 | fs.ModeSetgid} {
		if root {
			if err := os.Chown(path, 1, 2); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := Write(path, []byte("new")); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != mode {
			t.Errorf("mode: expected %v, got %v", mode, info.Mode())
		}
		if stat := info.Sys().(*syscall.Stat_t); root && (stat.Uid != 1 || stat.Gid != 2) {
			t.Errorf("owner: expected 1:2, got %d:%d", stat.Uid, stat.Gid)
		}
	}
	if root {
		return // who may write to everything
	}
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("newer")); err == nil || read(t, path) != "new" {
		t.Errorf("a file without permission to write: error %v, content %q", err, read(t, path))
	}
}
