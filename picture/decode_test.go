package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"runtime"
	"strings"
	"testing"
)

// allocated returns how many bytes of memory f asked for.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// encoded is a small picture in each format.
func encoded(t testing.TB) map[string][]byte {
	t.Helper()
	m := image.NewPaletted(image.Rect(0, 0, 30, 20), color.Palette{color.White, color.Black})
	for y := 4; y < 16; y++ {
		m.SetColorIndex(15, y, 1)
	}
	var asPNG, asJPEG, asGIF bytes.Buffer
	for _, err := range []error{png.Encode(&asPNG, m), jpeg.Encode(&asJPEG, m, nil), gif.Encode(&asGIF, m, nil)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return map[string][]byte{"PNG": asPNG.Bytes(), "JPEG": asJPEG.Bytes(), "GIF": asGIF.Bytes()}
}

// claims returns a PNG that says it has another size, depth and kind of pixels.
func claims(t testing.TB, width, height uint32, depth, kind byte) []byte {
	content := bytes.Clone(encoded(t)["PNG"])
	binary.BigEndian.PutUint32(content[16:], width)
	binary.BigEndian.PutUint32(content[20:], height)
	content[24], content[25] = depth, kind
	binary.BigEndian.PutUint32(content[29:], crc32.ChecksumIEEE(content[12:29]))
	return content
}

// progressive returns a JPEG of so many pixels each way, and scans that each
// say in two bytes that 16,384 blocks have no coefficients but the first.
func progressive(side uint16, components byte, scans int) []byte {
	segment := func(content []byte, marker byte, body ...byte) []byte {
		content = append(content, 0xff, marker, 0, byte(len(body)+2))
		return append(content, body...)
	}
	content := []byte{0xff, 0xd8}
	// Four components need Adobe's word for what they are.
	content = segment(content, 0xee, append([]byte("Adobe"), make([]byte, 7)...)...)
	content = segment(content, 0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)
	frame := []byte{8, byte(side >> 8), byte(side), byte(side >> 8), byte(side), components}
	for c := range components {
		frame = append(frame, c+1, 0x11, 0)
	}
	content = segment(content, 0xc2, frame...)
	// One code, 0: a run of 2^14 blocks, and 14 bits say how many besides.
	content = segment(content, 0xc4, append(append([]byte{0x10, 1}, make([]byte, 15)...), 0xe0)...)
	for scan := range scans {
		content = segment(content, 0xda, 1, byte(scan)%components+1, 0, 1, 63, 0)
		content = append(content, 0x00, 0x01)
	}
	return append(content, 0xff, 0xd9)
}

func TestDecode(t *testing.T) {
	for name, content := range encoded(t) {
		m, err := Decode(bytes.NewReader(content), Limits{})
		if err != nil || m.Bounds().Dx() != 30 || m.Bounds().Dy() != 20 {
			t.Errorf("%s: expected 30×20 pixels, error %v", name, err)
			continue
		}
		if _, err := Prepare(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// Cut anywhere, except behind the last pixel.
		for _, n := range []int{1, 7, 20, len(content) / 2, len(content) * 3 / 4} {
			if _, err := Decode(bytes.NewReader(content[:n]), Limits{}); !errors.Is(err, ErrImage) {
				t.Errorf("%s, %d of %d bytes: expected ErrImage, got %v", name, n, len(content), err)
			}
		}
	}
	manyPixels := []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00;")
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"empty":            {nil, "PNG, JPEG, GIF, WebP, BMP or TIFF"},
		"text":             {[]byte("no picture"), "PNG, JPEG, GIF, WebP, BMP or TIFF"},
		"huge PNG":         {claims(t, 20_000, 10_000, 1, 3), "got 20000×10000"},
		"huge GIF":         {manyPixels, "got 65535×65535"},
		"huge JPEG":        {progressive(0xffff, 3, 1), "got 65535×65535"},
		"JPEG of height 0": {progressive(0, 1, 1), "pixels"},
		"above the limit":  {claims(t, 8001, 8000, 1, 3), "got 8001×8000"},
	} {
		used := allocated(func() {
			if _, err := Decode(bytes.NewReader(c.content), Limits{}); !errors.Is(err, ErrImage) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: expected ErrImage that says %q, got %v", name, c.says, err)
			}
		})
		if used > 1<<20 {
			t.Errorf("%s: expected at most 1 MiB of memory for what is refused by its header, got %d bytes", name, used)
		}
	}
	endless := bytes.NewReader(make([]byte, MaxBytes+1))
	if _, err := Decode(endless, Limits{}); !errors.Is(err, ErrImage) || !strings.Contains(err.Error(), "got more") {
		t.Errorf("a file that is too long: expected ErrImage, got %v", err)
	}
}

// TestDecompressionBombs: a small file costs what its pixels take, and those
// are limited.
func TestDecompressionBombs(t *testing.T) {
	const length = 8000 // squared, the limit
	var bomb bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&bomb, image.NewGray(image.Rect(0, 0, length, length))); err != nil {
		t.Fatal(err)
	}
	// Reading a file of unknown size copies it into buffers that grow by a
	// quarter: five times its size in all. The decoders' own buffers are below
	// a megabyte.
	most := func(content []byte, pixels, bytesAPixel int) uint64 {
		return uint64(5*len(content) + pixels*bytesAPixel + 1<<20)
	}
	used := allocated(func() {
		m, err := Decode(bytes.NewReader(bomb.Bytes()), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Prepare(m); !errors.Is(err, ErrBlank) {
			t.Errorf("a black picture: expected ErrBlank, got %v", err)
		}
	})
	// Prepare's planes are as in TestPrepareHostilePictures.
	if limit := most(bomb.Bytes(), MaxPixels, 1) + 200_000; used > limit {
		t.Errorf("%d bytes of PNG: expected at most %d bytes of memory, got %d", bomb.Len(), limit, used)
	}
	// Headers that promise the most expensive pixels.
	for name, c := range map[string]struct {
		content     []byte
		bytesAPixel int
		want        error
	}{
		"PNG of 4×16 bits, cut off": {claims(t, 1000, 1000, 16, 6), 8, ErrImage},
		// Four coefficients of four bytes and four components, and another
		// picture of four bytes a pixel to bring them together.
		"progressive JPEG, CMYK": {progressive(1000, 4, 4), 24, nil},
	} {
		used := allocated(func() {
			if _, err := Decode(bytes.NewReader(c.content), Limits{}); !errors.Is(err, c.want) {
				t.Errorf("%s: expected %v, got %v", name, c.want, err)
			}
		})
		if limit := most(c.content, 1000*1000, c.bytesAPixel); used > limit {
			t.Errorf("%s: expected at most %d bytes of memory, got %d", name, limit, used)
		}
	}
}

// TestScans: every scan of a progressive JPEG costs the decoder a walk over
// all blocks, however short it is.
func TestScans(t *testing.T) {
	if _, err := Decode(bytes.NewReader(progressive(64, 1, maxScans)), Limits{}); err != nil {
		t.Errorf("%d scans: %v", maxScans, err)
	}
	many := progressive(64, 1, 5000)
	if _, err := jpeg.Decode(bytes.NewReader(many)); err != nil {
		t.Fatalf("the test's JPEG is not one for the decoder: %v", err)
	}
	if _, err := Decode(bytes.NewReader(many), Limits{}); !errors.Is(err, ErrImage) || !strings.Contains(err.Error(), "5000") {
		t.Errorf("5000 scans: expected ErrImage that says so, got %v", err)
	}
	// The marker's bytes alone are no scan, at the end of the content neither.
	if n := scans([]byte("\xff\xda\xff\xda\x00\x08\x02\xff\xda\x00\x0a\x02\xff\xda\x00\x08")); n != 1 {
		t.Errorf("expected 1 scan, got %d", n)
	}
}

func FuzzDecode(f *testing.F) {
	for _, content := range encoded(f) {
		f.Add(content)
		f.Add(content[:len(content)/2])
	}
	f.Add(claims(f, 20_000, 10_000, 1, 3))
	f.Add(claims(f, 30, 20, 16, 6))
	f.Add(progressive(64, 4, 8))
	f.Add(progressive(64, 1, maxScans+1))
	f.Add([]byte("GIF89a"))
	f.Add([]byte("GIF87a000\x00\x8000000000,0 0\x000\x00\x00\x000\x02\x00")) // its picture has no rows
	f.Fuzz(func(t *testing.T, content []byte) {
		m, err := Decode(bytes.NewReader(content), Limits{})
		if err != nil {
			if !errors.Is(err, ErrImage) {
				t.Fatalf("expected ErrImage, got %v", err)
			}
			return
		}
		if _, err := Prepare(m); err != nil && !errors.Is(err, ErrBlank) {
			t.Fatalf("a picture that was decoded: expected a digit or ErrBlank, got %v", err)
		}
	})
}
