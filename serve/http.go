package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// headerLength says how many bytes of a body are JSON; tensors follow.
const headerLength = "Inference-Header-Content-Length"

// recorder remembers the status of an answer for metrics and logs.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// answerer answers a request, or returns the error to answer with.
type answerer func(w http.ResponseWriter, r *http.Request) error

// handle makes a handler that counts, times and logs, and answers errors in
// the form of the protocols: JSON with the member "error".
func (s *Server) handle(endpoint string, answer answerer) http.Handler {
	meter := s.metrics.meter(protocolHTTP, endpoint)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		meter.begin()
		recorded := recorder{ResponseWriter: w}
		defer func() {
			if fault := recover(); fault != nil {
				if fault == http.ErrAbortHandler {
					meter.end(start, statusCanceled)
					panic(fault)
				}
				s.log.Error("request panicked", "endpoint", endpoint, "panic", fmt.Sprint(fault))
				s.fail(&recorded, newProblem(http.StatusInternalServerError, "internal error"))
			}
			meter.end(start, recorded.status)
			s.logRequest(r.Context(), endpoint, r.Method, r.URL.Path, recorded.status, start, r.RemoteAddr)
		}()
		if err := answer(&recorded, r); err != nil {
			s.fail(&recorded, err)
		}
	})
}

func (s *Server) logRequest(ctx context.Context, endpoint, method, path string, status int, start time.Time, remote string) {
	if s.log.Enabled(ctx, levelRequest) {
		s.log.Log(ctx, levelRequest, "request", "endpoint", endpoint, "method", method, "path", shorten(path),
			"status", status, "duration", time.Since(start), "remote", remote)
	}
}

// fail answers with an error, unless an answer has begun.
func (s *Server) fail(w *recorder, err error) {
	p := asProblem(err)
	if p.status == http.StatusInternalServerError {
		s.log.Error("request failed", "error", err)
	}
	if p.reason != "" {
		s.metrics.refuse(protocolHTTP, p.reason)
	}
	if w.status != 0 {
		return
	}
	if p.status == statusCanceled {
		// A client that sent less than it announced may still be there to read why.
		w.status = statusCanceled
		writeJSON(w.ResponseWriter, http.StatusBadRequest, map[string]string{"error": p.text})
		return
	}
	if p.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, p.status, map[string]string{"error": p.text})
}

// writeJSON answers with a value. A client that is gone is no error.
func writeJSON(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"internal error"}`)
	}
	text = append(text, '\n')
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// admit lets a complete request compute, or refuses it.
func (s *Server) admit() error {
	if !s.inFlight.take(1) {
		return unavailable("too many requests in flight")
	}
	return nil
}
