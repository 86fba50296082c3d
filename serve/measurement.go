package serve

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/bench/report"
	"github.com/kernelet/kernelet/mnist"
)

// measurement is the run of kernelet bench that the page began last.
type measurement struct {
	mu          sync.Mutex
	state       string // as of a session; empty: none
	part        string
	done, total int
	report      *bench.Report
	stop        context.CancelFunc
}

// reportPolicy lets the report's page style itself, and nothing else.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

func (s *Server) routeMeasurement(mux *http.ServeMux) {
	mux.Handle("GET /v1/measurement", s.guarded("measurement", s.measurementState))
	mux.Handle("POST /v1/measurement", s.guarded("measurement", s.startMeasurement))
	mux.Handle("POST /v1/measurement/stop", s.guarded("measurement", s.stopMeasurement))
	mux.Handle("GET /v1/measurement/report", s.guarded("measurement", s.measurementReport))
}

// startMeasurement begins a quick run, or with ?thorough=true one of two minutes.
func (s *Server) startMeasurement(w http.ResponseWriter, r *http.Request) error {
	thorough := r.URL.Query().Get("thorough") == "true"
	if !s.processors.TryLock() {
		return conflict("training or measuring is under way: stop it first")
	}
	ctx, stop := context.WithCancel(s.context)
	m := &s.measurement
	m.mu.Lock()
	m.state, m.part, m.done, m.total, m.stop = stateRunning, "", 0, 0, stop
	m.mu.Unlock()
	s.background.Go(func() {
		defer s.processors.Unlock()
		defer stop()
		measured, err := bench.Run(ctx, bench.Options{Quick: !thorough, Data: mnist.Options{Dir: s.options.TrainingData},
			Progress: func(part string, done, total int) {
				m.mu.Lock()
				defer m.mu.Unlock()
				m.part, m.done, m.total = part, done, total
			}})
		m.mu.Lock()
		defer m.mu.Unlock()
		switch {
		case errors.Is(err, context.Canceled):
			m.state = stateStopped
		case err != nil:
			s.log.Error("measuring failed", "error", err)
			m.state = stateFailed
		default:
			m.state, m.report = stateDone, measured
		}
	})
	writeJSON(w, http.StatusCreated, map[string]string{"state": stateRunning})
	return nil
}

func (s *Server) measurementState(w http.ResponseWriter, _ *http.Request) error {
	m := &s.measurement
	m.mu.Lock()
	defer m.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"state": m.state, "part": m.part, "done": m.done, "total": m.total, "report": m.report != nil})
	return nil
}

func (s *Server) stopMeasurement(w http.ResponseWriter, _ *http.Request) error {
	m := &s.measurement
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state != stateRunning {
		return conflict("nothing is being measured")
	}
	m.stop()
	writeJSON(w, http.StatusOK, map[string]string{"state": stateStopped})
	return nil
}

// measurementReport answers with the last report as a page, or as JSON with
// ?format=json.
func (s *Server) measurementReport(w http.ResponseWriter, r *http.Request) error {
	m := &s.measurement
	m.mu.Lock()
	measured := m.report
	m.mu.Unlock()
	if measured == nil {
		return newProblem(http.StatusNotFound, "nothing was measured yet")
	}
	if r.URL.Query().Get("format") == "json" {
		w.Header().Set("Content-Type", "application/json")
		attachment(w, "kernelet-bench.json")
		return report.WriteJSON(w, measured)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", reportPolicy)
	return report.WriteHTML(w, measured)
}
