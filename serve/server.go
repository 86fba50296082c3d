package serve

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kernelet/kernelet"
	"github.com/kernelet/kernelet/lenet"
	"golang.org/x/sync/semaphore"
)

// Options of a Server. At least one of Model, ModelFile and ModelFolder must
// give a model.
type Options struct {
	Model       *lenet.Model  // served under the name DefaultModel
	ModelFile   string        // the same from a file, which is read again when it changes
	ModelFolder string        // every NAME.safetensors in it, served under its name
	Watch       time.Duration // between two looks at the files; 0: 2 s, negative: never
	Limits      Limits
	Log         *slog.Logger // nil: nothing is logged
	NoPage      bool         // no page, no training, no measuring

	// AllowTraining lets whoever reaches the server train and measure, which
	// takes all processors. Without it only clients of this machine may, by the
	// connection's address and by the name that they asked for.
	AllowTraining bool
	// TrainingData is the folder with MNIST's four files; empty: as mnist.Load.
	TrainingData string
}

// levelRequest is the level of the log's lines about single requests.
const levelRequest = slog.LevelDebug

// Server answers requests over HTTP, as an http.Handler, and gRPC, by Register.
type Server struct {
	options  Options
	limits   Limits
	log      *slog.Logger
	version  string
	models   *models
	metrics  *metrics
	ready    atomic.Bool
	handler  http.Handler
	memory   budget
	inFlight budget
	calls    budget // of gRPC
	pictures pictureBudget

	picturesWaiting budget

	trainings   trainings
	measurement measurement
	processors  sync.Mutex // held by who trains or measures

	background sync.WaitGroup
	context    context.Context // of the background
	stop       context.CancelFunc
}

// New returns a Server that is ready. Close ends what it does in the background.
func New(options Options) (*Server, error) {
	limits := options.Limits.withDefaults()
	log := options.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		options: options, limits: limits, log: log, version: kernelet.Version(), metrics: newMetrics(),
		memory: budget{limit: limits.Memory}, inFlight: budget{limit: int64(limits.InFlight)}, calls: budget{limit: int64(limits.GRPCCalls)},
		pictures: pictureBudget{semaphore.NewWeighted(limits.PictureMemory), limits.PictureMemory}, picturesWaiting: budget{limit: int64(limits.InFlight)},
	}
	s.models = &models{file: options.ModelFile, folder: options.ModelFolder, seen: map[string]stamp{}, log: log, metrics: s.metrics}
	first := map[string]*model{}
	if options.Model != nil {
		m, err := newModel(DefaultModel, "", options.Model)
		if err != nil {
			return nil, err
		}
		first[DefaultModel] = m
	}
	s.models.store(first)
	if err := s.models.reload(true); err != nil {
		return nil, err
	}
	if len(s.models.list()) == 0 {
		return nil, errors.New("serve: expected a model, or a folder with files NAME.safetensors, got none")
	}
	s.handler = s.routes()
	s.ready.Store(true)
	s.trainings.subscribers.limit = maxSubscribers
	s.context, s.stop = context.WithCancel(context.Background())
	if watch := options.Watch; watch >= 0 && (options.ModelFile != "" || options.ModelFolder != "") {
		if watch == 0 {
			watch = 2 * time.Second
		}
		s.background.Go(func() { s.watch(watch) })
	}
	return s, nil
}

// watch reads model files again when they change.
func (s *Server) watch(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-s.context.Done():
			return
		case <-ticker.C:
			_ = s.models.reload(false) // which logs
		}
	}
}

// Reload reads all model files again, whether they changed or not. A file that
// cannot be read leaves its model as it is; the error joins what went wrong.
func (s *Server) Reload() error { return s.models.reload(true) }

// SetModel serves model under name from now on, instead of what had the name.
// Requests that have begun are answered by the former.
func (s *Server) SetModel(name string, weights *lenet.Model) error {
	if !modelName.MatchString(name) {
		return errors.New("serve: model name: expected letters, digits, dots, hyphens and underscores")
	}
	m, err := newModel(name, "", weights)
	if err != nil {
		return err
	}
	s.models.put(m)
	return nil
}

// Close ends training, measuring and watching. Requests are still answered.
func (s *Server) Close() {
	s.stop()
	s.background.Wait()
}

// resting bounds the memory of a server without requests, in bytes: the program,
// a few models, the buffers of their classifiers, MNIST and a trainer.
const resting = 256 << 20

// MemoryBound is what the process needs at most, in bytes, whatever requests
// come: a limit for debug.SetMemoryLimit, or, with a quarter more for what the
// garbage collector has not freed yet, for a container.
func (s *Server) MemoryBound() int64 { return resting + s.limits.bound() }

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	s.routeOpenInference(mux)
	mux.Handle("GET /healthz", s.handle("health", s.healthz))
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.Handle("GET /v1/models", s.handle("metadata", s.listModels))
	mux.Handle("POST /v1/digits", s.handle("digits", s.readDigits))
	if !s.options.NoPage {
		s.routePage(mux)
	}
	mux.Handle("/v1/", s.handle("other", func(http.ResponseWriter, *http.Request) error {
		return newProblem(http.StatusNotFound, "no such endpoint")
	}))
	infer := s.handle("infer", func(w http.ResponseWriter, r *http.Request) error {
		name, _ := inferPath(r.URL.Path)
		return s.infer(w, r, name, "")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := inferPath(r.URL.Path); ok {
			infer.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) error {
	if !s.ready.Load() {
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "shutting down"})
		return nil
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

// listModels says which weights are being served.
func (s *Server) listModels(w http.ResponseWriter, _ *http.Request) error {
	type entry struct {
		Name   string    `json:"name"`
		SHA256 string    `json:"sha256"`
		Loaded time.Time `json:"loaded"`
		ISA    string    `json:"isa"`
	}
	entries := []entry{}
	for _, m := range s.models.list() {
		entries = append(entries, entry{m.name, m.sha256, m.loaded.UTC().Truncate(time.Second), m.classifier.ISA()})
	}
	writeJSON(w, http.StatusOK, map[string]any{"models": entries})
	return nil
}
