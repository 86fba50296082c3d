package serve

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kernelet/kernelet/mnist"
)

// binaryBody is a request for everything in binary form, and the length of its
// JSON.
func binaryBody(images []byte) (body []byte, jsonLength int) {
	head := fmt.Sprintf(`{"id":"7","inputs":[{"name":"image","shape":[%d,784],"datatype":"UINT8","parameters":{"binary_data_size":%d}}],"parameters":{"binary_data_output":true}}`,
		len(images)/mnist.ImageBytes, len(images))
	return append([]byte(head), images...), len(head)
}

// posted is a whole request.
func posted(body []byte, header ...string) []byte {
	text := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: x:80\r\nUser-Agent: a test\r\nContent-Length: %d\r\n", inferTarget, len(body))
	for _, h := range header {
		text = append(text, h+"\r\n"...)
	}
	return append(append(text, "\r\n"...), body...)
}

func dialTCP(t testing.TB, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn, bufio.NewReader(conn)
}

func readAnswer(t testing.TB, r *bufio.Reader) (status int, header http.Header, body []byte) {
	t.Helper()
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err = io.ReadAll(answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, body
}

// newTestDirect listens without net/http behind it.
func newTestDirect(t *testing.T, s *Server) *direct {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := newDirect(s, listener)
	t.Cleanup(func() {
		if err := d.leave(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		_ = d.Close()
	})
	return d
}

// TestDirect: plain requests get the handler's answers, however they arrive,
// and nothing reaches net/http.
func TestDirect(t *testing.T) {
	s := newServer(t, Options{})
	d := newTestDirect(t, s)
	conn, r := dialTCP(t, d.Addr().String())
	image := mnist.Synthetic(1, 1).Images
	binary, jsonLength := binaryBody(image)
	lengthField := fmt.Sprintf("inference-header-content-length:  %d ", jsonLength)
	handled := do(t, s, "POST", inferTarget, map[string]string{headerLength: fmt.Sprint(jsonLength)}, binary)
	text := do(t, s, "POST", inferTarget, nil, jsonBody(t, image, 1))
	whole, inJSON := posted(binary, lengthField, "Connection: Keep-Alive"), posted(jsonBody(t, image, 1))
	for _, c := range []struct {
		name    string
		pieces  [][]byte
		answers []int // 0: of binary, 1: of JSON
	}{
		{"at once", [][]byte{whole}, []int{0}},
		{"JSON", [][]byte{inJSON}, []int{1}},
		{"body apart", [][]byte{whole[:len(whole)-len(binary)], binary}, []int{0}},
		{"two at once", [][]byte{bytes.Join([][]byte{inJSON, whole}, nil)}, []int{1, 0}},
	} {
		for _, piece := range c.pieces {
			if _, err := conn.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		for _, which := range c.answers {
			want := handled
			if which == 1 {
				want = text
			}
			status, header, body := readAnswer(t, r)
			if status != 200 || !bytes.Equal(body, want.Body.Bytes()) {
				t.Errorf("%s: expected the handler's answer, got %d %q", c.name, status, body)
			}
			for name := range want.Header() {
				if header.Get(name) != want.Header().Get(name) {
					t.Errorf("%s: %s: expected %q, got %q", c.name, name, want.Header().Get(name), header.Get(name))
				}
			}
			if at, err := http.ParseTime(header.Get("Date")); err != nil || time.Since(at).Abs() > time.Hour {
				t.Errorf("%s: Date: %q", c.name, header.Get("Date"))
			}
		}
	}
	metrics := do(t, s, "GET", "/metrics", nil, nil).Body.String()
	for _, want := range []string{`kernelet_requests_total{code="200",endpoint="infer",protocol="http"} 7`, `kernelet_images_total{protocol="http"} 7`,
		`kernelet_requests_in_flight{protocol="http"} 0`, `kernelet_request_duration_seconds_count{endpoint="infer",protocol="http"} 7`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics: expected %s", want)
		}
	}
	if err := d.leave(t.Context()); err != nil {
		t.Error(err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("a connection that waits, when the server leaves: expected its end, got %d %v", n, err)
	}
}

// TestDirectHandsOver: what is not plain, or not answered by 200, reaches
// net/http from its first byte.
func TestDirectHandsOver(t *testing.T) {
	s := newServer(t, Options{})
	d := newTestDirect(t, s)
	body := jsonBody(t, mnist.Synthetic(1, 1).Images, 1)
	good := string(posted(body))
	replaced := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	for name, text := range map[string]string{
		"another method":     replaced("POST", "PUT"),
		"another path":       replaced("/infer", "/ready"),
		"another model":      replaced("/lenet/", "/other/"),
		"a version":          replaced("/infer", "/versions/1/infer"),
		"an escaped path":    replaced("lenet", "len%65t"),
		"a query":            replaced("/infer", "/infer?x"),
		"HTTP/1.0":           replaced("HTTP/1.1", "HTTP/1.0"),
		"half a header":      good[:40],
		"half a body":        good[:len(good)-1],
		"no host":            replaced("Host: x:80\r\n", ""),
		"two hosts":          replaced("Host: x:80", "Host: x\r\nhost: y"),
		"no length":          replaced("Content-Length", "Content-Lengthy"),
		"two lengths":        replaced("Content-Length", "Content-Length: 5\r\nContent-Length"),
		"a signed length":    replaced("Length: ", "Length: +"),
		"a long length":      replaced("Length: ", "Length: 9"),
		"chunks":             replaced("Host", "Transfer-Encoding: chunked\r\nHost"),
		"a compressed body":  replaced("Host", "Content-Encoding: gzip\r\nHost"),
		"a last request":     replaced("Host", "Connection: close\r\nHost"),
		"an expectation":     replaced("Host", "Expect: 100-continue\r\nHost"),
		"a folded field":     replaced("User-Agent: a", "User-Agent:\r\n a"),
		"a space in a name":  replaced("User-Agent:", "User-Agent :"),
		"a bare line feed":   replaced("User-Agent: a", "User-Agent: a\nX: b"),
		"two JSON lengths":   replaced("Host", "Inference-Header-Content-Length: 5\r\nInference-Header-Content-Length: 5\r\nHost"),
		"not JSON":           replaced(`{"`, `{{`),
		"a long JSON length": replaced("Host", "Inference-Header-Content-Length: 9999\r\nHost"),
	} {
		conn, _ := dialTCP(t, d.Addr().String())
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		var handed net.Conn
		select {
		case handed = <-d.handed:
		case <-time.After(10 * time.Second):
			t.Errorf("%s: was not handed over", name)
			continue
		}
		if handed.RemoteAddr().String() != conn.LocalAddr().String() {
			t.Errorf("%s: expected the client's address, got %s", name, handed.RemoteAddr())
		}
		got := make([]byte, len(text))
		if _, err := io.ReadFull(handed, got); err != nil || string(got) != text {
			t.Errorf("%s: expected what was sent, got %q %v", name, got, err)
		}
		_ = handed.Close()
	}
	if text := do(t, s, "GET", "/metrics", nil, nil).Body.String(); !strings.Contains(text, `kernelet_requests_in_flight{protocol="http"} 0`) ||
		!strings.Contains(text, `kernelet_requests_total{code="200",endpoint="infer",protocol="http"} 0`) {
		t.Error("requests that were handed over were counted")
	}
}

// TestDirectAfterErrors: a connection goes on after net/http got it.
func TestDirectAfterErrors(t *testing.T) {
	s := newServer(t, Options{})
	web, _, _ := started(t, s, Listen{})
	body, jsonLength := binaryBody(mnist.Synthetic(1, 1).Images)
	field := fmt.Sprintf("%s: %d", headerLength, jsonLength)
	conn, r := dialTCP(t, web)
	for i, c := range []struct {
		text   []byte
		status int
	}{
		{posted(body, field), 200},
		{posted(body[:len(body)-1], field), 400},
		{posted(body, field), 200},
		{[]byte("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), 200},
	} {
		if _, err := conn.Write(c.text); err != nil {
			t.Fatal(err)
		}
		if status, _, body := readAnswer(t, r); status != c.status {
			t.Errorf("request %d: expected %d, got %d %q", i, c.status, status, body)
		}
	}
}

// TestDirectIdle: a connection that asks for nothing is closed, before its first
// request and between two.
func TestDirectIdle(t *testing.T) {
	s := newServer(t, Options{Limits: Limits{HeaderTime: 50 * time.Millisecond, IdleTime: 60 * time.Millisecond}})
	d := newTestDirect(t, s)
	for requests := range 2 {
		conn, r := dialTCP(t, d.Addr().String())
		for range requests {
			if _, err := conn.Write(posted(jsonBody(t, mnist.Synthetic(1, 1).Images, 1))); err != nil {
				t.Fatal(err)
			}
			if status, _, _ := readAnswer(t, r); status != 200 {
				t.Fatalf("expected 200, got %d", status)
			}
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("after %d requests: expected the end, got %d %v", requests, n, err)
		}
	}
}

// FuzzDirect: a header that is taken for plain is one for net/http too, with
// the same meaning.
func FuzzDirect(f *testing.F) {
	f.Add(posted([]byte("{}"), "Connection: keep-alive", "Inference-Header-Content-Length: 2"))
	f.Add(posted(nil, "Transfer-Encoding: chunked"))
	f.Add([]byte("POST /v2/models/a/infer HTTP/1.1\r\nHost:\r\nContent-Length: 0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		q, ok := parseDirect(text)
		if !ok {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
		if err != nil {
			t.Fatalf("net/http refuses it: %v", err)
		}
		name, ok := inferPath(r.URL.Path)
		if !ok || name != string(q.model) || r.Method != http.MethodPost || r.ContentLength != int64(q.length-q.head) || len(r.TransferEncoding) > 0 ||
			r.Close || r.Host == "" || r.Header.Get(headerLength) != string(q.jsonLength) || r.Header.Get("Content-Encoding") != "" || r.Header.Get("Expect") != "" {
			t.Fatalf("net/http reads another request: %+v", r)
		}
	})
}
