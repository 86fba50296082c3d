package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/kernelet/kernelet/serve/inference"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// request is an inference request in binary form.
type request struct {
	body       []byte
	jsonLength int
}

const inferPath = "/v2/models/lenet/infer"

func newRequest(images []byte, n int) request {
	head := fmt.Sprintf(`{"inputs":[{"name":"image","shape":[%d,784],"datatype":"UINT8","parameters":{"binary_data_size":%d}}],"parameters":{"binary_data_output":true}}`, n, len(images))
	return request{append([]byte(head), images...), len(head)}
}

// result is what clients saw.
type result struct {
	times  []time.Duration
	length time.Duration
}

func (r result) rate() float64 { return float64(len(r.times)) / r.length.Seconds() }

func (r result) percentile(share float64) time.Duration {
	if len(r.times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.times))
	return sorted[int(share*float64(len(sorted)-1))].Round(time.Microsecond)
}

// repeat calls f in count goroutines for a while.
func repeat(count int, length time.Duration, f func(worker int) error) result {
	times := make([][]time.Duration, count)
	start := time.Now()
	each(count, func(i int) {
		for time.Since(start) < length {
			began := time.Now()
			if err := f(i); err != nil {
				log.Fatal(err)
			}
			times[i] = append(times[i], time.Since(began))
		}
	})
	return result{slices.Concat(times...), time.Since(start)}
}

// loadHTTP sends by plain sockets, one request at a time on each: a client that
// costs as little as one can in Go.
func loadHTTP(address string, q request, count int, length time.Duration) result {
	text := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nInference-Header-Content-Length: %d\r\n\r\n", inferPath, len(q.body), q.jsonLength)
	text = append(text, q.body...)
	sockets, readers := make([]net.Conn, count), make([]*bufio.Reader, count)
	for i := range count {
		var err error
		if sockets[i], err = net.Dial("tcp", address); err != nil {
			log.Fatal(err)
		}
		defer sockets[i].Close()
		readers[i] = bufio.NewReader(sockets[i])
	}
	return repeat(count, length, func(i int) error {
		if _, err := sockets[i].Write(text); err != nil {
			return err
		}
		return readAnswer(readers[i])
	})
}

// readAnswer reads an answer with a Content-Length, which must be 200.
func readAnswer(r *bufio.Reader) error {
	size := -1
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			return fmt.Errorf("expected 200, got %q", line)
		}
		if value, found := bytes.CutPrefix(line, []byte("Content-Length: ")); found {
			if size, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
		if len(line) == 2 {
			break
		}
	}
	_, err := r.Discard(size)
	return err
}

// loadClient sends by net/http's client.
func loadClient(address string, q request, count int, length time.Duration) result {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: count}}
	return repeat(count, length, func(int) error {
		r, err := http.NewRequest(http.MethodPost, "http://"+address+inferPath, bytes.NewReader(q.body))
		if err != nil {
			return err
		}
		r.Header.Set("Inference-Header-Content-Length", strconv.Itoa(q.jsonLength))
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("expected 200, got %s", answer.Status)
		}
		_, err = io.Copy(io.Discard, answer.Body)
		return err
	})
}

// message is a request about one image over gRPC.
func message(image []byte) *inference.ModelInferRequest {
	return &inference.ModelInferRequest{ModelName: "lenet",
		Inputs:           []*inference.ModelInferRequest_InferInputTensor{{Name: "image", Datatype: "UINT8", Shape: []int64{int64(len(image) / 784), 784}}},
		RawInputContents: [][]byte{image}}
}

func dial(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

// loadGRPC calls on four connections, four calls at a time on each.
func loadGRPC(address string, image []byte, length time.Duration) (result, error) {
	clients := make([]inference.GRPCInferenceServiceClient, 4)
	for i := range clients {
		connection, err := dial(address)
		if err != nil {
			return result{}, err
		}
		defer connection.Close()
		clients[i] = inference.NewGRPCInferenceServiceClient(connection)
	}
	q := message(image)
	return repeat(connections, length, func(i int) error {
		_, err := clients[i%len(clients)].ModelInfer(context.Background(), q)
		return err
	}), nil
}

// slowClients open requests and send a byte of each a second, anew when the
// server gives them up, until stop.
func slowClients(address string, count int) (stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	var all, begun sync.WaitGroup
	begun.Add(count)
	for range count {
		all.Go(func() {
			for first := true; ctx.Err() == nil; first = false {
				socket, err := net.Dial("tcp", address)
				if err != nil {
					log.Fatal(err)
				}
				fmt.Fprintf(socket, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", inferPath)
				if first {
					begun.Done()
				}
				for err == nil {
					select {
					case <-ctx.Done():
						err = ctx.Err()
					case <-time.After(time.Second):
						_, err = socket.Write([]byte("{"))
					}
				}
				socket.Close()
			}
		})
	}
	begun.Wait()
	time.Sleep(1500 * time.Millisecond) // until all have sent something
	return func() { cancel(); all.Wait() }, nil
}

// greedy asks for as much memory as it can get; most is refused.
func greedy(web, rpc string) {
	body := make([]byte, 64_000_000)
	for i := range body {
		body[i] = ' '
	}
	picture := image.NewRGBA64(image.Rect(0, 0, 4000, 4000))
	for i := range 1000 {
		picture.Pix[i] = byte(rand.IntN(256))
	}
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		log.Fatal(err)
	}
	post := func(path string, content []byte) {
		if answer, err := http.Post("http://"+web+path, "application/octet-stream", bytes.NewReader(content)); err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
	}
	connection, err := dial(rpc)
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	large := message(make([]byte, 10_000*784))
	each(64+16+64, func(i int) {
		switch {
		case i < 64:
			post(inferPath, body)
		case i < 80:
			post("/v1/digits", file.Bytes())
		default:
			_, _ = inference.NewGRPCInferenceServiceClient(connection).ModelInfer(context.Background(), large)
		}
	})
}

// stalled opens more gRPC calls than the server takes, sends all but the last
// byte of a large message in each, and waits until the server gives them up or
// ctx ends.
func stalled(ctx context.Context, rpc string, calls int) {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	each(calls, func(i int) {
		transport := &http.Transport{Protocols: protocols} // a connection for each call
		defer transport.CloseIdleConnections()
		message := make([]byte, 5+8_000_000)
		binary.BigEndian.PutUint32(message[1:], uint32(len(message)-5)) // gRPC's prefix
		r, w := io.Pipe()
		go func() {
			_, _ = w.Write(message[:len(message)-1])
			<-ctx.Done()
			w.Close()
		}()
		q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+rpc+inference.GRPCInferenceService_ModelInfer_FullMethodName, r)
		if err != nil {
			log.Fatal(err)
		}
		q.Header.Set("Content-Type", "application/grpc")
		q.Header.Set("TE", "trailers")
		if answer, err := (&http.Client{Transport: transport}).Do(q); err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
		r.Close()
	})
}
