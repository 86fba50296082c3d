package serve

import (
	"errors"
	"fmt"
	"net/http"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// problem is an error for the client: what its request lacks, or what this
// server cannot do now. Its text names no path, address or version.
type problem struct {
	status int // of HTTP
	text   string
	reason string // of a refusal by a limit, for the metrics
}

func (p *problem) Error() string { return p.text }

// GRPCStatus is the problem as gRPC knows it.
func (p *problem) GRPCStatus() *status.Status {
	code := codes.InvalidArgument
	switch p.status {
	case http.StatusNotFound:
		code = codes.NotFound
	case http.StatusServiceUnavailable:
		code = codes.Unavailable
	case http.StatusRequestEntityTooLarge:
		code = codes.ResourceExhausted
	case http.StatusInternalServerError:
		code = codes.Internal
	}
	return status.New(code, p.text)
}

func newProblem(status int, format string, arguments ...any) error {
	return &problem{status: status, text: fmt.Sprintf(format, arguments...)}
}

func badRequest(format string, arguments ...any) error {
	return newProblem(http.StatusBadRequest, format, arguments...)
}

// tooLarge is the refusal of a request that no waiting will make acceptable.
func tooLarge(reason, format string, arguments ...any) error {
	return &problem{http.StatusRequestEntityTooLarge, fmt.Sprintf(format, arguments...), reason}
}

// unavailable is the refusal of a request that may be sent again.
func unavailable(text string) error {
	return &problem{http.StatusServiceUnavailable, text, "busy"}
}

// asProblem returns the problem that err is, or one that hides an error which
// is none of the client's business.
func asProblem(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	return &problem{status: http.StatusInternalServerError, text: "internal error"}
}
