package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/serve/inference"
	"google.golang.org/protobuf/proto"
)

// checkAnswered fails unless a request was answered: well with a whole answer,
// or badly with an error of the protocol that is not the server's fault.
func checkAnswered(t *testing.T, s *Server, status int, header http.Header, body []byte) {
	t.Helper()
	switch {
	case status == 200:
		head := body
		if n := header.Get(headerLength); n != "" {
			var size int
			if _, err := fmt.Sscan(n, &size); err != nil || size > len(body) {
				t.Fatalf("%s: %s of %d bytes", headerLength, n, len(body))
			}
			head = body[:size]
		}
		if !json.Valid(head) {
			t.Fatalf("an answer that is no JSON: %q", head)
		}
	case status >= 400 && status < 500:
		var problem struct{ Error string }
		if err := json.Unmarshal(body, &problem); err != nil || problem.Error == "" {
			t.Fatalf("%d without an error of the protocol: %q", status, body)
		}
	default:
		t.Fatalf("%d %q", status, body)
	}
	if s.memory.used.Load() != 0 || s.inFlight.used.Load() != 0 || s.picturesWaiting.used.Load() != 0 {
		t.Fatalf("not given back: %d bytes, %d and %d places", s.memory.used.Load(), s.inFlight.used.Load(), s.picturesWaiting.used.Load())
	}
}

// fuzzLimits are small, so that what is beyond them is found.
var fuzzLimits = Limits{BodyBytes: 1 << 20, Images: 100, PicturePixels: 100_000}

func FuzzInferHTTP(f *testing.F) {
	images := mnist.Synthetic(2, 1).Images
	head := `{"id":"1","inputs":[{"name":"image","shape":[1,784],"datatype":"UINT8","parameters":{"binary_data_size":784}}],"parameters":{"binary_data_output":true,"x":1},"outputs":[{"name":"digits"},{"name":"logits","parameters":{"binary_data":false}}]}`
	f.Add(append([]byte(head), images[:784]...), fmt.Sprint(len(head)), "")
	f.Add(jsonBody(f, images, 2), "", "")
	f.Add([]byte(strings.ReplaceAll(string(jsonBody(f, images, 1)), "UINT8", "FP32")), "", "")
	f.Add([]byte(`{"inputs":[{"name":"image","shape":[1,28,28],"datatype":"FP32","data":[[[0.5,1e-3,-0]]]}]}`), "", "gzip")
	f.Add([]byte("{}"), "-1", "deflate")
	s := newServer(f, Options{Limits: fuzzLimits})
	f.Fuzz(func(t *testing.T, body []byte, length, encoding string) {
		header := map[string]string{"Content-Encoding": encoding}
		if length != "" {
			header[headerLength] = length
		}
		w := do(t, s, "POST", inferTarget, header, body)
		checkAnswered(t, s, w.Code, w.Result().Header, w.Body.Bytes())
	})
}

func FuzzPaths(f *testing.F) {
	for _, target := range []string{"/", "/v2", "/v2/models/lenet/versions/1/infer", "/v1/digits?model=x&layers=1", "/v1/training/runs/0/use", "/page/../x"} {
		f.Add("POST", target, []byte("{}"))
	}
	s := newServer(f, Options{Limits: fuzzLimits})
	f.Fuzz(func(t *testing.T, method, target string, body []byte) {
		r, err := http.NewRequest(method, "http://localhost"+target, bytes.NewReader(body))
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
		}
	})
}

func FuzzDigits(f *testing.F) {
	for _, content := range encodings(f) {
		f.Add(content, "application/octet-stream")
	}
	f.Add([]byte("--x\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\nP5 1 1 255 x\r\n--x--\r\n"), "multipart/form-data; boundary=x")
	s := newServer(f, Options{Limits: fuzzLimits})
	f.Fuzz(func(t *testing.T, body []byte, kind string) {
		w := do(t, s, "POST", "/v1/digits?layers=true&seen=true", map[string]string{"Content-Type": kind}, body)
		checkAnswered(t, s, w.Code, w.Result().Header, w.Body.Bytes())
	})
}

// FuzzInferGRPC decodes messages as the server does, and answers them.
func FuzzInferGRPC(f *testing.F) {
	image := mnist.Synthetic(1, 1).Images
	for _, q := range []*inference.ModelInferRequest{
		rawRequest("UINT8", []int64{1, 784}, image),
		rawRequest("FP32", []int64{1, 1, 28, 28}, littleEndian(floatsOf(image))),
		typed(rawRequest("UINT8", []int64{1, 784}, nil), image, nil),
		typed(rawRequest("FP32", []int64{784}, nil), nil, floatsOf(image)),
	} {
		text, err := proto.Marshal(q)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	s := newServer(f, Options{Limits: fuzzLimits})
	v := &service{server: s}
	f.Fuzz(func(t *testing.T, text []byte) {
		var q inference.ModelInferRequest
		if proto.Unmarshal(text, &q) != nil {
			return
		}
		answer, err := v.ModelInfer(t.Context(), &q)
		if err == nil {
			if _, err := proto.Marshal(answer); err != nil {
				t.Fatal(err)
			}
		} else if p := asProblem(err); strings.Contains(err.Error(), "internal") {
			t.Fatalf("%v %v", err, p)
		}
		if s.memory.used.Load() != 0 || s.inFlight.used.Load() != 0 {
			t.Fatal("memory or places are not given back")
		}
	})
}
