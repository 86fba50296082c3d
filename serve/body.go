package serve

import (
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/go-faster/jx"
)

// freeBytes of a body are not counted against Limits.Memory: a connection has
// them anyway, and most requests need no more.
const freeBytes = 16 << 10

// scratch is what a request borrows.
type scratch struct {
	body     []byte
	decoder  jx.Decoder
	request  jsonRequest
	inferred inferenceRequest
	text     []byte // of the answer
	reserved int64  // of Limits.Memory
}

var scratches = sync.Pool{New: func() any { return &scratch{body: make([]byte, 0, freeBytes)} }}

// borrow returns memory for a request, and giveBack takes it again.
func (s *Server) borrow() *scratch { return scratches.Get().(*scratch) }

func (s *Server) giveBack(x *scratch) {
	large := x.reserved > 0
	s.memory.give(x.reserved)
	x.reserved = 0
	if large {
		return // to the garbage collector
	}
	x.body = x.body[:0]
	x.decoder.ResetBytes(nil)
	x.request.reset()
	x.inferred.reset()
	x.text = x.text[:0]
	scratches.Put(x)
}

// reserve counts n bytes more against Limits.Memory.
func (s *Server) reserve(x *scratch, n int64) error {
	if !s.memory.take(n) {
		return unavailable("all memory for requests is in use")
	}
	x.reserved += n
	return nil
}

// readBody reads a request's body, decompressed, into x.body. Memory grows with
// what has arrived, whatever the header announces: a slow client holds little.
func (s *Server) readBody(r *http.Request, x *scratch) error {
	limit := s.limits.BodyBytes
	tooMuch := func() error { return tooLarge("body", "body: expected at most %d bytes", limit) }
	if r.ContentLength > limit {
		return tooMuch()
	}
	body, err := decompressed(r)
	if err != nil {
		return err
	}
	defer body.Close()
	for {
		if len(x.body) == cap(x.body) {
			larger := min(2*int64(cap(x.body)), limit+1)
			if err := s.reserve(x, larger); err != nil {
				return err
			}
			x.body = append(make([]byte, 0, larger), x.body...)
		}
		n, err := body.Read(x.body[len(x.body):cap(x.body)])
		x.body = x.body[:len(x.body)+n]
		if int64(len(x.body)) > limit {
			return tooMuch()
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return s.bodyProblem(err)
		}
	}
}

// statusCanceled counts requests whose client went away; no client sees it.
const statusCanceled = 499

func (s *Server) bodyProblem(err error) error {
	var p *problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &problem{http.StatusRequestTimeout, "body: expected it within " + s.limits.ReadTime.String(), "time"}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.Canceled):
		return newProblem(statusCanceled, "body: ends before its length")
	}
	return badRequest("body: cannot be read")
}

// decompressed returns a request's body as it was before Content-Encoding.
func decompressed(r *http.Request) (io.ReadCloser, error) {
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
		return r.Body, nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, badRequest("body: expected gzip, as Content-Encoding says")
		}
		return compressedBody{z, "gzip"}, nil
	case "deflate":
		z, err := zlib.NewReader(r.Body)
		if err != nil {
			return nil, badRequest("body: expected the zlib format, as Content-Encoding deflate says")
		}
		return compressedBody{z, "deflate"}, nil
	default:
		return nil, newProblem(http.StatusUnsupportedMediaType, "Content-Encoding %q: expected gzip, deflate or none", shorten(encoding))
	}
}

// compressedBody names the encoding in its errors.
type compressedBody struct {
	io.ReadCloser
	encoding string
}

func (b compressedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && !errors.Is(err, os.ErrDeadlineExceeded) {
		err = badRequest("body: damaged %s data", b.encoding)
	}
	return n, err
}
