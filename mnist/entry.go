package mnist

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/kernelet/kernelet/internal/foreign"
	"github.com/kernelet/kernelet/internal/inflate"
	"github.com/kernelet/kernelet/internal/plaintext"
)

// Bounds of what is opened.
const (
	maxFiles   = 2*maxItems + 1000 // in a folder or archive
	maxMember  = 512 << 20         // bytes of an archive's member that must be in memory
	maxDepth   = 3                 // of archives in archives
	sniffBytes = 512
)

// entry is a file, or a member of an archive.
type entry struct {
	name string // slashes between folders
	open func() (io.ReadCloser, error)
	// at returns random access and the size; its closer is closed after use.
	at func() (io.ReaderAt, int64, io.Closer, error)
}

func fileSource(file, name string) entry {
	return entry{name: name,
		open: func() (io.ReadCloser, error) { return os.Open(file) },
		at: func() (io.ReaderAt, int64, io.Closer, error) {
			opened, err := os.Open(file)
			if err != nil {
				return nil, 0, nil, err
			}
			info, err := opened.Stat()
			if err != nil {
				opened.Close()
				return nil, 0, nil, err
			}
			return opened, info.Size(), opened, nil
		}}
}

// readPipe reads what is no regular file to its end. Whoever writes to it may not
// have begun yet, and may never begin.
func readPipe(ctx context.Context, path string) ([]byte, error) {
	done := make(chan struct{})
	var read []byte
	var failure error
	go func() {
		defer close(done)
		var pipe *os.File
		if pipe, failure = os.Open(path); failure != nil {
			failure = errors.Unwrap(failure) // whose text repeats the path
			return
		}
		defer pipe.Close()
		read, failure = readAll(cancellable{ctx, pipe})
	}()
	select {
	case <-done:
		return read, failure
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func memorySource(name string, content []byte) entry {
	return entry{name: name,
		open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		at: func() (io.ReaderAt, int64, io.Closer, error) {
			return bytes.NewReader(content), int64(len(content)), io.NopCloser(nil), nil
		}}
}

func zipSource(prefix string, f *zip.File) entry {
	return entry{name: path.Join(prefix, f.Name), open: f.Open,
		at: func() (io.ReaderAt, int64, io.Closer, error) {
			opened, err := f.Open()
			if err != nil {
				return nil, 0, nil, err
			}
			defer opened.Close()
			content, err := readAll(opened)
			return bytes.NewReader(content), int64(len(content)), io.NopCloser(nil), err
		}}
}

// readAll reads all of r, which must not be large.
func readAll(r io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxMember+1))
	if err == nil && len(content) > maxMember {
		err = fmt.Errorf("%w: expected at most %d bytes in memory, got more", ErrFormat, maxMember)
	}
	return content, err
}

// hidden reports whether a path is of what file managers and archivers add.
func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") || part == "__MACOSX" || part == "Thumbs.db" {
			return true
		}
	}
	return false
}

func folderSources(ctx context.Context, folder string) ([]entry, error) {
	var sources []entry
	root := folder + string(filepath.Separator) // so that a link to a folder is followed
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || file == root {
			return err
		}
		if strings.HasPrefix(entry.Name(), ".") || entry.Name() == "__MACOSX" {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.IsDir() {
			return nil
		}
		if !entry.Type().IsRegular() { // a link, or what must not be opened, such as a pipe
			if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
				return nil
			}
		}
		if len(sources) == maxFiles {
			return fmt.Errorf("%w: expected at most %d files", ErrFormat, maxFiles)
		}
		name, err := filepath.Rel(folder, file)
		sources = append(sources, fileSource(file, filepath.ToSlash(name)))
		return err
	})
	return sources, err
}

// expand replaces archives by their members, and leaves out what is there a
// second time, compressed, and EMNIST's other parts where there are its digits.
func expand(ctx context.Context, sources []entry) ([]entry, func(), error) {
	o := opening{ctx: ctx, memory: maxMember}
	expanded, err := o.expand(sources, 0)
	if err != nil {
		o.close()
		return nil, nil, err
	}
	names := map[string]bool{}
	for _, s := range expanded {
		names[s.name] = true
	}
	digits := slices.ContainsFunc(expanded, func(s entry) bool { return emnistPart(s.name) == "digits" })
	expanded = slices.DeleteFunc(expanded, func(s entry) bool {
		plain, compressed := strings.CutSuffix(s.name, ".gz")
		part := emnistPart(s.name)
		return compressed && names[plain] || digits && part != "" && part != "digits"
	})
	return expanded, o.close, nil
}

// opening is what looking into archives has opened and may still keep.
type opening struct {
	ctx     context.Context
	closers []io.Closer
	memory  int64 // bytes
}

func (o *opening) close() {
	for _, c := range o.closers {
		c.Close()
	}
}

// spend counts what is kept in memory.
func (o *opening) spend(bytes int64) error {
	if o.memory -= bytes; o.memory < 0 {
		return fmt.Errorf("%w: expected at most %d bytes of archives in memory; unpack them and give the folder", ErrFormat, maxMember)
	}
	return nil
}

func (o *opening) expand(sources []entry, depth int) ([]entry, error) {
	var all []entry
	for _, s := range sources {
		if err := o.ctx.Err(); err != nil {
			return nil, err
		}
		members := []entry{s}
		if !isPictureName(s.name) { // of which there may be many, so that they are not opened twice
			inside, archive, err := o.members(s)
			if err == nil && archive && depth == maxDepth {
				err = fmt.Errorf("%w: expected at most %d archives within each other", ErrFormat, maxDepth)
			}
			if err == nil && archive {
				inside, err = o.expand(inside, depth+1)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			if archive {
				members = inside
			}
		}
		if all = append(all, members...); len(all) > maxFiles {
			return nil, fmt.Errorf("%w: expected at most %d files", ErrFormat, maxFiles)
		}
	}
	return all, nil
}

// members lists what an archive holds.
func (o *opening) members(s entry) (members []entry, archive bool, err error) {
	opened, err := s.open()
	if err != nil {
		return nil, false, err
	}
	defer opened.Close()
	r := bufio.NewReader(cancellable{o.ctx, opened})
	start, _ := r.Peek(sniffBytes)
	if bytes.HasPrefix(start, []byte("PK\x03\x04")) || bytes.HasPrefix(start, []byte("PK\x05\x06")) {
		members, err = o.zipMembers(s)
		return members, true, err
	}
	if isTar(start) {
		members, err = o.tarMembers(s.name, r)
		return members, true, err
	}
	if bytes.HasPrefix(start, gzipMagic) {
		z, err := inflate.NewGzip(r)
		if err != nil {
			return nil, false, fmt.Errorf("%w: gzip header: %w", ErrFormat, err)
		}
		inner := bufio.NewReader(z)
		if start, _ := inner.Peek(sniffBytes); isTar(start) {
			members, err = o.tarMembers(s.name, inner)
			return members, true, err
		}
	}
	return nil, false, nil
}

var gzipMagic = []byte{0x1f, 0x8b}

// isTar reports whether a file begins as one that a tar of the last thirty years
// wrote.
func isTar(start []byte) bool { return len(start) >= 262 && string(start[257:262]) == "ustar" }

func (o *opening) zipMembers(s entry) ([]entry, error) {
	r, size, closer, err := s.at()
	if err != nil {
		return nil, err
	}
	o.closers = append(o.closers, closer)
	if _, file := r.(*os.File); !file {
		if err := o.spend(size); err != nil {
			return nil, err
		}
	}
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w: zip: %w", ErrFormat, err)
	}
	archive.RegisterDecompressor(zip.Deflate, inflate.NewDeflate)
	var members []entry
	for _, f := range archive.File {
		if f.Mode().IsRegular() && !strings.HasSuffix(f.Name, "/") && !hidden(f.Name) {
			members = append(members, zipSource(s.name, f))
		}
	}
	return members, nil
}

// tarMembers reads all members into memory, since a tar has no index.
func (o *opening) tarMembers(prefix string, r io.Reader) ([]entry, error) {
	var members []entry
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if err == io.EOF {
			return members, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: tar: %w", ErrFormat, err)
		}
		if h.Typeflag != tar.TypeReg || hidden(path.Clean(h.Name)) {
			continue
		}
		content, err := io.ReadAll(io.LimitReader(archive, o.memory+1))
		if err != nil {
			return nil, fmt.Errorf("%w: tar: %s: %w", ErrFormat, h.Name, err)
		}
		if err := o.spend(int64(len(content)) + 512); err != nil {
			return nil, err
		}
		members = append(members, memorySource(path.Join(prefix, h.Name), content))
	}
}

// buffers are what sources are read through, since a folder may have a hundred
// thousand small files.
var buffers = sync.Pool{New: func() any { return bufio.NewReader(nil) }}

// read finds out what a source holds and reads it.
func (s entry) read(ctx context.Context) (reading, error) {
	opened, err := s.open()
	if err != nil {
		return reading{}, err
	}
	defer opened.Close()
	raw := buffers.Get().(*bufio.Reader)
	raw.Reset(cancellable{ctx, opened})
	defer func() { raw.Reset(nil); buffers.Put(raw) }()
	start, err := raw.Peek(12)
	if err != nil && err != io.EOF {
		return reading{}, err
	}
	if isPicture(start) || bytes.HasPrefix(start, []byte("BM")) && isPictureName(s.name) {
		picture := &pictureFile{name: s.name}
		picture.pixels, picture.prepared, err = ReadPicture(raw)
		return reading{picture: picture}, err
	}
	if isPictureName(s.name) {
		return reading{}, fmt.Errorf("%w: expected PNG, JPEG, GIF, WebP, BMP or TIFF%s", ErrImage, foreign.Describe(start))
	}
	if format, ok := registeredFormat(start); ok {
		r, size, closer, err := s.at()
		if err != nil {
			return reading{}, err
		}
		defer closer.Close()
		set, err := format.Read(ctx, r, size)
		if err != nil {
			return reading{}, err
		}
		if err := set.check(); err != nil {
			return reading{}, err
		}
		return reading{part: &part{name: s.name, images: set.Images, labels: set.Labels}}, nil
	}
	content, err := plain(raw)
	if err != nil {
		return reading{}, err
	}
	// A table may have been encoded again, as by Windows PowerShell.
	r := bufio.NewReaderSize(plaintext.Reader(bufio.NewReader(content)), 256<<10)
	p := &part{name: s.name}
	start, err = r.Peek(16)
	switch {
	case err != nil && err != io.EOF:
		return reading{}, fmt.Errorf("%w: %w", ErrFormat, err)
	case isNPY(start):
		err = p.readNPY(r)
	case isIDX(start):
		err = p.readIDX(r)
	default:
		err = nil // a short file's end
		line, lineErr := r.Peek(64 << 10)
		if lineErr != nil && lineErr != io.EOF && !errors.Is(lineErr, bufio.ErrBufferFull) {
			return reading{}, fmt.Errorf("%w: %w", ErrFormat, lineErr)
		}
		if isCSV(line) {
			err = p.readCSV(r)
			break
		}
		if dataName.MatchString(s.name) {
			return reading{}, fmt.Errorf("%w: its content is none of the forms that are known%s", ErrFormat, foreign.Describe(start))
		}
	}
	if err != nil || p.images == nil && p.labels == nil {
		return reading{}, err
	}
	return reading{part: p}, nil
}

// dataName matches names of files that promise data, so that it is an error if
// they hold none.
var dataName = regexp.MustCompile(`(?i)(\.npz|\.npy|\.parquet|idx[123]-(ubyte|int))(\.gz)?$`)

// check refuses a set that does not fit itself, of a format of somebody else.
func (s Set) check() error {
	if len(s.Images)%ImageBytes != 0 || s.Labels != nil && len(s.Labels) != s.Len() {
		return fmt.Errorf("%w: expected %d bytes an image and a label each, got %d bytes and %d labels", ErrFormat, ImageBytes, len(s.Images), len(s.Labels))
	}
	for i, label := range s.Labels {
		if label >= Classes {
			return fmt.Errorf("%w: label %d: expected a value below %d, got %d", ErrFormat, i, Classes, label)
		}
	}
	return nil
}
