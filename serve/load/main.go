// Command load measures a kernelet server beside the simplest servers there
// are, with clients on the same machine:
//
//	go build ./cmd/kernelet && go run ./serve/load --kernelet ./kernelet
//
// Every figure is of a process of its own. The simplest HTTP handler reads
// nothing and answers a constant of the same size; the simplest gRPC service
// answers a constant message of the same form, which clients take as long to read.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/serve/inference"
	"google.golang.org/grpc"
)

func main() {
	kernelet := flag.String("kernelet", "./kernelet", "the command to measure")
	seconds := flag.Float64("seconds", 5, "time for each figure")
	slow := flag.Int("slow", 1000, "slow clients")
	simplest := flag.Bool("simplest", false, "be the simplest servers instead")
	flag.Parse()
	if *simplest {
		beSimplest()
		return
	}
	if err := measure(*kernelet, time.Duration(*seconds*float64(time.Second)), *slow); err != nil {
		log.Fatal(err)
	}
}

// Sizes of the load.
const (
	connections = 16
	batch       = 100
)

func measure(kernelet string, length time.Duration, slow int) error {
	images := mnist.Synthetic(batch, 1).Images
	one, hundred := newRequest(images[:mnist.ImageBytes], 1), newRequest(images, batch)

	plain, err := startServer(os.Args[0], "--simplest")
	if err != nil {
		return err
	}
	defer plain.stop()
	measured, err := startServer(kernelet, "serve", "--listen", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--log-level", "info")
	if err != nil {
		return err
	}
	defer measured.stop()
	resting := measured.memory()
	for _, c := range []struct {
		name string
		load func(s *server, length time.Duration) (result, error)
	}{
		{"HTTP, one image, client of sockets", func(s *server, length time.Duration) (result, error) {
			return loadHTTP(s.http, one, connections, length), nil
		}},
		{"HTTP, one image, net/http's client", func(s *server, length time.Duration) (result, error) {
			return loadClient(s.http, one, connections, length), nil
		}},
		{"gRPC, one image, grpc-go's client", func(s *server, length time.Duration) (result, error) {
			return loadGRPC(s.grpc, images[:mnist.ImageBytes], length)
		}},
	} {
		if err := inTurn(c.name, plain, measured, length, c.load); err != nil {
			return err
		}
	}

	got := loadHTTP(measured.http, hundred, 2, length)
	direct, err := classify(images, length)
	if err != nil {
		return err
	}
	fmt.Printf("%-42s %9.0f images/s  %.2f × ClassifyBatch on all processors (%.0f/s)\n", "HTTP, 100 images, client of sockets", batch*got.rate(), batch*got.rate()/direct, direct)

	alone := loadHTTP(measured.http, one, 1, length)
	stopSlow, err := slowClients(measured.http, slow)
	if err != nil {
		return err
	}
	beside := loadHTTP(measured.http, one, 1, length)
	stopSlow()
	fmt.Printf("%-42s p99 %v, without %v: %.2f ×; %d and %d requests\n", fmt.Sprintf("one fast client beside %d slow ones", slow),
		beside.percentile(.99), alone.percentile(.99), float64(beside.percentile(.99))/float64(alone.percentile(.99)), len(beside.times), len(alone.times))

	greedy(measured.http, measured.grpc)
	stop, cancel := context.WithTimeout(context.Background(), 2*length)
	stalled(stop, measured.grpc, 300)
	cancel()
	fmt.Printf("%-42s %d MiB resting, %d MiB at most in all of this and under 64 bodies of 64 MB,\n%-42s 16 pictures of 16 megapixels, 64 gRPC calls of 8 MB at a time,\n%-42s then 300 of 8 MB whose last byte does not come\n",
		"memory (RSS)", resting>>20, measured.peak()>>20, "", "")
	return nil
}

// turns is how often the two servers take turns, so that what disturbs the
// machine for a second disturbs both.
const turns = 10

// inTurn prints a server's rate beside the simplest one's: medians of the turns,
// and of their ratios.
func inTurn(name string, plain, s *server, length time.Duration, load func(*server, time.Duration) (result, error)) error {
	var rates, base, ratios []float64
	var all result
	for range turns {
		simplest, err := load(plain, length/turns)
		if err != nil {
			return err
		}
		got, err := load(s, length/turns)
		if err != nil {
			return err
		}
		rates, base, ratios = append(rates, got.rate()), append(base, simplest.rate()), append(ratios, got.rate()/simplest.rate())
		all.times = append(all.times, got.times...)
	}
	fmt.Printf("%-42s %9.0f requests/s  %.2f × the simplest (%.0f/s; of %d turns %.2f to %.2f)  p50 %v p99 %v\n", name, median(rates), median(ratios),
		median(base), turns, slices.Min(ratios), slices.Max(ratios), all.percentile(.5), all.percentile(.99))
	return nil
}

func median(values []float64) float64 { return slices.Sorted(slices.Values(values))[len(values)/2] }

// classify measures ClassifyBatch in this process, images a second.
func classify(images []byte, length time.Duration) (float64, error) {
	model, err := pretrained.Model()
	if err != nil {
		return 0, err
	}
	c, err := lenet.NewClassifier(model, lenet.Options{})
	if err != nil {
		return 0, err
	}
	predictions := make([]lenet.Prediction, len(images)/mnist.ImageBytes)
	done, start := 0, time.Now()
	for time.Since(start) < length {
		if err := c.ClassifyBatch(predictions, images); err != nil {
			return 0, err
		}
		done += len(predictions)
	}
	return float64(done) / time.Since(start).Seconds(), nil
}

// server is a process that is measured.
type server struct {
	command    *exec.Cmd
	http, grpc string
}

// startServer starts a command whose log says where it listens.
func startServer(command string, arguments ...string) (*server, error) {
	s := &server{command: exec.Command(command, arguments...)}
	output, err := s.command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(output)
	for s.grpc == "" && lines.Scan() {
		for _, field := range strings.Fields(lines.Text()) {
			if address, found := strings.CutPrefix(field, "http="); found {
				s.http = address
			} else if address, found := strings.CutPrefix(field, "grpc="); found {
				s.grpc = address
			}
		}
	}
	if s.grpc == "" {
		return nil, fmt.Errorf("%s does not say where it listens", command)
	}
	go func() {
		for lines.Scan() { // so that it never waits for its log
		}
	}()
	return s, nil
}

func (s *server) stop() {
	_ = s.command.Process.Signal(os.Interrupt)
	_ = s.command.Wait()
}

// status returns a line of Linux's /proc/PID/status in bytes.
func (s *server) status(name string) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.command.Process.Pid))
	_, rest, _ := strings.Cut(string(text), name+":")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kilobytes, _ := strconv.ParseInt(fields[0], 10, 64)
	return kilobytes << 10
}

func (s *server) memory() int64 { return s.status("VmRSS") }
func (s *server) peak() int64   { return s.status("VmHWM") }

// beSimplest serves constants until it is interrupted.
func beSimplest() {
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	rpc, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	constant := make([]byte, 500)
	go func() {
		_ = http.Serve(web, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(constant) }))
	}()
	g := grpc.NewServer()
	inference.RegisterGRPCInferenceServiceServer(g, constantService{})
	fmt.Fprintf(os.Stderr, "http=%s grpc=%s\n", web.Addr(), rpc.Addr())
	log.Fatal(g.Serve(rpc))
}

// constantService is the simplest gRPC service.
type constantService struct {
	inference.UnimplementedGRPCInferenceServiceServer
}

var constantAnswer = &inference.ModelInferResponse{ModelName: "lenet", ModelVersion: "1",
	Outputs: []*inference.ModelInferResponse_InferOutputTensor{
		{Name: "logits", Datatype: "FP32", Shape: []int64{1, 10}},
		{Name: "probabilities", Datatype: "FP32", Shape: []int64{1, 10}},
		{Name: "digits", Datatype: "INT64", Shape: []int64{1}},
	},
	RawOutputContents: [][]byte{make([]byte, 40), make([]byte, 40), make([]byte, 8)},
}

func (constantService) ModelInfer(context.Context, *inference.ModelInferRequest) (*inference.ModelInferResponse, error) {
	return constantAnswer, nil
}

// each runs f in count goroutines and waits.
func each(count int, f func(i int)) {
	var group sync.WaitGroup
	for i := range count {
		group.Go(func() { f(i) })
	}
	group.Wait()
}
