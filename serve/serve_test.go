package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"

	"github.com/kernelet/kernelet/internal/testmnist"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/mnist"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var weights = sync.OnceValue(func() *lenet.Model {
	m, err := pretrained.Model()
	if err != nil {
		panic(err)
	}
	return m
})

var reference = sync.OnceValue(func() *lenet.Classifier {
	c, err := lenet.NewClassifier(weights(), lenet.Options{})
	if err != nil {
		panic(err)
	}
	return c
})

func newServer(t testing.TB, options Options) *Server {
	t.Helper()
	if options.Model == nil && options.ModelFile == "" && options.ModelFolder == "" {
		options.Model = weights()
	}
	s, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// do sends a request to the handler and returns the answer.
func do(t testing.TB, h http.Handler, method, target string, header map[string]string, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, bytes.NewReader(body))
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// object decodes an answer's JSON.
func object(t testing.TB, text []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("expected a JSON object, got %q: %v", text, err)
	}
	return v
}

func TestHealthAndMetadata(t *testing.T) {
	s := newServer(t, Options{})
	for _, c := range []struct {
		method, target string
		status         int
		want           string
	}{
		{"GET", "/v2", 200, `"extensions":["binary_tensor_data","model_repository"]`},
		{"GET", "/v2/", 200, `"name":"kernelet"`},
		{"GET", "/v2/health/live", 200, `{"live":true}`},
		{"GET", "/v2/health/ready", 200, `{"live":true,"ready":true}`},
		{"GET", "/v2/models/lenet", 200, `"inputs":[{"name":"image","datatype":"UINT8","shape":[-1,784]}]`},
		{"GET", "/v2/models/lenet/versions/1", 200, `"versions":["1"]`},
		{"GET", "/v2/models/lenet/ready", 200, `{"name":"lenet","ready":true}`},
		{"GET", "/v2/models/lenet/versions/2", 404, `{"error":"unknown version \"2\": expected \"1\""}`},
		{"GET", "/v2/models/other", 404, `{"error":"unknown model \"other\""}`},
		{"POST", "/v2/models/other/infer", 404, `{"error":"unknown model \"other\""}`},
		{"POST", "/v2/repository/index", 200, `[{"name":"lenet","version":"1","state":"READY","reason":""}]`},
		{"GET", "/v2/models/lenet/config", 404, `{"error":"no such endpoint"}`},
		{"POST", "/v2/health/live", 405, `{"error":"expected GET"}`},
		{"GET", "/v2/models/lenet/infer", 405, `{"error":"expected POST"}`},
		{"GET", "/v1/models", 200, pretrained.SHA256},
		{"GET", "/v1/nothing", 404, `{"error":"no such endpoint"}`},
		{"GET", "/healthz", 200, `{"status":"ok"}`},
		{"GET", "/metrics", 200, `kernelet_requests_total{code="404",endpoint="metadata",protocol="http"}`},
	} {
		w := do(t, s, c.method, c.target, nil, nil)
		if w.Code != c.status || !bytes.Contains(w.Body.Bytes(), []byte(c.want)) {
			t.Errorf("%s %s: expected %d with %s, got %d %s", c.method, c.target, c.status, c.want, w.Code, w.Body)
		}
	}
	s.ready.Store(false)
	for _, target := range []string{"/v2/health/ready", "/v2/models/lenet/ready", "/healthz"} {
		if w := do(t, s, "GET", target, nil, nil); w.Code != 503 {
			t.Errorf("%s while shutting down: expected 503, got %d", target, w.Code)
		}
	}
	if w := do(t, s, "GET", "/v2/health/live", nil, nil); w.Code != 200 {
		t.Errorf("live while shutting down: expected 200, got %d", w.Code)
	}
}

// TestMounted serves below a prefix, as programs with other pages do.
func TestMounted(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/digits/", http.StripPrefix("/digits", newServer(t, Options{})))
	w := do(t, mux, "POST", "/digits/v2/models/lenet/infer", nil, jsonBody(t, mnist.Synthetic(1, 1).Images, 1))
	if w.Code != 200 {
		t.Errorf("expected 200, got %d %s", w.Code, w.Body)
	}
}

func TestPanicIsAnswered(t *testing.T) {
	s := newServer(t, Options{})
	h := s.handle("other", func(http.ResponseWriter, *http.Request) error { panic("secret") })
	w := do(t, h, "GET", "/", nil, nil)
	if w.Code != 500 || w.Body.String() != "{\"error\":\"internal error\"}\n" {
		t.Errorf("expected 500 without the cause, got %d %s", w.Code, w.Body)
	}
	h = s.handle("other", func(http.ResponseWriter, *http.Request) error { return errors.New("/secret/path") })
	if w = do(t, h, "GET", "/", nil, nil); w.Code != 500 || bytes.Contains(w.Body.Bytes(), []byte("secret")) {
		t.Errorf("expected 500 without the cause, got %d %s", w.Code, w.Body)
	}
}

func TestRefusals(t *testing.T) {
	image := mnist.Synthetic(20, 1).Images
	s := newServer(t, Options{Limits: Limits{BodyBytes: 200_000, Images: 16, Memory: 150_000, InFlight: 1, PicturePixels: 1000}})
	header := map[string]string{}
	for _, c := range []struct {
		name, target string
		body         []byte
		before       func() func()
		status       int
		want         string
	}{
		{"images", inferTarget, jsonBody(t, image, 20), nil, 413, "expected at most 16 images a request, got 20"},
		{"body", inferTarget, make([]byte, 200_001), nil, 413, "expected at most 200000 bytes"},
		{"memory", inferTarget, make([]byte, 190_000), nil, 503, "all memory for requests is in use"},
		{"in flight", inferTarget, jsonBody(t, image, 1), func() func() { s.inFlight.take(1); return func() { s.inFlight.give(1) } }, 503, "too many requests in flight"},
		{"pixels", "/v1/digits", graymapOf(100, 100), nil, 413, "expected from 1 to 1000 pixels, got 100×100"},
	} {
		after := func() {}
		if c.before != nil {
			after = c.before()
		}
		w := do(t, s, "POST", c.target, header, c.body)
		after()
		if w.Code != c.status || !bytes.Contains(w.Body.Bytes(), []byte(c.want)) {
			t.Errorf("%s: expected %d with %q, got %d %s", c.name, c.status, c.want, w.Code, w.Body)
		}
		if (w.Header().Get("Retry-After") != "") != (c.status == 503) {
			t.Errorf("%s: Retry-After is %q", c.name, w.Header().Get("Retry-After"))
		}
	}
	if used := s.memory.used.Load(); used != 0 {
		t.Errorf("memory: expected all to be given back, %d are not", used)
	}
	if w := do(t, s, "POST", inferTarget, header, jsonBody(t, image, 16)); w.Code != 200 {
		t.Errorf("afterwards: expected 200, got %d %s", w.Code, w.Body)
	}
}

const inferTarget = "/v2/models/lenet/infer"

// jsonBody is a request about the first n images.
func jsonBody(t testing.TB, images []byte, n int) []byte {
	t.Helper()
	values := make([]int, n*784)
	for i := range values {
		values[i] = int(images[i])
	}
	text, err := json.Marshal(map[string]any{"inputs": []any{map[string]any{"name": "image", "shape": []int{n, 784}, "datatype": "UINT8", "data": values}}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestModelsReload(t *testing.T) {
	folder := t.TempDir()
	save := func(name string, seed uint64) *lenet.Model {
		m := lenet.NewModel(seed)
		if err := m.Save(folder + "/" + name + modelSuffix); err != nil {
			t.Fatal(err)
		}
		return m
	}
	one, two := save("one", 1), save("two", 2)
	save("not a name", 3)
	s := newServer(t, Options{ModelFolder: folder, Watch: -1})
	served := func(name string) string {
		m, err := s.models.get(name)
		if err != nil {
			return err.Error()
		}
		return m.sha256
	}
	if served("one") != one.SHA256() || served("two") != two.SHA256() || len(s.models.list()) != 2 {
		t.Fatalf("expected one and two, got %v", s.models.list())
	}
	if served("") != one.SHA256() {
		t.Error("expected the first by name to be the default")
	}
	// Half a file leaves the model that is there, and says so once.
	content, err := os.ReadFile(folder + "/two" + modelSuffix)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder+"/two"+modelSuffix, content[:len(content)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.models.reload(false); !errors.Is(err, lenet.ErrModel) {
		t.Errorf("half a file: expected an error that wraps ErrModel, got %v", err)
	}
	if err := s.models.reload(false); err != nil {
		t.Errorf("half a file, looked at again: expected nothing new, got %v", err)
	}
	if served("two") != two.SHA256() {
		t.Error("half a file: the former model is gone")
	}
	three := save("one", 3)
	if err := os.Remove(folder + "/two" + modelSuffix); err != nil {
		t.Fatal(err)
	}
	if err := s.models.reload(false); err != nil {
		t.Error(err)
	}
	if served("one") != three.SHA256() || served("two") != `unknown model "two"` {
		t.Errorf("expected one anew and no two, got %s and %s", served("one"), served("two"))
	}
	if err := os.Remove(folder + "/one" + modelSuffix); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(); err != nil || served("one") != three.SHA256() {
		t.Errorf("an empty folder: expected the last model to stay, got %v", err)
	}
	if err := s.SetModel("../x", one); err == nil {
		t.Error("SetModel took a name with slashes")
	}
	if _, err := New(Options{ModelFolder: t.TempDir()}); err == nil {
		t.Error("New: expected an error for an empty folder")
	}
	if _, err := New(Options{ModelFile: folder + "/none"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("New: expected an error for a missing file, got %v", err)
	}
}

// TestReloadUnderLoad changes the model while requests run: each is answered
// by one of the two.
func TestReloadUnderLoad(t *testing.T) {
	image := [784]byte(mnist.Synthetic(1, 1).Images)
	path := t.TempDir() + "/m.safetensors"
	wanted := map[string]bool{}
	models := []*lenet.Model{lenet.NewModel(1), lenet.NewModel(2)}
	for _, m := range models {
		c, err := lenet.NewClassifier(m, lenet.Options{})
		if err != nil {
			t.Fatal(err)
		}
		p := c.Classify(&image)
		text, _ := json.Marshal(p.Probabilities)
		wanted[string(text)] = true
	}
	if err := models[0].Save(path); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, Options{ModelFile: path, Watch: -1})
	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	body := bytes.Replace(jsonBody(t, image[:], 1), []byte(`{"inputs"`), []byte(`{"outputs":[{"name":"probabilities"}],"inputs"`), 1)
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				w := do(t, s, "POST", inferTarget, nil, body)
				var answer struct {
					Outputs []struct {
						Data [10]float32 `json:"data"`
					} `json:"outputs"`
				}
				if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 {
					t.Errorf("expected an answer, got %d %s", w.Code, w.Body)
					return
				}
				if text, _ := json.Marshal(answer.Outputs[0].Data); !wanted[string(text)] {
					t.Errorf("an answer of neither model: %s", text)
					return
				}
			}
		})
	}
	rounds := 5
	if testmnist.Long() {
		rounds = 50
	}
	for i := range rounds {
		if err := models[(i+1)%2].Save(path); err != nil {
			t.Fatal(err)
		}
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	clients.Wait()
}
