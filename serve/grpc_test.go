package serve

import (
	"bytes"
	"context"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/serve/inference"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// started runs Serve until the test ends, and returns the addresses.
func started(t testing.TB, s *Server, l Listen) (web, rpc string, leave func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	addresses, ended := make(chan [2]net.Addr, 1), make(chan error, 1)
	l.HTTP, l.GRPC = "127.0.0.1:0", "127.0.0.1:0"
	l.Started = func(http, grpc net.Addr) { addresses <- [2]net.Addr{http, grpc} }
	go func() { ended <- s.Serve(ctx, l) }()
	var a [2]net.Addr
	select {
	case a = <-addresses:
	case err := <-ended:
		t.Fatal(err)
	}
	left := false
	leave = func() error {
		if left {
			return nil
		}
		left = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() { _ = leave() })
	return a[0].String(), a[1].String(), leave
}

func dial(t testing.TB, address string) *grpc.ClientConn {
	t.Helper()
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

func rawRequest(datatype string, shape []int64, raw []byte) *inference.ModelInferRequest {
	return &inference.ModelInferRequest{ModelName: "lenet", Id: "7",
		Parameters:       map[string]*inference.InferParameter{"mine": {ParameterChoice: &inference.InferParameter_Int64Param{Int64Param: 3}}},
		Inputs:           []*inference.ModelInferRequest_InferInputTensor{{Name: "image", Datatype: datatype, Shape: shape}},
		RawInputContents: [][]byte{raw}}
}

func TestGRPC(t *testing.T) {
	s := newServer(t, Options{Limits: Limits{GRPCBytes: 1 << 20}})
	_, address, _ := started(t, s, Listen{})
	connection := dial(t, address)
	client := inference.NewGRPCInferenceServiceClient(connection)
	ctx := t.Context()

	if live, err := client.ServerLive(ctx, &inference.ServerLiveRequest{}); err != nil || !live.GetLive() {
		t.Errorf("live: %v %v", live, err)
	}
	if ready, err := client.ServerReady(ctx, &inference.ServerReadyRequest{}); err != nil || !ready.GetReady() {
		t.Errorf("ready: %v %v", ready, err)
	}
	if ready, err := client.ModelReady(ctx, &inference.ModelReadyRequest{Name: "lenet", Version: "1"}); err != nil || !ready.GetReady() {
		t.Errorf("model ready: %v %v", ready, err)
	}
	if m, err := client.ServerMetadata(ctx, &inference.ServerMetadataRequest{}); err != nil || m.GetName() != "kernelet" {
		t.Errorf("metadata: %v %v", m, err)
	}
	if m, err := client.ModelMetadata(ctx, &inference.ModelMetadataRequest{Name: "lenet"}); err != nil || len(m.GetOutputs()) != 3 {
		t.Errorf("model metadata: %v %v", m, err)
	}
	if h, err := grpc_health_v1.NewHealthClient(connection).Check(ctx, &grpc_health_v1.HealthCheckRequest{}); err != nil || h.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health: %v %v", h, err)
	}

	for _, n := range []int{1, 3, 120} {
		images := mnist.Synthetic(n, uint64(n)).Images
		floats := floatsOf(images)
		for name, c := range map[string]struct {
			q    *inference.ModelInferRequest
			want expected
		}{
			"raw UINT8":   {rawRequest("UINT8", []int64{int64(n), 784}, images), expectedOf(t, images, nil)},
			"raw FP32":    {rawRequest("FP32", []int64{int64(n), 1, 28, 28}, littleEndian(floats)), expectedOf(t, nil, floats)},
			"typed UINT8": {typed(rawRequest("UINT8", []int64{int64(n), 28, 28}, nil), images, nil), expectedOf(t, images, nil)},
			"typed FP32":  {typed(rawRequest("FP32", []int64{int64(n), 784}, nil), nil, floats), expectedOf(t, nil, floats)},
		} {
			a, err := client.ModelInfer(ctx, c.q)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if a.GetId() != "7" || a.GetModelName() != "lenet" || a.GetParameters()["mine"].GetInt64Param() != 3 || len(a.GetOutputs()) != 3 {
				t.Errorf("%s: got %v", name, a)
			}
			for i, o := range a.GetOutputs() {
				var got []byte
				if raw := a.GetRawOutputContents(); raw != nil {
					got = raw[i]
				} else {
					got = append(littleEndian(o.GetContents().GetFp32Contents()), littleEndian(o.GetContents().GetInt64Contents())...)
				}
				want := map[string][]byte{"logits": littleEndian(c.want.logits), "probabilities": littleEndian(c.want.probabilities), "digits": littleEndian(c.want.digits)}[o.GetName()]
				if !bytes.Equal(got, want) {
					t.Errorf("%s, %d images: %s differ from the classifier's", name, n, o.GetName())
				}
			}
		}
	}

	image := mnist.Synthetic(1, 1).Images
	one := func(change func(q *inference.ModelInferRequest)) *inference.ModelInferRequest {
		q := rawRequest("UINT8", []int64{1, 784}, image)
		change(q)
		return q
	}
	for _, c := range []struct {
		q    *inference.ModelInferRequest
		code codes.Code
		want string
	}{
		{one(func(q *inference.ModelInferRequest) { q.ModelName = "x" }), codes.NotFound, `unknown model "x"`},
		{one(func(q *inference.ModelInferRequest) { q.ModelVersion = "2" }), codes.NotFound, `unknown version "2"`},
		{one(func(q *inference.ModelInferRequest) { q.Inputs = nil }), codes.InvalidArgument, `expected one, "image", got 0`},
		{one(func(q *inference.ModelInferRequest) { q.Inputs[0].Name = "x" }), codes.InvalidArgument, `expected the name "image"`},
		{one(func(q *inference.ModelInferRequest) { q.Inputs[0].Datatype = "BOOL" }), codes.InvalidArgument, `datatype "BOOL"`},
		{one(func(q *inference.ModelInferRequest) { q.Inputs[0].Shape = []int64{2, 784} }), codes.InvalidArgument, `expected 1568 bytes for 2 images of UINT8, got 784`},
		{one(func(q *inference.ModelInferRequest) { q.Inputs[0].Shape = []int64{math.MaxInt64, 784} }), codes.ResourceExhausted, `expected at most 10000 images`},
		{one(func(q *inference.ModelInferRequest) { q.RawInputContents = append(q.RawInputContents, nil) }), codes.InvalidArgument, `expected one, got 2`},
		{one(func(q *inference.ModelInferRequest) { q.RawInputContents = nil }), codes.InvalidArgument, `expected 784 values in uint_contents, got 0`},
		{one(func(q *inference.ModelInferRequest) { q.Inputs[0].Contents = &inference.InferTensorContents{} }), codes.InvalidArgument, `got both`},
		{one(func(q *inference.ModelInferRequest) {
			q.RawInputContents = nil
			q.Inputs[0].Contents = &inference.InferTensorContents{UintContents: append(make([]uint32, 783), 256)}
		}), codes.InvalidArgument, `value 783: UINT8 is from 0 to 255, got 256`},
		{one(func(q *inference.ModelInferRequest) {
			q.Outputs = []*inference.ModelInferRequest_InferRequestedOutputTensor{{Name: "x"}}
		}), codes.InvalidArgument, `output "x"`},
		{rawRequest("UINT8", []int64{1400, 784}, make([]byte, 1400*784)), codes.ResourceExhausted, "larger than max"},
	} {
		_, err := client.ModelInfer(ctx, c.q)
		if status.Code(err) != c.code || !strings.Contains(err.Error(), c.want) {
			t.Errorf("expected %v with %q, got %v", c.code, c.want, err)
		}
	}
	if used := s.memory.used.Load(); used != 0 {
		t.Errorf("memory: expected all to be given back, %d are not", used)
	}
}

// typed moves values from raw bytes to the tensor's contents.
func typed(q *inference.ModelInferRequest, images []byte, floats []float32) *inference.ModelInferRequest {
	q.RawInputContents = nil
	contents := &inference.InferTensorContents{Fp32Contents: floats}
	for _, v := range images {
		contents.UintContents = append(contents.UintContents, uint32(v))
	}
	q.Inputs[0].Contents = contents
	return q
}

// TestGRPCCallsAreBounded opens a call that sends nothing: it holds its place,
// others are refused, and it ends by itself.
func TestGRPCCallsAreBounded(t *testing.T) {
	s := newServer(t, Options{Limits: Limits{GRPCCalls: 1, ReadTime: 150 * time.Millisecond, WriteTime: 150 * time.Millisecond}})
	_, address, _ := started(t, s, Listen{})
	stalled, err := dial(t, address).NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, inference.GRPCInferenceService_ModelInfer_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	other := inference.NewGRPCInferenceServiceClient(dial(t, address))
	refused := false
	for ended := false; !ended; {
		_, err := other.ServerLive(t.Context(), &inference.ServerLiveRequest{})
		switch {
		case status.Code(err) == codes.Unavailable && strings.Contains(err.Error(), "too many open calls"):
			refused = true
		case err == nil && refused:
			ended = true // the stalled call gave its place back
		case err != nil:
			t.Fatal(err)
		}
	}
	if err := stalled.RecvMsg(&inference.ModelInferResponse{}); err == nil {
		t.Error("the stalled call: expected an error")
	}
}
