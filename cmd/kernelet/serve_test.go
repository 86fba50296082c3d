package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestServe starts the command, asks the server that it names, and ends it as a
// signal does.
func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	reader, writer := io.Pipe()
	ended := make(chan int)
	go func() {
		var complaints bytes.Buffer
		code := run(ctx, []string{"serve", "--listen", "127.0.0.1:0", "--grpc", "127.0.0.1:0"}, writer, &complaints)
		writer.CloseWithError(io.EOF)
		if code != 0 {
			t.Errorf("expected exit code 0, got %d\n%s", code, complaints.String())
		}
		ended <- code
	}()
	buffer := make([]byte, 100)
	n, err := reader.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Get(strings.TrimSpace(string(buffer[:n])) + "healthz")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 200 {
		t.Errorf("expected 200, got %d", r.StatusCode)
	}
	cancel()
	<-ended
}

// TestServeOff: what is not served is said to be off, and the server needs one of
// both.
func TestServeOff(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"serve", "--listen", "", "--grpc", "127.0.0.1:0"}, io.Discard, writer)
		writer.Close()
	}()
	said := bufio.NewReader(reader)
	line, err := said.ReadString('\n')
	for err == nil && !strings.Contains(line, "msg=ready") {
		line, err = said.ReadString('\n')
	}
	if err != nil || !strings.Contains(line, " http=off grpc=127.0.0.1:") {
		t.Errorf("got %q, error %v", line, err)
	}
	go io.Copy(io.Discard, said)
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("expected exit code 0, got %d", code)
	}
	if _, stderr := execute(t, exitFailure, "serve", "--listen", "", "--grpc", ""); !strings.Contains(stderr, "expected an address for HTTP or gRPC, got none") {
		t.Errorf("nothing to serve: %q", stderr)
	}
}

func TestServeErrors(t *testing.T) {
	for _, c := range []struct {
		arguments []string
		code      int
		want      string
	}{
		{[]string{"--tls-cert", "x"}, exitUsage, "--tls-cert and --tls-key together"},
		{[]string{"--listen", "127.0.0.1:none"}, exitFailure, `http at "127.0.0.1:none"`},
		{[]string{"--model", "/nonexistent/x.safetensors"}, exitFailure, "/nonexistent/x.safetensors"},
		{[]string{"--log-level", "loud"}, exitUsage, "--log-level"},
	} {
		if _, stderr := execute(t, c.code, append([]string{"serve"}, c.arguments...)...); !strings.Contains(stderr, c.want) {
			t.Errorf("serve %v: expected %q, got %q", c.arguments, c.want, stderr)
		}
	}
}
