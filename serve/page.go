package serve

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

//go:embed page
var pageFiles embed.FS

// pagePolicy lets the page load its own files and nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

// pageTypes are the types of the page's files, the same on every system.
var pageTypes = map[string]string{
	"html": "text/html; charset=utf-8",
	"css":  "text/css; charset=utf-8",
	"js":   "text/javascript; charset=utf-8",
	"svg":  "image/svg+xml",
}

// routePage adds the page and what only the page uses.
func (s *Server) routePage(mux *http.ServeMux) {
	files, err := fs.ReadDir(pageFiles, "page")
	if err != nil {
		panic(err) // embedded
	}
	for _, f := range files {
		content, err := pageFiles.ReadFile("page/" + f.Name())
		if err != nil {
			panic(err) // embedded
		}
		pattern := "GET /page/" + f.Name()
		if f.Name() == "index.html" {
			pattern = "GET /{$}"
		}
		mux.Handle(pattern, s.handle("page", pageFile(f.Name(), content)))
	}
	s.routeTraining(mux)
	s.routeMeasurement(mux)
}

// pageFile answers with a file, or with 304 to who has it already.
func pageFile(name string, content []byte) answerer {
	sum := sha256.Sum256(content)
	tag := strconv.Quote(hex.EncodeToString(sum[:8]))
	_, extension, _ := strings.Cut(name, ".")
	return func(w http.ResponseWriter, r *http.Request) error {
		h := w.Header()
		h.Set("ETag", tag)
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
		h.Set("Content-Type", pageTypes[extension])
		h.Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content)
		return nil
	}
}

// mayTrain reports whether a client may use what takes all processors:
// everybody if the options say so, otherwise this machine. The name counts too:
// a foreign page could have one that leads to 127.0.0.1.
func (s *Server) mayTrain(r *http.Request) bool {
	if s.options.AllowTraining {
		return true
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !from.Addr().Unmap().IsLoopback() {
		return false
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.Unmap().IsLoopback()
}

// guarded lets only those who may train in, and, if the request changes
// something, no page of another origin.
func (s *Server) guarded(endpoint string, answer answerer) http.Handler {
	origin := http.NewCrossOriginProtection()
	return s.handle(endpoint, func(w http.ResponseWriter, r *http.Request) error {
		if !s.mayTrain(r) {
			return newProblem(http.StatusForbidden, "training and measuring are for this machine alone, unless the server allows them")
		}
		if err := origin.Check(r); err != nil {
			return newProblem(http.StatusForbidden, "expected a request of this server's own page")
		}
		w.Header().Set("Cache-Control", "no-store")
		return answer(w, r)
	})
}

// conflict is the refusal of what cannot be done now.
func conflict(format string, arguments ...any) error {
	return newProblem(http.StatusConflict, format, arguments...)
}

// attachment makes a browser keep an answer as a file.
func attachment(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
}
