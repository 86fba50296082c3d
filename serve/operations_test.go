package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kernelet/kernelet/bench"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/serve/inference"
)

// TestWatch: a model's file that changes is served anew without being asked for,
// and no longer looked at after Close.
func TestWatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	first, second, third := lenet.NewModel(1), lenet.NewModel(2), lenet.NewModel(3)
	if err := first.Save(path); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, Options{ModelFile: path, Watch: time.Millisecond})
	served := func() string { return (*s.models.current.Load())[DefaultModel].sha256 }
	if served() != first.SHA256() {
		t.Fatal("another model is served")
	}
	replace(t, path, second, time.Hour)
	for limit := time.Now().Add(10 * time.Second); served() != second.SHA256(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("the changed file was not read")
		}
	}
	s.Close()
	replace(t, path, third, 2*time.Hour)
	time.Sleep(20 * time.Millisecond)
	if served() != second.SHA256() {
		t.Error("the file was read after Close")
	}
}

// replace puts a model in a file's place, with a time that tells them apart on any
// file system.
func replace(t *testing.T, path string, m *lenet.Model, later time.Duration) {
	t.Helper()
	changed := time.Now().Add(later)
	if err := errors.Join(m.Save(path+".new"), os.Chtimes(path+".new", changed, changed), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

// logged is a log in memory that a test reads line by line.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: level}))
}

// lines returns what was logged with a message, and forgets all.
func (l *logged) lines(t *testing.T, message string) (found []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.text.Bytes()) {
		var one map[string]any
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if one["msg"] == message {
			found = append(found, one)
		}
	}
	l.text.Reset()
	return found
}

// TestModelFolderLost: a folder that is gone leaves the models that were read,
// and is said once, as is its return.
func TestModelFolderLost(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "models")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := lenet.NewModel(1).Save(filepath.Join(folder, "one.safetensors")); err != nil {
		t.Fatal(err)
	}
	var log logged
	s := newServer(t, Options{ModelFolder: folder, Watch: -1, Log: log.logger(slog.LevelInfo)})
	if err := os.Rename(folder, folder+" moved"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := s.models.reload(false); err == nil || !strings.Contains(err.Error(), folder) {
			t.Errorf("expected an error of %s, got %v", folder, err)
		}
	}
	if said := log.lines(t, "models not listed"); len(said) != 1 || said[0]["folder"] != folder {
		t.Errorf("expected one line that names the folder, got %v", said)
	}
	if err := s.Reload(); err == nil || len(log.lines(t, "models not listed")) != 1 {
		t.Errorf("asked for: expected an error and a line, got %v", err)
	}
	if w := do(t, s, "GET", "/v2/models/one", nil, nil); w.Code != 200 {
		t.Errorf("the model is gone: %d %s", w.Code, w.Body)
	}
	if err := os.Rename(folder+" moved", folder); err != nil {
		t.Fatal(err)
	}
	if err := s.models.reload(false); err != nil || len(log.lines(t, "models listed again")) != 1 {
		t.Errorf("expected a line that says so, error %v", err)
	}
}

// TestRequestLog: at the level of debugging each request is a line that says what
// it was, at a higher one none is; a path is cut and stays within its field.
func TestRequestLog(t *testing.T) {
	var log logged
	s := newServer(t, Options{Log: log.logger(slog.LevelDebug)})
	do(t, s, "GET", "/v1/models", nil, nil)
	do(t, s, "POST", "/v1/digits", nil, []byte("no picture"))
	do(t, s, "GET", "/v1/"+strings.Repeat("x", 5000)+"%0Amsg=fault", nil, nil)
	said := log.lines(t, "request")
	if len(said) != 3 {
		t.Fatalf("expected three lines, got %v", said)
	}
	for i, want := range []map[string]any{
		{"endpoint": "metadata", "method": "GET", "path": "/v1/models", "status": 200.0},
		{"endpoint": "digits", "method": "POST", "path": "/v1/digits", "status": 400.0},
		{"endpoint": "other", "method": "GET", "status": 404.0},
	} {
		for key, value := range want {
			if said[i][key] != value {
				t.Errorf("line %d: %s: expected %v, got %v", i, key, value, said[i][key])
			}
		}
		if d, ok := said[i]["duration"].(float64); !ok || d < 0 || said[i]["remote"] == "" {
			t.Errorf("line %d: duration or client is missing: %v", i, said[i])
		}
	}
	if path, _ := said[2]["path"].(string); len(path) > 300 {
		t.Errorf("a path of %d bytes was logged", len(path))
	}
	// Requests to infer that are answered without net/http are logged as others are.
	address, _, leave := started(t, s, Listen{})
	body := jsonBody(t, mnist.Synthetic(1, 1).Images, 1)
	for range 2 {
		answer, err := http.Post("http://"+address+inferTarget, "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	if err := leave(); err != nil {
		t.Error(err)
	}
	said = log.lines(t, "request")
	for i, one := range said {
		if one["endpoint"] != "infer" || one["method"] != "POST" || one["path"] != inferTarget || one["status"] != 200.0 || !strings.HasPrefix(fmt.Sprint(one["remote"]), "127.0.0.1:") {
			t.Errorf("infer %d: got %v", i, one)
		}
	}
	if len(said) != 2 {
		t.Errorf("infer: expected two lines, got %v", said)
	}
	var silent logged
	s = newServer(t, Options{Log: silent.logger(slog.LevelInfo)})
	do(t, s, "GET", "/v1/models", nil, nil)
	if said := silent.lines(t, "request"); len(said) != 0 {
		t.Errorf("expected no line, got %v", said)
	}
}

// TestModelReadyGRPC: a model that is not there is an error, one that is there is
// ready until the server is shutting down.
func TestModelReadyGRPC(t *testing.T) {
	s := newServer(t, Options{})
	v := &service{server: s}
	ready := func(name, version string) (bool, codes.Code) {
		answer, err := v.ModelReady(context.Background(), &inference.ModelReadyRequest{Name: name, Version: version})
		return answer.GetReady(), status.Code(err)
	}
	for _, c := range []struct {
		name, version string
		ready         bool
		code          codes.Code
	}{{"lenet", "", true, codes.OK}, {"lenet", "1", true, codes.OK}, {"lenet", "2", false, codes.NotFound}, {"other", "", false, codes.NotFound}} {
		if got, code := ready(c.name, c.version); got != c.ready || code != c.code {
			t.Errorf("%s %s: expected %v, %v, got %v, %v", c.name, c.version, c.ready, c.code, got, code)
		}
	}
	s.ready.Store(false)
	if got, code := ready("lenet", ""); got || code != codes.OK {
		t.Errorf("shutting down: expected not ready, got %v, %v", got, code)
	}
}

// TestShapes: every shape of images that the protocol's documents name is taken,
// with the number of images, and others are refused in few words.
func TestShapes(t *testing.T) {
	long := make([]int64, 100_000)
	for _, c := range []struct {
		shape  []int64
		images int
		says   string
	}{
		{[]int64{784}, 1, ""}, {[]int64{28, 28}, 1, ""}, {[]int64{7, 784}, 7, ""}, {[]int64{7, 28, 28}, 7, ""}, {[]int64{7, 1, 28, 28}, 7, ""}, {[]int64{10, 784}, 10, ""},
		{[]int64{28}, 0, "shape [28]: expected [784]"}, {nil, 0, "shape []: expected"}, {[]int64{1, 1, 784}, 0, "shape [1,1,784]: expected"}, {[]int64{1, 28, 28, 1}, 0, "shape [1,28,28,1]: expected"},
		{[]int64{784, 1}, 0, "shape [784,1]: expected"}, {[]int64{11, 784}, 0, "expected at most 10 images a request, got 11"}, {[]int64{0, 28, 28}, 0, "shape [0,28,28]: expected at least one image"},
		{long, 0, "shape of 100000 dimensions: expected"},
	} {
		n, err := imagesOf(c.shape, 10)
		if n != c.images || (err == nil) != (c.says == "") || err != nil && (!strings.Contains(err.Error(), c.says) || len(err.Error()) > 300) {
			t.Errorf("%v: expected %d and %q, got %d, %v", c.shape[:min(9, len(c.shape))], c.images, c.says, n, err)
		}
	}
}

// TestPieceLength: pieces are short at first, and longer the more points a run
// has, so that at most a few times maxPoints are drawn.
func TestPieceLength(t *testing.T) {
	for _, c := range []struct {
		trained time.Duration
		points  int
		want    time.Duration
	}{
		{0, 0, firstPiece}, {firstPieces - 1, 5000, firstPiece}, {firstPieces, 0, laterPiece}, {firstPieces, maxPoints/4 - 1, laterPiece},
		{firstPieces, maxPoints / 4, 2 * laterPiece}, {firstPieces, maxPoints, 16 * laterPiece}, {time.Hour, 100 * maxPoints, 256 * laterPiece},
	} {
		if got := pieceLength(c.trained, c.points); got != c.want {
			t.Errorf("%v, %d points: expected %v, got %v", c.trained, c.points, c.want, got)
		}
	}
}

// TestTrainingAllowed: the page learns whether it may train, and whether there is
// something to look at, which nobody learns who may not.
func TestTrainingAllowed(t *testing.T) {
	s := newServer(t, Options{})
	state := func(address string) string {
		r := local("GET", "/v1/training", "")
		r.RemoteAddr = address
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return strings.TrimSpace(w.Body.String())
	}
	if mine, other := state("127.0.0.1:9"), state("192.0.2.1:9"); mine != `{"allowed":true,"trained":false}` || other != `{"allowed":false,"trained":false}` {
		t.Errorf("before: got %s and %s", mine, other)
	}
	s.trainings.last = &session{}
	if mine, other := state("127.0.0.1:9"), state("192.0.2.1:9"); mine != `{"allowed":true,"trained":true}` || other != `{"allowed":false,"trained":false}` {
		t.Errorf("after: got %s and %s", mine, other)
	}
}

// TestMeasurementReport: the last report is a page that runs no script, or a file
// of JSON.
func TestMeasurementReport(t *testing.T) {
	s := newServer(t, Options{})
	s.measurement.report = &bench.Report{Schema: bench.Schema, Machine: bench.Machine{CPU: "CPU <script>alert(1)</script>"}}
	get := func(target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, local("GET", target, ""))
		if w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, %v", target, w.Code, w.Header())
		}
		return w
	}
	page := get("/v1/measurement/report")
	if h := page.Header(); h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("Content-Security-Policy") != reportPolicy || strings.Contains(page.Body.String(), "<script>alert") {
		t.Errorf("page: %v", h)
	}
	file := get("/v1/measurement/report?format=json")
	var r bench.Report
	if err := json.Unmarshal(file.Body.Bytes(), &r); err != nil || r.Schema != bench.Schema || file.Header().Get("Content-Type") != "application/json" || file.Header().Get("Content-Disposition") != `attachment; filename="kernelet-bench.json"` {
		t.Errorf("JSON: %v, %v", err, file.Header())
	}
	if state := call(t, s, "GET", "/v1/measurement", "", 200); !bytes.Contains(state, []byte(`"report":true`)) {
		t.Errorf("state: %s", state)
	}
}
