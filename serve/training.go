package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// States of a training session.
const (
	stateLoading = "loading" // the images
	stateRunning = "running"
	statePaused  = "paused"
	stateDone    = "done"
	stateStopped = "stopped"
	stateFailed  = "failed"
)

// learnedModel is the name under which trained weights are served.
const learnedModel = "learned"

// maxRuns bounds what a session trains at the same time.
const maxRuns = 2

// session is the training of one or two networks in the page's sight.
type session struct {
	id int

	mu      sync.Mutex
	state   string
	failure string
	runs    []*run
	changed chan struct{} // closed at the next change
	resume  chan struct{} // closed when a pause ends; nil: not paused
	stop    context.CancelFunc
}

// trainings are the server's sessions, one at a time.
type trainings struct {
	mu          sync.Mutex
	last        *session
	data        *mnist.Dataset
	subscribers budget
}

// runRequest says what to train. Zero values are the recipe's.
type runRequest struct {
	Recipe       string  `json:"recipe"`
	Seed         uint64  `json:"seed"`
	Epochs       int     `json:"epochs"`
	Batch        int     `json:"batch"`
	LearningRate float64 `json:"learning_rate"`
}

// recipes are the settings that a run starts from.
var recipes = map[string]func() lenet.Settings{"tutorial": lenet.Tutorial, "fast": lenet.Fast, "one-epoch": lenet.OneEpoch, "best": lenet.Best}

// Bounds of what the page may ask for.
const (
	maxEpochs       = 100
	maxBatch        = 1000
	maxLearningRate = 1
)

func (q *runRequest) settings() (lenet.Settings, error) {
	recipe := recipes[q.Recipe]
	if recipe == nil {
		return lenet.Settings{}, badRequest("recipe: expected tutorial, fast or best, got %q", shorten(q.Recipe))
	}
	settings := recipe()
	if q.Epochs < 0 || q.Epochs > maxEpochs {
		return settings, badRequest("epochs: expected from 1 to %d, got %d", maxEpochs, q.Epochs)
	}
	if q.Batch < 0 || q.Batch > maxBatch {
		return settings, badRequest("batch: expected from 1 to %d, got %d", maxBatch, q.Batch)
	}
	if !(q.LearningRate >= 0 && q.LearningRate <= maxLearningRate) {
		return settings, badRequest("learning_rate: expected more than 0 and at most %d, got %g", maxLearningRate, q.LearningRate)
	}
	if q.Epochs > 0 {
		settings.Epochs = q.Epochs
		settings.AverageEpochs = min(settings.AverageEpochs, q.Epochs)
	}
	if q.Batch > 0 {
		settings.Batch = q.Batch
	}
	if q.LearningRate > 0 {
		settings.LearningRate = q.LearningRate
	}
	settings.Seed = q.Seed
	return settings, nil
}

func (s *Server) routeTraining(mux *http.ServeMux) {
	mux.Handle("GET /v1/training", s.handle("training", func(w http.ResponseWriter, r *http.Request) error {
		_, err := s.lastSession()
		allowed := s.mayTrain(r)
		writeJSON(w, http.StatusOK, map[string]bool{"allowed": allowed, "trained": allowed && err == nil})
		return nil
	}))
	mux.Handle("POST /v1/training", s.guarded("training", s.startTraining))
	mux.Handle("GET /v1/training/events", s.guarded("events", s.trainingEvents))
	mux.Handle("POST /v1/training/{action}", s.guarded("training", s.steerTraining))
	mux.Handle("GET /v1/training/runs/{run}/model", s.guarded("training", s.downloadModel))
	mux.Handle("POST /v1/training/runs/{run}/use", s.guarded("training", s.useModel))
}

// startTraining begins a session with the runs of the body, {"runs": […]}.
func (s *Server) startTraining(w http.ResponseWriter, r *http.Request) error {
	var asked struct {
		Runs []runRequest `json:"runs"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil {
		return badRequest(`body: expected {"runs": [{"recipe": …}]}: %s`, shorten(err.Error()))
	}
	if n := len(asked.Runs); n < 1 || n > maxRuns {
		return badRequest("runs: expected 1 or %d, got %d", maxRuns, n)
	}
	threads := max(1, runtime.GOMAXPROCS(0)/len(asked.Runs))
	started := &session{state: stateLoading, changed: make(chan struct{})}
	for _, q := range asked.Runs {
		settings, err := q.settings()
		if err != nil {
			return err
		}
		settings.Threads = threads
		started.runs = append(started.runs, &run{recipe: q.Recipe, settings: settings})
	}
	if !s.processors.TryLock() {
		return conflict("training or measuring is under way: stop it first")
	}
	ctx, stop := context.WithCancel(s.context)
	started.stop = stop
	s.trainings.mu.Lock()
	if s.trainings.last != nil {
		started.id = s.trainings.last.id + 1
	}
	s.trainings.last = started
	s.trainings.mu.Unlock()
	s.background.Go(func() {
		defer s.processors.Unlock()
		defer stop()
		s.train(ctx, started)
	})
	writeJSON(w, http.StatusCreated, map[string]any{"session": started.id})
	return nil
}

// train runs a session to its end.
func (s *Server) train(ctx context.Context, n *session) {
	data, err := s.trainingData(ctx)
	if err == nil {
		n.set(stateRunning)
		var runs sync.WaitGroup
		failures := make([]error, len(n.runs))
		for i, r := range n.runs {
			runs.Go(func() { failures[i] = r.train(ctx, n, data) })
		}
		runs.Wait()
		err = errors.Join(failures...)
	}
	switch {
	case errors.Is(err, context.Canceled):
		n.set(stateStopped)
	case err != nil:
		s.log.Error("training failed", "error", err)
		n.mu.Lock()
		n.failure = "training failed: the server's log says why"
		if errors.Is(err, mnist.ErrUnavailable) {
			n.failure = "MNIST is not here and could not be fetched: start the server with --data"
		} else if errors.Is(err, lenet.ErrNotFinite) {
			n.failure = "the loss is not finite any more: try a lower learning rate"
		}
		n.mu.Unlock()
		n.set(stateFailed)
	default:
		n.set(stateDone)
	}
}

// trainingData loads MNIST once.
func (s *Server) trainingData(ctx context.Context) (*mnist.Dataset, error) {
	t := &s.trainings
	t.mu.Lock()
	data := t.data
	t.mu.Unlock()
	if data != nil {
		return data, nil
	}
	data, err := mnist.Load(ctx, mnist.Options{Dir: s.options.TrainingData})
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	t.data = data
	t.mu.Unlock()
	return data, nil
}

// change runs f and wakes who follows the session.
func (n *session) change(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *session) set(state string) { n.change(func() { n.state = state }) }

// wait returns when the session is not paused.
func (n *session) wait(ctx context.Context) error {
	n.mu.Lock()
	resume := n.resume
	n.mu.Unlock()
	if resume != nil {
		select {
		case <-resume:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// ended reports whether a state is the last.
func ended(state string) bool {
	return state == stateDone || state == stateStopped || state == stateFailed
}

// lastSession returns the session to look at.
func (s *Server) lastSession() (*session, error) {
	s.trainings.mu.Lock()
	defer s.trainings.mu.Unlock()
	if s.trainings.last == nil {
		return nil, newProblem(http.StatusNotFound, "nothing was trained yet")
	}
	return s.trainings.last, nil
}

// steerTraining pauses a session, lets it go on, or stops it.
func (s *Server) steerTraining(w http.ResponseWriter, r *http.Request) error {
	n, err := s.lastSession()
	if err != nil {
		return err
	}
	n.change(func() {
		action := r.PathValue("action")
		switch {
		case action == "stop":
			n.stop()
		case action == "pause" && n.state == stateRunning:
			n.state, n.resume = statePaused, make(chan struct{})
		case action == "resume" && n.state == statePaused:
			close(n.resume)
			n.state, n.resume = stateRunning, nil
		case action == "pause" || action == "resume":
			err = conflict("training is %s", n.state)
		default:
			err = newProblem(http.StatusNotFound, "expected pause, resume or stop")
		}
	})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"session": n.id})
	return nil
}

// runOf returns the run that a path names, if it has weights.
func (s *Server) runOf(r *http.Request) (*run, *lenet.Model, error) {
	n, err := s.lastSession()
	if err != nil {
		return nil, nil, err
	}
	at, err := strconv.Atoi(r.PathValue("run"))
	if err != nil || at < 0 || at >= len(n.runs) {
		return nil, nil, newProblem(http.StatusNotFound, "run: expected a number below %d", len(n.runs))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.runs[at].model == nil {
		return nil, nil, conflict("the run has no weights yet")
	}
	return n.runs[at], n.runs[at].model, nil
}

// downloadModel answers with the weights as a safetensors file.
func (s *Server) downloadModel(w http.ResponseWriter, r *http.Request) error {
	trained, weights, err := s.runOf(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	attachment(w, fmt.Sprintf("lenet-%s%s", trained.recipe, modelSuffix))
	return weights.Write(w)
}

// useModel serves the weights as the model "learned".
func (s *Server) useModel(w http.ResponseWriter, r *http.Request) error {
	_, weights, err := s.runOf(r)
	if err != nil {
		return err
	}
	if err := s.SetModel(learnedModel, weights); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"model": learnedModel})
	return nil
}

// maxSubscribers bounds the pages that follow a session.
const maxSubscribers = 16

// eventPause is the shortest time between two events of a page.
const eventPause = 50 * time.Millisecond

// trainingEvents follows the sessions as server-sent events. The first event of
// a session has all that happened so far, every other what is new.
func (s *Server) trainingEvents(w http.ResponseWriter, r *http.Request) error {
	if !s.trainings.subscribers.take(1) {
		return unavailable("too many pages follow the training")
	}
	defer s.trainings.subscribers.give(1)
	n, err := s.lastSession()
	if err != nil {
		return err
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // the time to read a request is over before a session may be
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	sent := make([]progressSent, len(n.runs))
	for {
		n.mu.Lock()
		event, changed := n.event(sent), n.changed
		n.mu.Unlock()
		text, err := json.Marshal(event)
		if err != nil {
			return err
		}
		// Who does not read is given up after the usual time. A handler of the
		// tests has no deadlines.
		_ = control.SetWriteDeadline(time.Now().Add(s.limits.WriteTime))
		if _, err := fmt.Fprintf(w, "data: %s\n\n", text); err != nil {
			return nil
		}
		if err := control.Flush(); err != nil || ended(event.State) {
			return nil
		}
		gone := r.Context().Done()
		select {
		case <-time.After(eventPause):
		case <-gone:
			return nil
		}
		select {
		case <-changed:
		case <-gone:
			return nil
		case <-s.context.Done():
			return nil
		}
	}
}

// event is what a page learns at once.
type event struct {
	Session int        `json:"session"`
	State   string     `json:"state"`
	Failure string     `json:"failure,omitempty"`
	Runs    []runEvent `json:"runs"`
}

// event returns what changed since sent, which it brings up to date. n.mu is held.
func (n *session) event(sent []progressSent) event {
	e := event{Session: n.id, State: n.state, Failure: n.failure}
	for i, r := range n.runs {
		e.Runs = append(e.Runs, r.event(&sent[i]))
	}
	return e
}
