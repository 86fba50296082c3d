package serve

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Values of the label "protocol".
const (
	protocolHTTP = "http"
	protocolGRPC = "grpc"
)

// durations are the upper bounds of the histogram's buckets, in seconds: an
// image takes tens of microseconds, a photograph a tenth of a second.
var durations = []float64{25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, .1, .25, .5, 1, 2.5, 5, 10}

// metrics are what /metrics says.
type metrics struct {
	registry    *prometheus.Registry
	requests    *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	imagesRead  *prometheus.CounterVec
	inFlight    *prometheus.GaugeVec
	refused     *prometheus.CounterVec
	connections *prometheus.GaugeVec
	reloads     *prometheus.CounterVec
	info        *prometheus.GaugeVec

	httpImages, grpcImages prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "kernelet", Name: name, Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "kernelet", Name: name, Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	m.requests = counter("requests_total", "Requests answered; the code is HTTP's status or gRPC's code.", "protocol", "endpoint", "code")
	m.imagesRead = counter("images_total", "Images classified.", "protocol")
	m.refused = counter("requests_refused_total", "Requests and connections refused by a limit.", "protocol", "reason")
	m.reloads = counter("model_reloads_total", "Model files read, at the start and later.", "result")
	m.inFlight = gauge("requests_in_flight", "Requests that have begun and are not answered.", "protocol")
	m.connections = gauge("connections", "Open connections.", "protocol")
	m.info = gauge("model_info", "1 for every model that is being served.", "model", "sha256")
	m.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "kernelet", Name: "request_duration_seconds",
		Help: "Time from a request's header until its answer is written.", Buckets: durations}, []string{"protocol", "endpoint"})
	m.registry.MustRegister(m.duration, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.httpImages, m.grpcImages = m.imagesRead.WithLabelValues(protocolHTTP), m.imagesRead.WithLabelValues(protocolGRPC)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

func (m *metrics) refuse(protocol, reason string) { m.refused.WithLabelValues(protocol, reason).Inc() }

func (m *metrics) reloaded(ok bool) {
	result := "success"
	if !ok {
		result = "failure"
	}
	m.reloads.WithLabelValues(result).Inc()
}

func (m *metrics) models(current map[string]*model) {
	m.info.Reset()
	for name, one := range current {
		m.info.WithLabelValues(name, one.sha256).Set(1)
	}
}

func (m *metrics) images(protocol string, n int) {
	counter := m.httpImages
	if protocol == protocolGRPC {
		counter = m.grpcImages
	}
	counter.Add(float64(n))
}

// meter measures the requests of one endpoint.
type meter struct {
	requests *prometheus.CounterVec // of the endpoint, by code
	ok       prometheus.Counter     // of the usual code
	duration prometheus.Observer
	inFlight prometheus.Gauge
}

func (m *metrics) meter(protocol, endpoint string) *meter {
	requests := m.requests.MustCurryWith(prometheus.Labels{"protocol": protocol, "endpoint": endpoint})
	usual := "200"
	if protocol == protocolGRPC {
		usual = "OK"
	}
	return &meter{requests, requests.WithLabelValues(usual), m.duration.WithLabelValues(protocol, endpoint), m.inFlight.WithLabelValues(protocol)}
}

func (m *meter) begin() { m.inFlight.Inc() }

// abandon takes begin back: somebody else will count the request.
func (m *meter) abandon() { m.inFlight.Dec() }

// end counts an answer; status 0 is a handler that wrote nothing, which is 200.
func (m *meter) end(start time.Time, status int) {
	if status == http.StatusOK || status == 0 {
		m.ok.Inc()
	} else {
		m.requests.WithLabelValues(strconv.Itoa(status)).Inc()
	}
	m.duration.Observe(time.Since(start).Seconds())
	m.inFlight.Dec()
}

// endCode counts an answer of gRPC.
func (m *meter) endCode(start time.Time, code string) {
	if code == "OK" {
		m.ok.Inc()
	} else {
		m.requests.WithLabelValues(code).Inc()
	}
	m.duration.Observe(time.Since(start).Seconds())
	m.inFlight.Dec()
}
