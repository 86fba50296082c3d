// Package inflate is how the readers of data decompress: with the standard
// library, unless a program imports mnist/inflate, which puts a faster library in
// its place.
package inflate

import (
	"compress/flate"
	"compress/gzip"
	"io"
)

// NewGzip returns a reader of what r's gzip stream holds.
var NewGzip = func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }

// NewDeflate returns a reader of what r's DEFLATE stream holds, as members of a
// zip are.
var NewDeflate = flate.NewReader
