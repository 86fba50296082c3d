package serve

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kernelet/kernelet/internal/testmnist"
	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/serve/inference"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// client is an HTTP client of its own, whose connections end with the test.
func client(t testing.TB) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestShutdownUnderLoad ends servers while clients send over both protocols.
// Clients stop when they read that the server is not ready, as load balancers
// make them; then no request fails, and all are answered. Ten requests fit well
// into the second of draining, on a busy machine too.
func TestShutdownUnderLoad(t *testing.T) {
	body := jsonBody(t, mnist.Synthetic(1, 1).Images, 1)
	rounds := 3
	if testmnist.Long() {
		rounds = 20
	}
	for round := range rounds {
		s := newServer(t, Options{})
		web, rpc, leave := started(t, s, Listen{Drain: time.Second})
		var answered, called atomic.Int64
		var warm, clients sync.WaitGroup
		requester := client(t)
		ready := func() bool {
			r, err := requester.Get("http://" + web + "/v2/health/ready")
			if err != nil {
				t.Errorf("round %d: ready: %v", round, err)
				return false
			}
			defer r.Body.Close()
			_, _ = io.Copy(io.Discard, r.Body)
			return r.StatusCode == 200
		}
		for range 4 {
			warm.Add(2)
			clients.Go(func() {
				for i := 0; ready(); i++ {
					for range 10 {
						r, err := requester.Post("http://"+web+inferTarget, "application/json", bytes.NewReader(body))
						if err != nil {
							t.Errorf("round %d: %v", round, err)
							return
						}
						if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != 200 {
							t.Errorf("round %d: %d %v", round, r.StatusCode, err)
						}
						r.Body.Close()
						answered.Add(1)
					}
					if i == 0 {
						warm.Done()
					}
				}
			})
			connection := dial(t, rpc)
			clients.Go(func() {
				caller, health := inference.NewGRPCInferenceServiceClient(connection), grpc_health_v1.NewHealthClient(connection)
				for i := 0; ; i++ {
					h, err := health.Check(context.Background(), &grpc_health_v1.HealthCheckRequest{})
					if err != nil {
						t.Errorf("round %d: health: %v", round, err)
						return
					}
					if h.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
						return
					}
					for range 10 {
						if _, err := caller.ModelInfer(context.Background(), rawRequest("UINT8", []int64{1, 784}, make([]byte, 784))); err != nil {
							t.Errorf("round %d: %v", round, err)
							return
						}
						called.Add(1)
					}
					if i == 0 {
						warm.Done()
					}
				}
			})
		}
		warm.Wait()
		if err := leave(); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		clients.Wait()
		requester.CloseIdleConnections()
		text := do(t, s, "GET", "/metrics", nil, nil).Body.String()
		for protocol, want := range map[string]string{"http": fmt.Sprint(answered.Load()), "grpc": fmt.Sprint(called.Load())} {
			code := map[string]string{"http": "200", "grpc": "OK"}[protocol]
			line := fmt.Sprintf("kernelet_requests_total{code=%q,endpoint=\"infer\",protocol=%q} ", code, protocol)
			if _, rest, _ := strings.Cut(text, line); !strings.HasPrefix(rest, want+"\n") {
				t.Errorf("round %d: %s: clients had %s answers, the server says %.20q", round, protocol, want, rest)
			}
		}
	}
}

// TestShutdownWaits has a request whose body comes in two parts, before and
// after the shutdown begins.
func TestShutdownWaits(t *testing.T) {
	s := newServer(t, Options{})
	web, _, leave := started(t, s, Listen{})
	body := jsonBody(t, mnist.Synthetic(1, 1).Images, 1)
	connection, err := net.Dial("tcp", web)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", inferTarget, len(body))
	answer := make([]byte, 1000)
	if n, err := connection.Read(answer); err != nil || !bytes.Contains(answer[:n], []byte("100 Continue")) {
		t.Fatalf("expected 100 Continue, got %q %v", answer[:n], err)
	}
	ended := make(chan error)
	go func() { ended <- leave() }()
	for s.ready.Load() { // until the shutdown has begun
		time.Sleep(time.Millisecond)
	}
	connection.Write(body)
	all, err := io.ReadAll(connection)
	if err != nil || !bytes.HasPrefix(all, []byte("HTTP/1.1 200 OK")) {
		t.Errorf("expected an answer, got %.100q %v", all, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestGraceEnds cuts off a request that never completes.
func TestGraceEnds(t *testing.T) {
	s := newServer(t, Options{})
	web, _, leave := started(t, s, Listen{Grace: 50 * time.Millisecond})
	connection, err := net.Dial("tcp", web)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n", inferTarget)
	if _, err := connection.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if err := leave(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("expected an error that says so, got %v", err)
	}
}

// TestSlowBody sends less than announced: the answer is 408, in JSON.
func TestSlowBody(t *testing.T) {
	s := newServer(t, Options{Limits: Limits{ReadTime: 100 * time.Millisecond}})
	web, _, _ := started(t, s, Listen{})
	connection, err := net.Dial("tcp", web)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{", inferTarget)
	all, err := io.ReadAll(connection)
	if err != nil || !bytes.HasPrefix(all, []byte("HTTP/1.1 408 ")) || !bytes.Contains(all, []byte(`{"error":"body: expected it within 100ms"}`)) {
		t.Errorf("expected 408, got %q %v", all, err)
	}
}

// TestConnectionsAreBounded opens one connection too many.
func TestConnectionsAreBounded(t *testing.T) {
	s := newServer(t, Options{Limits: Limits{Connections: 2}})
	web, _, _ := started(t, s, Listen{})
	hold := func() net.Conn {
		connection, err := net.Dial("tcp", web)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = connection.Close() })
		return connection
	}
	talk := func(c net.Conn) error {
		fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		_, err := c.Read(make([]byte, 1000))
		return err
	}
	first, second := hold(), hold()
	if err := errors.Join(talk(first), talk(second)); err != nil {
		t.Fatal(err)
	}
	if err := talk(hold()); err == nil {
		t.Error("the third connection was served")
	}
	if err := talk(first); err != nil {
		t.Error(err)
	}
}

// writePair writes a self-signed certificate of a name.
func writePair(t *testing.T, folder, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	for path, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: certificate}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func TestTLS(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := writePair(t, folder, "one.example")
	s := newServer(t, Options{})
	web, rpc, _ := started(t, s, Listen{CertFile: certFile, KeyFile: keyFile})
	secure, err := grpc.NewClient(rpc, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})))
	if err != nil {
		t.Fatal(err)
	}
	defer secure.Close()
	if _, err := inference.NewGRPCInferenceServiceClient(secure).ServerLive(t.Context(), &inference.ServerLiveRequest{}); err != nil {
		t.Errorf("gRPC: %v", err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	r, err := (&http.Client{Transport: transport}).Get("https://" + web + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if name := r.TLS.PeerCertificates[0].DNSNames[0]; name != "one.example" {
		t.Errorf("expected one.example, got %s", name)
	}

	pair := &keyPair{certFile: certFile, keyFile: keyFile, log: s.log}
	if err := pair.load(); err != nil {
		t.Fatal(err)
	}
	served := func() string {
		pair.checked = time.Time{} // as if a second had passed
		c, err := pair.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.DNSNames[0]
	}
	writePair(t, folder, "another.example")
	if name := served(); name != "another.example" {
		t.Errorf("changed files: expected another.example, got %s", name)
	}
	if err := os.WriteFile(certFile, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	if name := served(); name != "another.example" {
		t.Errorf("a broken file: expected the former certificate, got %s", name)
	}
	if err := s.Serve(t.Context(), Listen{HTTP: "127.0.0.1:0", CertFile: certFile, KeyFile: keyFile}); err == nil {
		t.Error("Serve: expected an error for a broken certificate")
	}
	if err := s.Serve(t.Context(), Listen{HTTP: web}); err == nil {
		t.Error("Serve: expected an error for an address that is in use")
	}
	if err := s.Serve(t.Context(), Listen{}); err == nil {
		t.Error("Serve: expected an error without addresses")
	}
}
