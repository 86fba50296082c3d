package serve

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/internal/testmnist"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
)

// local is a request from this machine to this machine.
func local(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr, r.Host = "127.0.0.1:1234", "localhost:8080"
	return r
}

func TestPageFiles(t *testing.T) {
	s := newServer(t, Options{})
	index := do(t, s, "GET", "/", nil, nil)
	if index.Code != 200 || !strings.HasPrefix(index.Header().Get("Content-Type"), "text/html") || index.Header().Get("Content-Security-Policy") == "" {
		t.Fatalf("the page: %d %v", index.Code, index.Header())
	}
	// What the page names is there, below wherever it is mounted.
	text := index.Body.String()
	for _, part := range strings.Split(text, `"page/`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		if w := do(t, s, "GET", "/page/"+name, nil, nil); w.Code != 200 {
			t.Errorf("page/%s: %d", name, w.Code)
		}
	}
	for _, elsewhere := range []string{"http://", "https://", `src="/`, `href="/`} {
		if strings.Contains(text, elsewhere) {
			t.Errorf("the page refers to %s", elsewhere)
		}
	}
	tag := index.Header().Get("ETag")
	if w := do(t, s, "GET", "/", map[string]string{"If-None-Match": tag}, nil); w.Code != 304 || w.Body.Len() != 0 {
		t.Errorf("the page again: expected 304, got %d", w.Code)
	}
	bare := newServer(t, Options{NoPage: true})
	for _, target := range []string{"/", "/page/main.js", "/v1/training"} {
		if w := do(t, bare, "GET", target, nil, nil); w.Code != 404 {
			t.Errorf("%s without the page: expected 404, got %d", target, w.Code)
		}
	}
}

// TestWhoMayTrain tries clients from elsewhere, pages of other origins, and a
// foreign name that leads to this machine.
func TestWhoMayTrain(t *testing.T) {
	s, open := newServer(t, Options{}), newServer(t, Options{AllowTraining: true})
	for _, c := range []struct {
		name   string
		change func(r *http.Request)
		mine   int
		all    int
	}{
		{"this machine", func(*http.Request) {}, 404, 404},
		{"IPv6", func(r *http.Request) { r.RemoteAddr, r.Host = "[::1]:1", "[::1]:8080" }, 404, 404},
		{"another machine", func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1234" }, 403, 404},
		{"a foreign name", func(r *http.Request) { r.Host = "evil.example" }, 403, 404},
		{"a foreign address", func(r *http.Request) { r.Host = "192.0.2.7:8080" }, 403, 404},
		{"another page", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403, 403},
		{"another origin", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403, 403},
		{"a strange address", func(r *http.Request) { r.RemoteAddr = "@" }, 403, 404},
	} {
		for server, want := range map[*Server]int{s: c.mine, open: c.all} {
			r := local("POST", "/v1/training/stop", "")
			c.change(r)
			w := httptest.NewRecorder()
			server.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s: expected %d, got %d %s", c.name, want, w.Code, w.Body)
			}
		}
	}
}

// call sends a request of this machine.
func call(t testing.TB, s *Server, method, target, body string, want int) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, local(method, target, body))
	if w.Code != want {
		t.Errorf("%s %s: expected %d, got %d %.200s", method, target, want, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// drawnData writes drawn digits as MNIST's four files.
func drawnData(t *testing.T, train, test int) string {
	t.Helper()
	folder := t.TempDir()
	for name, set := range map[string]mnist.Set{"train": mnist.Synthetic(train, 1), "t10k": mnist.Synthetic(test, 2)} {
		for suffix, content := range map[string][]byte{
			"-images-idx3-ubyte": append(bigEndian(0x803, set.Len(), 28, 28), set.Images...),
			"-labels-idx1-ubyte": append(bigEndian(0x801, set.Len()), set.Labels...),
		} {
			if err := os.WriteFile(filepath.Join(folder, name+suffix), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return folder
}

func bigEndian(values ...int) (b []byte) {
	for _, v := range values {
		b = append(b, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	}
	return b
}

// events follows a training to its end and returns the last event.
func follow(t *testing.T, address string, each func(e event)) event {
	t.Helper()
	r, err := client(t).Get("http://" + address + "/v1/training/events")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var last event
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		text, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found {
			continue
		}
		var e event
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		last = e
		each(e)
	}
	return last
}

// TestTraining trains two recipes at a time as the page does, and compares the
// weights with those of a Trainer that runs through.
func TestTraining(t *testing.T) {
	folder := drawnData(t, 1000, 200)
	s := newServer(t, Options{TrainingData: folder})
	web, _, _ := started(t, s, Listen{})
	call(t, s, "GET", "/v1/training/events", "", 404)
	for _, bad := range []string{"", "{}", `{"runs":[]}`, `{"runs":[{"recipe":"none"}]}`, `{"runs":[{"recipe":"fast","epochs":1000}]}`,
		`{"runs":[{"recipe":"fast","learning_rate":-1}]}`, `{"runs":[{"recipe":"fast","batch":100000}]}`, `{"x":1}`} {
		call(t, s, "POST", "/v1/training", bad, 400)
	}
	call(t, s, "POST", "/v1/training", `{"runs":[{"recipe":"fast","seed":3,"epochs":2},{"recipe":"tutorial","seed":4,"epochs":1,"learning_rate":0.001}]}`, 201)
	points := make([]int, 2)
	last := follow(t, web, func(e event) {
		for i, r := range e.Runs {
			if r.From != points[i] {
				t.Fatalf("run %d: expected points from %d, got %d", i, points[i], r.From)
			}
			points[i] += len(r.Points)
		}
	})
	if last.State != stateDone || len(last.Runs) != 2 || points[0] == 0 || points[1] == 0 {
		t.Fatalf("expected two runs that are done, got %+v", last)
	}
	data, err := mnist.Load(t.Context(), mnist.Options{Dir: folder})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		settings lenet.Settings
		seed     uint64
		epochs   int
		rate     float64
	}{{lenet.Fast(), 3, 2, 0}, {lenet.Tutorial(), 4, 1, 0.001}} {
		settings := want.settings
		settings.Seed, settings.Epochs, settings.Threads = want.seed, want.epochs, 1
		if want.rate > 0 {
			settings.LearningRate = want.rate
		}
		trainer, err := lenet.NewTrainer(lenet.NewModel(want.seed), settings)
		if err != nil {
			t.Fatal(err)
		}
		defer trainer.Close()
		for _, err := range trainer.Epochs(t.Context(), data.Train.Images, data.Train.Labels) {
			if err != nil {
				t.Fatal(err)
			}
		}
		kept, err := lenet.Read(bytes.NewReader(call(t, s, "GET", "/v1/training/runs/"+string(rune('0'+i))+"/model", "", 200)))
		if err != nil {
			t.Fatal(err)
		}
		if kept.SHA256() != trainer.Model().SHA256() {
			t.Errorf("run %d: the weights are not those of a trainer that runs through", i)
		}
		validation, err := trainer.Evaluate(t.Context(), data.Test.Images, data.Test.Labels)
		if err != nil {
			t.Fatal(err)
		}
		if r := last.Runs[i]; r.Epochs[len(r.Epochs)-1].Validation != validation.Accuracy() || r.Wrong != validation.Images-validation.Correct {
			t.Errorf("run %d: expected %v %% and %d misread, got %+v", i, validation.Accuracy(), validation.Images-validation.Correct, r)
		}
	}
	call(t, s, "GET", "/v1/training/runs/2/model", "", 404)
	call(t, s, "POST", "/v1/training/runs/0/use", "", 200)
	if m, err := s.models.get(learnedModel); err != nil || m.classifier == nil {
		t.Errorf("the learned weights are not served: %v", err)
	}
	call(t, s, "POST", "/v1/digits?model=learned", string(encodings(t)["png"]), 200)
	call(t, s, "POST", "/v1/training/jump", "", 404)
}

// TestTrainingStops pauses, and ends by Stop, by what goes wrong, and with the
// server.
func TestTrainingStops(t *testing.T) {
	s := newServer(t, Options{TrainingData: drawnData(t, 2000, 100)})
	web, _, leave := started(t, s, Listen{})
	start := func(body string) { call(t, s, "POST", "/v1/training", body, 201) }
	start(`{"runs":[{"recipe":"tutorial","epochs":100}]}`)
	stopped := false
	if last := follow(t, web, func(e event) {
		if e.State == stateRunning && !stopped {
			stopped = true
			call(t, s, "POST", "/v1/training", `{"runs":[{"recipe":"fast"}]}`, 409)
			call(t, s, "POST", "/v1/measurement", "", 409)
			call(t, s, "POST", "/v1/training/resume", "", 409)
			call(t, s, "POST", "/v1/training/pause", "", 200)
			call(t, s, "POST", "/v1/training/pause", "", 409)
			call(t, s, "POST", "/v1/training/resume", "", 200)
			call(t, s, "POST", "/v1/training/stop", "", 200)
		}
	}); last.State != stateStopped {
		t.Errorf("expected stopped, got %+v", last)
	}
	// The processors are free again once the last event is out, or soon after.
	s.awaitProcessors()
	start(`{"runs":[{"recipe":"tutorial","epochs":100}]}`)
	ended := make(chan event)
	begun := make(chan struct{}, 1000)
	go func() { ended <- follow(t, web, func(event) { begun <- struct{}{} }) }()
	<-begun
	if err := leave(); err != nil {
		t.Errorf("a page that follows a training keeps the server from leaving: %v", err)
	}
	<-ended
	none := newServer(t, Options{TrainingData: t.TempDir()})
	web, _, _ = started(t, none, Listen{})
	call(t, none, "POST", "/v1/training", `{"runs":[{"recipe":"fast"}]}`, 201)
	if last := follow(t, web, func(event) {}); last.State != stateFailed || last.Failure == "" {
		t.Errorf("expected a failure, got %+v", last)
	}
}

// awaitProcessors returns when nothing trains or measures.
func (s *Server) awaitProcessors() {
	s.processors.Lock()
	defer s.processors.Unlock()
}

// TestMeasurement begins one and stops it, or under KERNELET_LONG waits for its report.
func TestMeasurement(t *testing.T) {
	s := newServer(t, Options{TrainingData: drawnData(t, 200, 100)})
	call(t, s, "GET", "/v1/measurement/report", "", 404)
	call(t, s, "POST", "/v1/measurement/stop", "", 409)
	call(t, s, "POST", "/v1/measurement", "", 201)
	call(t, s, "POST", "/v1/measurement", "", 409)
	if !testmnist.Long() {
		call(t, s, "POST", "/v1/measurement/stop", "", 200)
	}
	s.awaitProcessors()
	state := object(t, call(t, s, "GET", "/v1/measurement", "", 200))
	if !testmnist.Long() {
		if state["state"] != stateStopped {
			t.Errorf("expected stopped, got %v", state)
		}
		return
	}
	if state["state"] != stateDone {
		t.Fatalf("expected done, got %v", state)
	}
	if page := call(t, s, "GET", "/v1/measurement/report", "", 200); !bytes.Contains(page, []byte("<svg")) {
		t.Error("the report has no picture")
	}
	object(t, call(t, s, "GET", "/v1/measurement/report?format=json", "", 200))
}
