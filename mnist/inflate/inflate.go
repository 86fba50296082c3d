// Package inflate makes package mnist decompress .gz, .npz and .zip with
// github.com/klauspost/compress, which takes 0.6 to 0.7 of the standard library's
// time (go test -run '^$' -bench . ./mnist/inflate, Zen 5, 2026-11-30). Import it
// for that alone:
//
//	import _ "github.com/kernelet/kernelet/mnist/inflate"
package inflate

import (
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"

	"github.com/kernelet/kernelet/internal/inflate"
)

func init() {
	inflate.NewGzip = func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }
	inflate.NewDeflate = flate.NewReader
}
