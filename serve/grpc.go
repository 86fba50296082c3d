package serve

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/kernelet/kernelet/serve/inference"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
)

// Register adds the Open Inference Protocol's service to a gRPC server.
// Limits.GRPCBytes and Limits.GRPCCalls hold for servers made with
// GRPCOptions.
func (s *Server) Register(registrar grpc.ServiceRegistrar) {
	inference.RegisterGRPCInferenceServiceServer(registrar, &service{server: s})
}

// GRPCOptions are the options of a grpc.NewServer that keeps the Limits, counts,
// times and logs.
func (s *Server) GRPCOptions() []grpc.ServerOption {
	meters := map[string]*meter{}
	for method, endpoint := range map[string]string{
		inference.GRPCInferenceService_ModelInfer_FullMethodName:     "infer",
		inference.GRPCInferenceService_ServerLive_FullMethodName:     "health",
		inference.GRPCInferenceService_ServerReady_FullMethodName:    "health",
		inference.GRPCInferenceService_ModelReady_FullMethodName:     "health",
		inference.GRPCInferenceService_ServerMetadata_FullMethodName: "metadata",
		inference.GRPCInferenceService_ModelMetadata_FullMethodName:  "metadata",
	} {
		meters[method] = s.metrics.meter(protocolGRPC, endpoint)
	}
	other := s.metrics.meter(protocolGRPC, "other")
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(s.limits.GRPCBytes),
		grpc.MaxConcurrentStreams(uint32(s.limits.GRPCCalls)),
		grpc.MaxHeaderListSize(16 << 10),
		grpc.ConnectionTimeout(s.limits.HeaderTime),
		grpc.InTapHandle(s.openCall),
		// Goroutines that stay keep the stack that the classifier needs; growing it
		// for every call would take a sixth of the call's time. More calls than
		// these at a time get goroutines of their own.
		grpc.NumStreamWorkers(uint32(8 * runtime.GOMAXPROCS(0))),
		grpc.UnaryInterceptor(func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (answer any, err error) {
			start := time.Now()
			m := meters[info.FullMethod]
			if m == nil {
				m = other
			}
			m.begin()
			defer func() {
				if fault := recover(); fault != nil {
					s.log.Error("call panicked", "method", info.FullMethod, "panic", fmt.Sprint(fault))
					err = status.Error(codes.Internal, "internal error")
				}
				code := status.Code(err)
				m.endCode(start, code.String())
				if s.log.Enabled(ctx, levelRequest) {
					s.log.Log(ctx, levelRequest, "call", "method", info.FullMethod, "code", code.String(), "duration", time.Since(start))
				}
			}()
			return handler(ctx, request)
		}),
	}
}

// openCall admits a call before its message is read, and bounds its time.
func (s *Server) openCall(ctx context.Context, _ *tap.Info) (context.Context, error) {
	if !s.calls.take(1) {
		s.metrics.refuse(protocolGRPC, "calls")
		return nil, status.Error(codes.Unavailable, "too many open calls")
	}
	call, cancel := context.WithTimeout(ctx, s.limits.ReadTime+s.limits.WriteTime)
	context.AfterFunc(call, func() { // ctx ends with the call
		cancel()
		s.calls.give(1)
	})
	return call, nil
}

// service answers the protocol's calls.
type service struct {
	inference.UnimplementedGRPCInferenceServiceServer
	server *Server
}

func (v *service) ServerLive(context.Context, *inference.ServerLiveRequest) (*inference.ServerLiveResponse, error) {
	return &inference.ServerLiveResponse{Live: true}, nil
}

func (v *service) ServerReady(context.Context, *inference.ServerReadyRequest) (*inference.ServerReadyResponse, error) {
	return &inference.ServerReadyResponse{Ready: v.server.ready.Load()}, nil
}

func (v *service) ModelReady(_ context.Context, q *inference.ModelReadyRequest) (*inference.ModelReadyResponse, error) {
	if _, err := v.server.modelOf(q.GetName(), q.GetVersion()); err != nil {
		return nil, asProblem(err).GRPCStatus().Err()
	}
	return &inference.ModelReadyResponse{Ready: v.server.ready.Load()}, nil
}

func (v *service) ServerMetadata(context.Context, *inference.ServerMetadataRequest) (*inference.ServerMetadataResponse, error) {
	return &inference.ServerMetadataResponse{Name: "kernelet", Version: v.server.version, Extensions: extensions}, nil
}

func (v *service) ModelMetadata(_ context.Context, q *inference.ModelMetadataRequest) (*inference.ModelMetadataResponse, error) {
	m, err := v.server.modelOf(q.GetName(), q.GetVersion())
	if err != nil {
		return nil, asProblem(err).GRPCStatus().Err()
	}
	tensors := func(list []tensorMetadata) (result []*inference.ModelMetadataResponse_TensorMetadata) {
		for _, t := range list {
			result = append(result, &inference.ModelMetadataResponse_TensorMetadata{Name: t.Name, Datatype: t.Datatype, Shape: t.Shape})
		}
		return result
	}
	return &inference.ModelMetadataResponse{Name: m.name, Versions: []string{modelVersion}, Platform: platform,
		Inputs: tensors(inputsMetadata), Outputs: tensors(outputsMetadata)}, nil
}

// ModelInfer answers an inference request, in the form that its input has: raw
// bytes or typed values.
func (v *service) ModelInfer(_ context.Context, q *inference.ModelInferRequest) (*inference.ModelInferResponse, error) {
	answer, err := v.infer(q)
	if err != nil {
		p := asProblem(err)
		if p.reason != "" {
			v.server.metrics.refuse(protocolGRPC, p.reason)
		}
		if p.GRPCStatus().Code() == codes.Internal {
			v.server.log.Error("call failed", "error", err)
		}
		return nil, p.GRPCStatus().Err()
	}
	return answer, nil
}

func (v *service) infer(q *inference.ModelInferRequest) (*inference.ModelInferResponse, error) {
	s := v.server
	m, err := s.modelOf(q.GetModelName(), q.GetModelVersion())
	if err != nil {
		return nil, err
	}
	if err := checkInputs(len(q.GetInputs())); err != nil {
		return nil, err
	}
	in := q.GetInputs()[0]
	if err := checkInput(in.GetName(), in.GetDatatype()); err != nil {
		return nil, err
	}
	var f inferenceRequest
	if f.images, err = imagesOf(in.GetShape(), s.limits.Images); err != nil {
		return nil, err
	}
	outputs, err := outputsOf(q)
	if err != nil {
		return nil, err
	}
	f.outputs = outputs
	reserved := int64(f.images) * answerBytes
	if !s.memory.take(reserved) {
		return nil, unavailable("all memory for requests is in use")
	}
	defer s.memory.give(reserved)
	if err := s.admit(); err != nil {
		return nil, err
	}
	defer s.inFlight.give(1)
	raw := len(q.GetRawInputContents()) > 0
	if raw {
		if n := len(q.GetRawInputContents()); n != 1 {
			return nil, badRequest("raw_input_contents: expected one, got %d", n)
		}
		if in.GetContents() != nil {
			return nil, badRequest("input %q: expected contents or raw_input_contents, got both", inputName)
		}
		err = f.setRaw(in.GetDatatype(), q.GetRawInputContents()[0])
	} else {
		err = f.setContents(in.GetDatatype(), in.GetContents())
	}
	if err != nil {
		return nil, err
	}
	if err := f.compute(m); err != nil {
		return nil, err
	}
	s.metrics.images(protocolGRPC, f.images)
	return f.response(m.name, q, raw), nil
}

// outputsOf lists what a call asks for: all if it names none.
func outputsOf(q *inference.ModelInferRequest) ([]output, error) {
	asked := q.GetOutputs()
	if len(asked) > maxOutputs {
		return nil, badRequest("outputs: expected at most %d, got %d", maxOutputs, len(asked))
	}
	if len(asked) == 0 {
		return []output{{name: logits}, {name: probabilities}, {name: digits}}, nil
	}
	outputs := make([]output, len(asked))
	for i, o := range asked {
		name, err := outputNamed(o.GetName())
		if err != nil {
			return nil, err
		}
		if _, found := o.GetParameters()["classification"]; found {
			return nil, badRequest("outputs: classification is not supported: ask for the output \"digits\"")
		}
		outputs[i].name = name
	}
	return outputs, nil
}

// setContents takes typed values.
func (f *inferenceRequest) setContents(datatype string, contents *inference.InferTensorContents) error {
	n := f.images * pixels
	if datatype == fp32Type {
		if got := len(contents.GetFp32Contents()); got != n {
			return badRequest("input %q: expected %d values in fp32_contents, got %d", inputName, n, got)
		}
		f.floats = contents.GetFp32Contents()
		return f.checkFloats()
	}
	values := contents.GetUintContents()
	if len(values) != n {
		return badRequest("input %q: expected %d values in uint_contents, got %d", inputName, n, len(values))
	}
	f.bytes = make([]byte, n)
	for i, v := range values {
		if v > math.MaxUint8 {
			return badRequest("input %q: value %d: UINT8 is from 0 to 255, got %d", inputName, i, v)
		}
		f.bytes[i] = byte(v)
	}
	return nil
}

// response is the answer to q.
func (f *inferenceRequest) response(name string, q *inference.ModelInferRequest, raw bool) *inference.ModelInferResponse {
	answer := &inference.ModelInferResponse{ModelName: name, ModelVersion: modelVersion, Id: q.GetId()}
	for key, value := range q.GetParameters() {
		switch key {
		case "sequence_id", "sequence_start", "sequence_end", "priority", "timeout":
			continue
		}
		if answer.Parameters == nil {
			answer.Parameters = map[string]*inference.InferParameter{}
		}
		answer.Parameters[key] = value
	}
	for _, o := range f.outputs {
		t := &inference.ModelInferResponse_InferOutputTensor{Name: o.name, Datatype: datatypeOf(o.name), Shape: f.shape(o.name)}
		switch {
		case raw:
			answer.RawOutputContents = append(answer.RawOutputContents, f.appendRaw(make([]byte, 0, f.rawBytes(o.name)), o.name))
		case o.name == digits:
			t.Contents = &inference.InferTensorContents{Int64Contents: f.digits}
		default:
			t.Contents = &inference.InferTensorContents{Fp32Contents: f.floatsOf(o.name)}
		}
		answer.Outputs = append(answer.Outputs, t)
	}
	return answer
}
