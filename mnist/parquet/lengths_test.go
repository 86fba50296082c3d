package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/kernelet/kernelet/mnist"
)

// ended is content with another footer.
func ended(content, footer []byte) []byte {
	content = append(bytes.Clone(content), footer...)
	content = binary.LittleEndian.AppendUint32(content, uint32(len(footer)))
	return append(content, "PAR1"...)
}

// fullPage is content whose first page says that it has 2³¹−1 values. Its header
// is longer for that, so its bytes are fewer.
func fullPage(t *testing.T, content []byte) []byte {
	t.Helper()
	protocol := new(thrift.CompactProtocol)
	section := bytes.NewReader(content[4:])
	var header format.PageHeader
	if err := thrift.NewDecoder(protocol.NewReader(section)).Decode(&header); err != nil {
		t.Fatal(err)
	}
	end := len(content) - section.Len() + int(header.CompressedPageSize)
	header.DataPageHeader.V.NumValues, header.DataPageHeaderV2.V.NumValues = math.MaxInt32, math.MaxInt32
	for ; header.CompressedPageSize >= 0; header.CompressedPageSize-- {
		var written bytes.Buffer
		if err := thrift.NewEncoder(protocol.NewWriter(&written)).Encode(&header); err != nil {
			t.Fatal(err)
		}
		if 4+written.Len()+int(header.CompressedPageSize) <= end {
			content = bytes.Clone(content)
			copy(content[4:], written.Bytes())
			return content
		}
	}
	t.Fatal("no page is long enough")
	return nil
}

// TestLengths: a small file that says that something is long is refused for that,
// without asking for the memory.
func TestLengths(t *testing.T) {
	good := layouts(t, mnist.Synthetic(3, 1))["lists"]
	longer := bytes.Clone(good)
	binary.LittleEndian.PutUint32(longer[len(longer)-8:], 4_000_000_000)
	most := []byte{0xff, 0xff, 0xff, 0xff, 0x07} // 2³¹−1
	for name, file := range map[string]struct {
		content []byte
		says    string
	}{
		"metadata":               {longer, "4000000000"},
		"schema":                 {ended(good[:4], append([]byte{0x15, 2, 0x19, 0xfc}, most...)), "list of at most"},
		"name of its writer":     {ended(good[:4], append([]byte{0x15, 2, 0x58}, most...)), "2147483647"},
		"lists in lists":         {ended(good[:4], append([]byte{0x19}, bytes.Repeat([]byte{0x19}, 100)...)), "in one another"},
		"structures in one":      {ended(good[:4], bytes.Repeat([]byte{0x1c}, 100)), "in one another"},
		"empty structures":       {ended(good[:4], append([]byte{0x19, 0xfc, 0x80, 0x80, 0x20}, make([]byte, 1<<20)...)), "structures in lists"},
		"a map":                  {ended(good[:4], []byte{0x1b, 1, 0x55, 0, 0}), "type"},
		"no end":                 {ended(good[:4], []byte{0x15, 2}), "too early"},
		"values of a page":       {fullPage(t, good), "values, got 2147483647"},
		"nothing but the magics": {[]byte("PAR1PAR1"), "12 bytes"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Read(t.Context(), bytes.NewReader(file.content), int64(len(file.content)))
		runtime.ReadMemStats(&after)
		if !errors.Is(err, mnist.ErrFormat) || !strings.Contains(err.Error(), file.says) {
			t.Errorf("%s: expected ErrFormat and %q, got %v", name, file.says, err)
		}
		if n := (after.TotalAlloc - before.TotalAlloc) >> 20; n > 8 {
			t.Errorf("%s: %d MB of memory for a file of %d bytes", name, n, len(file.content))
		}
	}
}
