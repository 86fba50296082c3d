package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"slices"
	"strings"
	"testing"
)

// The builders below write the least that makes a file of so many pixels each
// way: what a small file may claim.

// webp wraps a chunk as a WebP.
func webp(name string, body []byte) []byte {
	content := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(12+len(body)+len(body)%2))...)
	content = append(content, "WEBP"+name...)
	content = append(binary.LittleEndian.AppendUint32(content, uint32(len(body))), body...)
	return append(content, make([]byte, len(body)%2)...)
}

// lossyWebP is the header of a key frame without its data.
func lossyWebP(side int) []byte {
	return webp("VP8 ", []byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, byte(side), byte(side >> 8), byte(side), byte(side >> 8), 0, 0})
}

// losslessWebP has five codes of one symbol each, so that its pixels take no
// bits at all.
func losslessWebP(side int) []byte {
	body := []byte{0x2f}
	bits, n := uint64(side-1)|uint64(side-1)<<14, 32 // neither alpha nor a version
	n += 3                                           // no transform, cache or groups
	for range 5 {
		bits |= 1 << n // a simple code; its only symbol is 0
		n += 4
	}
	return webp("VP8L", append(binary.LittleEndian.AppendUint64(body, bits), 0))
}

// canvasWebP is the header of an extended file, before any picture.
func canvasWebP(width, height int) []byte {
	body := make([]byte, 12)
	binary.LittleEndian.PutUint32(body[4:], uint32(width-1))
	binary.LittleEndian.PutUint32(body[7:], uint32(height-1))
	return webp("VP8X", body[:10])
}

// bmpHeader is a BMP of 24 bits a pixel without its pixels.
func bmpHeader(side int) []byte {
	content := make([]byte, 54)
	copy(content, "BM")
	for at, v := range map[int]int{2: 54 + 3*side*side, 10: 54, 14: 40, 18: side, 22: side, 26: 1 | 24<<16} {
		binary.LittleEndian.PutUint32(content[at:], uint32(v))
	}
	return content
}

// tiff is a grey TIFF of one strip of zlib's data, or of one tile if its side
// is not 0.
func tiff(side, tile int, data []byte) []byte {
	const short, long = 3, 4
	type entry struct{ tag, kind, value int }
	entries := []entry{{256, long, side}, {257, long, side}, {258, short, 8}, {259, short, 8}, {262, short, 1}, {277, short, 1}}
	behind := 10 + 12*9
	if tile == 0 {
		entries = append(entries, entry{273, long, behind}, entry{278, long, side}, entry{279, long, len(data)})
	} else {
		behind += 12
		entries = append(entries, entry{322, long, tile}, entry{323, long, tile}, entry{324, long, behind}, entry{325, long, len(data)})
	}
	slices.SortFunc(entries, func(a, b entry) int { return a.tag - b.tag }) // as the decoder wants them
	content := append([]byte("II*\x00\x08\x00\x00\x00"), byte(len(entries)), 0)
	for _, e := range entries {
		content = binary.LittleEndian.AppendUint16(content, uint16(e.tag))
		content = binary.LittleEndian.AppendUint16(content, uint16(e.kind))
		content = binary.LittleEndian.AppendUint32(content, 1)
		content = binary.LittleEndian.AppendUint32(content, uint32(e.value))
	}
	return append(content, data...)
}

// zeros are so many bytes of 0 in zlib's form, a thousandth of them.
func zeros(t testing.TB, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	if _, err := z.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestHugeDimensions: a header that claims too many pixels is refused before
// memory is taken for them, in every format; those of decode_test.go besides.
func TestHugeDimensions(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"lossy WebP":    {lossyWebP(16383), "got 16383×16383"},
		"lossless WebP": {losslessWebP(16384), "got 16384×16384"},
		"WebP's canvas": {canvasWebP(1<<24, 64), "got 16777216×64"},
		"BMP":           {bmpHeader(30_000), "got 30000×30000"},
		"TIFF":          {tiff(30_000, 0, zeros(t, 1000)), "got 30000×30000"},
		"TIFF's tile":   {tiff(30, 1<<20, zeros(t, 1000)), "tile size"},
	} {
		used := allocated(func() {
			if _, err := Decode(bytes.NewReader(c.content), Limits{}); !errors.Is(err, ErrImage) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: expected ErrImage that says %q, got %v", name, c.says, err)
			}
		})
		if used > 1<<20 {
			t.Errorf("%s: expected at most 1 MiB of memory, got %d bytes", name, used)
		}
	}
}

// TestBombs: small files of many pixels, or of more data than pixels, cost no
// more than what Decode promises, 24 bytes a pixel.
func TestBombs(t *testing.T) {
	const side = 1000
	plain := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	var frames bytes.Buffer
	many := &gif.GIF{}
	for range 50 {
		many.Image, many.Delay = append(many.Image, plain), append(many.Delay, 1)
	}
	if err := gif.EncodeAll(&frames, many); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		want    error
	}{
		"lossless WebP without data":      {losslessWebP(side), nil},
		"lossy WebP, cut off":             {lossyWebP(side), ErrImage},
		"BMP, cut off":                    {bmpHeader(side), ErrImage},
		"TIFF":                            {tiff(side, 0, zeros(t, side*side)), nil},
		"TIFF of a hundred times as much": {tiff(side, 0, zeros(t, 100*side*side)), nil},
		"GIF of fifty frames":             {frames.Bytes(), nil},
	} {
		used := allocated(func() {
			p, err := Decode(bytes.NewReader(c.content), Limits{})
			if !errors.Is(err, c.want) {
				t.Errorf("%s: expected %v, got %v", name, c.want, err)
			} else if err == nil && p.Bounds() != image.Rect(0, 0, side, side) {
				t.Errorf("%s: expected %d×%d pixels, got %v", name, side, side, p.Bounds())
			}
		})
		t.Logf("%s: %d bytes, %d of memory", name, len(c.content), used)
		// The file is read into buffers that grow; the decoders have their own.
		if most := uint64(5*len(c.content) + 24*side*side + 1<<20); used > most {
			t.Errorf("%s: %d bytes: expected at most %d bytes of memory, got %d", name, len(c.content), most, used)
		}
	}
}
